"""The live channel: what browsers are shown, how little is computed for many of them, and what is refused."""

import contextlib
import dataclasses
import json
import threading
import time

import pytest
from starlette.routing import WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from engine.data import DATASETS
from engine.data.progress import done
from engine.errors import VitrineError
from engine.graph import edits
from engine.layers.entry import Input
from engine.live import hub as hubs
from engine.live import past as pasts
from engine.live import reading as readings_room
from engine.live import route as routes
from engine.live.gate import trusted
from engine.live.house import House
from engine.live.reading import Readings, StillReading
from engine.live.route import MOST_LOOKS
from engine.runs import frames, orders
from engine.runs.carry import carry_out, new_run
from engine.runs.store import folder
from engine.training import checkpoint
from engine.training.experiment import dump
from engine.training.recipe import Recipe
from engine.views import VIEWS
from tests.engine.living import EXPERIMENT, await_run, begun, end_all
from tests.serving import PATIENCE, listening

SHORT = dataclasses.replace(EXPERIMENT, recipe=Recipe(epochs=4, batch=16))


@pytest.fixture(scope="module")
def served(lasting_home):
    """Yield a house whose channel listens, a finished run, and one that learns."""
    house = House()
    house.hub.start()

    async def live(socket):
        await house.live(socket)

    with listening(WebSocketRoute("/live", live)) as port:
        done = new_run(house.store, SHORT)
        for _ in carry_out(house.store, done):
            pass
        learning = begun(house.store)
        yield house, port, done, learning
    house.hub.close()
    end_all(house.store)


class Page:
    """One browser page, as far as the channel sees it."""

    def __init__(self, port):
        self.port = port
        self.door = contextlib.ExitStack()
        address, origin = f"ws://127.0.0.1:{port}/live", f"http://127.0.0.1:{port}"
        self.socket = self.door.enter_context(connect(address, origin=origin))

    def say(self, **message):
        self.socket.send(json.dumps(message))

    def hear(self, name, is_so=lambda message: True, seconds=PATIENCE, acknowledge=True):
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            message = json.loads(self.socket.recv(timeout=left))
            if acknowledge and not message["id"].endswith("/answer"):
                self.say(do="drawn", id=message["id"])
            if name in (None, message["id"]) and is_so(message):
                return message
        raise TimeoutError(name)

    def refused(self, **message):
        self.say(**message)
        return self.hear(f"{message.get('id', '')}/answer")["problem"]


@pytest.fixture
def page(served):
    page = Page(served[1])
    yield page
    page.door.close()


@pytest.mark.parametrize("kind", VIEWS)
def test_every_view_is_shown_of_a_run_that_learns_one_that_is_over_and_a_draft(served, page, kind):
    house, _, done, learning = served
    house.hub.past.draft("d", dump(SHORT))
    steps = []
    for name, source in (("a", f"run:{learning}"), ("b", f"run:{done}"), ("c", "draft:d")):
        page.say(do="watch", id=name, source=source, view={"kind": kind})
        if words := VIEWS[kind]().refuses(SHORT):
            assert page.hear(f"{name}/answer")["problem"] == words
            continue
        message = page.hear(name, lambda message: not message.get("problem", "").startswith("Reading"))
        assert set(message) - {"progress"} == {"id", "step", "made", "figure"}, message.get("problem")
        steps.append(message["step"])
    assert steps[2:] in ([0], [])


def test_a_run_that_learns_is_shown_again_and_again(served, page):
    run = served[3]
    page.say(do="watch", id="a", source=f"run:{run}", view={"kind": "confusion"})
    steps = [page.hear("a")["step"] for _ in range(4)]
    assert steps == sorted(set(steps))


