"""Forms: a widget for every option of a choice, made from its declaration."""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import streamlit as st

from engine.choice import Choice, Option, in_words
from engine.errors import VitrineError
from pages.ui import spelt, veils
from pages.ui.shown import select, show, toggle
from pages.ui.words import plain

Offers = Mapping[str, Sequence[str]]
Live = Collection[str]
NO_OFFERS: Offers = {}
Changed = Callable[[str, Any], None]  # told the option's name and its new value, or how the old one becomes it

REFUSED = "forms.refused"  # in the session: the widget whose value was refused last, and why
AS_BEFORE, NONE = "as the network", "none"
YES_OR_NO = {"automatic": None, "yes": True, "no": False}
PACES = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0)
USUAL = ("1", "8", "16", "32", "64", "128", "256")


def form(
    choice: Choice, key: str, changed: Changed, columns=2, offers: Offers = NO_OFFERS, live: Live = (), without=()
) -> None:
    """Draw the options in columns, seldom used ones folded away; `changed` is told of what a person changes;
    what it refuses is said at the widget, which then shows its old value again.

    `offers` are what may be picked for options that depend on something else, such as the role where there are
    several; `live` are those that act at once, `without` those that mean nothing here.
    """
    lab, _, part = key.partition(".")
    part = part.partition(".")[0]
    left_out = {*without, *(() if "role" in offers else ("role",))}
    every = [option for option in type(choice).options() if option.name not in left_out]
    options = [_as_shown(o, offers, live) for o in every if not veils.hidden(lab, f"{part}.{o.name}")]
    often = [option for option in options if not option.rare]
    seldom = [option for option in options if option.rare]
    if not often:
        often, seldom = seldom, []
    _grid(choice, often, key, changed, columns)
    pairs = [option for option in options if option.form == "pair" and not option.words]
    if not seldom and not pairs:
        return
    altered = [option.label for option in seldom if getattr(choice, option.name) != option.default]
    label = f"More: {', '.join(altered)} changed" if altered else "More"
    more = st.expander(label, key=f"{key}.more", type="compact", on_change="rerun")
    if more.open:  # what is folded away is not worked out, which keeps pages quick
        with more:
            _grid(choice, seldom, key, changed, columns)
            for option in pairs:
                _apart(option, getattr(choice, option.name), f"{key}.{option.name}.apart", changed)


def _grid(choice: Choice, options: list[Option], key: str, changed: Changed, columns: int) -> None:
    places = st.columns(columns, gap="small") if options else []
    for place, option in enumerate(options):
        with places[place % columns]:
            draw(option, getattr(choice, option.name), f"{key}.{option.name}", changed)


def draw(option: Option, value: Any, key: str, changed: Changed) -> None:
    """Draw one option's widget, and beneath it why its last value was refused."""
    lab, _, rest = key.partition(".")
    if veils.locked(lab, f"{rest.partition('.')[0]}.{option.name}"):
        st.caption(f":material/lock: {option.label}: **{plain(in_words(value)) or 'none'}**")
        return
    WIDGETS[option.form](option, value, key, changed)
    widget, words = st.session_state.get(REFUSED, ("", ""))
    if widget in (key, *(f"{key}.{part}" for part in ("height", "width", "apart"))):
        st.caption(f":red[:material/error: {plain(words)}]")


def _told(option: Option, key: str, changed: Changed, read: Callable[[Any], Any] = lambda value: value) -> Callable:
    def tell() -> None:
        st.session_state.pop(REFUSED, None)
        try:
            changed(option.name, read(st.session_state[key]))
        except VitrineError as error:
            st.session_state[REFUSED] = (key, str(error))

    return tell


def _as_shown(option: Option, offers: Offers, live: Live) -> Option:
    """Return the option with what may be picked for it, and with a sign where it acts at once."""
    if option.name in live:
        option = dataclasses.replace(option, sign=" ⚡", help=f"{option.help} Acts on the run at once.")
    if option.name in offers:
        form: Any = "names" if option.form == "names" else "offered"
        option = dataclasses.replace(option, words=tuple(offers[option.name]), form=form)
    return option


def _label(option: Option) -> str:
    return option.label[:1].upper() + option.label[1:] + option.sign


