"""Embedding: the words or letters that a network knows as points, and which it takes to be alike."""

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import PALETTE, axis, caption, figure
from engine.graph.capture import node
from engine.graph.graph import Graph
from engine.graph.trace import Step
from engine.layers.sequence import Embedding as Layer
from engine.looking.frame import Frame
from engine.looking.projecting import By, heaped, pca, without
from engine.looking.shared import Words, offered, steps
from engine.looking.view import View, view
from engine.registry import did_you_mean, shortened
from engine.views.sequences.cells import visible

NEAREST = 10
NAMED = 120  # points with their words written beside them


@view("embedding")
class Embedding(View):
    """What an embedding gives for each word or letter, laid out in the plane; and those nearest to one of them."""

    title, rank, height, wide = "Embedding", 16, 420, True
    hint = "What is used alike comes together. Click a point to see which others the network takes to be like it."

    layer: Words = option("", "Which embedding; empty: the first.", rare=True)
    word: Words = option("", "The word or letter whose neighbours are shown; empty: the commonest.")
    by: By = option("PCA", "How they are laid out: PCA keeps distances, the others heaps.")
    most: Annotated[int, Field(ge=3, le=3000)] = option(400, "How many are shown, the commonest first.")
    perplexity: Annotated[float, Field(ge=2, le=100)] = option(
        20, "Of how many neighbours t-SNE takes care.", rare=True
    )

    def refuses(self, experiment):
        """Refuse networks that look nothing up, and UMAP where it is not installed."""
        data = experiment.data
        if not embeddings(experiment.graph) or not data or data.example != "tokens":
            return "Only networks that look up words or letters have this."
        return without(self.by)

    def offers(self, experiment):
        """Offer the embeddings."""
        return {"layer": offered(embeddings(experiment.graph))}

    def stages(self, session):
        """Take the table's rows, commonest first; lay them out by PCA, and then as asked."""
        learner = session.network
        paths = offered(embeddings(session.graph))
        path = self.layer or paths[0]
        if path not in paths:
            raise VitrineError(f"There is no embedding {self.layer!r} any more.", cure="Choose another.")
        weights: Any = node(session.module, path).weight
        rows = weights.detach().float().cpu().numpy()
        words = learner.dataset.words
        counts = np.bincount(learner.dataset.train.inputs.flatten().numpy(), minlength=len(words))[: len(rows)]
        order = np.argsort(-counts, kind="stable").tolist()
        known = [place for place in order if 0 < place < len(words) and counts[place]]
        if len(known) < 3:
            raise VitrineError("Fewer than three words are known.", cure="Choose other data.")
        place = self._place(words, known)
        shown = known[: self.most]
        shown += [place] if place not in shown else []
        table = rows[shown]
        near, likeness = nearest(rows, known, place)
        arrays = {"counts": counts[shown], "likeness": likeness}
        told: dict[str, Any] = {"words": [visible(words[one]) for one in shown], "node": path, "known": len(known)}
        told |= {"word": visible(words[place]), "near": [visible(words[one]) for one in near], "at": shown.index(place)}
        at, kept = pca(table) if table.shape[1] > 1 else (np.pad(table, ((0, 0), (0, 1))), 1.0)
        told |= {"kept": kept, "by": "PCA"}
        if self.by != "PCA" and table.shape[1] > 1:
            yield Frame(arrays | {"places": at}, told | {"progress": 0.5})
            at = heaped(table, self.by, self.perplexity)
            told |= {"by": self.by}
        yield Frame(arrays | {"places": at}, told)

    def _place(self, words, known):
        """Return the number of the word that is asked about."""
        if not self.word:
            return known[0]
        found = [place for place in known if self.word in (words[place], visible(words[place]))]
        found = found or [place for place in known if words[place] == self.word.strip().lower()]
        if not found:
            names = [words[place] for place in known]
            said = f"The network does not know {shortened(self.word)}.{did_you_mean(self.word, names)}"
            raise VitrineError(said, cure="Write a word of its data.")
        return found[0]

    def pick(self, point):
        """Ask about the word that was clicked."""
        name = point.get("name")
        return self.but(word=name) if isinstance(name, str) and len(name) <= 200 else None

    def draw(self, frame):
        """Draw the points with their words, and beside them the nearest ones."""
        words, at = frame.words, frame["places"]
        names = words["words"]
        near = set(words["near"])
        kinds = [1 if place == words["at"] else 2 if name in near else 0 for place, name in enumerate(names)]
        dots = {
            "type": "scatter",
            "mode": "markers+text",
            "x": np.round(at[:, 0], 4),
            "y": np.round(at[:, 1], 4),
            "text": [name if place < NAMED or kinds[place] else "" for place, name in enumerate(names)],
            "textposition": "top center",
            "textfont": {"size": 11},
            "marker": {"size": 6, "color": [PALETTE[kind] for kind in kinds]},
            "meta": {"names": names},
            "customdata": [f"{n}: {c:,} times" for n, c in zip(names, frame["counts"].tolist(), strict=True)],
            "hovertemplate": "%{customdata}<extra></extra>",
        }
        bars = {
            "type": "bar",
            "orientation": "h",
            "x": np.round(frame["likeness"], 3),
            "y": words["near"],
            "marker": {"color": PALETTE[2]},
            "xaxis": "x2",
            "yaxis": "y2",
            "meta": {"names": words["near"]},
            "hovertemplate": "%{y}: %{x:.3f}<extra></extra>",
        }
        kept = f", {words['kept']:.0%} of the spread" if words["by"] == "PCA" else ""
        least = min(0.0, float(frame["likeness"].min()))
        shown = f"{len(names):,} of {words['known']:,} by {words['by']}{kept}"
        return figure(
            [dots, bars],
            xaxis=axis(domain=[0, 0.74], zeroline=False, showticklabels=False),
            yaxis=axis(zeroline=False, showticklabels=False),
            xaxis2=axis("cosine", domain=[0.84, 1], anchor="y2", range=[least, 1], nticks=3),
            yaxis2=axis(type="category", autorange="reversed", anchor="x2"),
            annotations=[caption(shown), caption(f"most like {words['word']}", x=0.84)],
            margin={"l": 12, "r": 8, "t": 26, "b": 36},
        )


def embeddings(graph: Graph) -> list[Step]:
    """Return the steps that look pieces of an input up."""
    return [step for step in steps(graph) if isinstance(step.layer, Layer) and step.sources[0] in graph.inputs]


def nearest(rows: np.ndarray, known: list[int], place: int) -> tuple[list[int], np.ndarray]:
    """Return the words whose vectors point most nearly the same way as one's, and the cosine of the angle between."""
    others = [one for one in known if one != place]
    lengths = np.linalg.norm(rows, axis=1) + 1e-12
    cosines = rows[others] @ rows[place] / lengths[others] / lengths[place]
    best = np.argsort(-cosines, kind="stable")[:NEAREST]
    return [others[one] for one in best.tolist()], cosines[best]
