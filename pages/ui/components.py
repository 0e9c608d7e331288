"""Our own browser components, registered once."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.ui.look import asset

Told = Callable[[Any], None]

_diagram = st.components.v2.component("vitrine_diagram", js=asset("diagram.js"), css=asset("diagram.css"))
_transport = st.components.v2.component("vitrine_transport", js=asset("transport.js"), css=asset("transport.css"))
_neurons = st.components.v2.component("vitrine_neurons", js=asset("neurons.js"), css=asset("neurons.css"))
_pad = st.components.v2.component("vitrine_pad", js=asset("pad.js"), css=asset("pad.css"))
_shapes = st.components.v2.component("vitrine_shapes", js=asset("shapes.js"), css=asset("shapes.css"))
_sample = st.components.v2.component(
    "vitrine_sample", js=asset("sample.js"), css=asset("small.css") + asset("sample.css")
)
_album = st.components.v2.component("vitrine_album", js=asset("album.js"), css=asset("album.css"))
_examples = st.components.v2.component(
    "vitrine_examples", js=asset("examples.js"), css=asset("small.css") + asset("examples.css")
)
_guide = st.components.v2.component("vitrine_guide", js=asset("guide.js"), css=asset("guide.css"))
_start = st.components.v2.component("vitrine_start", js=asset("start.js"), css=asset("start.css"))
# Plotly puts its own styles into the page, where a component shut off from it would not see them.
_figure = st.components.v2.component(
    "vitrine_figure", js=asset("figure.js"), css=asset("figure.css"), isolate_styles=False
)


def diagram(data: dict[str, Any], key: str, on_select: Told, on_fold: Told, on_kept: Told) -> None:
    """Draw a graph's diagram; a click selects a node, a double click folds or unfolds a block.

    It also tells a page that begins anew under which name the browser knows its past.
    """
    _diagram(
        data=data,
        key=key,
        on_select_change=_telling(key, "select", on_select),
        on_fold_change=_telling(key, "fold", on_fold),
        on_kept_change=_telling(key, "kept", on_kept),
    )


def nothing(_: Any) -> None:
    """Take no notice."""


def transport(data: dict[str, Any], key: str, **told: Told) -> None:
    """Draw play, pause, step, stop and the slider over a run's moments; orders go straight to the run.

    What the page itself must do, it is told of: again, branch, follow, train, reset, speed, arrange.
    """
    _transport(
        data=data,
        key=key,
        on_again_change=_telling(key, "again", told.get("again", nothing)),
        on_branch_change=_telling(key, "branch", told.get("branch", nothing)),
        on_follow_change=_telling(key, "follow", told.get("follow", nothing)),
        on_train_change=_telling(key, "train", told.get("train", nothing)),
        on_reset_change=_telling(key, "reset", told.get("reset", nothing)),
        on_arrange_change=_telling(key, "arrange", told.get("arrange", nothing)),
        on_speed_change=_telling(key, "speed", told.get("speed", nothing)),
        on_turned_change=_telling(key, "turned", nothing),  # the page runs again: its forms must change
    )


def pad(data: dict[str, Any], key: str, on_rows: Told) -> None:
    """Draw a plane in which points are put, sprayed and erased."""
    _pad(data=data, key=key, on_rows_change=_telling(key, "rows", on_rows))


def guide(data: dict[str, Any], key: str) -> None:
    """Draw first steps, of which the browser knows which were done."""
    _guide(data=data, key=key)


def album(key: str, on_path: Told) -> None:
    """Draw the ways to bring pictures, class by class; it tells by which path they are opened, once they are here."""
    _album(data={}, key=key, on_path_change=_telling(key, "path", on_path))


def examples(data: dict[str, Any], key: str, on_pick: Told = nothing) -> None:
    """Draw examples of a dataset side by side; where one of them is chosen, it tells which one is clicked."""
    _examples(data=data, key=key, on_pick_change=_telling(key, "pick", on_pick))


def shapes(data: dict[str, Any], key: str, on_shape: Told, on_anew: Told) -> None:
    """Draw small pictures of datasets to choose from, and the way to draw the chosen one anew."""
    _shapes(
        data=data,
        key=key,
        on_shape_change=_telling(key, "shape", on_shape),
        on_anew_change=_telling(key, "anew", on_anew),
    )


def neurons(data: dict[str, Any], key: str, **told: Told) -> None:
    """Draw a network neuron by neuron; a click singles one out, a number that is typed goes to the run.

    Neurons, layers and features that are put in or taken out are told as shape.
    """
    _neurons(
        data=data,
        key=key,
        on_single_change=_telling(key, "single", told["single"]),
        on_typed_change=_telling(key, "typed", told["typed"]),
        on_shape_change=_telling(key, "shape", told["shape"]),
    )


def figure(data: dict[str, Any], key: str, on_view: Told, on_branch: Told = nothing) -> None:
    """Draw a view's figures as they come; a click may change the view's options, a remedy begin a branch."""
    _figure(
        data=data,
        key=key,
        on_view_change=_telling(key, "view", on_view),
        on_branch_change=_telling(key, "branch", on_branch),
    )


def start(data: dict[str, Any], key: str, on_open: Told, on_asked: Told) -> None:
    """Draw the labs with pictures that are alive, the latest runs, all networks and the search.

    It tells of links that are followed, and once somebody begins to search.
    """
    _start(
        data=data,
        key=key,
        on_open_change=_telling(key, "open", on_open),
        on_asked_change=_telling(key, "asked", on_asked),
    )


def sample(data: dict[str, Any], key: str, on_looks: Told) -> None:
    """Draw what a board looks at, and the ways to choose another sample; tells of all that its panels share."""
    _sample(data=data, key=key, on_looks_change=_telling(key, "looks", on_looks))


def _telling(key: str, what: str, told: Told) -> Callable[[], None]:
    def tell() -> None:
        told(getattr(st.session_state[key], what))

    return tell
