"""Sliders: whatever a number is at first can be come back to, and no end is missed."""

import pytest

from engine.data import DATASETS
from engine.layers import LAYERS
from engine.tasks import TASKS
from engine.training.recipe import Recipe
from engine.views import VIEWS
from pages.ui.forms import fine

CHOICES = [*DATASETS.values(), *LAYERS.values(), *TASKS.values(), *VIEWS.values(), Recipe]
FELT = [(kind, option) for kind in CHOICES for option in kind.options() if option.felt]


def test_some_numbers_are_felt():
    assert len(FELT) > 8


@pytest.mark.parametrize(("kind", "option"), FELT, ids=lambda one: getattr(one, "name", getattr(one, "__name__", "")))
def test_a_slider_reaches_what_a_number_is_at_first_and_stays_within_what_is_allowed(kind, option):
    low, high = option.felt
    steps = (option.default - low) / fine(low, high)
    assert steps == pytest.approx(round(steps), abs=1e-6)
    assert low <= option.default <= high
    for end in (low, high):
        assert getattr(kind.read({option.name: end}), option.name) == end


@pytest.mark.parametrize(
    ("low", "high", "pace"), [(0, 1, 0.01), (0, 0.5, 0.005), (0, 128, 1.0), (-1, 1, 0.01), (0, 3, 0.01)]
)
def test_paces_are_round(low, high, pace):
    assert fine(low, high) == pace
