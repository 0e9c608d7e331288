"""Forecast: what comes next of a series as the network tells it, beside the truth and what costs nothing to say."""

from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.data import Dataset
from engine.errors import VitrineError
from engine.figures.figure import PALETTE, Trace, axis, caption, figure, line
from engine.looking.frame import Frame
from engine.looking.session import Session, looking
from engine.looking.view import View, view
from engine.views.sequences.statespace import Model, fitted, forecasts, missing

POOL = 2000  # windows that are asked about
LAGS = 30
ALONE = 300  # numbers that are told one after another


@view("forecast")
class Forecast(View):
    """Truth and prediction along time, the error by how far ahead it looks, and what the errors have in common."""

    title, rank, height = "Forecast", 8, 380
    hint = "It should beat the last value said again; errors that hang together still hold something to be learned."

    split: Literal["validation", "test", "train"] = option("validation", "Of which stretch of the series.")
    ahead: Annotated[int, Field(ge=1, le=200)] = option(1, "How many numbers ahead the line of predictions looks.")
    season: Annotated[int, Field(ge=2, le=1000)] | None = option(
        None, "Compare with the number so many places before, too.", none="as the data say"
    )
    linear: Annotated[int, Field(ge=1, le=1000)] | None = option(
        5, "Compare with the best straight sum of the last so many numbers: an autoregressive model.", none="none"
    )
    models: tuple[Model, ...] = option(
        (), "Compare with models that keep a state and are no networks; it takes seconds to fit them once.", rare=True
    )
    feeds_back: bool = option(True, "Also let it go on from the first window by what it said itself.")

    def refuses(self, experiment):
        """Refuse what tells no numbers of one series in the order of time."""
        data = experiment.data
        told = experiment.task.answers == "numbers" and data and data.example == "series" and data.divided == "in order"
        if not told:
            return "Only networks that tell what comes next in a series can forecast."
        return missing() if self.models else ""

    def stages(self, session):
        """Ask about every window in turn, then compare."""
        yield from session.asked(self.split, POOL)
        yield self.compute(session)

    def compute(self, session):
        """Compare answers with what came, and with numbers that were there already."""
        dataset = session.network.dataset
        if not dataset.overlap or dataset.sizes[1:] != (1,):
            raise VitrineError(f"{dataset.title} is not one series read through a window.", cure="Choose Waves.")
        answers, targets = (values.double().numpy() for values in session.outputs(self.split, POOL))
        name, _ = session.split(self.split)
        split = dataset.splits()[name]
        windows = split.inputs[: len(answers), :, 0].double().numpy()
        gaps = np.flatnonzero((windows[1:, :-1] != windows[:-1, 1:]).any(axis=1))
        many = int(gaps[0]) + 1 if len(gaps) else len(windows)  # a fold may hold windows from both sides of a border
        answers, targets, windows = (values[:many] for values in (answers, targets, windows))
        scale = Scale(dataset, None if split.bases is None else split.bases[:many].numpy())
        linear = scale.told(_linear(session, self.linear, windows)) if self.linear else None
        past, answers, targets = scale.before(windows), scale.told(answers), scale.told(targets)
        far = min(self.ahead, targets.shape[1])
        errors = {"network": _rmse(answers - targets), "last value again": _rmse(past[:, -1:] - targets)}
        if season := self.season or (dataset.season if dataset.season <= past.shape[1] else 0):
            errors["last season again"] = _rmse(_season(past, targets.shape[1], season) - targets)
        if linear is not None:
            errors[f"sum of the last {min(self.linear or 0, windows.shape[1])}"] = _rmse(linear - targets)
        for model in self.models:
            kept = session.network.lasting
            if ("fitted", model) not in kept:
                kept["fitted", model] = fitted(model, dataset.train)
            told = forecasts(kept["fitted", model], split, many, targets.shape[1])
            errors[model] = _rmse(scale.told(scale.together(told)) - targets)
        residuals = targets[:, 0] - answers[:, 0]
        arrays = {
            "at": np.arange(len(answers)) + windows.shape[1] + far - 1,
            "truth": targets[:, far - 1],
            "told": answers[:, far - 1],
            "errors": np.stack(list(errors.values())),
            "autocorrelation": autocorrelation(residuals, min(LAGS, len(residuals) - 1)),
        }
        if self.feeds_back:
            arrays["alone"] = alone(session, windows[0], scale, many + far - 1, 3 * np.ptp(targets) + 1e-6)[far - 1 :]
        words = {"split": name, "names": list(errors), "far": far, "many": len(residuals), "gap": bool(len(gaps))}
        return Frame(arrays, words)

    def draw(self, frame):
        """Draw the lines above, the errors and what they have in common below."""
        words, at = frame.words, frame["at"]
        kinds = [("truth", frame["truth"], PALETTE[7]), ("told", frame["told"], PALETTE[0])]
        if "alone" in frame.arrays:
            kinds.append(("fed back", frame["alone"], PALETTE[1]))
        traces: list[Trace] = [
            line(name, at, np.round(values, 4), colour, mode="lines", legend="legend") for name, values, colour in kinds
        ]
        ahead = np.arange(1, frame["errors"].shape[1] + 1)
        below: dict[str, Any] = {"xaxis": "x2", "yaxis": "y2", "showlegend": False}
        for number, (name, errors) in enumerate(zip(words["names"], frame["errors"], strict=True)):
            told = f"{name}, %{{x}} ahead: %{{y:.4g}}<extra></extra>"
            traces.append(line(name, ahead, errors, PALETTE[(0, 3, 4, 2, 5, 6)[number]], hovertemplate=told, **below))
        lags = np.arange(1, len(frame["autocorrelation"]) + 1)
        bars = {"type": "bar", "x": lags, "y": frame["autocorrelation"], "marker": {"color": PALETTE[0]}}
        traces.append(bars | {"xaxis": "x3", "yaxis": "y3", "showlegend": False, "name": "autocorrelation"})
        chance = 1.96 / np.sqrt(words["many"])
        bound = {"type": "line", "xref": "x3 domain", "yref": "y3", "x0": 0, "x1": 1}
        dashes = [bound | {"y0": y, "y1": y, "line": {"dash": "dot", "color": PALETTE[7]}} for y in (chance, -chance)]
        first = ", ".join(
            f"{name} {errors[0]:.3g}" for name, errors in zip(words["names"], frame["errors"], strict=True)
        )
        return figure(
            traces,
            xaxis=axis(f"place in the stretch ({words['split']})", domain=[0, 1], anchor="y"),
            yaxis=axis(f"value, {words['far']} ahead", domain=[0.52, 1]),
            xaxis2=axis("how far ahead", domain=[0, 0.46], anchor="y2", nticks=8),
            yaxis2=axis("error (rmse)", domain=[0, 0.33], rangemode="tozero", anchor="x2", nticks=4),
            xaxis3=axis("lag of the errors", domain=[0.56, 1], anchor="y3"),
            yaxis3=axis("correlation", domain=[0, 0.33], range=[-1, 1], anchor="x3", nticks=4),
            shapes=dashes,
            annotations=[caption(f"rmse 1 ahead: {first}{'; up to a gap in time' if words['gap'] else ''}")],
            showlegend=True,
            margin={"l": 56, "r": 8, "t": 26, "b": 40},
        )


