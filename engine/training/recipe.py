"""Recipe: how an experiment is learned."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from engine.choice import Choice, option
from engine.data.augment import Augment
from engine.training.sweep import Sweep

Rate = Annotated[float, Field(gt=0, le=1000)]
Decay = Annotated[float, Field(ge=0, le=100)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
Clip = Annotated[float, Field(gt=0, le=10**6)]
Average = Annotated[float, Field(gt=0, lt=1)]
Whole = Annotated[int, Field(ge=1, le=10**9)]
Optimiser = Literal["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "lbfgs"]
Schedule = Literal["constant", "step", "cosine", "one_cycle", "plateau"]
COMMON = "as for all"
NO_END = 10**9  # the last step of what learns until it is stopped


class Own(Choice):
    """What one network of several has of its own; all else is as the recipe says for every one of them."""

    kind = "own"

    role: Annotated[str, Field(max_length=80)] = option("", "Which network.", hidden=True)
    interval: Annotated[int, Field(ge=1, le=10_000)] = option(
        1, "It takes its turn in one of so many steps: with 5 the others move five times as often."
    )
    optimiser: Literal["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"] | None = option(
        None, "How gradients move its weights.", none=COMMON
    )
    rate: Rate | None = option(None, "Its learning rate.", none=COMMON)
    momentum: Momentum | None = option(None, "Its momentum, or Adam's first beta.", rare=True, none=COMMON)
    schedule: Schedule | None = option(None, "How its rate changes.", rare=True, none=COMMON)
    decay: Decay | None = option(None, "Its weight decay.", rare=True, none=COMMON)
    l1: Decay | None = option(None, "Its L1.", rare=True, none=COMMON)
    clip: Clip | None = option(None, "The longest gradient that it may have.", rare=True, none=COMMON)
    average: Average | None = option(None, "Its moving average: how much stays at a step.", rare=True, none=COMMON)

    @property
    def chosen(self) -> dict[str, Any]:
        """Return the recipe's options that it has otherwise."""
        options = {name: getattr(self, name) for name in type(self).model_fields if name not in ("role", "interval")}
        return {name: value for name, value in options.items() if value is not None}


