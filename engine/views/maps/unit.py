"""Unit: what makes one unit answer most: examples of the dataset, or an input made for it."""

from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.figures.figure import PALETTE, axis, figure, nothing
from engine.figures.maps import Regions
from engine.graph.capture import capturing
from engine.graph.reach import ends
from engine.looking.frame import Frame
from engine.looking.session import asking_back, looking
from engine.looking.shared import NODE, UNIT, Number, Words, offered, picked, pictured, seen_by, united
from engine.looking.view import View, view
from engine.views.maps.making import made

EVERY = 4  # steps between two pictures that are shown
COLUMNS = 8


@view("unit")
class Unit(View):
    """What makes one unit answer most: the strongest examples with the patch that fires it, or an input made for it."""

    title, rank, height, wide = "What a unit wants", 16, 250, True
    follows = True
    hint = "The frame marks what the unit saw. An input that is made shows what is common to all it answers to."

    node: Words = NODE
    unit: Number = UNIT
    show: Literal["examples", "made"] = option("examples", "The strongest examples, or an input that is made.")
    split: Literal["train", "validation", "test"] = option("train", "Among which examples.")
    examples: Annotated[int, Field(ge=10, le=20_000)] = option(1000, "Among how many examples, at most.")
    number: Annotated[int, Field(ge=1, le=24)] = option(16, "How many of them are shown.")
    steps: Annotated[int, Field(ge=8, le=2000)] = option(160, "In how many steps an input is made.")
    jitter: Annotated[int, Field(ge=0, le=16)] = option(2, "By how many dots it is shifted at each step.", rare=True)
    turn: Annotated[float, Field(ge=0.0, le=45.0)] = option(5.0, "By how many degrees it is turned.", rare=True)
    zoom: Annotated[float, Field(ge=0.0, le=0.5)] = option(0.05, "By which share it is scaled.", rare=True)
    smooth: Annotated[float, Field(ge=0.0, le=10.0)] = option(
        0.05, "How strongly differences between neighbours are held down (total variation).", rare=True
    )
    spectrum: bool = option(True, "Hold the picture as frequencies, which keeps it from turning into noise.", rare=True)

    def refuses(self, experiment):
        """Refuse what takes no pictures."""
        return pictured(experiment)

    def offers(self, experiment):
        """Offer all layers with units."""
        return {"node": offered(united(experiment.graph))}

    def stages(self, session):
        """Let examples through piece by piece, or make an input step by step, on a copy of the network."""
        session = session.still()
        graph = session.graph
        step = picked(united(graph), graph, self.node, "with units", first=0)
        unit = min(self.unit, step.gives.sizes[0] - 1)
        words = {"node": step.path, "unit": unit, "of": step.gives.sizes[0]}
        yield from (self._made if self.show == "made" else self._found)(session, step, unit, words)

    def _found(self, session, step, unit, words):
        learner = session.network
        name, split = session.split(self.split)
        most = min(self.examples, len(split))
        seen = seen_by(session, step.path) if step.gives.rank == 3 else None
        values, places = [], []
        for piece in learner.pieces(split.inputs[:most]):
            inputs = learner.material.given(piece)
            with capturing(session.module, [step.path]) as kept, looking(learner):
                session.run(inputs)
                maps = kept[step.path][:, unit].reshape(len(inputs), -1)
            value, place = maps.float().max(dim=1)
            values.append(value.cpu())
            places.append(place.cpu())
            every, where = torch.cat(values), torch.cat(places)
            best = every.argsort(descending=True)[: self.number]
            wide = step.gives.sizes[2] if step.gives.rank == 3 else 1
            at = [(int(where[one]) // wide, int(where[one]) % wide) for one in best]
            boxes = [ends(seen, one) for one in at] if seen else []
            arrays = {
                "images": session.examples(name, best.tolist()).numpy(),
                "values": every[best].numpy(),
                "places": best.numpy(),
            }
            told = words | {
                "split": name,
                "boxes": boxes,
                "looked": len(every),
                "named": [learner.dataset.named(split.targets[one]) for one in best.tolist()],
            }
            done = len(every) / most
            yield Frame(arrays, told | ({"progress": done} if done < 1 else {}))

    def _made(self, session, step, unit, words):
        learner = session.network

        def value(inputs):
            with capturing(session.module, [step.path], joined=True) as kept, asking_back(learner):
                session.run(inputs)
                return kept[step.path][0, unit].float().mean()

        sizes = learner.dataset.sizes
        style = {"jitter": self.jitter, "turn": self.turn, "zoom": self.zoom, "smooth": self.smooth}
        style["spectrum"] = self.spectrum
        way = []
        for number, picture, reached in made(value, learner.material.scales, sizes, self.steps, **style):
            way.append(reached)
            if number % EVERY == 0 or number in (1, self.steps):
                yield self._shape(picture, way, words, number)

    def _shape(self, picture, way, words, number):
        image = (picture.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
        told = words | ({"progress": number / self.steps} if number < self.steps else {})
        return Frame({"image": image, "way": np.array(way, np.float32)}, told)

    def draw(self, frame):
        """Draw the examples with their patches, or the input with the way to it."""
        return self._way(frame) if "image" in frame.arrays else self._gallery(frame)

    def _gallery(self, frame):
        words, images = frame.words, frame["images"]
        if not len(images):
            return nothing("There are no examples.")
        regions = Regions()
        columns = min(len(images), COLUMNS)
        rows = -(-len(images) // columns)
        for place, image in enumerate(images):
            down, along = divmod(place, columns)
            across = (along / columns + 0.005, (along + 1) / columns - 0.005)
            top = 0.93 - down * 0.93 / rows
            title = f"{words['named'][place]}<br>{frame['values'][place]:.3g}"
            axes = regions.place(across, (top - 0.93 / rows + 0.01, top), image.shape[1:], title)
            regions.picture(image, axes)
            if words["boxes"] and words["boxes"][place]:
                regions.box(axes, *words["boxes"][place])
        said = f"{words['node']}, unit {words['unit']} of {words['of']}: the strongest of {words['looked']:,}"
        regions.write(f"{said} {words['split']} examples", None, 0.5, 1, xanchor="center", yanchor="top")
        return regions.figure()

    def _way(self, frame):
        words, way = frame.words, frame["way"]
        regions = Regions()
        title = f"made for {words['node']}, unit {words['unit']}"
        axes = regions.place((0, 0.45), (0, 1), frame["image"].shape[1:], title)
        regions.picture(frame["image"], axes)
        line = {"type": "scatter", "mode": "lines", "x": np.arange(1, len(way) + 1), "y": way}
        line |= {
            "xaxis": "x2",
            "yaxis": "y2",
            "line": {"color": PALETTE[0]},
            "hovertemplate": "%{y:.3g}<extra></extra>",
        }
        regions.traces.append(line)
        regions.layout["xaxis2"] = axis("step", domain=[0.56, 1], anchor="y2", range=[0, self.steps])
        regions.layout["yaxis2"] = axis("what the unit gives", domain=[0.12, 0.95], anchor="x2")
        return figure(regions.traces, **(regions.layout | {"margin": {"l": 6, "r": 6, "t": 6, "b": 6}}))
