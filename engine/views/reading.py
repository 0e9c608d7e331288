"""Reading: a view, of all that there are, from its kind and options."""

from typing import Any

from engine.figures.figure import bare
from engine.looking import View
from engine.views import VIEWS


def read(options: dict[str, Any]) -> View:
    """Make a view from its kind and options, or say what is wrong with them."""
    options = {name: _bare(value) for name, value in options.items()}
    return VIEWS[options.pop("kind", "")].read(options)


def _bare(value: Any) -> Any:
    if isinstance(value, str):
        return bare(value)
    return [_bare(inner) for inner in value] if isinstance(value, list) else value
