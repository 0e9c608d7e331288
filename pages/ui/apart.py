"""What runs are: in a few words what was changed of the network that each began with, and settings that differ."""

from collections.abc import Sequence
from typing import Any

from engine.choice import Choice, in_words
from engine.graph.cost import together
from engine.presets import PRESETS
from engine.runs.manage import layers_of
from engine.training.experiment import Experiment
from engine.training.recipe import Recipe

SAID = 3  # changes that are told one by one
MOST_APART = 8  # settings that are told of several runs
LENGTHS = ("epochs", "steps", "seconds")  # how long something lasts is no part of what it is

Value = float | int | str | None


def title(name: str) -> str:
    """Return what a run or network of this name is called: a preset by its title."""
    return PRESETS[name].title if name in PRESETS else name


def own(experiment: Experiment) -> str:
    """Return in a few words how an experiment differs from the preset that it bears the name of."""
    preset = PRESETS[experiment.name].experiment() if experiment.name in PRESETS else None
    words = [*_of_data(experiment, preset), *_of_layers(experiment, preset)]
    words += _of_choice(experiment.task, preset.task if preset else experiment.task)
    words += _of_choice(experiment.recipe, preset.recipe if preset else Recipe())
    more = f" and {len(words) - SAID} more" if len(words) > SAID else ""
    return ", ".join(words[:SAID]) + more


def _of_data(experiment: Experiment, preset: Experiment | None) -> list[str]:
    data, before = experiment.data, preset.data if preset else None
    if not data or (preset and not before):  # that are of no network's own
        return []
    return _of_choice(data, before) if before and before.kind == data.kind else [data.name]


def _of_layers(experiment: Experiment, preset: Experiment | None) -> list[str]:
    """Return which layers are other ones, where they are few, or how many."""
    if not preset or experiment.graphs == preset.graphs:
        return []
    now, before = layers_of(experiment), layers_of(preset)
    new = []
    for path, (kind, how) in now.items():
        if (was := before.get(path)) != (kind, how):
            same = was and was[0] == kind  # it is the same layer, only other
            new.append(" ".join(filter(None, [path, "" if same and how else kind, how])))
    gone = [f"without {path}" for path in before if path not in now]
    changes = new + gone
    if not changes:
        return ["other first weights or wires"]
    return changes if len(changes) < SAID else [f"{len(changes)} layers changed"]


def _of_choice(now: Choice, before: Choice) -> list[str]:
    """Return the options that have another value, in words."""
    names = [name for name in type(now).model_fields if name not in LENGTHS]
    changed = [name for name in names if getattr(now, name) != getattr(before, name, None)]
    return [_said(name, getattr(now, name)) for name in changed]


def _said(name: str, value: Any) -> str:
    """Return an option with its value: what is on by its name alone, what is off by a no before it."""
    words = name.replace("_", " ")
    if isinstance(value, bool):
        return words if value else f"no {words}"
    return f"{words} {value:.6g}" if isinstance(value, float) else f"{words} {in_words(value)}"


def settings_apart(experiments: Sequence[Experiment]) -> dict[str, list[Value]]:
    """Return the settings that are not the same in all experiments, by name, and how each has it."""
    found: dict[str, list[Value]] = {}
    if not experiments:
        return found
    found["weights"] = [together(experiment.graphs).weights for experiment in experiments]
    for part in ("recipe", "data", "task"):
        choices = [getattr(experiment, part) for experiment in experiments]
        if None in choices or len({choice.kind for choice in choices}) > 1:
            continue  # other data have other options
        for option in type(choices[0]).options():
            values = [getattr(choice, option.name) for choice in choices]
            name = option.label if part == "recipe" else f"{part}: {option.label}"
            found[name] = [_plain(value) for value in values]
    differing = {name: values for name, values in found.items() if len(set(values)) > 1}
    return dict(list(differing.items())[:MOST_APART])


def _plain(value: Any) -> Value:
    """Return a value as a list may sort it."""
    return value if value is None or isinstance(value, float | int | str) else in_words(value)
