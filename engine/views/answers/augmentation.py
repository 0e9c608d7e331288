"""Augmentation: how the recipe varies an example before the network sees it."""

from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from engine.choice import in_words, option
from engine.figures.maps import Regions
from engine.figures.pictures import pixels
from engine.figures.raster import Sheet
from engine.looking.frame import Frame
from engine.looking.sample import looks, sample_of
from engine.looking.session import looking
from engine.looking.shared import SAMPLE, Example, pictured
from engine.looking.view import View, view


@view("augmentation")
class Augmentation(View):
    """The example as training would see it, again and again: shifted, turned, mirrored or mixed as the recipe says."""

    title, rank, height, wide = "Augmentation", 21, 250, True
    follows = True
    hint = "All of these should still be what they are: what turns a 6 into a 9 teaches a mistake."

    sample: Example = SAMPLE
    number: Annotated[int, Field(ge=1, le=96)] = option(27, "How many variations.")
    seed: Annotated[int, Field(ge=0, le=10_000)] = option(0, "Another one varies it otherwise.")

    def refuses(self, experiment):
        """Refuse what takes no pictures, and recipes that vary nothing."""
        if words := pictured(experiment):
            return words
        return "" if experiment.recipe.augment else "The recipe varies nothing: choose Augment under More, at Train."

    def compute(self, session):
        """Vary the example as a batch of itself would be, among others where examples are mixed."""
        learner = session.network
        sample = sample_of(session, self.sample)
        augment = learner.recipe.augment
        others = learner.material.given(learner.train.inputs[: self.number])
        given = sample.given.expand(self.number, -1, -1, -1)
        with looking(learner):
            torch.manual_seed(self.seed)
            every = torch.cat([given, others])
            varied, _ = augment.apply(every, every.new_zeros(len(every), 0), 0)  # what is right of them is not shown
        arrays = {"varied": looks(session, varied[: self.number]), "picture": sample.picture}
        return Frame(arrays, {"how": in_words(augment)} | sample.told())

    def draw(self, frame):
        """Draw the example, and beside it its variations."""
        regions = Regions()
        picture, varied = frame["picture"], frame["varied"]
        axes = regions.place((0, 0.18), (0, 1), picture.shape[1:], frame.words["sample"].split(" (")[0])
        regions.picture(picture, axes)
        sheet = Sheet.of(varied[:, 0], proportion=2.8)
        laid = [sheet.lay(pixels(varied)[..., channel]) for channel in range(3)]
        grid = np.nan_to_num(np.stack(laid), nan=255.0).astype(np.uint8)
        axes = regions.place((0.2, 1), (0, 1), sheet.shape, frame.words["how"])
        regions.picture(grid, axes)
        return regions.figure()
