"""Settings: an experiment changed by words such as recipe.rate=0.01."""

import dataclasses
from typing import Any

import orjson

from engine.choice import Choice
from engine.data import DATASETS
from engine.errors import VitrineError
from engine.registry import shortened
from engine.tasks import TASKS
from engine.training.address import SIGN
from engine.training.experiment import Experiment
from engine.training.recipe import Own, Recipe

PARTS = ("recipe", "data", "task")


def changed(experiment: Experiment, data: str | None, settings: list[str], task: str | None = None) -> Experiment:
    """Return the experiment with other data, another task, and settings."""
    if data:
        experiment = dataclasses.replace(experiment, data=DATASETS[data]())
    if task:
        experiment = dataclasses.replace(experiment, task=TASKS[task]())
    if experiment.data is None:
        raise VitrineError(f"{experiment.name} names no data.", cure=f"Add --data with one of: {', '.join(DATASETS)}.")
    for setting in settings:
        path, equals, value = setting.partition("=")
        part, _, name = path.partition(".")
        if not equals or part not in PARTS or not name:
            raise VitrineError(f"{shortened(setting)} is no setting.", cure="Write it like recipe.rate=0.01.")
        choice: Choice = getattr(experiment, part)
        outer, _, inner = name.partition(".")
        role, several, own = name.partition(SIGN)
        try:
            if several and isinstance(choice, Recipe):
                choice, outer, new = choice.owning(role, **{own: spelled(Own, own, value)}), "", None
            elif inner:
                part_of_it = _within(choice, outer)
                new = part_of_it.but(**{inner: spelled(type(part_of_it), inner, value)})
            else:
                new = spelled(type(choice), outer, value)
            experiment = dataclasses.replace(experiment, **{part: choice.but(**({outer: new} if outer else {}))})
        except VitrineError as error:
            raise error.inside(part) from None
    return experiment


def _within(choice: Choice, name: str) -> Choice:
    """Return a choice within a choice, such as recipe.augment, as it is or as it begins."""
    kinds = next((o.choices for o in type(choice).options() if o.name == name), ())
    if not kinds:
        raise VitrineError(f"{choice.kind} has nothing within {shortened(name)}.")
    return getattr(choice, name) or kinds[0]()


def plain(text: str) -> Any:
    """Return the value that a word stands for: a number, true, null, a list, else the word itself."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def spelled(kind: type[Choice], name: str, text: str) -> Any:
    """Return the value that a word stands for as an option of this kind: several are parted by commas."""
    value = plain(text)
    several = any(option.name == name and option.form in ("names", "list", "sizes") for option in kind.options())
    return (
        [plain(part.strip()) for part in text.split(",")] if several and isinstance(value, str | int | float) else value
    )


def pairs(settings: list[str], kind: type[Choice] | None = None) -> dict[str, Any]:
    """Return the names and values of words such as rate=0.01."""
    found = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise VitrineError(f"{shortened(setting)} is no setting.", cure="Write it like rate=0.01.")
        name = name.removeprefix("recipe.")
        found[name] = spelled(kind, name, value) if kind else plain(value)
    return found
