"""Documents of the first format: what they left unsaid meant something else then, and is said here."""

from typing import Any

from engine.training.recipe import Recipe

UNSAID = {"recipe": {"coupled": False, "pulled": "everything"}, "data": {"divided": "at random"}}


def of_first(values: dict[str, Any]) -> dict[str, Any]:
    """Return a document of the first format as it is written today, so that its runs go on as they began.

    Decay was decoupled and pulled everything, and splits were drawn without regard to classes.
    """
    said = values.get("recipe")
    decays = isinstance(said, dict) and (said.get("decay") or said.get("l1"))
    unsaid = {"data": UNSAID["data"]} | ({"recipe": UNSAID["recipe"]} if decays else {})
    parts = {name: more | values[name] for name, more in unsaid.items() if isinstance(values.get(name), dict)}
    return {**values, "vitrine": 2, **parts}


def recipe_of(state: dict[str, Any], begun: Recipe) -> Recipe:
    """Return the recipe that a state goes on by; what its format could not say is as the run began."""
    unsaid = {name: getattr(begun, name) for name in UNSAID["recipe"]}
    return Recipe.read({name: value for name, value in (state["recipe"] | unsaid).items() if name != "kind"})