def _switch(option: Option, value: bool | None, key: str, changed: Changed) -> None:
    if option.optional:
        now = next(word for word, meant in YES_OR_NO.items() if meant is value)
        help, told = f"{option.help} Automatic: {option.none}.", _told(option, key, changed, YES_OR_NO.__getitem__)
        select(_label(option), list(YES_OR_NO), now, key, help=help, on_change=told)
        return
    toggle(_label(option), bool(value), key, help=option.help, on_change=_told(option, key, changed))


def _whole(option: Option, value: int | None, key: str, changed: Changed, label: str = "") -> None:
    if option.words:
        _whole_or_words(option, value, key, changed)
        return
    bounds = {"min_value": int(option.least or 0)} | ({} if option.most is None else {"max_value": int(option.most)})
    _numeric(option, value, key, changed, label=label or _label(option), step=1, **bounds)


def _whole_or_words(option: Option, value: int | str | None, key: str, changed: Changed) -> None:
    """Draw a list of usual numbers and words, into which any number may be typed."""
    shown = NONE if value is None else str(value)
    offered = [*([NONE] if option.optional else []), *USUAL, *option.words]

    def read(text: str | None) -> Any:
        if text in (NONE, None):
            return None if option.optional else option.default
        return int(text) if text.isdecimal() else text

    select(
        _label(option),
        list(dict.fromkeys([*offered, shown])),
        shown,
        key,
        help=f"{option.help} Type any number.",
        accept_new_options=True,
        on_change=_told(option, key, changed, read),
    )


def _number(option: Option, value: float | None, key: str, changed: Changed) -> None:
    limits = (("min_value", option.least), ("max_value", option.most))
    bounds = {name: float(limit) for name, limit in limits if limit is not None}
    value = None if value is None else float(value)
    if option.felt and value is not None and option.felt[0] <= value <= option.felt[1]:
        _slider(option, value, key, changed)
        return
    _numeric(option, value, key, changed, label=_label(option), step=_pace(option.default), format="%g", **bounds)


def _numeric(option: Option, value: float | None, key: str, changed: Changed, **details: Any) -> None:
    details |= {"placeholder": option.none} if option.optional else {}
    told = _told(option, key, changed)
    st.number_input(key=key, value=show(key, value), help=option.help, on_change=told, **details)


def fine(low: float, high: float) -> float:
    """Return the pace of a slider: the largest round number that is not above a hundredth of its way."""
    return max(pace for pace in PACES if pace <= (high - low) / 100 * 1.000001)


def _slider(option: Option, value: float, key: str, changed: Changed) -> None:
    """Draw a slider for a number that is felt rather than known; arrow keys move it by about a hundredth."""
    assert option.felt
    low, high = option.felt
    told, pace = _told(option, key, changed), fine(low, high)
    st.slider(_label(option), low, high, show(key, value), pace, "%g", key=key, help=option.help, on_change=told)


def _pace(default: Any) -> float:
    """Return a step that suits the default: a tenth of it, rounded down to one digit."""
    return float(f"{abs(default) / 10:.0e}") if default else 0.1


def _words(option: Option, value: str | None, key: str, changed: Changed) -> None:
    words = [*([option.none] if option.optional else []), *option.words]
    told = _told(option, key, changed, lambda word: word if word in option.words else None)
    select(_label(option), words, option.none if value is None else value, key, help=option.help, on_change=told)


def _text(option: Option, value: str, key: str, changed: Changed) -> None:
    told = _told(option, key, changed)
    st.text_input(_label(option), value=show(key, value), key=key, help=option.help, on_change=told)


def _offered(option: Option, value: str, key: str, changed: Changed) -> None:
    usual = [] if option.default else [""]  # which means automatic, where there is such a thing
    words, told = list(dict.fromkeys([*usual, *option.words, value])), _told(option, key, changed)
    select(_label(option), words, value, key, help=option.help, on_change=told, format_func=_or_automatic)


def _or_automatic(word: str) -> str:
    return word or "automatic"


def _names(option: Option, value: tuple[str, ...], key: str, changed: Changed) -> None:
    words, now = list(dict.fromkeys([*option.words, *value])), show(key, list(value))
    st.multiselect(_label(option), words, now, key=key, help=option.help, on_change=_told(option, key, changed))


