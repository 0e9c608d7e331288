"""State space: models that keep a state and are no networks, as statsmodels fits them, beside a network's forecast."""

import importlib.util
import warnings
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from engine.data import Split
from engine.errors import VitrineError

Model = Literal["linear dynamical system", "hidden Markov model"]
REGIMES = 3  # of a hidden Markov model
MOST_FITTED = 3000  # numbers, the last ones that are learned from


def missing() -> str:
    """Return why no such model can be had here, or nothing."""
    there = importlib.util.find_spec("statsmodels") is not None
    return "" if there else "statsmodels is not installed: pip install -e '.[series]', or compare with no such model."


def series_of(split: Split) -> np.ndarray:
    """Return the numbers of one stretch, read again from windows that lie one place apart; up to the first gap."""
    windows = split.inputs[:, :, 0].double().numpy()
    gaps = np.flatnonzero((windows[1:, :-1] != windows[:-1, 1:]).any(axis=1))
    many = int(gaps[0]) + 1 if len(gaps) else len(windows)
    return np.concatenate([windows[0], windows[1:many, -1]])


def fitted(model: Model, train: Split) -> Mapping[str, Any]:
    """Return what a model learned from the training stretch."""
    values = series_of(train)[-MOST_FITTED:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it says of how well it converged is seen by its errors
        try:
            if model == "linear dynamical system":
                return {"model": model, "params": _dynamical(values).fit(disp=False, maxiter=100).params}
            return {"model": model, "params": _markov(values).fit(em_iter=10, disp=False).params}
        except (np.linalg.LinAlgError, ValueError, RuntimeError, IndexError) as error:
            raise VitrineError(f"No {model} can be fitted ({error}).", cure="Compare with none.") from None


def forecasts(found: Mapping[str, Any], split: Split, many: int, ahead: int) -> np.ndarray:
    """Return what a fitted model tells behind the first windows of a stretch, of which it reads no more."""
    values, long = series_of(split), split.inputs.shape[1]
    if found["model"] == "linear dynamical system":
        filtered = _dynamical(values).filter(found["params"])
        states, design = filtered.filtered_state, filtered.model.ssm["design"]
        step = filtered.model.ssm["transition"]
        told = [design @ np.linalg.matrix_power(step, h) @ states for h in range(1, ahead + 1)]
        rows = np.concatenate(told).T
    else:
        model = _markov(values)
        filtered = model.filter(found["params"])
        chances = filtered.filtered_marginal_probabilities
        means = np.asarray(found["params"])[model.parameters["exog"]]
        step = filtered.regime_transition[:, :, 0]  # to the row from the column
        rows = np.stack([chances @ np.linalg.matrix_power(step, h).T @ means for h in range(1, ahead + 1)], axis=1)
    return rows[long - 1 : long - 1 + many]


def _dynamical(values: np.ndarray) -> Any:
    """Return a system of two hidden numbers, a level and its slope, each of which strays."""
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    return UnobservedComponents(values, level="local linear trend")


def _markov(values: np.ndarray) -> Any:
    """Return a chain of hidden states, each of which tells numbers around its own mean."""
    from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

    return MarkovRegression(values, k_regimes=REGIMES, switching_variance=True)
