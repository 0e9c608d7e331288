"""Choices: frozen options with bounds and help, from which widgets, JSON and words follow."""

import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from engine.errors import VitrineError
from engine.registry import Registry, did_you_mean, shortened


def option(
    default: Any,
    help: str,
    *,
    rare: bool = False,
    hidden: bool = False,
    none: str = "automatic",
    felt: tuple[float, float] | None = None,
) -> Any:
    """Declare a field: its default and one sentence of help; what is rare or hidden, a form treats so.

    `none` is what it means where no value is given. A number that is `felt` rather than known is moved by a slider
    between these two.
    """
    marks: Any = {"rare": rare, "hidden": hidden, "none": none, "felt": felt}
    return Field(default=default, description=help, json_schema_extra=marks)


class Choice(BaseModel):
    """A frozen set of options that knows its own kind."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    kind: ClassVar[str] = ""

    @classmethod
    def read(cls, options: dict[str, Any]) -> Self:
        """Make the choice from plain values, or say in one sentence what is wrong with them."""
        try:
            return cls(**{str(name): value for name, value in options.items()})
        except ValidationError as error:
            raise VitrineError(_complaint(cls, error)) from None

    def as_usual(self, *names: str) -> tuple[str, ...]:
        """Return those of these options that have their usual values."""
        return tuple(name for name in names if getattr(self, name, None) == getattr(type(self)(), name, None))

    def write(self) -> dict[str, Any]:
        """Return plain values: the kind, and the options that differ from their defaults."""
        options = {name: getattr(self, name) for name in type(self).model_fields}
        return {"kind": self.kind} | {
            name: _plain(value) for name, value in options.items() if value != type(self).model_fields[name].default
        }

    def but(self, **options: Any) -> Self:
        """Return the same choice with some options replaced and everything checked again."""
        return self.read({name: getattr(self, name) for name in type(self).model_fields} | options)

    @classmethod
    def help(cls) -> str:
        """Return what this choice is, in the words of its docstring."""
        return " ".join((cls.__doc__ or "").split())

    @classmethod
    def options(cls) -> tuple["Option", ...]:
        """Return what a form needs to know of every field."""
        fields = cls.model_fields.items()
        return tuple(_option(name, info) for name, info in fields if not _marks(info)["hidden"])


K = TypeVar("K", bound=type[Choice])


def kinds(things: Registry[Any]) -> Callable[[str], Callable[[K], K]]:
    """Return the decorator that puts classes of choices into a registry, each under its kind."""

    def of_kind(kind: str) -> Callable[[K], K]:
        def register(cls: K) -> K:
            cls.kind = kind
            things.add(kind, cls)
            return cls

        return register

    return of_kind


@dataclass(frozen=True)
class Option:
    """One field of a choice, as a form or a page of help shows it."""

    name: str
    help: str
    default: Any
    form: Literal[
        "switch", "whole", "number", "words", "pair", "sizes", "list", "names", "offered", "text", "choice", "other"
    ]
    words: tuple[str, ...] = ()  # what may be picked instead of, or besides, a number
    least: float | None = None
    most: float | None = None
    optional: bool = False
    none: str = "automatic"  # what it means where no value is given
    rare: bool = False  # seldom changed: a form may keep it out of the way
    choices: tuple[type[Choice], ...] = field(default=(), repr=False)
    sign: str = ""  # what a form puts after the label
    felt: tuple[float, float] | None = None  # between which numbers a slider moves it

    @property
    def label(self) -> str:
        """Return the name as it is read aloud."""
        return self.name.replace("_", " ")


def _marks(info: FieldInfo) -> dict[str, Any]:
    marks = info.json_schema_extra
    return marks if isinstance(marks, dict) else {"rare": False, "hidden": False, "none": "automatic", "felt": None}


def _option(name: str, info: FieldInfo) -> Option:
    alternatives = list(_alternatives(info.annotation))
    listed = [a for a in alternatives if get_origin(a) is Literal]
    listed += [w for a in map(_without_annotation, alternatives) for w in get_args(a) if get_origin(w) is Literal]
    words = tuple(w for a in listed for w in get_args(a))
    bare = [a for a in alternatives if a is not type(None) and get_origin(a) is not Literal]
    least, most = _bounds([info, *alternatives, *(b for a in bare for b in get_args(a))])
    found = tuple(b for b in bare if isinstance(b, type) and issubclass(b, Choice))
    return Option(
        name=name,
        help=info.description or "",
        default=info.default,
        form=_form(bare, found, words),
        words=words,
        least=least,
        most=most,
        optional=type(None) in alternatives,
        none=_marks(info)["none"],
        rare=_marks(info)["rare"],
        choices=found,
        felt=_marks(info)["felt"],
    )


def _form(bare: list[Any], found: tuple[type[Choice], ...], words: tuple[str, ...]) -> Any:
    plain = [_without_annotation(b) for b in bare]
    origins = [get_origin(p) for p in plain]
    if found:
        return "choice"
    if not plain:
        return "words"
    if tuple in origins:
        inside = get_args(plain[origins.index(tuple)])
        if get_origin(inside[0]) is Literal:
            return "names"
        several = {float: "list", str: "names"}.get(_without_annotation(inside[0]), "sizes")
        return several if Ellipsis in inside else "pair"
    return {bool: "switch", int: "whole", float: "number", str: "text"}.get(plain[0], "other")


def _without_annotation(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _alternatives(annotation: Any) -> Iterable[Any]:
    """Yield the members of a union, looking through annotations around unions."""
    inner = _without_annotation(annotation)
    if get_origin(inner) in (Union, types.UnionType):
        for member in get_args(inner):
            yield from _alternatives(member)
    else:
        yield annotation


def _bounds(places: Iterable[Any]) -> tuple[float | None, float | None]:
    least = most = None
    for place in places:
        metadata = place.metadata if isinstance(place, FieldInfo) else get_args(place)[1:]
        for mark in metadata:
            marks = mark.metadata if isinstance(mark, FieldInfo) else [mark]
            for m in marks:
                least = getattr(m, "ge", getattr(m, "gt", least))
                most = getattr(m, "le", getattr(m, "lt", most))
    return least, most


def in_words(value: Any) -> str:
    """Return an option's value as people read it."""
    if value is None:
        return "none"
    if isinstance(value, Choice):
        return ", ".join(f"{name} {part}" for name, part in value.write().items() if name != "kind") or "usual"
    return ", ".join(map(in_words, value)) or "none" if isinstance(value, tuple) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Choice):
        return value.write()
    return list(map(_plain, value)) if isinstance(value, tuple) else value


