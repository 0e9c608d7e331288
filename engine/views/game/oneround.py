"""One round, slowly: noise, fakes, verdicts, their gradient and the step it makes, for each network in its turn."""

import dataclasses
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from engine.choice import option
from engine.figures.figure import nothing
from engine.figures.film import Slide
from engine.looking.frame import Frame
from engine.looking.session import Session
from engine.looking.small import pictured
from engine.looking.view import View, view
from engine.views.game.drawing import places, square
from engine.views.game.players import gameless, middle, off_the_plane, said_of
from engine.views.game.slides import COLUMNS, InPictures, InPlane, signed, squares
from engine.views.game.spoken import Spoken
from engine.views.game.turns import Taken, one_round

DETAIL = 40  # places in a row of the plane that are judged
SPOKEN = 3  # turns of the same network in a row that are shown in full or in short, before the last


@view("round")
class OneRound(View):
    """What happens in the round that comes next, one thing after the other: noise, what is made of it, the verdicts,
    their gradient, and the step that each network takes by it. A copy really takes these steps, with the batch and
    the chance of the run itself, which then goes the same way.
    """

    title, rank, height = "One round, slowly", 4, 345
    together = True
    hint = "Press Play. The run waits meanwhile, and takes each round when you have seen it."

    points: Annotated[int, Field(ge=1, le=500)] = option(100, "Of points in a plane, how many of each kind are shown.")

    def refuses(self, experiment):
        """Refuse what is no game."""
        return gameless(experiment)

    def compute(self, session):
        """Let a copy play a round, and keep what it was given, said, made and changed."""
        flat = not off_the_plane(session.experiment)
        arrays: dict[str, Any] = {}
        surfaces: list[np.ndarray] = []

        def look(seen: Session) -> None:
            if flat:
                across, up, grid = places(seen, DETAIL)
                arrays.update(across=across.numpy(), up=up.numpy())
                surfaces.append(said_of(seen, grid).reshape(DETAIL, DETAIL).numpy())

        turns, other, left = one_round(session, look)
        rows = []
        for number, turn in enumerate(turns):
            few = self.points if flat else COLUMNS
            arrays |= {f"{number} {name}": value for name, value in self._seen(session, turn, few, flat).items()}
            weights = other.networks[turn.role].parameters()
            part = other.parts[turn.role]
            rows.append(
                {
                    "role": turn.role,
                    "size": len(turn.noise),
                    "noise": turn.noise.shape[1],
                    "said": [float(one.mean()) for one in turn.said],
                    "now": [float(one.mean()) for one in turn.now],
                    "loss": turn.loss,
                    "gradient": turn.gradient,
                    "rests": turn.rests,
                    "weights": sum(weight.numel() for weight in weights if weight.requires_grad),
                    "by": f"{part.recipe.optimiser}, rate {other.rate_at(session.step, part.recipe):g}",
                }
            )
        if flat:
            arrays["said"] = np.stack(surfaces)
            arrays["low"], arrays["high"] = (end.numpy() for end in square(session))
        names = list(getattr(session.experiment.data, "names", ("x1", "x2"))[:2])
        words = {"turns": rows, "flat": flat, "left": left, "names": names, "middle": middle(session)}
        words["one"] = (
            "point" if flat else "picture" if session.network.dataset.example == "image" else "row of numbers"
        )
        return Frame({name: np.asarray(value, np.float32 if flat else None) for name, value in arrays.items()}, words)

    def _seen(self, session: Session, turn: Taken, few: int, flat: bool) -> dict[str, np.ndarray]:
        """Return what is shown of a turn: places in the plane, or small pictures."""
        shown = {"made": turn.made, "real": turn.real, "after": turn.after}
        there = {name: rows[:few] for name, rows in shown.items() if rows is not None}
        if flat:
            found = {name: rows.numpy() for name, rows in there.items()}
            noise = turn.noise[:few].numpy()
            found["noise"] = np.pad(noise, ((0, 0), (0, max(0, 2 - noise.shape[1]))))[:, :2]
            return found | ({} if turn.pull is None else {"pull": turn.pull[:few].numpy()})
        found = {name: pictured(session, rows) for name, rows in there.items()} | {"noise": squares(turn.noise[:few])}
        found["said"] = np.stack([one[:few].numpy() for one in (*turn.said, *turn.now)])
        if turn.pull is not None and turn.after is not None:
            found["pull"] = signed(turn.pull[:few].numpy())
            found["moved"] = signed((turn.after - turn.made)[:few].numpy())
        return found

    def draw(self, frame):
        """Draw slide after slide."""
        drawn = InPlane(frame) if frame.words["flat"] else InPictures(frame)
        slides: list[Slide] = []
        turns = frame.words["turns"]
        if not turns:
            return nothing("In the steps that come next, no network has its turn.")
        for number, turn in enumerate(turns):
            before = turns[number - 1]["role"] if number else ""
            last = number == len(turns) - 1 or turns[number + 1]["role"] != turn["role"]
            again = sum(one["role"] == turn["role"] for one in turns[:number]) if before == turn["role"] else 0
            if again >= SPOKEN and not last:
                continue
            own = Spoken(frame.words, turn)
            slides += drawn.again(number, own.again(again + 1)) if again else drawn.turn(number, own)
        if frame.words["left"]:
            words = f"So it goes on for {frame.words['left']:,} more steps."
            slides.append(dataclasses.replace(slides[-1], words=words))
        return drawn.film(slides)
