"""Forms: a widget for every option of a choice, made from its declaration."""

import re
from collections.abc import Callable
from typing import Any

import streamlit as st

from engine.choice import Choice, Option

Changed = Callable[[str, Any], None]  # told the option's name and its new value

NUMBER = "a number"
AS_BEFORE = "as the network"


def form(choice: Choice, key: str, changed: Changed, columns: int = 2) -> None:
    """Draw the options in columns; `changed` is told of each that a person changes."""
    options = type(choice).options()
    places = st.columns(columns, gap="small")
    for place, option in enumerate(options):
        with places[place % columns]:
            draw(option, getattr(choice, option.name), f"{key}.{option.name}", changed)


def draw(option: Option, value: Any, key: str, changed: Changed) -> None:
    """Draw one option's widget."""
    WIDGETS[option.form](option, value, key, changed)


def _show(key: str, value: Any) -> None:
    """Make the widget show the value, whatever it showed before."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value


def _told(option: Option, key: str, changed: Changed, read: Callable[[Any], Any] = lambda value: value) -> Callable:
    def tell() -> None:
        changed(option.name, read(st.session_state[key]))

    return tell


def _label(option: Option) -> str:
    return option.label[:1].upper() + option.label[1:]


def _switch(option: Option, value: bool, key: str, changed: Changed) -> None:
    _show(key, value)
    st.toggle(_label(option), key=key, help=option.help, on_change=_told(option, key, changed))


def _whole(option: Option, value: int | None, key: str, changed: Changed, label: str = "") -> None:
    _show(key, value)
    st.number_input(
        label or _label(option),
        min_value=int(option.least or 0),
        max_value=int(option.most) if option.most is not None else None,
        value=None if option.optional else "min",
        step=1,
        key=key,
        help=option.help,
        required=not option.optional,
        on_change=_told(option, key, changed),
    )


def _number(option: Option, value: float | None, key: str, changed: Changed) -> None:
    _show(key, value)
    st.number_input(
        _label(option),
        min_value=option.least,
        max_value=option.most,
        value=None if option.optional else "min",
        step=_pace(option.default),
        format="%g",
        key=key,
        help=option.help,
        required=not option.optional,
        on_change=_told(option, key, changed),
    )


def _pace(default: Any) -> float:
    """Return a step that suits the default: a tenth of it, rounded down to one digit."""
    return float(f"{abs(default) / 10:.0e}") if default else 0.1


def _words(option: Option, value: str, key: str, changed: Changed) -> None:
    _show(key, value)
    st.selectbox(_label(option), option.words, key=key, help=option.help, on_change=_told(option, key, changed))


def _text(option: Option, value: str, key: str, changed: Changed) -> None:
    _show(key, value)
    st.text_input(_label(option), key=key, help=option.help, on_change=_told(option, key, changed))


def _sizes(option: Option, value: tuple[int, ...], key: str, changed: Changed) -> None:
    _show(key, "×".join(map(str, value)))
    told = _told(option, key, changed, lambda text: tuple(int(n) for n in re.findall(r"\d+", text)))
    st.text_input(_label(option), key=key, help=f"{option.help} For example {option.default}.", on_change=told)


def _pair(option: Option, value: Any, key: str, changed: Changed) -> None:
    """Draw words to choose from, if the option has any, and one number or two."""
    if option.words:
        _show(f"{key}.word", value if isinstance(value, str) else NUMBER)
        told = _told(option, f"{key}.word", changed, lambda word: 0 if word == NUMBER else word)
        st.selectbox(_label(option), [NUMBER, *option.words], key=f"{key}.word", help=option.help, on_change=told)
        if isinstance(value, str):
            return
    if isinstance(value, tuple):
        left, right = st.columns(2, gap="xsmall")
        for place, (column, name) in enumerate(((left, "height"), (right, "width"))):

            def one(_: str, number: int, place: int = place) -> None:
                changed(option.name, tuple(number if i == place else v for i, v in enumerate(value)))

            with column:
                _whole(option, value[place], f"{key}.{name}", one, f"{_label(option)} {name}")
    else:
        _whole(option, value, key, changed, f"{_label(option)} places" if option.words else "")


def _choice(option: Option, value: Choice | None, key: str, changed: Changed) -> None:
    """Draw a choice within a choice: its first option as a list to pick from, the rest when it differs."""
    kind = option.choices[0]
    first, *rest = kind.options()
    words = [AS_BEFORE, *first.words] if option.optional else list(first.words)
    now = getattr(value, first.name) if value else AS_BEFORE
    _show(key, now)

    def pick(word: str) -> Choice | None:
        return None if word == AS_BEFORE else kind.read({first.name: word})

    st.selectbox(
        _label(option),
        words,
        key=key,
        help=f"{option.help} {first.help}",
        format_func=lambda word: word.replace("_", " "),
        on_change=_told(option, key, changed, pick),
    )
    if value and now in ("constant", "normal"):
        for other in rest:
            draw(other, getattr(value, other.name), f"{key}.{other.name}", lambda n, v: changed(option.name, value.but(**{n: v})))


WIDGETS: dict[str, Callable[[Option, Any, str, Changed], None]] = {
    "switch": _switch,
    "whole": _whole,
    "number": _number,
    "words": _words,
    "text": _text,
    "sizes": _sizes,
    "pair": _pair,
    "choice": _choice,
}
