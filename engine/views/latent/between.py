"""Between and beyond: ways from one code to another, and sums of codes."""

from typing import Annotated, Literal

import torch
from pydantic import Field

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.matrix import Row, matrix
from engine.looking.frame import Frame
from engine.looking.sample import class_called
from engine.looking.shared import SAMPLE, Example, Words
from engine.looking.small import pictured
from engine.looking.view import View, view
from engine.views.latent.codes import asked_about, code_of, codeless, codes_of, decoded, kept_codes

MEANS = 2000  # training examples of which a class's mean is taken


@view("between")
class Between(View):
    """What is made of codes on the way from one example to another, straight and along the sphere, and beyond both;
    and of one code less another plus a third.
    """

    title, rank, height, wide = "Between and beyond", 6, 400, True
    together = follows = True
    hint = "A good code has something sensible everywhere between. Where dots are mixed there are two ghosts."

    sample: Example = SAMPLE
    other: Example = option("1", "Where the way leads: another example.")
    third: Example = option("2", "What is added at last: A − B + C.")
    ends: Literal["examples", "class means"] = option(
        "examples", "Whether the way leads from example to example, or from one class's mean code to another's."
    )
    start: Words = option("", "From which class, where means are taken; empty: the first.", rare=True)
    goal: Words = option("", "To which class; empty: the second.", rare=True)
    beyond: Annotated[float, Field(ge=0, le=2)] = option(0.5, "How far beyond both ends: a share of the way.")
    steps: Annotated[int, Field(ge=3, le=15)] = option(9, "How many pictures.")
    told: Words = option("", "Which class the decoder is told on the way, where it takes one.", rare=True)

    def refuses(self, experiment):
        """Refuse what makes no codes of examples."""
        return codeless(experiment, noise=True)

    def stages(self, session):
        """Ask for codes where means of classes are taken, then go the ways."""
        if self.ends == "class means":
            yield from codes_of(session, "train", MEANS)
        yield self.compute(session)

    def compute(self, session):
        """Decode along the ways."""
        mine, yours, third = (asked_about(session, name) for name in (self.sample, self.other, self.third))
        codes, noisy = code_of(session, mine, yours, third), session.network.task.noisy
        if noisy and self.ends == "class means":
            raise VitrineError("Noise has no classes whose mean could be taken.", cure="Choose 'examples'.")
        one, other, names = codes[0], codes[1], [mine.words, yours.words]
        names = [name.partition(":")[0] for name in names] if noisy else names  # what is asked for, `told` says
        if self.ends == "class means":
            one, other, names = self._means(session)
        shares = torch.linspace(-self.beyond, 1 + self.beyond, self.steps)
        straight = one + shares[:, None] * (other - one)
        sphere, round_ = along_sphere(one, other, shares)
        told = class_called(session, self.told, len(shares))
        arrays = {"shares": shares.numpy(), "straight": pictured(session, decoded(session, straight, told))}
        kind = None if told is None else told[:1]
        if noisy:
            given = decoded(session, codes, None if kind is None else kind.repeat(3))
        else:
            given = torch.cat([one.given for one in (mine, yours, third)]).cpu()
        arrays["sphere"] = pictured(session, decoded(session, sphere, told))
        if self.ends == "examples":
            first, last = given[:1], given[1:2]
            shape = (-1,) + (1,) * (first.dim() - 1)
            arrays["mixed"] = pictured(session, first + shares.reshape(shape) * (last - first))
        sums = torch.cat([codes, (codes[0] - codes[1] + codes[2])[None]])
        arrays["sum"] = pictured(session, torch.cat([given, decoded(session, sums[3:], kind)]))
        return Frame(arrays, {"names": names, "round": round_})

    def _means(self, session):
        """Return the mean codes of two classes, and what those are called."""
        dataset = session.network.dataset
        if dataset.goal != "class":
            raise VitrineError("These examples have no classes.", cure="Choose 'examples'.")
        codes, truths = kept_codes(session, "train", MEANS).at, dataset.train.targets[:MEANS]
        found, names = [], []
        for name, usual in ((self.start, 0), (self.goal, 1)):
            if name and name not in dataset.classes:
                raise VitrineError(f"There is no class {name!r}.", cure=f"Choose one of {', '.join(dataset.classes)}.")
            place = dataset.classes.index(name) if name else usual
            if not bool((truths == place).any()):
                raise VitrineError(f"No training example is {dataset.classes[place]}.", cure="Choose another class.")
            found.append(codes[truths == place].mean(dim=0))
            names.append(f"mean of {dataset.classes[place]}")
        return *found, names

    def draw(self, frame):
        """Draw a row for each way, and one for the sum."""
        heads = [_named(share, frame.words["names"]) for share in frame["shares"].tolist()]
        second = "along a sphere" if frame.words["round"] else "straight again: no angle between"
        rows = [Row("straight", frame["straight"]), Row(second, frame["sphere"])]
        rows += [Row("dots mixed", frame["mixed"])] if "mixed" in frame.arrays else []
        rows.append(Row("A − B + C", frame["sum"], ["A", "B", "C", "A − B + C"]))
        return matrix(rows, heads)


def _named(share, names):
    """Return what stands above a picture: the ends by their names, all else as a share of the way."""
    if abs(share) < 1e-6 or abs(share - 1) < 1e-6:
        return names[round(share)]
    return f"{share:.0%}"


def along_sphere(one: torch.Tensor, other: torch.Tensor, shares: torch.Tensor) -> tuple[torch.Tensor, bool]:
    """Return codes on the way that turns from one direction to another at an even pace (Shoemake, 1985), lengths going
    with it evenly; where there is no angle between, or half a turn, the straight way, and that.
    """
    lengths = one.norm(), other.norm()
    cosine = (one @ other) / (lengths[0] * lengths[1]).clamp_min(1e-12)
    angle = torch.arccos(cosine.clamp(-1, 1))
    if float(angle.sin()) < 1e-4:
        return one + shares[:, None] * (other - one), False
    first, last = one / lengths[0], other / lengths[1]
    ways = (((1 - shares) * angle).sin()[:, None] * first + (shares * angle).sin()[:, None] * last) / angle.sin()
    return ways * (lengths[0] + shares * (lengths[1] - lengths[0]))[:, None], True