def _complaint(cls: type[Choice], error: ValidationError) -> str:
    """Return the first thing that pydantic found wrong, as a sentence."""
    # Every member of a union complains; the one that understood the value's form says most.
    complaints = error.errors(include_url=False)
    first = next((c for c in complaints if not c["type"].endswith(("literal_error", "_type"))), complaints[0])
    name = str(first["loc"][0]) if first["loc"] else cls.kind
    if first["type"] == "extra_forbidden" and len(first["loc"]) > 1:  # of a choice within this one
        within = next((option.choices for option in cls.options() if option.name == name), ())
        cls, name = (within[0] if within else cls), str(first["loc"][-1])
    got = f"received {shortened(first['input'])}."
    limits = first.get("ctx", {})
    match first["type"]:
        case "extra_forbidden":
            return f"{cls.kind} has no option {shortened(name)}.{did_you_mean(name, cls.model_fields)}"
        case "missing":
            return f"{name} is missing."
        case "greater_than_equal":
            return f"{name} must be at least {limits['ge']:,.12g}; {got}"
        case "greater_than":
            return f"{name} must be more than {limits['gt']:,.12g}; {got}"
        case "less_than_equal":
            return f"{name} must be at most {limits['le']:,.12g}; {got}"
        case "less_than":
            return f"{name} must be less than {limits['lt']:,.12g}; {got}"
        case "literal_error":
            return f"{name} must be {limits['expected']}; {got}"
        case "too_long" | "string_too_long":
            return f"{name} is too long: at most {limits['max_length']} fit."
        case "too_short":
            return f"{name} is too short: at least {limits['min_length']} are needed."
        case "value_error":
            return f"{name}: {limits['error']}."
        case "tuple_type":
            form = next((option.form for option in cls.options() if option.name == name), "")
            fits = {"names": "a list of words", "list": "a list of numbers"}.get(form, "whole numbers, such as 28×28")
            return f"{name} must be {fits}; {got}"
        case kind if kind.startswith("int"):
            return f"{name} must be a whole number; {got}"
        case kind if kind.startswith(("float", "finite")):
            return f"{name} must be a number; {got}"
        case _:
            return f"{name}: {first['msg'].lower()}; {got}"
