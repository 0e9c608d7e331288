"""Pictures that people bring: read with distrust, shown as they look, and adapted to what a network takes."""

import contextlib
import hashlib
import io
import math
import os
import secrets
import subprocess
import sys
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from engine.errors import VitrineError
from engine.home import home
from engine.registry import printable

MOST_PIXELS = 50_000_000
MOST_FILE = 64 * 2**20
MOST_SIDE = 1024  # of a picture that is kept
MOST_KEPT = 1000  # pictures
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")  # that are read; all others are not even tried
ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".mpo", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
SEVERAL = ("GIF", "TIFF", "PNG", "WEBP", "MPO")  # formats whose files may hold more than one
LARGE = 4_000_000  # pixels, from which on a picture that somebody sends is decoded in a process of its own,
SECONDS = 20  # which has so long,
ROOM = 2**30  # and so many bytes of memory
DECODING = threading.BoundedSemaphore(2)  # so many pictures at once, for all who send some
STILL = ("MPO",)  # formats of several pictures whose first one is the photograph


@dataclass(frozen=True)
class Picture:
    """A picture as it looks, in colour or grey, and what was done to it."""

    image: Image.Image
    done: tuple[str, ...] = ()

    def fitted(self, channels: int, height: int, width: int) -> "Picture":
        """Return the picture cut to its middle and brought to these sizes."""
        if channels not in (1, 3):
            raise VitrineError(f"The network takes {channels} channels; a picture has three, or one where it is grey.")
        image, done = self.image, list(self.done)
        if image.mode != (mode := "L" if channels == 1 else "RGB"):
            done += ["made grey"] if mode == "L" else []
            image = image.convert(mode)
        if image.size != (width, height):
            wide, high = image.size
            if wide * height != high * width:
                done.append("cut to its middle")
            done.append(f"{wide}×{high} made {width}×{height}")
            image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
        return Picture(image, tuple(done))

    def values(self) -> np.ndarray:
        """Return channels×height×width bytes."""
        array = np.asarray(self.image)
        return array[None].copy() if array.ndim == 2 else array.transpose(2, 0, 1).copy()


def opened(content: bytes, name: str, about: int = 0, shrunk: int = 0) -> Picture:
    """Return the picture in a file, upright and as it looks; what cannot be one is refused in words.

    Where only so many pixels a side are needed, `about`, large photographs are read faster; `shrunk`, a picture is made
    that small before anything else is done to it, which takes memory.
    """
    if len(content) > MOST_FILE:
        raise VitrineError(f"{name} is larger than {MOST_FILE >> 20} MiB.", cure="Make it smaller.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=FORMATS)
            _look_over(image, name)
            if about:
                image.draft("RGB", (2 * about, 2 * about))
            if shrunk and image.mode in ("L", "LA", "RGB", "RGBA", "P", "CMYK"):
                image = image.convert("RGBA") if image.mode == "P" else image
                image.thumbnail((2 * shrunk, 2 * shrunk), Image.Resampling.BOX)
            return _as_it_looks(image)
    except UnidentifiedImageError:
        raise VitrineError(f"{name} cannot be read as an image.", cure="Save it as PNG or JPEG.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise VitrineError(
            f"{name} has more than the {MOST_PIXELS:,} pixels that are read.", cure="Make it smaller."
        ) from None
    except VitrineError:
        raise
    except MemoryError:
        raise VitrineError(f"{name} takes more memory than there is.", cure="Make it smaller.") from None
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise VitrineError(
            f"{name} cannot be read as an image: it is damaged or cut short ({type(error).__name__}).",
            cure="Remove or replace it.",
        ) from None


def brought(content: bytes, name: str) -> Picture:
    """Return a picture that somebody sends: a large one is decoded apart, where it cannot take memory or time from
    others, and comes back no larger than pictures are kept.
    """
    name = printable(name)
    with DECODING:
        if len(content) <= MOST_FILE and pixels_of(content) <= LARGE:
            return opened(content, name)
        command = [sys.executable, "-P", __file__, name]  # this file alone, which needs no torch
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "OPENBLAS_NUM_THREADS": "1"}
        try:
            done = subprocess.run(command, input=content, capture_output=True, timeout=SECONDS, env=environment)
        except subprocess.TimeoutExpired:
            words = f"{name} took more than {SECONDS} seconds to be read."
            raise VitrineError(words, cure="Save it smaller, as PNG or JPEG.") from None
    if done.returncode == 0:
        said, _, png = done.stdout.partition(b"\n")
        return Picture(Image.open(io.BytesIO(png), formats=["PNG"]), tuple(said.decode().split("\t")) if said else ())
    if done.returncode == 1:
        raise VitrineError(done.stdout.decode(errors="replace").strip() or f"{name} cannot be read as an image.")
    raise VitrineError(f"{name} takes more memory than a picture may.", cure="Save it smaller, as PNG or JPEG.")


