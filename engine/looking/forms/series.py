"""Series: numbers along time, written or pasted, and shown as lines."""

import re

import torch

from engine.errors import VitrineError
from engine.looking.form import FORMS, Form, laid_out, rounded
from engine.registry import shortened


class Series(Form):
    """One number or several at every place."""

    ways, names = ("write",), ("series",)
    hint = "Write or paste numbers; where a place has several, each place on a line of its own."

    def brought(self, learner, how, text):
        """Return numbers as a series."""
        features = learner.dataset.sizes[1]
        rows = [row for row in re.split(r"[\n;]", text) if row.strip()]
        if features == 1:
            rows = [one for row in rows for one in numbers(row)]
            table = [[value] for value in rows]
        else:
            table = [numbers(row) for row in rows]
        if wrong := next((len(row) for row in table if len(row) != features), None):
            raise VitrineError(f"A place has {features} numbers; there is one with {wrong}.", cure="Fix that line.")
        values = torch.tensor(table, dtype=torch.float32).reshape(-1, features)
        return laid_out(learner, values, torch.nan)

    def shown(self, dataset, values):
        """Return a line for each feature."""
        return {"lines": rounded(values.T)}


def numbers(text: str) -> list[float]:
    """Return the numbers that stand in a text, with spaces or commas between."""
    found = []
    for word in re.split(r"[\s,]+", text.strip()):
        try:
            value = float(word)
        except ValueError:
            raise VitrineError(f"{shortened(word)} is no number.", cure="Write it like 0.5 or -1e3.") from None
        if not abs(value) <= 1e9:
            raise VitrineError(f"{shortened(word)} is no number to look at.", cure="Keep it below 1e9.")
        found.append(value)
    return found


FORMS.add("series", Series())
