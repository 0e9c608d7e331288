"""Samples: pictures that people bring, as they look and as networks take them; drawings; the command line."""

import http.client
import io
import json
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageCms, ImageDraw
from starlette.routing import Route
from typer.testing import CliRunner

from engine.cli import cli
from engine.data import DATASETS, Dataset, Split, pictures
from engine.data.drawing import hand, inked, redrawn
from engine.data.pictures import Picture, keep, kept, opened
from engine.errors import VitrineError
from engine.figures.export import SCALES
from engine.figures.raster import Sheet, coded, decoded
from engine.live.bringing import bring
from engine.looking.sample import sample_of
from engine.views import VIEWS
from tests.engine.looked import averaging, flat, seen, session_of
from tests.engine.test_rooms import ROOT
from tests.serving import listening

DIGITS = DATASETS["digits"](size=28)


def file_of(image, form="png", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


@pytest.fixture
def colours():
    """Return a picture whose four corners differ: red, green, blue, white."""
    image = Image.new("RGB", (40, 30), "red")
    for colour, box in (("lime", (20, 0, 40, 15)), ("blue", (0, 15, 20, 30)), ("white", (20, 15, 40, 30))):
        image.paste(colour, box)
    return image


def corners(picture):
    array = np.asarray(picture.image.convert("RGB")).astype(int)
    return [array[y, x].tolist() for y, x in ((2, 2), (2, -3), (-3, 2), (-3, -3))]


RED, LIME, BLUE, WHITE = [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA", "CMYK"])
def test_pictures_of_any_mode_look_the_same(colours, mode):
    form = "tiff" if mode == "CMYK" else "png"
    found = corners(opened(file_of(colours.convert(mode), form), "x"))
    assert found == [RED, LIME, BLUE, WHITE]


@pytest.mark.parametrize(("tag", "turned"), [(1, 0), (3, 180), (6, 90), (8, 270)])
def test_orientation_tags_are_heeded_and_told(colours, tag, turned):
    exif = Image.Exif()
    exif[0x0112] = tag
    stored = colours.rotate(turned, expand=True)  # as a camera held that way would store it
    picture = opened(file_of(stored, exif=exif), "x")
    assert corners(picture) == [RED, LIME, BLUE, WHITE]
    assert bool(picture.done) == (tag != 1)


def test_depth_transparency_and_grey_are_brought_to_what_a_screen_shows():
    deep = Image.fromarray(np.array([[0, 32768, 65535]] * 3, np.uint16))
    picture = opened(file_of(deep), "x")
    assert np.asarray(picture.image)[0].tolist() == [0, 127, 255]
    assert "8 bits" in picture.done[0]
    real = Image.fromarray(np.array([[-1.0, 0.0, 3.0]] * 3, np.float32))
    assert np.asarray(opened(file_of(real, "tiff"), "x").image)[0].tolist() == [0, 63, 255]
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    picture = opened(file_of(clear), "x")
    assert corners(picture)[0] == WHITE
    assert picture.done == ("laid on white where it is see-through",)
    assert opened(file_of(Image.new("L", (8, 8), 9)), "x").image.mode == "L"
    assert opened(file_of(Image.new("1", (8, 8), 1)), "x").image.getpixel((0, 0)) == 255


def test_colour_profiles_are_heeded_and_damaged_ones_told(colours):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"????", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"????", b"gXYZ", 1)
    r, g, b = colours.split()
    stored = Image.merge("RGB", (g, r, b))  # what its profile calls red is green
    assert corners(opened(file_of(stored), "x")) == [LIME, RED, BLUE, WHITE]
    found = corners(opened(file_of(stored, icc_profile=swapped), "x"))
    assert np.abs(np.array(found) - np.array([RED, LIME, BLUE, WHITE])).max() < 8
    broken = opened(file_of(colours, icc_profile=b"no profile"), "x")
    assert broken.done == ("its colour profile is damaged, so it is shown without",)
    assert corners(broken) == [RED, LIME, BLUE, WHITE]


def test_what_is_no_single_picture_is_refused_in_words(colours):
    moving = file_of(colours, "gif", save_all=True, append_images=[colours.rotate(90), colours.rotate(180)])
    jpeg, png = (file_of(Image.effect_noise((64, 64), 60), form) for form in ("jpeg", "png"))
    for content, words in (
        (moving, "holds several pictures"),
        (b"", "cannot be read as an image"),
        (b"<svg></svg>", "cannot be read as an image"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "cannot be read as an image"),
        (jpeg[: len(jpeg) // 2], "cut short"),
        (png[: len(png) // 2], "cut short"),
        (giant(), "pixels"),
        (bytes(pictures.MOST_FILE + 1), "larger than 64 MiB"),
    ):
        with pytest.raises(VitrineError, match=words) as refusal:
            opened(content, "mine.png")
        assert str(refusal.value).startswith("mine.png")


def giant() -> bytes:
    """Return a small file that claims 30,000×30,000 pixels."""
    head = b"\x00\x00\x75\x30\x00\x00\x75\x30\x08\x00\x00\x00\x00"
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(99))), (b"IEND", b"")]
    parts = [len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4) for name, body in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_photographs_of_phones_with_a_second_picture_are_read(colours):
    content = file_of(colours, "mpo", save_all=True, append_images=[colours])
    assert opened(content, "x").image.size == (40, 30)


@given(content=some.binary(max_size=300))
def test_no_content_brings_more_than_words(content):
    try:
        opened(content, "x")
    except VitrineError as error:
        assert str(error)


def test_what_was_done_to_fit_a_network_is_told(colours, home):
    fitted = Picture(colours).fitted(1, 28, 28)
    assert fitted.done == ("made grey", "cut to its middle", "40×30 made 28×28")
    assert fitted.values().shape == (1, 28, 28)
    assert Picture(colours).fitted(3, 30, 40).done == ()
    with pytest.raises(VitrineError, match="takes 4 channels"):
        Picture(colours).fitted(4, 8, 8)
    session = session_of(averaging())
    sample = sample_of(session, f"picture {keep(Picture(colours))}")
    assert sample.words == "your picture (made grey, cut to its middle, 40×30 made 28×28)"
    assert sample.truth is None
    assert sample.given.shape == (1, 1, 28, 28)


@pytest.mark.parametrize("mode", ["P", "L", "1"])
def test_pictures_with_a_see_through_colour_are_kept(home, mode):
    picture = opened(file_of(Image.new(mode, (9, 9), 0), transparency=0), "x")
    assert kept(keep(picture)).image.getpixel((0, 0)) in ((255, 255, 255), 255)


def test_one_picture_may_be_kept_by_many_at_once(home):
    picture = Picture(Image.new("L", (40, 40), 7))
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: keep(picture), range(64)))) == 1


