"""Glyphs: characters drawn from fonts in random poses, a set like MNIST of any size, from a seed."""

import math
import string
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from engine.choice import option
from engine.data.dataset import SEED, TEST, VALIDATION, Dataset, Portion, Seed, Size, Source, Split, source
from engine.data.splitting import split
from engine.fields import Fields

SIDE = 28
LARGE = 96  # glyphs are drawn large once, and placed small by one affine map
FACES = (
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSans-Oblique.ttf",
    "DejaVuSansMono.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSerif-Bold.ttf",
    "DejaVuSerif-Italic.ttf",
    "STIXGeneral.ttf",
    "STIXGeneralBol.ttf",
    "STIXGeneralItalic.ttf",
)
SETS = {"digits": string.digits, "letters": string.ascii_uppercase}


@source("glyphs")
class Glyphs(Source):
    """Printed characters with random slant, size, stroke, shift and noise, 28×28."""

    title, licence, origin = "Glyphs", "DejaVu and STIX font licences", "drawn by Vitrine from matplotlib's fonts"
    knows = ("font", "stroke", "turn", "slant", "size")

    characters: Literal["digits", "letters"] = option("digits", "0 to 9, or A to Z.")
    number: Size = option(8000, "How many images.")
    validation: Portion = VALIDATION
    test: Portion = TEST
    seed: Seed = SEED

    def load(self):
        """Draw every image from its own random numbers."""
        characters = SETS[self.characters]
        random = np.random.default_rng(self.seed)
        labels = np.arange(self.number) % len(characters)
        drawn = [_draw(characters[label], random) for label in labels]
        images = torch.from_numpy(np.stack([image for image, _ in drawn])).unsqueeze(1)
        table = torch.tensor([known for _, known in drawn])
        known = Fields({name: table[:, place] for place, name in enumerate(self.knows)})
        everything = Split(images, torch.from_numpy(labels).long(), facts=known)
        told = dict.fromkeys(self.knows, ()) | {"font": tuple(face.removesuffix(".ttf") for face in FACES)}
        return Dataset(self.title, "image", tuple(characters), *split(everything, self), self.divided, facts=told)


@cache
def _large(character: str, face: str, bold: int) -> Image.Image:
    """Return one character, white on black, in the middle of a large square."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    font = ImageFont.truetype(str(folder / face), 68)
    image = Image.new("L", (LARGE, LARGE))
    ImageDraw.Draw(image).text((LARGE / 2, LARGE / 2), character, fill=255, font=font, anchor="mm", stroke_width=bold)
    return image


def _draw(character: str, random: np.random.Generator) -> tuple[np.ndarray, tuple[float, ...]]:
    """Return a picture of a character, and how it is written, in the order of what is known of glyphs."""
    font, bold = int(random.integers(len(FACES))), int(random.integers(0, 4))
    angle, slant = random.normal(0, 0.12), random.normal(0, 0.15)
    scale = random.uniform(0.82, 1.2) * SIDE / LARGE
    shift = random.normal(0, 1.3, 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    forward = turn @ np.array([[1, slant], [0, 1]]) * scale  # from the large square to the small one
    back = np.linalg.inv(forward)
    offset = LARGE / 2 - back @ (SIDE / 2 + shift)
    values = (*back[0], offset[0], *back[1], offset[1])
    # One pixel of the small image covers several of the large: drawn at twice the size, then averaged.
    half = tuple(v / 2 if i not in (2, 5) else v for i, v in enumerate(values))
    placed = _large(character, FACES[font], bold).transform(
        (2 * SIDE, 2 * SIDE), Image.Transform.AFFINE, half, Image.Resampling.BILINEAR
    )
    pixels = np.asarray(placed, dtype=np.float32).reshape(SIDE, 2, SIDE, 2).mean(axis=(1, 3))
    noisy = pixels * random.uniform(0.75, 1.0) + random.normal(0, random.uniform(0, 14), pixels.shape)
    return noisy.clip(0, 255).astype(np.uint8), (font, bold, math.degrees(angle), slant, scale * LARGE / SIDE)
