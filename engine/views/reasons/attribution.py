"""Attribution: how much each dot of a picture speaks for a class, by many methods; and how far to trust each."""

import time
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import PALETTE, axis, figure, wrapped
from engine.figures.maps import Regions
from engine.figures.raster import shrunk
from engine.looking.frame import Frame
from engine.looking.sample import aim, called, sample_of
from engine.looking.session import asking_back
from engine.looking.shared import NODE, SAMPLE, TOWARD, Example, Words, mapped, offered, picked, pictured
from engine.looking.view import View, view
from engine.views.reasons.attributing import METHODS, MOST_PLACES, Answers, Question, attributed, unexplained
from engine.views.reasons.trial import tried

Named = Literal[
    "saliency",
    "input × gradient",
    "integrated gradients",
    "SmoothGrad",
    "guided backpropagation",
    "deconvolution",
    "guided Grad-CAM",
    "DeepLIFT",
    "gradient SHAP",
    "occlusion",
    "feature ablation",
    "LRP",
    "Grad-CAM",
    "edges of the picture",
]
USUAL = tuple(name for name in METHODS if name != "edges of the picture")
COLUMNS = 7
DOTS = 96  # to a side of a map that is drawn
FIELDS = ("deletion", "insertion", "infidelity", "sensitivity", "randomised")