def test_a_moment_of_the_past_is_shown_as_it_was(served, page):
    done = served[2]
    moments = checkpoint.steps(folder(done) / "checkpoints")
    shown = {}
    middle = moments[len(moments) // 2]
    for step in (0, middle, moments[-1]):
        page.say(do="watch", id="a", source=f"run:{done}", view={"kind": "activations"}, at=step)
        shown[step] = page.hear("a", lambda m, step=step: m["step"] == step)
    assert len({json.dumps(message["figure"]) for message in shown.values()}) == 3
    page.say(do="watch", id="a", source=f"run:{done}", view={"kind": "activations"}, at=middle + 1)
    assert page.hear("a")["step"] in (middle, middle + 1)
    page.say(do="watch", id="f", source=f"run:{done}", view={"kind": "flow"}, at=middle)
    steps = page.hear("f")["figure"]["data"][0]["x"]
    assert max(int(step.replace(",", "")) for step in steps) <= middle


def test_the_sample_is_shown_first_and_all_else_in_the_order_asked_for(served, page):
    hub, done = served[0].hub, served[2]
    moment = checkpoint.steps(folder(done) / "checkpoints")[2]
    hub.kept.clear()
    kinds = ["confusion", "predictions", "activations", "sample"]
    deadline = time.monotonic() + PATIENCE
    with hub.past.lock:  # nothing can be opened yet
        for kind in kinds:
            page.say(do="watch", id=kind, source=f"run:{done}", view={"kind": kind}, at=moment)
        while sum(scene.queued for scene in list(hub.scenes.values()) if scene.key.at == moment) < len(kinds):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    heard = (json.loads(page.socket.recv(timeout=PATIENCE))["id"] for _ in (*kinds, "the app's name"))
    shown = [name for name in heard if name != "house"]
    assert shown.index("sample") <= 1  # what had begun is ended
    assert [kind for kind in shown if kind != "sample"] == kinds[:-1]


def test_one_thing_is_computed_once_however_many_look(served, monkeypatch):
    house, port, done, _ = served
    counted = []
    real = VIEWS["confusion"].compute
    monkeypatch.setattr(VIEWS["confusion"], "compute", lambda self, s: counted.append(1) or real(self, s))
    pages = [Page(port) for _ in range(12)]
    for page in pages:
        page.say(do="watch", id="x", source=f"run:{done}", view={"kind": "confusion", "examples": 77})
    messages = {json.dumps(page.hear("x")) for page in pages}
    assert (len(messages), len(counted)) == (1, 1)
    with house.hub.lock:
        assert len([key for key in house.hub.scenes if '"examples":77' in key.view]) == 1
    for page in pages:
        page.door.close()
    await_nobody(house, '"examples":77')


def await_nobody(house, words):
    deadline = time.monotonic() + 10
    while any(words in key.view for key in list(house.hub.scenes)):
        assert time.monotonic() < deadline, "a scene stayed although nobody looks"
        time.sleep(0.02)


def test_equal_watches_of_many_browsers_are_one_watch_in_the_store(served):
    house, port, _, learning = served
    pages = [Page(port) for _ in range(5)]
    for page in pages:
        page.say(do="watch", id="x", source=f"run:{learning}", view={"kind": "predictions", "number": 3})
        page.hear("x")
    watched = [view for view, _ in frames.watches(house.store, learning).values() if view["kind"] == "predictions"]
    assert watched.count({"kind": "predictions", "number": 3}) == 1
    for page in pages:
        page.door.close()


def test_a_slow_browser_gets_the_newest_frame_and_no_backlog(served, page):
    house, run = served[0], served[3]
    page.say(do="watch", id="a", source=f"run:{run}", view={"kind": "activations", "examples": 99})
    first = page.hear("a", acknowledge=False)
    scene = next(scene for key, scene in house.hub.scenes.items() if '"examples":99' in key.view)
    turn = scene.seen[1]
    deadline = time.monotonic() + PATIENCE
    while scene.seen[1] < turn + 3:  # three newer ones were drawn meanwhile
        assert time.monotonic() < deadline, "nothing new was drawn"
        time.sleep(0.02)
    with pytest.raises(TimeoutError):
        page.socket.recv(timeout=0.3)  # nothing more comes before the first is drawn
    newest = json.loads(scene.message)["step"]
    page.say(do="drawn", id="a")
    assert page.hear("a", acknowledge=False)["step"] >= newest > first["step"]


def test_orders_go_through_the_channel_and_how_the_run_stands_comes_back(served, page):
    run = served[3]
    page.say(do="state", id="s", source=f"run:{run}")
    assert page.hear("s")["state"]["status"] == "running"
    seen = []
    page.say(do="order", id="o1", source=f"run:{run}", order="pause")
    page.hear("s", lambda m: seen.append(m) or m["state"]["status"] == "paused")
    assert "rate must be" in page.refused(do="order", id="o2", source=f"run:{run}", order="set", value={"rate": -1})
    page.say(do="order", id="o3", source=f"run:{run}", order="resume")
    page.hear("s", lambda m: m["state"]["status"] == "running")
    page.say(do="order", id="o4", source=f"run:{run}", order="set", value={"rate": 0.0007})
    assert page.hear("o4/answer") == {"id": "o4/answer", "done": "set"}
    assert seen[-1]["state"]["step"] >= seen[0]["state"]["step"]


def test_a_paused_run_shows_what_is_asked_for_newly(served, page):
    house, _, _, run = served
    orders.tell(house.store, run, "pause")
    try:
        page.say(do="watch", id="a", source=f"run:{run}", view={"kind": "confusion", "examples": 55})
        assert page.hear("a")["step"] == house.store.run(run)["step"]
    finally:
        orders.tell(house.store, run, "resume")


def test_a_click_becomes_options(served, page):
    page.say(do="pick", id="p", view={"kind": "confusion"}, point={"row": 3, "column": 5})
    assert page.hear("p/answer")["options"] == {"kind": "confusion", "true": 3, "taken": 5}


REFUSED = [
    ({"do": "watch", "source": "run:nobody", "view": {"kind": "curves"}}, "There is no run"),
    ({"do": "watch", "source": "draft:gone", "view": {"kind": "curves"}}, "no longer here"),
    ({"do": "watch", "source": "DONE", "view": {"kind": "curve"}}, "Did you mean 'curves'?"),
    ({"do": "watch", "source": "DONE", "view": {"kind": "curves", "smoothing": 7}}, "smoothing must be at most"),
    ({"do": "watch", "source": "DONE", "view": {"kind": "curves"}, "at": -7}, "'at' is a step"),
    ({"do": "watch", "source": "DONE", "view": {"kind": "curves"}, "at": "then"}, "'at' is a step"),
    ({"do": "watch", "source": "DONE", "view": "curves"}, "'view' must be a view"),
    ({"do": "watch", "source": "DONE", "view": {"kind": "curves", "also": ["r" * 30] * 400}}, "'view' must be a view"),
    ({"do": "watch", "source": 7, "view": {"kind": "curves"}}, "'source' must be a short text"),
    ({"do": "state", "source": "run:nobody"}, "There is no run"),
    ({"do": "order", "source": "DONE", "order": "pause"}, "takes no orders: it is done"),
    ({"do": "order", "source": "DONE", "order": "jump"}, "There is no order 'jump'"),
    ({"do": "dance"}, "Nobody does 'dance' here"),
    ({"do": "x" * 40_000}, "A message has at most"),
]


@pytest.mark.parametrize(("message", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_cannot_be_done_is_refused_in_words_and_the_page_goes_on(served, page, message, words):
    message = {name: f"run:{served[2]}" if value == "DONE" else value for name, value in message.items()}
    name = "" if len(json.dumps(message)) > 30_000 else "q"
    page.say(id="q", **message)
    assert words in page.hear(f"{name}/answer")["problem"]
    page.say(do="watch", id="a", source=f"run:{served[2]}", view={"kind": "curves"})
    assert page.hear("a")["step"] > 0


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"words"', "{}", '{"do":"watch"}', '{"do":1,"id":2}', "\x00", "[" * 9999]
)
def test_malformed_messages_are_refused_in_words(page, text):
    page.socket.send(text)
    assert page.hear("/answer")["problem"]


def test_bytes_that_are_no_text_are_refused(page):
    page.socket.send(b"\xff\xfe\x00")
    assert "JSON" in page.hear("/answer")["problem"]


def test_thousands_of_subscriptions_are_refused_and_the_server_stays_well(served, page):
    _, port, done, _ = served
    refused = 0
    for number in range(300):
        page.say(do="watch", id=f"n{number}", source=f"run:{done}", view={"kind": "curves", "smoothing": number / 1000})
    deadline = time.monotonic() + 30
    seen = set()
    while len(seen) < 300 and time.monotonic() < deadline:
        message = json.loads(page.socket.recv(timeout=PATIENCE))
        if message["id"] != "house":  # the app's name, which comes first
            seen.add(message["id"].removesuffix("/answer"))
            refused += "problem" in message
    assert refused == 300 - MOST_LOOKS
    other = Page(port)
    other.say(do="state", id="s", source=f"run:{done}")
    assert other.hear("s")["state"]["status"] == "done"
    other.door.close()


def test_more_scenes_than_the_server_takes_are_refused(served, page, monkeypatch):
    monkeypatch.setattr(hubs, "MOST_SCENES", len(served[0].hub.scenes))
    monkeypatch.setattr(hubs, "SCENES_A_SEAT", 0)
    assert "Close some panels" in page.refused(
        do="watch", id="q", source=f"run:{served[2]}", view={"kind": "curves", "smoothing": 0.123}
    )


@pytest.mark.parametrize(
    ("host", "origin", "well"),
    [
        ("localhost:8501", "http://localhost:8501", True),
        ("127.0.0.1:8501", "http://127.0.0.1:8501", True),
        ("[::1]:8501", "http://[::1]:8501", True),
        ("192.168.1.7:8501", "http://192.168.1.7:8501", True),
        ("localhost:8501", None, True),
        ("localhost:8501", "http://evil.example", False),
        ("localhost:8501", "http://localhost:9999", False),
        ("localhost:8501", "null", False),
        ("evil.example:8501", "http://evil.example:8501", False),  # its name server points here
        ("", None, False),
    ],
)
def test_only_pages_of_this_server_are_let_in(host, origin, well):
    assert trusted(host, origin) is well


def test_hosts_can_be_trusted_by_name(monkeypatch):
    monkeypatch.setenv("VITRINE_HOSTS", "vitrine.school,other")
    assert trusted("vitrine.school", "https://vitrine.school")
    assert not trusted("vitrine.school", "https://elsewhere.school")


def test_a_foreign_page_is_turned_away_at_the_door(served):
    address = f"ws://127.0.0.1:{served[1]}/live"
    with pytest.raises(InvalidStatus) as refusal, connect(address, origin="http://evil.example"):
        pass
    assert refusal.value.response.status_code == 403


def draft_of(house, *sizes):
    graph = edits.replace(SHORT.graph, next(iter(SHORT.graph.inputs)), Input(sizes=sizes))
    house.hub.past.draft("odd", dump(dataclasses.replace(SHORT, graphs={"network": graph})))
    return "draft:odd"


def test_a_draft_that_cannot_run_says_why(served, page):
    page.say(do="watch", id="a", source=draft_of(served[0], 2, 5, 5), view={"kind": "confusion"})
    assert "takes 2×5×5" in page.hear("a")["problem"]


def test_a_draft_that_its_data_do_not_suit_is_looked_at_with_pictures_that_stand_in(served, page):
    page.say(do="watch", id="a", source=draft_of(served[0], 1, 5, 5), view={"kind": "sample"})
    assert page.hear("a")["figure"]["words"] == "stand-in picture, 0"


def test_what_takes_long_comes_piece_by_piece_and_what_is_quick_need_not_wait(served, page):
    done = f"run:{served[2]}"
    page.say(do="watch", id="slow", source=done, view={"kind": "unit", "show": "made", "steps": 2000})
    first = page.hear("slow")
    assert 0 < first["progress"] < 0.5
    page.say(do="watch", id="quick", source=done, view={"kind": "sample"})
    page.hear("quick")
    assert page.hear("slow")["progress"] < 1
    page.say(do="drop", id="slow")
    await_nobody(served[0], '"steps":2000')
    page.say(do="watch", id="short", source=done, view={"kind": "unit", "show": "made", "steps": 24})
    assert page.hear("short", lambda message: "progress" not in message)["figure"]["data"]


def test_a_run_that_learns_shows_pieces_too_and_what_was_whole_stays(served, page):
    house, learning = served[0], f"run:{served[3]}"
    page.say(do="watch", id="a", source=learning, view={"kind": "unit", "show": "made", "steps": 16})
    page.hear("a", lambda message: "progress" in message)
    whole = page.hear("a", lambda message: "progress" not in message)
    again = page.hear("a")
    assert "progress" not in again
    assert again["step"] > whole["step"]
    assert house.store.run(served[3])["status"] == "running"


def test_clicks_tell_what_the_whole_board_looks_at(served, page):
    point = {"part": "x", "spot": [0, 1, 2], "name": "validation 12"}
    page.say(do="pick", id="p", view={"kind": "confusion", "true": 1, "taken": 2}, point=point)
    assert page.hear("p/answer")["looks"] == {"sample": "validation 12"}
    page.say(do="pick", id="q", view={"kind": "feature-maps"}, point={"spot": [3, 1, 2], "name": "map 5"})
    assert page.hear("q/answer")["options"] == {"kind": "feature-maps", "unit": 5}
    page.say(do="pick", id="r", view={"kind": "feature-maps"}, point={"spot": [3, "x", 2], "name": 5})
    page.say(do="pick", id="s", view={"kind": "curves"}, point={"x": 1})
    with pytest.raises(TimeoutError):
        page.hear("r/answer", seconds=0.3)


def test_few_networks_and_datasets_are_kept_at_hand(served):
    house, _, done, _ = served
    past = pasts.Past(house.store)
    for number in range(pasts.MOST_LEARNERS + 3):
        past.draft(str(number), dump(dataclasses.replace(SHORT, recipe=Recipe(seed=number))))
        past.session(f"draft:{number}", 0)
    assert len(past.learners) == pasts.MOST_LEARNERS
    assert len(past.reading.data) == 1
    first = past.session(f"run:{done}", 5)
    assert past.session(f"run:{done}", 5) is first


def test_a_moment_that_is_asked_for_too_early_is_shown_when_it_is_there(served, page):
    house = served[0]
    run = new_run(house.store, dataclasses.replace(SHORT, recipe=Recipe(epochs=2)))
    page.say(do="state", id="s", source=f"run:{run}")
    page.say(do="watch", id="a", source=f"run:{run}", view={"kind": "confusion"}, at=0)
    assert "Nothing to see yet" in page.hear("a")["problem"]
    house._begin(run)
    assert page.hear("a", lambda message: "figure" in message)["step"] == 0


def test_a_run_begun_while_looked_at_is_shown_from_its_start_to_its_end(served, page):
    house = served[0]
    run = new_run(house.store, dataclasses.replace(SHORT, recipe=Recipe(epochs=2)))
    page.say(do="state", id="s", source=f"run:{run}")
    page.say(do="watch", id="a", source=f"run:{run}", view={"kind": "curves"})
    house._begin(run)
    page.hear("s", lambda m: m["state"]["status"] == "done")
    last = await_run(house.store, run, lambda row: row["status"] == "done")["step"]
    page.hear("a", lambda m: m["step"] == last)


# -- what takes long, or much --------------------------------------------------------------------------------------


@dataclasses.dataclass
class Slow:
    """Stands for a source whose reading takes as long as somebody lets it."""

    name: str
    title: str = "Slow pictures"
    goes_on: threading.Event = dataclasses.field(default_factory=threading.Event)

    def write(self):
        return {"kind": self.name}

    def load(self):
        while not self.goes_on.wait(0.01):
            done(0.4)
        return DATASETS["points"](number=60).load()


def test_data_that_take_long_are_read_aside_and_say_how_far_they_are():
    readings, slow = Readings(), Slow("a")
    with pytest.raises(StillReading, match=r"Reading Slow pictures: (0|40)%"):
        readings.dataset(slow, 0.05)
    began = time.monotonic()
    assert len(readings.dataset(DATASETS["points"](number=40), PATIENCE).train)
    assert time.monotonic() - began < PATIENCE / 2  # others are not held up
    slow.goes_on.set()
    assert len(readings.dataset(slow, PATIENCE).train) > 20
    assert readings.job(slow) is None


def test_reading_can_be_stopped_and_says_so():
    readings, slow = Readings(), Slow("b")
    with pytest.raises(StillReading):
        readings.dataset(slow, 0.05)
    readings.job(slow).stop()
    with pytest.raises(VitrineError, match="was stopped"):
        readings.dataset(slow, PATIENCE)
    with pytest.raises(VitrineError, match="was stopped"):
        readings.dataset(slow, PATIENCE)  # until somebody wants it read
    slow.goes_on.set()
    readings.allow(slow)
    assert len(readings.dataset(slow, PATIENCE).train)


def test_datasets_and_networks_at_hand_are_limited_by_what_they_take(served, monkeypatch):
    house, *_ = served
    monkeypatch.setattr(readings_room, "MOST_BYTES", 100_000)
    readings = Readings()
    for number in (100, 200, 300, 5000, 6000):
        readings.dataset(DATASETS["points"](number=number), PATIENCE)
    assert len(readings.data) == 1
    monkeypatch.setattr(pasts, "MOST_BYTES", 3 * 60_000)
    past = pasts.Past(house.store, PATIENCE)
    for seed in range(5):
        wide = dataclasses.replace(SHORT, recipe=SHORT.recipe.but(seed=seed))
        past.draft(str(seed), dump(wide))
        past.session(f"draft:{seed}", 0)
    taken = sum(map(pasts.weight_of, past.learners.values()))
    assert taken <= 3 * 60_000 or len(past.learners) == 1
    assert past.learners


def test_drafts_of_hundreds_of_pages_stay_as_long_as_they_are_looked_at(served, monkeypatch):
    past = pasts.Past(served[0].store, PATIENCE)
    for number in range(500):
        past.draft(str(number), dump(dataclasses.replace(SHORT, name=f"draft {number}")))
    assert past.experiment("draft:0").name == "draft 0"
    monkeypatch.setattr(pasts, "MOST_DRAFT_BYTES", 10 * len(past.drafts["0"]))
    past.draft("new", dump(SHORT))
    assert past.experiment("draft:0")  # looked at last
    with pytest.raises(VitrineError, match="no longer here"):
        past.experiment("draft:1")


def test_a_silent_worker_holds_nobody_up(served, monkeypatch):
    house, port, done_run, _ = served
    silent = new_run(house.store, SHORT, status="running")
    monkeypatch.setattr(routes, "PATIENCE", 3.0)
    others = [Page(port) for _ in range(3)]
    for page in others:
        for number in range(routes.MOST_ORDERS):
            page.say(do="order", id=f"o{number}", source=f"run:{silent}", order="pause")
    honest, times = Page(port), []
    for turn in range(10):
        began = time.monotonic()
        honest.say(do="state", id=f"s{turn}", source=f"run:{done_run}")
        honest.hear(f"s{turn}")
        times.append(time.monotonic() - began)
    assert sorted(times)[5] < 2.0, times  # it was 9.7 seconds: every thread waited for the silent one
    others[0].say(do="order", id="more", source=f"run:{silent}", order="pause")
    words = others[0].hear("more/answer")["problem"]
    assert "wait for an answer already" in words or "has not answered" in words
    assert "has not answered for 3 seconds" in others[1].hear("o3/answer")["problem"]
    for page in (*others, honest):
        page.door.close()
    house.store.update(silent, status="stopped")


def test_orders_however_deep_or_odd_are_refused_in_words(served, page):
    run = served[3]
    deep: object = 0.1
    for _ in range(200):
        deep = {"rate": deep}
    for value in (deep, {"rate": [[[[[[[[1]]]]]]]]}, {"x" * 300: 1}, {"rate": {"a": {"b": {"c": {"d": {"e": {}}}}}}}):
        words = page.refused(do="order", id="a", source=f"run:{run}", order="set", value=value)
        assert "A fault" not in words
        assert words.endswith((".", "?"))
    for order, value in (("step", "[" * 1000 + "]" * 1000), ("set", '{"rate":' * 1000 + "1" + "}" * 1000)):
        page.socket.send(f'{{"do":"order","id":"deep","source":"run:{run}","order":"{order}","value":{value}}}')
        words = page.hear("deep/answer")["problem"]
        assert "A fault" not in words
        assert words.endswith((".", "?"))
