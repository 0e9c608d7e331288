"""Unfit: why an experiment cannot be learned from a dataset, asked before anything is made."""

from collections.abc import Mapping, Sequence

from engine.data import Dataset
from engine.data.dataset import SEQUENCES
from engine.graph.cost import learning_bytes
from engine.graph.graph import Graph
from engine.graph.lending import unlent
from engine.graph.network import allowed_bytes
from engine.graph.trace import trace
from engine.registry import did_you_mean, shortened
from engine.tasks import Task
from engine.training.address import address
from engine.training.memory import forgetful
from engine.training.recipe import Recipe
from engine.training.series import several
from engine.training.spoiled import spoils


def impossible(graphs: Mapping[str, Graph], task: Task, recipe: Recipe, dataset: Dataset) -> str:
    """Return in words why not a single step can be taken, or nothing; the dataset is as the recipe cuts it."""
    if words := of_other_roles(graphs, task):
        return words
    if lacks := unlent(graphs):
        return next(words for _, words in lacks.values())
    refusal = task.suited(graphs, dataset).refuses(graphs, dataset)
    batch = _batch(recipe, len(dataset.train)) or _alone(graphs, recipe)
    return refusal or batch or _spoiling(recipe, dataset) or forgetful(graphs, recipe, dataset)


def unfit(graphs: Mapping[str, Graph], task: Task, recipe: Recipe, dataset: Dataset) -> str:
    """Return in words what must be changed before it begins, or nothing; what has begun is opened all the same."""
    return (
        impossible(graphs, task, recipe, dataset)
        or _endless(recipe)
        or _long(graphs, recipe, dataset)
        or task.forbids(recipe)
        or own_contradiction(recipe, task.roles)
        or (recipe.augment.refuses(dataset, task.blends) if recipe.augment else "")
    )


def of_other_roles(graphs: Mapping[str, Graph], task: Task | type[Task]) -> str:
    """Return that a task is for other networks than these, or nothing."""
    if set(graphs) == set(task.roles):
        return ""
    return f"It is for {' and '.join(task.roles)}; here there are {' and '.join(graphs)}."


def _batch(recipe: Recipe, examples: int) -> str:
    if recipe.batch == "all" or int(recipe.batch) <= examples:
        return ""
    return (
        f"A batch of {recipe.batch:,} is larger than the {examples:,} training examples. Use 'all', or a smaller one."
    )


def _spoiling(recipe: Recipe, dataset: Dataset) -> str:
    """Return that there are no classes that could be wrong or rare, or nothing."""
    if not spoils(recipe) or dataset.goal == "class":
        return ""
    return f"{dataset.title}: no class could be wrong or rare. Set mislabelled to 0 and imbalance to 1."


def _endless(recipe: Recipe) -> str:
    """Return that one part after another is learned, and the first would never be over, or nothing."""
    if not (recipe.unending and several(recipe)):
        return ""
    return "Each run of a cross-validation or sweep must come to its end before the next begins. Set the epochs."


def _alone(graphs: Mapping[str, Graph], recipe: Recipe) -> str:
    """Return that a batch of one has no variance where rows are normed by it, or nothing."""
    if recipe.batch != 1 or recipe.optimiser == "lbfgs":
        return ""
    every = ((role, step) for role, graph in graphs.items() for step in trace(graph).steps)
    normed = (
        (role, s.path) for role, s in every if s.layer.kind == "batch_norm" and s.gives.elements == s.gives.sizes[0]
    )
    role, path = next(normed, ("", ""))
    name = address(role, path, graphs) if role else ""
    return f"A batch of 1 has no variance that {name} could norm it by. Use at least 2." if name else ""


def _long(graphs: Mapping[str, Graph], recipe: Recipe, dataset: Dataset) -> str:
    """Return that sequences are too long for the memory that one network may take, and how long, or nothing."""
    if not any(form in SEQUENCES for form, _ in dataset.pieces(dataset.train).values()):
        return ""
    whole = recipe.batch == "all" or recipe.optimiser == "lbfgs"
    batch = len(dataset.train) if whole else int(recipe.batch)
    needed, most = learning_bytes(graphs, batch) / 2**30, allowed_bytes() / 2**30
    if needed <= most:
        return ""
    return (
        f"A batch of {batch:,} such long sequences takes about {needed:,.1f} GiB while it is learned, and "
        f"{most:,.1f} GiB are allowed. Lower the batch, how much is read at a time, or the units."
    )


def own_contradiction(recipe: Recipe, roles: Sequence[str]) -> str:
    """Return what is wrong with the recipe of any network, or nothing."""
    for own in recipe.own:
        if len(roles) == 1:
            return "There is one network: what it has of its own is the recipe's. Set that."
        if own.role not in roles:
            return (
                f"The recipe is about {shortened(own.role)}, which is no network here.{did_you_mean(own.role, roles)}"
            )
    if len({own.role for own in recipe.own}) < len(recipe.own):
        return "The recipe says twice what one network has of its own. Say it once."
    for role in roles:
        if words := contradiction(recipe.but(**recipe.own_of(role).chosen, own=())):
            return words if len(roles) == 1 else f"{role}: {words}"
    return ""


def contradiction(recipe: Recipe) -> str:
    """Return which options of a recipe cannot be had together, or nothing."""
    if recipe.optimiser == "lbfgs" and (recipe.clip or recipe.rates):
        what = "so no gradient is shortened" if recipe.clip else "for all weights at once, so no layer has its own rate"
        cure = "Take the clip out" if recipe.clip else "Take the rates of single layers out"
        return f"L-BFGS searches how far to go, {what}. {cure}, or choose another optimiser."
    if recipe.schedule in ("cosine", "one_cycle"):
        if recipe.seconds:
            return (
                f"The schedule {recipe.schedule!r} goes by steps, and nobody knows how many fit into "
                f"{recipe.seconds:g} seconds. Say how long to learn by epochs or steps, or choose another schedule."
            )
        if not (recipe.epochs or recipe.steps):
            return (
                f"The schedule {recipe.schedule!r} must know where it ends. Set epochs or steps, or choose another one."
            )
    return ""