class Scale:
    """From what a network reads and tells back to the numbers of the series: their scale, and what changes are from."""

    def __init__(self, dataset: Dataset, bases: np.ndarray | None):
        self.mean, self.deviation = dataset.scale
        self.bases = bases
        self.lag = 0 if bases is None else bases.shape[1]

    def told(self, values: np.ndarray) -> np.ndarray:
        """Return what is told behind each window in numbers of the series."""
        numbers = self.mean + self.deviation * values
        return numbers if self.bases is None else numbers + self.bases[:, np.arange(values.shape[1]) % self.lag]

    def together(self, steps: np.ndarray) -> np.ndarray:
        """Return changes as they are told, each since a number that is known, from those of one season to the next."""
        if not self.lag:
            return steps
        whole = self.mean + self.deviation * steps
        for place in range(self.lag, steps.shape[1]):
            whole[:, place] += whole[:, place - self.lag]
        return (whole - self.mean) / self.deviation

    def before(self, windows: np.ndarray) -> np.ndarray:
        """Return the numbers of the series that are known before what is told: those of the window, or of a season."""
        return self.mean + self.deviation * windows if self.bases is None else self.bases

    def going_on(self, told: np.ndarray) -> np.ndarray:
        """Return in numbers of the series what is told behind the first window, one number ahead of another."""
        numbers = list(self.mean + self.deviation * told)
        if self.bases is not None:
            known = list(self.bases[0])
            for place, number in enumerate(numbers):
                known.append(number + known[place])
            numbers = known[self.lag :]
        return np.array(numbers)