def test_pictures_are_kept_by_what_they_are_and_the_oldest_go(home, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_KEPT", 3)
    keys = [keep(Picture(Image.new("L", (9, 9), value))) for value in (1, 2, 3, 1)]
    assert keys[0] == keys[3]
    keep(Picture(Image.new("L", (9, 9), 4)))
    assert len(list((home / "pictures").glob("*.png"))) == 3
    assert kept(keys[2]).image.getpixel((0, 0)) == 3
    for key in ("0123456789", "../../etc/passwd", ""):
        with pytest.raises(VitrineError, match="no longer kept"):
            kept(key)


@pytest.mark.parametrize("name", ["", "x", "-1", "3.5", "train", "train x", "all 3", "picture ../x", "9" * 30, "99999"])
def test_samples_that_are_none_are_said(name):
    with pytest.raises(VitrineError) as refusal:
        sample_of(session_of(averaging()), name)
    assert str(refusal.value).endswith(".")


# -- drawings -------------------------------------------------------------------------------------------------------


def test_a_drawing_is_made_as_large_and_as_bright_as_the_data_and_lies_where_they_lie():
    dataset = DIGITS.load()
    how = hand(dataset)
    assert how is not None
    assert how.ground.tolist() == [0]
    assert how.ink[0] > 180
    ink = np.zeros((280, 280), np.uint8)
    ink[20:60, 200:215] = 255  # a small stroke in a corner
    drawn, done = redrawn(ink, dataset.sizes, how)
    assert drawn.shape == (1, 28, 28)
    assert "centred" in done
    rows, columns = np.nonzero(drawn[0] > 60)
    assert np.ptp(rows) + 1 == pytest.approx(how.size * 28, abs=2)
    assert rows.mean() == pytest.approx(13.5, abs=2)
    assert columns.mean() == pytest.approx(13.5, abs=2)


def test_an_example_that_is_drawn_again_is_recognised():
    session = session_of(flat(), epochs=6, rate=0.003, batch=32)
    dataset, network = session.network.dataset, session.network
    tests = dataset.test
    inputs = []
    for image in tests.inputs[:60, 0].numpy():
        large = np.asarray(Image.fromarray(image).resize((120, 120)))
        pad = np.zeros((280, 280), np.uint8)
        pad[30:150, 130:250] = large
        inputs.append(redrawn(pad, dataset.sizes, hand(dataset))[0])
    given_to = network.material.given(torch.from_numpy(np.stack(inputs)))
    answers = network.networks["network"].eval()
    with torch.no_grad():
        first, again = (
            float((answers(part).argmax(dim=1) == tests.targets[:60]).float().mean())
            for part in (network.data["test"].inputs[:60], given_to)
        )
    assert first > 0.85
    assert again > first - 0.15


LIGHT = np.linspace(0.55, 1, 640)[None] * np.linspace(1, 0.8, 480)[:, None]  # falls off toward a corner


def photographed(image, paper, pen, table):
    """Return a photograph of a drawing, held in uneven light, with a strip of the table in sight and noise."""
    ink = np.zeros((480, 640))
    ink[120:350, 200:430] = np.asarray(Image.fromarray(image).resize((230, 230))) / 255
    values = (paper + (pen - paper) * ink) * LIGHT
    values[:, :40] = table
    values += np.random.default_rng(0).normal(0, 5, values.shape)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("surface", [(225, 45, 90), (55, 215, 140)], ids=["pen on paper", "chalk on a board"])
def test_ink_is_found_in_a_photograph_whatever_the_light(surface):
    dataset = DIGITS.but(divided="at random").load()
    for image in dataset.test.inputs[:12, 0].numpy():
        found = inked(photographed(image, *surface))
        laid = np.zeros((480, 640), np.float32)
        laid[120:350, 200:430] = np.asarray(Image.fromarray(image).resize((230, 230)))
        wanted = np.asarray(Image.fromarray(laid.astype(np.uint8)).resize((320, 240)))
        rim = (found.shape[0] - 240) // 2
        found = found[rim : rim + 240, rim : rim + 320]
        assert not found[:, :40].any()  # neither the table nor the shadow
        both = (found > 127) & (wanted > 127)
        assert both.sum() > 0.75 * ((found > 127) | (wanted > 127)).sum()


@pytest.mark.parametrize("width", [3, 8, 24])
def test_a_thin_pen_draws_lines_as_wide_as_a_broad_one(width):
    paper = Image.new("RGB", (640, 480), (214, 208, 196))
    ImageDraw.Draw(paper).line([(200, 100), (420, 100), (300, 400)], fill=(30, 40, 120), width=width)
    drawn, done = redrawn(inked(paper), (1, 28, 28), hand(DIGITS.load()))
    assert "centred" in done
    assert 0.1 < (drawn > 100).mean() < 0.25


def test_a_photograph_without_ink_is_refused_in_words():
    with pytest.raises(VitrineError, match="no ink to be seen"):
        inked(photographed(np.zeros((28, 28), np.uint8), 225, 45, 225))


def test_drawings_stay_on_data_of_two_values():
    split = Split(torch.zeros(9, 1, 28, 28, dtype=torch.uint8), torch.zeros(9, dtype=torch.long))
    split.inputs[:, :, 8:20, 10:18] = 255
    how = hand(Dataset("x", "image", ("a", "b"), split, split, split))
    ink = np.zeros((280, 280), np.uint8)
    ink[90:190, 130:150] = 255
    assert redrawn(ink, (1, 28, 28), how)[0].max() == 255


def test_photographs_are_no_drawings_and_an_empty_pad_is_plain_ground():
    scenes = DATASETS["scenes"](number=60).load()
    assert hand(scenes) is None
    ink = np.zeros((280, 280), np.uint8)
    ink[100:180, 100:180] = 255
    drawn, done = redrawn(ink, scenes.sizes, hand(scenes))
    assert drawn.shape == (3, 32, 32)
    assert done == "black on white, as the data are no drawings"
    assert drawn[:, 16, 16].tolist() == [0, 0, 0]
    empty, _ = redrawn(np.zeros((280, 280), np.uint8), (1, 28, 28), hand(DIGITS.load()))
    assert not empty.any()


# -- bringing -------------------------------------------------------------------------------------------------------


@pytest.fixture
def door(home):
    with listening(Route("/live/picture", bring, methods=["POST"])) as port:

        def post(query, content, **headers):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("POST", f"/live/picture?{query}", content, headers)
            answer = connection.getresponse()
            told = answer.status, json.loads(answer.read())
            connection.close()
            return told

        yield post


def test_browsers_bring_pictures_and_drawings(door, colours):
    _, answer = door("as=picture&name=a.png", file_of(colours))
    assert kept(answer["sample"].removeprefix("picture ")).image.size == (40, 30)
    ink = np.zeros((280, 280), np.uint8)
    ink[9:90, 100:120] = 255
    _, answer = door("as=drawing", ink.tobytes())
    assert np.array_equal(np.asarray(kept(answer["sample"].removeprefix("drawing ")).image), ink)
    paper = Image.fromarray(255 - ink)
    _, answer = door("as=paper", file_of(paper))
    assert (np.asarray(kept(answer["sample"].removeprefix("drawing ")).image) > 127).mean() > 0.01


@pytest.mark.parametrize(
    ("query", "content", "words"),
    [
        ("as=picture&name=x.png", b"nonsense", "x.png cannot be read"),
        ("as=drawing", bytes(281), "a square of 8 to 512"),
        ("as=drawing", bytes(520 * 520), "a square of 8 to 512"),
        ("as=paper", file_of(Image.new("RGB", (60, 60), "white")), "no ink to be seen"),
        ("as=paper&name=x.png", b"nonsense", "x.png cannot be read"),
        ("as=script", b"", "a picture, a drawing, or one on paper"),
        ("as=picture", bytes(64 * 2**20 + 1), "larger than 64 MiB"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_words(door, query, content, words):
    status, answer = door(query, content)
    assert status == 400
    assert words in answer["problem"]


def test_pages_of_other_servers_bring_nothing(door, colours):
    for headers in ({"origin": "http://evil.example"}, {"host": "evil.example"}):
        assert door("as=picture", file_of(colours), **headers)[0] == 403


# -- numbers on their way, and the command line ---------------------------------------------------------------------


@given(
    arrays.arrays(np.float32, (31, 23), elements=some.floats(-1e6, 1e6, width=32)),
    some.lists(some.tuples(some.integers(0, 30), some.integers(0, 22)), max_size=5),
)
@example(np.eye(31, 23, dtype=np.float32) * np.float32(1e-45), [])
def test_numbers_come_back_from_bytes_but_for_a_trifle(values, gaps):
    for row, column in gaps:
        values[row, column] = np.nan
    again = np.asarray(decoded(coded(values)))
    assert np.array_equal(np.isnan(values), np.isnan(again))
    reach = np.nanmax(values) - np.nanmin(values) if not np.isnan(values).all() else 0
    assert np.nanmax(np.abs(values - again), initial=0) <= reach / 60_000 + 1e-6


@given(some.integers(1, 40), some.integers(1, 9), some.integers(1, 9), some.integers(0, 3))
def test_every_place_of_every_map_is_found_on_the_sheet(number, high, wide, gap):
    maps = np.arange(number * high * wide, dtype=np.float32).reshape(number, high, wide)
    sheet = Sheet.of(maps, gap=gap)
    laid = sheet.lay(maps)
    assert laid.shape == sheet.shape
    seen_values = []
    for row, column in np.ndindex(*laid.shape):
        if spot := sheet.spot(row, column):
            assert laid[row, column] == maps[spot]
            seen_values.append(laid[row, column])
        else:
            assert np.isnan(laid[row, column])
    assert len(seen_values) == maps.size


def test_exported_figures_have_the_colours_of_light_pages():
    script = (ROOT / "assets" / "colours.js").read_text(encoding="utf-8")
    light = script[script.index("light: {") : script.index("dark: {")]
    for name in ("sequential", "diverging"):
        line = next(line for line in light.splitlines() if f"{name}:" in line)
        assert json.loads(line.partition(":")[2].strip().rstrip(",")) == SCALES[name]


def run(*words):
    return CliRunner().invoke(cli, list(words))


@pytest.mark.parametrize("kind", ["feature-maps", "close-up", "class-activation", "receptive-field", "invariance"])
def test_views_are_written_as_numbers_pictures_and_pages(tmp_path, home, kind):
    for ending, begins in ((".json", b"{"), (".npz", b"PK"), (".png", b"\x89PNG"), (".html", b"<!doctype html>")):
        out = tmp_path / f"x{ending}"
        result = run("view", "lenet-5", kind, "--sample", "3", "--out", str(out))
        assert result.exit_code == 0, result.output
        assert out.read_bytes().startswith(begins)
    told = json.loads((tmp_path / "x.json").read_text())
    assert told["step"] == 0
    assert told["view"]["kind"] == kind
    with np.load(tmp_path / "x.npz") as held:
        for name, values in told["arrays"].items():
            assert np.allclose(np.array(values, float), held[name].astype(float), equal_nan=True)


def test_a_picture_file_is_a_sample_and_options_are_set_by_words(tmp_path, home, colours):
    (tmp_path / "mine.png").write_bytes(file_of(colours))
    out = tmp_path / "x.json"
    options = ("--set", "node=conv2", "--set", "unit=3", "--set", "sort=mean")
    result = run("view", "lenet-5", "feature-maps", "--sample", str(tmp_path / "mine.png"), *options, "--out", str(out))
    assert result.exit_code == 0, result.output
    words = json.loads(out.read_text())["words"]
    assert (words["node"], words["unit"]) == ("conv2", 3)
    assert words["sample"].startswith("your picture (made grey")


def test_several_words_are_parted_by_commas_and_options_are_listed(tmp_path, home):
    out = tmp_path / "x.json"
    options = ("--set", "methods=CAM, Grad-CAM", "--set", "off=conv1:2,conv2")
    assert run("view", "lenet-5", "class-activation", *options, "--out", str(out)).exit_code == 0
    view = json.loads(out.read_text())["view"]
    assert (view["methods"], view["off"]) == (["CAM", "Grad-CAM"], ["conv1:2", "conv2"])
    listed = " ".join(run("view", "lenet-5", "class-activation").output.split())
    for option in VIEWS["class-activation"].options():
        assert option.name in listed
    assert "Unless set: Grad-CAM, HiResCAM, LayerCAM." in listed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lenet-5", "feature-maps", "--out", "x.bmp"), "no file that can be written"),
        (("lenet-5", "feature-map", "--out", "x.png"), "feature-maps"),
        (("lenet-6", "filters", "--out", "x.png"), "no run and no preset"),
        (("lenet-5", "filters", "--set", "nodes=3", "--out", "x.png"), "no option 'nodes'"),
        (("lenet-5", "surface", "--out", "x.png"), "Only points"),
        (("lenet-5", "class-activation", "--set", "methods=CAM,CAN", "--out", "x.png"), "methods must be"),
        (("lenet-5", "sample", "--set", "off=null", "--out", "x.json"), "off must be a list of words"),
        (("lenet-5", "sample", "--out", "x.png"), "drawn by the page itself"),
        (("lenet-5", "feature-maps", "--sample", "99999", "--out", "x.png"), "There are 144 validation examples"),
    ],
)
def test_what_cannot_be_seen_is_said(home, words, said):
    result = run("view", *words)
    assert isinstance(result.exception, VitrineError)
    assert said in str(result.exception)


def test_views_tell_what_suits_and_why_others_do_not(home):
    rows = {row["view"]: row for row in map(json.loads, run("views", "lenet-5", "--json").output.splitlines())}
    assert rows["feature-maps"]["refused"] == ""
    assert rows["surface"]["refused"].startswith("Only points")
    for kind in ("filters", "close-up", "class-activation", "attribution", "unit", "receptive-field", "ablation"):
        assert rows[kind]["refused"] == ""
    for kind in ("invariance", "features", "adversarial"):
        assert rows[kind]["refused"] == ""
    assert "recipe varies nothing" in rows["augmentation"]["refused"]
    assert len(json.loads(run("views", "--json").output.splitlines()[0])) == 4


def test_a_network_that_no_data_at_hand_suit_is_seen_with_a_few_pictures(tmp_path, home):
    out = tmp_path / "x.json"
    result = run("view", "mini-resnet", "feature-maps", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert json.loads(out.read_text())["words"]["sample"].startswith("stand-in picture, 0")


def test_the_same_sample_is_seen_by_every_view():
    session = session_of(averaging())
    told = {
        seen(session, kind, sample="test 7").words["sample"] for kind in ("feature-maps", "adversarial", "invariance")
    }
    assert len(told) == 1
    assert told.pop().startswith("test example 7: ")
