"""Features: examples as points, near one another where a layer gives alike."""

from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional as F

from engine.choice import option
from engine.data.dataset import UNKNOWN
from engine.errors import VitrineError
from engine.figures.figure import BAD, GOOD, PALETTE, figure, says
from engine.figures.pictures import address, pixels
from engine.graph.capture import capturing
from engine.looking.frame import Frame
from engine.looking.projecting import By, heaped, pca, without
from engine.looking.sample import sample_of
from engine.looking.session import in_turn, looking
from engine.looking.shared import NODE, SAMPLE, Example, Words, offered, picked, pictured, united
from engine.looking.view import View, view

SHEET = (900, 1200)  # height and width, in dots, of the sheet with all pictures
THUMB = 42  # dots of one of them
NEAREST = 8
MOST_VALUES = 4096  # of a layer; of larger ones the means of maps are taken


@view("features")
class Features(View):
    """A few hundred examples laid out by what a layer gives for them, each as a small picture; and the nearest ones."""

    title, rank, height, wide = "Features", 19, 460, True
    follows = True
    hint = "Heaps of one colour are classes that the layer tells apart. Click a picture to look at it."

    sample: Example = SAMPLE
    node: Words = NODE
    by: By = option("PCA", "How they are laid out: PCA keeps distances, the others heaps.")
    colours: Literal["class", "mistake"] = option("class", "What the frames' colours tell.")
    split: Literal["validation", "test", "train"] = option("validation", "Which examples.")
    examples: Annotated[int, Field(ge=10, le=2000)] = option(300, "How many of them.")
    perplexity: Annotated[float, Field(ge=2, le=100)] = option(
        20, "Of how many neighbours t-SNE takes care.", rare=True
    )

    def refuses(self, experiment):
        """Refuse what takes no pictures, and UMAP where it is not installed."""
        return without(self.by) or pictured(experiment)

    def offers(self, experiment):
        """Offer all layers."""
        return {"node": offered(_suiting(experiment.graph))}

    def stages(self, session):
        """Let examples through piece by piece; lay them out by PCA, and then as asked."""
        session = session.still()
        graph, learner = session.graph, session.network
        suiting = _suiting(graph)
        step = picked(suiting, graph, self.node, "that gives several numbers", first=max(0, len(suiting) - 2))
        name, split = session.split(self.split)
        most = min(self.examples, len(split))
        if most < 3:
            raise VitrineError(f"There are only {most} {name} examples.", cure="Choose another split.")
        sample = sample_of(session, self.sample)
        mine, _ = self._given(session, step, sample.given)

        def ask(piece):
            return self._given(session, step, learner.material.given(piece))

        rest = 1.0 if self.by == "PCA" else 0.5
        rows, answers = zip(*(yield from in_turn(learner.pieces(split.inputs[:most]), ask, last=rest)), strict=True)
        table = torch.cat([mine, *rows]).numpy()  # the sample first
        none, dataset = np.full(most, UNKNOWN), learner.dataset
        taken = torch.cat(answers).argmax(dim=1).numpy() if learner.task.classifies else none
        truths = split.targets[:most].cpu().numpy() if dataset.goal == "class" else none
        distances = np.linalg.norm(table[1:] - table[0], axis=1)
        itself = {place for place in range(most) if (name, place) == sample.at}
        near = [int(one) for one in np.argsort(distances, kind="stable") if int(one) not in itself][:NEAREST]
        images = session.examples(name, range(most))
        arrays = {"images": _small(images), "taken": taken, "truths": truths, "neighbours": images[near].numpy()}
        arrays |= {"near": np.array(near), "distances": distances[near], "picture": sample.picture}
        classes = list(dataset.classes) if dataset.goal == "class" else []
        words = {"node": step.path, "split": name, "classes": classes, "values": table.shape[1]} | sample.told()
        at, kept = pca(table)
        words |= {"kept": kept, "by": self.by}
        if self.by != "PCA":
            yield Frame(arrays | {"at": at}, words | {"by": "PCA", "progress": 0.5})
            at = heaped(table, self.by, self.perplexity)
        yield Frame(arrays | {"at": at}, words)

    def _given(self, session, step, inputs):
        """Return a row of what the layer gives for each input, and the answers."""
        with capturing(session.module, [step.path]) as found, looking(session.network):
            answered = session.run(inputs)
        values = found[step.path].float()
        if values.dim() == 4 and values[0].numel() > MOST_VALUES:
            values = values.mean(dim=(2, 3))
        return values.flatten(1).cpu(), answered.float().cpu() if session.network.task.classifies else None

    def draw(self, frame):
        """Draw all pictures on one sheet, and beside it the sample with its neighbours."""
        words = frame.words
        at = frame["at"][1:]
        low, high = frame["at"].min(axis=0), frame["at"].max(axis=0)
        room = np.maximum(high - low, 1e-9)
        placed = (frame["at"] - low) / room
        known = (frame["taken"] != UNKNOWN) & (frame["truths"] != UNKNOWN)
        wrong = known & (frame["taken"] != frame["truths"])
        if self.colours == "mistake" or not words["classes"]:
            colours = np.where(wrong, BAD, GOOD).tolist()
        else:
            colours = [PALETTE[int(truth) % len(PALETTE)] for truth in frame["truths"]]
        sheet = _sheet(frame["images"], placed[1:], colours)
        names = [f"{words['split']} {place}" for place in range(len(at))]
        classes = words["classes"]
        said = [
            (f"{name}: {classes[int(t)]}" if t != UNKNOWN else name) + (f", taken for {classes[int(k)]}" if off else "")
            for name, t, k, off in zip(names, frame["truths"], frame["taken"], wrong, strict=True)
        ]
        dots = {
            "type": "scatter",
            "mode": "markers",
            "x": placed[1:, 0],
            "y": placed[1:, 1],
            "text": said,
            "ids": names,
            "meta": {"part": "points"},
            "marker": {"size": 16, "opacity": 0.01, "color": colours},
            "hovertemplate": "%{text}<extra></extra>",
        }
        mine = dots | {"x": placed[:1, 0], "y": placed[:1, 1], "text": ["the sample"], "meta": {}, "ids": ["sample"]}
        mine["marker"] = {"size": 22, "symbol": "circle-open", "color": BAD, "line": {"width": 3}}
        down, along = (THUMB / side / 2 for side in SHEET)
        image = {"source": address(sheet), "xref": "x", "yref": "y", "x": -along, "y": 1 + down, "layer": "below"}
        image |= {"sizex": 1 + 2 * along, "sizey": 1 + 2 * down, "sizing": "stretch"}
        bare = {"visible": False, "range": [-0.04, 1.04]}
        kept = f", {words['kept']:.0%} of the spread" if words["by"] == "PCA" else ""
        title = f"{words['node']}: {words['values']:,} values of {len(at)} examples by {words['by']}{kept}"
        notes = [says(title, xref="paper", yref="paper", x=0, y=1, xanchor="left", yanchor="bottom")]
        layout = {"xaxis": bare | {"domain": [0, 0.8]}, "yaxis": bare, "images": [image], "annotations": notes}
        self._neighbours(frame, said, layout)
        return figure([dots, mine], **layout, margin={"l": 6, "r": 6, "t": 28, "b": 6})

    def _neighbours(self, frame, said, layout):
        near = frame["near"].tolist()
        shown = [
            (frame["picture"], "sample"),
            *((image, said[one]) for image, one in zip(frame["neighbours"], near, strict=True)),
        ]
        for place, (image, words) in enumerate(shown):
            down, along = divmod(place, 3)
            left, top = 0.83 + 0.06 * along, 0.94 - 0.32 * down
            spot = {"xref": "paper", "yref": "paper", "x": left, "y": top, "sizex": 0.052, "sizey": 0.2}
            layout["images"].append(spot | {"source": address(pixels(image[None])[0], 96), "sizing": "contain"})
            label = "<br>".join(words.split(": ")[-1].split(", "))
            style = {"xanchor": "left", "yanchor": "bottom", "font": {"size": 10}}
            at = {"xref": "paper", "yref": "paper", "x": left, "y": top}
            layout["annotations"].append(says(label, **at, **style))
        title = {"xref": "paper", "yref": "paper", "x": 0.83, "y": 1, "xanchor": "left", "yanchor": "bottom"}
        layout["annotations"].append(says("nearest to the sample", **title))

    def pick(self, point):
        """Look at the example that was clicked."""
        name = point.get("label")
        return self.but(sample=name) if point.get("part") == "points" and isinstance(name, str) else None


def _suiting(graph):
    """Return the layers that give at least two numbers, which are needed for two directions."""
    every = united(graph)
    return [step for step in every if step.gives.rank == 3 or step.gives.sizes[0] > 1]


def _small(images):
    """Return pictures as small as they are drawn."""
    if max(images.shape[2:]) <= THUMB:
        return images.numpy()
    return F.interpolate(images.float(), (THUMB, THUMB), mode="area").round().to(torch.uint8).numpy()


def _sheet(images, placed, colours):
    """Return one picture with all examples where they belong, framed in their colours."""
    from PIL import Image, ImageColor

    sheet = np.zeros((SHEET[0] + THUMB, SHEET[1] + THUMB, 4), np.uint8)
    for image, (x, y), colour in zip(pixels(images), placed, colours, strict=True):
        small = np.asarray(Image.fromarray(image).resize((THUMB - 4, THUMB - 4), Image.Resampling.BOX))
        top, left = round((1 - y) * SHEET[0]), round(x * SHEET[1])
        sheet[top : top + THUMB, left : left + THUMB] = (*ImageColor.getrgb(colour), 255)
        sheet[top + 2 : top + THUMB - 2, left + 2 : left + THUMB - 2, :3] = small
    return sheet
