"""Numbers: rows of a table, or points."""

import torch

from engine.errors import VitrineError
from engine.looking.form import FORMS, Form, rounded
from engine.looking.forms.series import numbers


class Numbers(Form):
    """A few numbers, one for each column."""

    ways, names = ("write",), ("numbers",)
    hint = "Write the numbers in the order of the columns."

    def brought(self, learner, how, text):
        """Return a row."""
        values, (width,) = numbers(text), learner.dataset.sizes
        if len(values) != width:
            raise VitrineError(f"An example has {width} numbers; there are {len(values)}.", cure="Write one for each.")
        return torch.tensor(values, dtype=learner.dataset.train.inputs.dtype), ""

    def shown(self, dataset, values):
        """Return the numbers."""
        return {"numbers": rounded(values[None])[0]}


FORMS.add("numbers", Numbers())
FORMS.add("points", Numbers())