def pixels_of(content: bytes) -> int:
    """Return how many pixels a picture says it has; of what cannot be told, too many."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return math.prod(Image.open(io.BytesIO(content), formats=FORMATS).size)
    except Exception:  # decoders raise whatever a damaged file leads them to; who decodes it says what is wrong
        return LARGE + 1


def _look_over(image: Image.Image, name: str) -> None:
    if math.prod(image.size) > MOST_PIXELS:
        raise VitrineError(
            f"{name} has {math.prod(image.size):,} pixels: at most {MOST_PIXELS:,} are read.", cure="Make it smaller."
        )
    if image.format not in STILL and _has_another(image):
        raise VitrineError(f"{name} holds several pictures: one is needed.", cure="Save one of them as PNG or JPEG.")


def _has_another(image: Image.Image) -> bool:
    """Return whether a file holds a second picture; how many more is not counted, which may take for ever."""
    if not hasattr(image, "seek") or image.format not in SEVERAL:
        return False
    try:
        image.seek(1)
    except EOFError:
        return False
    finally:
        with contextlib.suppress(EOFError):
            image.seek(0)
    return True


def _as_it_looks(image: Image.Image) -> Picture:
    """Turn upright, bring depth and colours to what a screen shows, and lay what is see-through on white."""
    done = []
    upright = ImageOps.exif_transpose(image)
    if image.getexif().get(0x0112, 1) != 1:
        done.append("turned upright as its orientation tag says")
    if upright.mode.startswith("I") or upright.mode == "F":
        values = np.asarray(upright, dtype=np.float32)
        low, high = 0.0, 65535.0
        if upright.mode == "F" or values.min() < 0 or values.max() > high:
            low, high = values.min(), values.max()
        done.append(f"values from {low:.4g} to {high:.4g} brought to 8 bits")
        return Picture(Image.fromarray(((values - low) / max(high - low, 1e-9) * 255).astype(np.uint8)), tuple(done))
    if "A" in upright.getbands() or "a" in upright.getbands() or "transparency" in upright.info:
        rich = upright.convert("RGBA")
        if np.asarray(rich)[..., 3].min() < 255:
            done.append("laid on white where it is see-through")
        flat = Image.alpha_composite(Image.new("RGBA", rich.size, "white"), rich).convert("RGB")
        upright = _grey_again(flat, upright)
        if profile := image.info.get("icc_profile"):
            upright.info["icc_profile"] = profile
    coloured, said = _in_srgb(upright)
    return Picture(coloured, (*done, *said))


def _grey_again(flat: Image.Image, before: Image.Image) -> Image.Image:
    return flat.convert("L") if before.mode in ("LA", "La") else flat


def _in_srgb(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """Return the image in the colours of screens, by its profile where it has one."""
    wanted = "L" if image.mode in ("1", "L") else "RGB"
    profile = image.info.get("icc_profile")
    if not profile or wanted == "L" or image.mode not in ("RGB", "CMYK", "LAB"):
        return image.convert(wanted), [] if image.mode in ("1", "L", "RGB", "P") else [f"{image.mode} made RGB"]
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        told = ImageCms.getProfileDescription(own).strip()
        shown = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
        assert shown is not None
    except (ImageCms.PyCMSError, OSError):
        return image.convert(wanted), ["its colour profile is damaged, so it is shown without"]
    return shown, [] if told.startswith("sRGB") else [f"colours of {told} made sRGB"]


# -- pictures that are kept, so that views anywhere can be told to look at them --------------------------------------


def keep(picture: Picture) -> str:
    """Keep a picture, and return its key; those not asked for longest give way to it."""
    image = picture.image.copy()
    image.info.clear()
    image.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "png")
    key = hashlib.sha256(file.getvalue()).hexdigest()[:20]
    folder = home() / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{secrets.token_hex(8)}.part"
    part.write_bytes(file.getvalue())
    part.replace(folder / f"{key}.png")
    with contextlib.suppress(FileNotFoundError):  # another may have made room meanwhile
        for old in sorted(folder.glob("*.png"), key=lambda one: one.stat().st_mtime)[:-MOST_KEPT]:
            old.unlink(missing_ok=True)
    return key


def kept(key: str) -> Picture:
    """Return the picture that was kept under a key."""
    path = home() / "pictures" / f"{key}.png"
    if not key.isalnum() or not path.is_file():
        raise VitrineError("This picture is no longer kept here.", cure="Upload or draw it again.")
    os.utime(path)
    return opened(path.read_bytes(), path.name)


def decode() -> int:
    """Read one picture from standard input; write what was done to it, then a PNG; or what is wrong, and return 1."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))
    try:
        picture = opened(sys.stdin.buffer.read(MOST_FILE + 1), sys.argv[1], shrunk=MOST_SIDE)
        file = io.BytesIO()
        picture.image.info.clear()
        picture.image.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.LANCZOS)
        picture.image.save(file, "png")
    except VitrineError as error:
        sys.stdout.write(str(error))
        return 1
    except MemoryError:
        return 2
    sys.stdout.buffer.write("\t".join(map(printable, picture.done)).encode() + b"\n" + file.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(decode())