def _list(option: Option, value: tuple[float, ...] | None, key: str, changed: Changed) -> None:
    now = show(key, ", ".join(f"{number:g}" for number in value or ()))
    help, told = f"{option.help} Numbers, with commas.", _told(option, key, changed, spelt.decimals)
    st.text_input(_label(option), value=now, key=key, placeholder=option.none, help=help, on_change=told)


def _sizes(option: Option, value: tuple[int, ...], key: str, changed: Changed) -> None:
    now, told = show(key, "×".join(map(str, value))), _told(option, key, changed, spelt.sizes)
    help = f"{option.help} For example {option.default}."
    st.text_input(_label(option), value=now, key=key, help=help, on_change=told)


def _pair(option: Option, value: Any, key: str, changed: Changed) -> None:
    """Draw one number, or two for height and width; with words besides, a list that takes typed numbers too."""
    if option.words:
        _words_or_numbers(option, value, key, changed)
    elif isinstance(value, tuple):
        for place, name in enumerate(("height", "width")):

            def one(_: str, number: int, place: int = place) -> None:
                changed(option.name, lambda now: tuple(number if i == place else v for i, v in enumerate(now)))

            _whole(option, value[place], f"{key}.{name}", one, f"{_label(option)} {name}")
    else:
        _whole(option, value, key, changed)


def _words_or_numbers(option: Option, value: Any, key: str, changed: Changed) -> None:
    shown = "×".join(map(str, value)) if isinstance(value, tuple) else str(value)
    offered = dict.fromkeys(["0", "1", "2", "3", *option.words, shown])

    def read(text: str) -> Any:
        if text in option.words:
            return text
        numbers = spelt.sizes(text or "")
        return numbers[0] if isinstance(numbers, tuple) and len(numbers) == 1 else numbers

    select(
        _label(option),
        list(offered),
        shown,
        key,
        help=f"{option.help} Type any number, or height×width.",
        accept_new_options=True,
        on_change=_told(option, key, changed, read),
    )


def _apart(option: Option, value: Any, key: str, changed: Changed) -> None:
    """Draw the switch that gives height and width a number of their own."""

    def read(apart: bool) -> Any:
        single = value[0] if isinstance(value, tuple) else value
        return (single, single) if apart and single is not None else single

    label = f"{_label(option)}: height and width apart"
    told = _told(option, key, changed, read)
    toggle(label, isinstance(value, tuple), key, disabled=value is None, on_change=told)


def _choice(option: Option, value: Choice | None, key: str, changed: Changed) -> None:
    """Draw a choice within a choice: its first option as a list to pick from, the rest when it differs."""
    kind = option.choices[0]
    first, *rest = kind.options()
    if not first.words:
        _switched(option, value, key, changed)
        return
    words = [AS_BEFORE, *first.words] if option.optional else list(first.words)
    now = getattr(value, first.name) if value else AS_BEFORE

    def pick(word: str) -> Choice | None:
        return None if word == AS_BEFORE else kind.read({first.name: word})

    select(
        _label(option),
        words,
        now,
        key,
        help=f"{option.help} {first.help}",
        format_func=lambda word: word.replace("_", " "),
        on_change=_told(option, key, changed, pick),
    )
    if value and now in ("constant", "normal"):
        for other in rest:
            draw(
                other,
                getattr(value, other.name),
                f"{key}.{other.name}",
                lambda n, v: changed(option.name, value.but(**{n: v})),
            )


def _switched(option: Option, value: Choice | None, key: str, changed: Changed) -> None:
    """Draw a switch, and the options of the choice while it is on."""
    kind = option.choices[0]
    told = _told(option, key, changed, lambda on: kind() if on else None)
    toggle(_label(option), value is not None, key, help=option.help, on_change=told)
    if value is not None:
        for other in kind.options():
            draw(
                other,
                getattr(value, other.name),
                f"{key}.{other.name}",
                lambda name, new: changed(option.name, lambda now: (now or kind()).but(**{name: new})),
            )


WIDGETS: dict[str, Callable[[Option, Any, str, Changed], None]] = {
    "switch": _switch,
    "whole": _whole,
    "number": _number,
    "words": _words,
    "text": _text,
    "sizes": _sizes,
    "list": _list,
    "names": _names,
    "offered": _offered,
    "pair": _pair,
    "choice": _choice,
}
