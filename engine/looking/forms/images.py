"""Images: drawn, uploaded or photographed, and shown as they are."""

import numpy as np
import torch

from engine.data.drawing import hand, redrawn
from engine.data.pictures import kept
from engine.figures.pictures import address, pixels
from engine.looking.form import FORMS, Form


class Images(Form):
    """Pictures in colour or grey."""

    ways, names = ("draw", "upload", "camera"), ("picture", "drawing")

    def brought(self, learner, how, text):
        """Return a picture as the network takes it."""
        picture, sizes = kept(text), learner.dataset.sizes
        if how == "drawing":
            if "hand" not in learner.lasting:
                learner.lasting["hand"] = hand(learner.dataset)
            values, done = redrawn(np.asarray(picture.image.convert("L")), sizes, learner.lasting["hand"])
            return torch.from_numpy(values), done
        fitted = picture.fitted(*sizes)
        return torch.from_numpy(fitted.values()), ", ".join([*picture.done, *fitted.done])

    def shown(self, dataset, values):
        """Return the picture."""
        return {"picture": address(pixels(values.numpy()[None])[0], 128)}


FORMS.add("image", Images())
