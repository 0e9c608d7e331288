"""Scenes: coloured shapes on a textured ground, of which everything is known: classes, boxes, masks, counts, words."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import SEED, TEST, VALIDATION, Dataset, Portion, Seed, Size, Source, Split, source
from engine.data.splitting import split
from engine.fields import Fields

SHAPES = ("circle", "square", "triangle", "cross", "ring")
COLOURS = {
    "red": (214, 58, 52),
    "green": (62, 160, 74),
    "blue": (50, 102, 204),
    "yellow": (232, 196, 52),
    "purple": (142, 76, 168),
    "white": (236, 236, 232),
}

PLAIN = 40.0  # how bright a plain ground is, of 255


@dataclass(frozen=True)
class Thing:
    """One shape in a scene."""

    shape: str
    colour: str
    box: tuple[int, int, int, int]  # left, top, right, bottom; of what is visible, the last ones not included
    mask: np.ndarray  # height, width; True where it is visible


@dataclass(frozen=True)
class Scene:
    """A picture, and everything there is in it, from the largest to the smallest."""

    image: np.ndarray  # 3, height, width, bytes
    things: tuple[Thing, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Return how many there are of each shape."""
        return {shape: sum(thing.shape == shape for thing in self.things) for shape in SHAPES}

    @property
    def sentence(self) -> str:
        """Return the picture in words, as a person would begin to tell of it."""
        largest, *others = self.things
        said = f"a {largest.colour} {largest.shape}"
        if not others:
            return said
        rest = [f"{'an' if t.colour[0] in 'aeiou' else 'a'} {t.colour} {t.shape}" for t in others]
        return f"{said} and {', '.join(rest[:-1])}{' and ' if rest[:-1] else ''}{rest[-1]}"


def scene(random: np.random.Generator, size: int, most: int, plain: bool = False) -> Scene:
    """Draw a scene of one to `most` shapes that hide no more than a part of one another, perhaps on a plain ground."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    image = np.full((size, size, 3), PLAIN) if plain else _ground(random, size, x, y)
    drawn: list[tuple[str, str, np.ndarray]] = []
    radius = size * random.uniform(0.2, 0.3)
    for _ in range(random.integers(1, most + 1)):
        shape, colour = SHAPES[random.integers(len(SHAPES))], list(COLOURS)[random.integers(len(COLOURS))]
        for _ in range(20):
            centre = random.uniform(radius * 0.8, size - radius * 0.8, 2)
            mask = _mask(shape, x - centre[0], y - centre[1], radius, random.uniform(0, np.pi / 2))
            if mask.any() and all((mask & other).sum() < 0.15 * min(mask.sum(), other.sum()) for *_, other in drawn):
                light = 1 + 0.1 * random.standard_normal()
                image[mask] = np.array(COLOURS[colour]) * light + random.normal(0, 6, (int(mask.sum()), 3))
                drawn = [(s, c, m & ~mask) for s, c, m in drawn] + [(shape, colour, mask)]
                break
        radius *= random.uniform(0.6, 0.85)
    things = tuple(Thing(shape, colour, _box(mask), mask) for shape, colour, mask in drawn)
    return Scene(image.clip(0, 255).astype(np.uint8).transpose(2, 0, 1), things)


def _ground(random: np.random.Generator, size: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    base, tint = random.uniform(60, 130), random.normal(0, 10, 3)
    waves = sum(
        np.sin(x * np.cos(a) * f + y * np.sin(a) * f + p)
        for a, f, p in zip(random.uniform(0, 3, 3), random.uniform(0.2, 0.9, 3), random.uniform(0, 6, 3), strict=True)
    )
    return base + tint + 9 * waves[:, :, None] + random.normal(0, 7, (size, size, 3))


def _mask(shape: str, x: np.ndarray, y: np.ndarray, radius: float, angle: float) -> np.ndarray:
    """Return where a shape of this radius around the origin lies."""
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    far = np.hypot(x, y)
    match shape:
        case "circle":
            return far < radius * 0.9
        case "ring":
            return (far < radius) & (far > radius * 0.55)
        case "square":
            return np.maximum(abs(u), abs(v)) < radius * 0.78
        case "cross":
            return (np.minimum(abs(u), abs(v)) < radius * 0.3) & (np.maximum(abs(u), abs(v)) < radius)
    turned = [u * np.cos(t) + v * np.sin(t) for t in (np.pi / 2, np.pi * 7 / 6, np.pi * 11 / 6)]
    return np.max(turned, axis=0) < radius * 0.55


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@source("scenes")
class Scenes(Source):
    """Coloured shapes on a textured ground; the class is the shape, or the colour, of the largest."""

    title, licence, origin = "Scenes", "Apache-2.0", "drawn by Vitrine"
    knows = ("shape", "colour", "across", "down", "dots", "things")

    number: Size = option(4000, "How many pictures.")
    size: Literal[32, 64] = option(32, "The side of each picture.")
    things: Annotated[int, Field(ge=1, le=4)] = option(2, "How many shapes a picture has at most.")
    ground: Literal["textured", "plain"] = option("textured", "What shapes lie on.")
    tell: Literal["shape", "colour"] = option("shape", "What is to be told of the largest.")
    validation: Portion = VALIDATION
    test: Portion = TEST
    seed: Seed = SEED

    def scenes(self) -> list[Scene]:
        """Return all scenes with everything that is known of them, in the order they are drawn."""
        random = np.random.default_rng(self.seed)
        return [scene(random, self.size, self.things, self.ground == "plain") for _ in range(self.number)]

    def load(self):
        """Draw the scenes and name the largest thing in each."""
        drawn = self.scenes()
        classes = SHAPES if self.tell == "shape" else tuple(COLOURS)
        labels = torch.tensor([classes.index(getattr(one.things[0], self.tell)) for one in drawn])
        everything = Split(torch.from_numpy(np.stack([one.image for one in drawn])), labels, facts=_known(drawn))
        told = dict.fromkeys(self.knows, ()) | {"shape": SHAPES, "colour": tuple(COLOURS)}
        return Dataset(self.title, "image", classes, *split(everything, self), self.divided, facts=told)


def _known(scenes: list[Scene]) -> Fields:
    """Return what is known of each scene: how many things, and what the largest is, how large, and where its middle."""
    things = [one.things[0] for one in scenes]
    boxes = torch.tensor([thing.box for thing in things]).float()
    return Fields(
        {
            "shape": torch.tensor([SHAPES.index(thing.shape) for thing in things]),
            "colour": torch.tensor([list(COLOURS).index(thing.colour) for thing in things]),
            "across": (boxes[:, 0] + boxes[:, 2]) / 2,
            "down": (boxes[:, 1] + boxes[:, 3]) / 2,
            "dots": torch.tensor([float(thing.mask.sum()) for thing in things]),
            "things": torch.tensor([float(len(one.things)) for one in scenes]),
        }
    )
