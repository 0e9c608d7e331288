"""Commands about looking: which views there are, and what they see."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.words import Json, console, experiment_of, table_of
from engine.errors import VitrineError

if TYPE_CHECKING:
    from engine.live.past import Past
    from engine.looking import Frame, View
    from engine.training.experiment import Experiment

Looked = Annotated[
    str, typer.Argument(metavar="RUN|PRESET|FILE.json", help="A run, a preset, or an experiment's file.")
]
FORMATS = (".json", ".npz", ".png", ".html")
WIDTH = 1200  # pixels of a picture


def views(
    name: Annotated[str | None, typer.Argument(metavar="[RUN|PRESET]", help="What is to be looked at.")] = None,
    as_json: Json = False,
) -> None:
    """List the views, and of a run or preset which of them suit it, and why others do not."""
    from engine.live.past import Past
    from engine.runs.store import Store
    from engine.views import VIEWS

    experiment = _source(Past(Store(), float("inf")), name)[1] if name else None
    rows = []
    for kind, view in sorted(VIEWS.items(), key=lambda item: item[1].rank):
        if view.title:
            refused = view().refusal(experiment) if experiment else ""
            rows.append({"view": kind, "title": view.title, "what": view.help(), "refused": refused})
    if as_json:
        for row in rows:
            print(json.dumps(row))
        return
    table = table_of("view", "what it is") if experiment is None else table_of("view", "suits", "what it is")
    for row in rows:
        suits = [] if experiment is None else ["no" if row["refused"] else "yes"]
        table.add_row(row["view"], *suits, row["refused"] or row["what"])
    console().print(table)


def view(
    name: Looked,
    kind: Annotated[str, typer.Argument(metavar="VIEW", help="A view's name; `vitrine views` lists them.")],
    out: Annotated[Path | None, typer.Option(help="The file: .json, .npz, .png or .html.")] = None,
    step: Annotated[int | None, typer.Option(help="At which step of the run; else the newest.")] = None,
    sample: Annotated[str | None, typer.Option(help="A validation example's number, 'test 5', or a picture.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="An option of the view: node=conv2")] = None,
) -> None:
    """Compute any view of a run or preset, and write its numbers or its drawing to a file.

    Without a file the view's options are listed.
    """
    from engine.live.past import Past
    from engine.runs.store import Store
    from engine.training.settings import pairs
    from engine.views import VIEWS

    if out is None:
        _list_options(VIEWS[kind])
        return
    if out.suffix not in FORMATS:
        raise VitrineError(f"{out.name} is no file that can be written.", cure=f"End it in {', '.join(FORMATS)}.")
    options = pairs(settings or [], VIEWS[kind])
    if sample is not None:
        options["sample"] = _brought(sample)
    chosen = VIEWS[kind].read(options)
    past = Past(Store(), float("inf"))
    source, experiment = _source(past, name)
    if words := chosen.refusal(experiment):
        raise VitrineError(words)
    session = past.session(source, 2**62 if step is None else step)
    *_, frame = chosen.stages(session)
    _write(chosen, frame, session.step, out)
    print(f"{chosen.title} at step {session.step:,}: {out}")


def _list_options(view: "type[View]") -> None:
    """Print what can be set of a view, and what it is unless it is set."""
    from engine.choice import in_words

    table = table_of("option", "what it is")
    for option in view.options():
        told = [option.help]
        if option.words:
            told.append(f"One of: {', '.join(option.words)}.")
        if option.least is not None and option.most is not None and option.most < 2**53 - 1:
            told.append(f"{option.least:,.12g} to {option.most:,.12g}.")
        usual = option.none if option.default is None else in_words(option.default)
        usual = usual.lower() if isinstance(option.default, bool) else usual
        told.append(f"Unless set: {usual}." if usual else "")
        table.add_row(option.name, " ".join(told))
    console().print(table)


def _brought(sample: str) -> str:
    """Return the name of a sample: of a picture's file, the key under which it is kept from now on."""
    from engine.data.pictures import keep, opened

    path = Path(sample)
    if not path.suffix or not path.is_file():
        return sample
    return f"picture {keep(opened(path.read_bytes(), path.name))}"


def _source(past: "Past", name: str) -> "tuple[str, Experiment]":
    """Return what is looked at: a run, or how a preset or an experiment would begin."""
    from engine.presets import PRESETS
    from engine.training.experiment import dump

    if name in PRESETS or Path(name).suffix == ".json":
        experiment = experiment_of(name)
        past.draft(name, dump(experiment))
        return f"draft:{name}", experiment
    try:
        run = past.store.run(name)["run"]
    except VitrineError as error:
        raise VitrineError(f"There is no run and no preset {name!r}. {error}") from None
    return f"run:{run}", past.experiment(f"run:{run}")


def _write(view: "View", frame: "Frame", step: int, out: Path) -> None:
    import numpy as np
    import orjson

    if problem := frame.words.get("problem"):
        raise VitrineError(problem)
    told = {"view": view.write(), "step": step, "words": frame.words}
    if out.suffix == ".npz":
        np.savez_compressed(out, words=np.array(json.dumps(told, default=str)), **frame.arrays)  # ty: ignore[invalid-argument-type]
    elif out.suffix == ".json":
        options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
        arrays = {name: np.ascontiguousarray(array) for name, array in frame.arrays.items()}
        out.write_bytes(orjson.dumps(told | {"arrays": arrays}, option=options, default=str))
    else:
        _draw(view, frame, step, out)


def _draw(view: "View", frame: "Frame", step: int, out: Path) -> None:
    from engine.figures.export import page
    from engine.figures.picture import png
    from engine.live.scene import plain
    from engine.looking.view import figure_of

    figure = plain(figure_of(view, frame))
    if "data" not in figure:
        raise VitrineError(f"{view.title} is drawn by the page itself.", cure="Write its numbers: .json or .npz.")
    title = f"{view.title} · step {step:,}"
    if out.suffix == ".html":
        out.write_text(page(figure, title, view.hint, view.height + 60), encoding="utf-8")
    else:
        out.write_bytes(png(figure, WIDTH if view.wide else WIDTH * 2 // 3, view.height + 40, title))


COMMANDS = (views, view)