@view("attribution")
class Attribution(View):
    """How much each dot of the picture speaks for the class, by every method side by side; and a bench of trials."""

    title, rank, height, wide = "Attribution", 14, 330, True
    follows = True
    hint = (
        "Blue speaks for the class, orange against it. What methods agree on is likelier to be true; "
        "those whose dots should add up to the change of the score say how much of it they leave unexplained."
    )

    sample: Example = SAMPLE
    node: Words = NODE
    toward: Words = TOWARD
    show: Literal["maps", "bench"] = option("maps", "The maps, or trials of how far each can be trusted.")
    methods: tuple[Named, ...] = option(USUAL, "By which methods.")
    baseline: Literal["mean", "black", "white", "blurred", "noise"] = option(
        "mean", "What stands for nothing being there: the data's mean, black, white, the picture blurred, or noise."
    )
    patch: Annotated[int, Field(ge=1, le=512)] | None = option(
        None, "How large a patch is covered, where one is.", none="a seventh of the side", rare=True
    )
    channels: Literal["summed", "largest"] = option("summed", "How the colours of a dot are put together.", rare=True)

    def refuses(self, experiment):
        """Refuse what takes no pictures."""
        return pictured(experiment) or ("" if self.methods else "No method is chosen.")

    def offers(self, experiment):
        """Offer the layers that give maps."""
        return {"node": offered(mapped(experiment.graph))}

    def stages(self, session):
        """Ask method after method, on a copy of the network: gradients and hooks of theirs touch nothing else."""
        graph, session = session.graph, session.still()
        sample = sample_of(session, self.sample)
        target = aim(session, self.toward, sample)
        side = max(sample.given.shape[2:])
        patch = max(self.patch or side // 7, -(-side // MOST_PLACES))
        suiting = mapped(graph)
        layer = picked(suiting, graph, self.node, "that gives maps", first=-1).path if suiting else ""
        question = Question(sample.given, target, self._baseline(session, sample), layer, patch)
        answers = Answers(session.network, session.role)
        maps, notes, seconds, trials, gaps = [], [], [], [], []
        words = {"toward": called(session, target), "node": layer, "methods": list(self.methods)} | sample.told()
        for number, name in enumerate(self.methods):
            began = time.perf_counter()
            with asking_back(session.network):
                torch.manual_seed(0)  # what draws, draws the same every time
                try:
                    found, note = attributed(name, answers, question), ""
                    gaps.append(unexplained(name, answers, question, found))
                except VitrineError as error:
                    found, note = torch.full_like(sample.given, torch.nan), str(error)
                    gaps.append(np.nan)
                seconds.append(time.perf_counter() - began)
                if self.show == "bench":
                    trials.append([np.nan] * len(FIELDS) if note else tried(name, answers, question, found))
            maps.append(self._flat(found[0]).cpu().numpy())
            notes.append(note)
            arrays = {"maps": np.stack(maps), "seconds": np.array(seconds, np.float32), "picture": sample.picture}
            arrays["gaps"] = np.array(gaps, np.float32)
            if trials:
                arrays["trials"] = np.array(trials, np.float32)
            done = (number + 1) / len(self.methods)
            yield Frame(arrays, words | {"notes": list(notes)} | ({"progress": done} if done < 1 else {}))

    def _flat(self, found):
        """Return one number for each dot."""
        if self.channels == "summed":
            return found.sum(dim=0)
        return found.gather(0, found.abs().argmax(dim=0, keepdim=True))[0]

    def _baseline(self, session, sample):
        given, material = sample.given, session.network.material
        if self.baseline == "mean":
            return torch.zeros_like(given)  # inputs have mean 0
        if self.baseline == "blurred":
            side = max(3, min(given.shape[2:]) // 4 // 2 * 2 + 1)
            padded = torch.nn.functional.pad(given, (side // 2,) * 4, mode="replicate")
            return torch.nn.functional.avg_pool2d(padded, side, 1)
        if self.baseline == "noise":
            return torch.randn(given.shape, generator=torch.Generator().manual_seed(0)).to(given)
        value = 0 if self.baseline == "black" else 255
        return material.given(torch.full(given.shape, value, dtype=torch.uint8))

    def draw(self, frame):
        """Draw the maps in a grid, or the trials."""
        return self._bench(frame) if self.show == "bench" else self._maps(frame)

    def _maps(self, frame):
        words, maps, seconds = frame.words, frame["maps"], frame["seconds"]
        number = len(self.methods) + 1
        columns = min(number, COLUMNS)
        rows = -(-number // columns)
        regions = Regions()
        for place in range(number):
            down, along = divmod(place, columns)
            across = (along / columns + 0.006, (along + 1) / columns - 0.006)
            up = (1 - (down + 1) / rows + 0.015, 1 - down / rows)
            if place == 0:
                axes = regions.place(across, up, frame["picture"].shape[1:], f"asked about<br>{words['toward']}")
                regions.picture(frame["picture"], axes)
                continue
            name = self.methods[place - 1]
            if place > len(maps):
                regions.place(across, up, maps.shape[1:], f"{name}<br>…")
                continue
            gap = frame["gaps"][place - 1]
            told = "" if np.isnan(gap) else f", {min(gap, 9.99):.0%} unexplained"
            title = f"{name}<br>{1000 * seconds[place - 1]:.0f} ms{told}"
            axes = regions.place(across, up, shrunk(maps[0], DOTS).shape, title)
            if note := words["notes"][place - 1]:
                high, wide = shrunk(maps[0], DOTS).shape
                regions.write("<br>".join(wrapped(note, 22)), axes, wide / 2, high / 2, font={"size": 10})
                continue
            shown = shrunk(maps[place - 1], DOTS)
            reach = float(np.quantile(np.abs(shown), 0.995)) or 1.0
            regions.heat(shown, axes, "diverging", zmin=-reach, zmax=reach)
        return regions.figure()

    def _bench(self, frame):
        """Draw one row of dots for each trial: a method's place tells how it did."""
        trials = frame["trials"]
        names = list(self.methods[: len(trials)])
        titles = (
            "deletion: less is better",
            "insertion: more is better",
            "infidelity: less is better",
            "sensitivity: less is better",
            "likeness with random weights: less is better",
        )
        traces, layout = [], {}
        for place, title in enumerate(titles):
            n = str(place + 1) if place else ""
            values = trials[:, place]
            bad = [place == 4 and value > 0.8 for value in values]
            traces.append(
                {
                    "type": "bar",
                    "orientation": "h",
                    "x": values,
                    "y": names,
                    "xaxis": f"x{n}",
                    "yaxis": "y",
                    "marker": {"color": ["#d55e00" if one else PALETTE[place] for one in bad]},
                    "hovertemplate": "%{y}: %{x:.3g}<extra></extra>",
                }
            )
            domain = [place / 5 + 0.012, (place + 1) / 5 - 0.012]
            layout[f"xaxis{n}"] = axis("<br>".join(wrapped(title, 24)), domain=domain, zeroline=True)
        down = axis(autorange="reversed", type="category")
        return figure(traces, yaxis=down, **layout)
