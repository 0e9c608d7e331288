"""Projecting: rows of numbers laid out in the plane, near one another where they are alike."""

import importlib.util
from typing import Literal

import numpy as np

By = Literal["PCA", "t-SNE", "UMAP"]
MOST_EXACT = 512  # columns up to which directions are worked out exactly, without what takes long to be loaded


def without(by: By) -> str:
    """Return why rows cannot be laid out in this way here, or nothing."""
    if by == "UMAP" and importlib.util.find_spec("umap") is None:
        return "UMAP is not installed: pip install -e '.[umap]', or choose t-SNE."
    return ""


def pca(table: np.ndarray) -> tuple[np.ndarray, float]:
    """Return rows along the two directions in which they differ most, and the share of the spread that those keep."""
    centred = table.astype(np.float64) - table.mean(axis=0, dtype=np.float64)
    if table.shape[1] > MOST_EXACT:
        from sklearn.decomposition import PCA

        found = PCA(2, random_state=0)
        at = found.fit_transform(centred)
        return at.astype(np.float32), float(np.nan_to_num(found.explained_variance_ratio_).sum())
    spread, ways = np.linalg.eigh(centred.T @ centred)
    two = ways[:, :-3:-1]
    two = two * np.sign(two[np.abs(two).argmax(axis=0), np.arange(two.shape[1])])  # or it could flip
    whole = max(float(spread.sum()), 1e-30)
    return (centred @ two).astype(np.float32), float(spread[:-3:-1].sum() / whole)


def heaped(table: np.ndarray, by: By, perplexity: float) -> np.ndarray:
    """Return rows laid out by t-SNE or UMAP, which keep what is near and let go how far all else is."""
    if by == "UMAP":
        import umap

        return umap.UMAP(random_state=0, n_jobs=1).fit_transform(table).astype(np.float32)
    from sklearn.manifold import TSNE

    most = min(perplexity, (len(table) - 1) / 3)
    return TSNE(perplexity=most, init="pca", random_state=0, learning_rate="auto").fit_transform(table)
