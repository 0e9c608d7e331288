"""Digits: 1,797 real handwritten digits that come with scikit-learn."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch.nn import functional as F

from engine.choice import option
from engine.data.dataset import SEED, TEST, VALIDATION, Dataset, Portion, Seed, Source, Split, source
from engine.data.splitting import split


@source("digits")
class Digits(Source):
    """Handwritten digits, 8×8, also enlarged."""

    title, licence = "Digits", "CC BY 4.0"
    origin = "E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits (UCI); ships with scikit-learn"

    size: Literal[8, 28, 32] = option(28, "The side of each image; 8 is the original.")
    validation: Portion = VALIDATION
    test: Portion = TEST
    seed: Seed = SEED

    def load(self):
        """Read the digits and enlarge them."""
        home = find_spec("sklearn")  # only its file is read: importing it takes more than a second
        assert home is not None
        table = np.loadtxt(Path(str(home.origin)).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",")
        images = torch.from_numpy(table[:, :-1]).float().reshape(-1, 1, 8, 8) / 16
        if self.size != 8:
            images = F.interpolate(images, size=(self.size, self.size), mode="bilinear", antialias=False)
        everything = Split((images * 255).round().to(torch.uint8), torch.from_numpy(table[:, -1]).long())
        classes = tuple(str(digit) for digit in range(10))
        return Dataset(self.title, "image", classes, *split(everything, self), self.divided)