class Recipe(Choice):
    """How an experiment is learned: optimiser, rate, schedule, batch, length, regularisation, precision, seed."""

    kind = "recipe"

    optimiser: Optimiser = option(
        "adam", "How gradients move the weights; L-BFGS takes all examples at once, the others a batch."
    )
    rate: Rate = option(0.001, "The learning rate: how far each step goes.")
    momentum: Momentum = option(
        0.9, "How much of the last step goes on (momentum, Nesterov), and Adam's first beta.", rare=True
    )
    schedule: Schedule = option(
        "constant", "How the rate changes: not, in steps, along a cosine, up and down, or when stuck."
    )
    warm_up: Annotated[int, Field(ge=0, le=10**7)] = option(0, "Steps over which the rate rises from zero.", rare=True)
    every: Whole = option(
        10, "Epochs after which the schedule 'step' lowers the rate, or 'plateau' loses patience.", rare=True
    )
    factor: Annotated[float, Field(gt=0, lt=1)] = option(
        0.1, "What 'step' and 'plateau' multiply the rate by.", rare=True
    )
    batch: Whole | Literal["all"] = option(64, "How many examples each step sees; 1 is online, all is full batch.")
    epochs: Annotated[float, Field(gt=0, le=10**6)] | None = option(
        5.0, "How often all training examples are seen; empty: until it is stopped.", none="no end"
    )
    steps: Whole | None = option(
        None, "Stop after so many steps, if the epochs last longer.", rare=True, none="no limit"
    )
    seconds: Annotated[float, Field(gt=0, le=10**7)] | None = option(
        None, "Stop after so many seconds, if the epochs last longer.", rare=True, none="no limit"
    )
    decay: Decay = option(0.0, "Weight decay (L2): how strongly weights are pulled to zero.")
    coupled: bool | None = option(
        None,
        "Whether the decay is added to the gradient (coupled) rather than taken from the weights after it.",
        rare=True,
        none="from the weights for AdamW, to the gradient for all others",
    )
    l1: Decay = option(
        0.0,
        "L1: after each step weights come closer to zero by rate × this, and stay there once they arrive; "
        "by L-BFGS they only come near it.",
        rare=True,
    )
    pulled: Literal["weights", "everything"] = option(
        "weights", "What decay and L1 pull: weights, or biases and normalisation as well.", rare=True
    )
    clip: Clip | None = option(
        None, "The longest gradient that is allowed; longer ones are shortened.", rare=True, none="any length"
    )
    average: Average | None = option(
        None,
        "Moving average: weights that follow those that learn, and answer in their place, are scored and shown; so "
        "much of them stays at each step, 0.999 say, and less in the first ones.",
        rare=True,
        none="none",
    )
    patience: Whole | None = option(
        None,
        "Stop early after so many epochs without a better validation score, and keep the best weights.",
        rare=True,
        none="never",
    )
    folds: Annotated[int, Field(ge=2, le=10_000)] | Literal["all"] | None = option(
        None,
        "Cross-validation: into how many parts the examples are split; 'all' leaves one out at a time. "
        "Where they are divided in order, each part is told from those before it.",
        rare=True,
    )
    fold: Annotated[int, Field(ge=0, le=10**6)] | None = option(
        None, "Which part is held out, of a single fold.", hidden=True
    )
    sweep: Sweep | None = option(
        None, "Learn again and again with one thing varied, to see what the error depends on.", rare=True
    )
    examples: Annotated[int, Field(ge=2, le=10**9)] | None = option(
        None, "Learn from so many of the training examples only.", rare=True, none="all"
    )
    mislabelled: Annotated[float, Field(ge=0, le=1)] = option(
        0.0,
        "Label noise: so large a share of the training examples is given a wrong class, any other one alike.",
        rare=True,
        felt=(0.0, 1.0),
    )
    imbalance: Annotated[float, Field(ge=1, le=1000)] = option(
        1.0,
        "Imbalance: so many times as many training examples of the first class as of the last; those between "
        "grow fewer by the same factor from class to class.",
        rare=True,
    )
    back: Whole | None = option(
        None,
        "Truncated backpropagation through time: recurrent layers learn back over so many places and no farther.",
        rare=True,
        none="all places",
    )
    carry: bool = option(
        False,
        "Recurrent layers begin a batch with the state in which the last one ended, so that a text is read on; "
        "only while they learn, and where examples lie behind one another.",
        rare=True,
    )
    augment: Augment | None = option(None, "How examples are varied each time they are seen.", rare=True)
    frozen: tuple[str, ...] = option((), "Nodes whose weights do not move.", rare=True)
    rates: tuple[tuple[str, Annotated[float, Field(ge=0, le=1000)]], ...] = option(
        (), "Nodes with a rate of their own: by what the rate is multiplied there.", hidden=True
    )
    own: Annotated[tuple[Own, ...], Field(max_length=8)] = option(
        (), "What single networks have of their own, where there are several.", hidden=True
    )
    precision: Literal["fp32", "bf16", "fp16"] = option(
        "fp32", "How many bits a number has on its way through: 32, or 16 in one of two ways.", rare=True
    )
    channels_last: bool = option(False, "Store maps with their channels innermost: on some machines faster.", rare=True)
    compile: bool = option(
        False,
        "Let torch.compile make it faster, small networks by many steps in one call; takes up to a minute to begin, "
        "and no longer repeats to the last bit.",
        rare=True,
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = option(
        0, "Draws the first weights and the order of examples; the same seed gives the same bits on as many threads."
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = option(
        "auto", "Where to compute: the graphics card if there is one, else the processor.", rare=True
    )

    @property
    def unending(self) -> bool:
        """Return whether nothing ends it but whoever stops it."""
        return not (self.epochs or self.steps or self.seconds or self.patience)

    @property
    def couples(self) -> bool:
        """Return whether the decay is part of the gradient; where a line is searched it always is."""
        usual = self.optimiser != "adamw" if self.coupled is None else self.coupled
        return usual or self.optimiser == "lbfgs"

    def own_of(self, role: str) -> Own:
        """Return what one network has of its own."""
        return next((own for own in self.own if own.role == role), Own(role=role))

    def owning(self, role: str, **options: Any) -> "Recipe":
        """Return the recipe with these options for one network alone."""
        new = self.own_of(role).but(**options)
        others = tuple(own for own in self.own if own.role != role)
        return self.but(own=others if new == Own(role=role) else (*others, new))

    @field_validator("own", mode="before")
    @classmethod
    def _plain_own(cls, value: object) -> object:
        return tuple(map(_without_kind, value)) if isinstance(value, list | tuple) else value

    @field_validator("augment", "sweep", mode="before")
    @classmethod
    def _plain_choice(cls, value: object) -> object:
        return _without_kind(value)

    @field_validator("frozen", "rates", mode="before")
    @classmethod
    def _tuples(cls, value: object) -> object:
        return (
            tuple(tuple(v) if isinstance(v, list) else v for v in value) if isinstance(value, list | tuple) else value
        )


def _without_kind(value: object) -> object:
    return {k: v for k, v in value.items() if k != "kind"} if isinstance(value, dict) else value


def longer(recipe: Recipe, at: Mapping[str, float]) -> dict[str, float]:
    """Return the lengths with which a recipe lasts as long again from where it ended: its steps, epochs or seconds."""
    lengths = {"epochs": "epoch", "steps": "step", "seconds": "seconds"}
    ends = {name: float(at[place]) for name, place in lengths.items() if getattr(recipe, name)}
    found = {name: begun + getattr(recipe, name) for name, begun in ends.items()}
    return {name: round(value, 6) if name != "steps" else int(value) for name, value in found.items()}


def endless(recipe: Recipe) -> Recipe:
    """Return the recipe without its epochs; as it is where something in it depends on when they are over."""
    ends = recipe.schedule in ("cosine", "one_cycle") or recipe.patience or recipe.folds or recipe.sweep
    return recipe if ends else recipe.but(epochs=None)