def _linear(session: Session, places: int, windows: np.ndarray) -> np.ndarray:
    """Return what the best straight sum of each window's last numbers tells, as fitted to the training windows."""
    kept, data = session.network.lasting, session.network.dataset.train
    if (key := ("linear", places)) not in kept:
        known, right = data.inputs[:, -places:, 0].double().numpy(), data.targets.double().numpy()
        kept[key] = np.linalg.lstsq(_with_one(known), right, rcond=None)[0]
    return _with_one(windows[:, -places:]) @ kept[key]


def _with_one(rows: np.ndarray) -> np.ndarray:
    return np.concatenate([rows, np.ones((len(rows), 1))], axis=1)


def _rmse(errors: np.ndarray) -> np.ndarray:
    """Return the root of the mean square of errors, for each number ahead."""
    return np.sqrt(np.square(errors).mean(axis=0))


def _season(windows: np.ndarray, ahead: int, season: int) -> np.ndarray:
    """Return, for each number ahead, the one a season before it; of several seasons as few as reach into the window."""
    long = windows.shape[1]
    places = [long + step - season * -(-(step + 1) // season) for step in range(ahead)]
    if min(places) < 0:
        raise VitrineError(f"A season of {season} is longer than the window of {long}.", cure="Choose a shorter one.")
    return windows[:, places]


def autocorrelation(values: np.ndarray, lags: int) -> np.ndarray:
    """Return how values go together with those 1, 2, … places later."""
    centred = values - values.mean()
    total = np.square(centred).sum()
    if not total:
        return np.zeros(lags)
    return np.array([(centred[lag:] * centred[:-lag]).sum() / total for lag in range(1, lags + 1)])


def alone(session: Session, window: np.ndarray, scale: Scale, many: int, most: float) -> np.ndarray:
    """Return so many numbers that follow a window as the network tells them, which it then takes for the truth.

    It ends, with no number, after some hundreds, or where they run away farther than they may. Of changes since a
    season ago only as many are taken at a time as a season has: those behind tell of several seasons at once.
    """
    learner, values = session.network, list(window)
    long, begun = len(values), scale.before(window[None])[0, -1]
    with looking(learner):
        while len(values) < long + min(many, ALONE) and np.isfinite(values[-1]):
            rows = torch.tensor(values[-long:], dtype=torch.float32)[None, :, None].to(learner.place.device)
            said = learner.answer(learner.material.given(rows)).float().cpu()[0].tolist()
            values += said[: scale.lag or None]
            if not abs(scale.going_on(np.array(values[long:]))[-1] - begun) < most:
                break
    told = scale.going_on(np.array(values[long : long + many]))
    told[~(np.abs(told - begun) < most)] = np.nan
    return np.concatenate([told, np.full(many - len(told), np.nan)])
