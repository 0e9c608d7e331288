"""Choices: one declaration, from which forms and words follow."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from engine.choice import Choice, option
from engine.errors import VitrineError
from engine.registry import Registry


class Colour(Choice):
    """A colour."""

    kind = "colour"
    way: Literal["red", "blue"] = option("red", "Which.")


class Sample(Choice):
    """One of every form."""

    kind = "sample"
    on: bool = option(True, "A switch.")
    count: Annotated[int, Field(ge=1, le=9)] = option(3, "A whole number.")
    share: Annotated[float, Field(ge=0, lt=1)] = option(0.5, "A number.")
    side: Annotated[int, Field(ge=1, le=7)] | tuple[Annotated[int, Field(ge=1, le=7)], int] = option(3, "One or two.")
    edge: Literal["same"] | Annotated[int, Field(ge=0, le=5)] | tuple[int, int] = option(0, "A word or numbers.")
    sizes: tuple[int, ...] = option((1, 2), "Several.")
    colour: Colour | None = option(None, "Another choice.", rare=True)
    secret: int = option(1, "Not for forms.", hidden=True)


def test_options_tell_a_form_what_it_needs():
    found = {o.name: o for o in Sample.options()}
    forms = {name: o.form for name, o in found.items()}
    assert forms == {
        "on": "switch",
        "count": "whole",
        "share": "number",
        "side": "pair",
        "edge": "pair",
        "sizes": "sizes",
        "colour": "choice",
    }
    assert (found["count"].least, found["count"].most) == (1, 9)
    assert (found["side"].least, found["side"].most) == (1, 7)
    assert found["edge"].words == ("same",)
    assert found["colour"].optional
    assert found["colour"].rare


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"count": 0}, "count must be at least 1; received 0."),
        ({"count": 10}, "count must be at most 9; received 10."),
        ({"count": "x"}, "count must be a whole number; received 'x'."),
        ({"share": 1.0}, "share must be less than 1"),
        ({"share": float("nan")}, "share must be a number"),
        ({"side": 8}, "side must be at most 7"),
        ({"colour": 3}, "colour"),
        ({"cuont": 3}, "sample has no option 'cuont'. Did you mean 'count'?"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(options, words):
    with pytest.raises(VitrineError) as caught:
        Sample.read(options)
    assert words in str(caught.value)


def test_only_what_differs_is_written():
    assert Sample(count=4, side=(2, 3)).write() == {"kind": "sample", "count": 4, "side": [2, 3]}


def test_a_changed_copy_is_checked_again():
    assert Sample().but(count=5).count == 5
    with pytest.raises(VitrineError):
        Sample().but(count=50)


def test_a_registry_knows_names_that_are_close():
    things = Registry("thing")
    things.add("lenet", 1)
    with pytest.raises(VitrineError, match=r"There is no thing 'lennet'. Did you mean 'lenet'\?"):
        things["lennet"]
    with pytest.raises(ValueError, match="two things"):
        things.add("lenet", 2)
