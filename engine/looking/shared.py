"""What panels of one board look at together: the sample, the node, its unit and place, the class, and what is off."""

from typing import Annotated

from pydantic import Field

from engine.choice import option
from engine.errors import VitrineError
from engine.graph.graph import Graph
from engine.graph.reach import Seen, reach
from engine.graph.trace import Step, trace
from engine.looking.session import Session
from engine.tasks.telling import LABEL
from engine.training.experiment import Experiment

SHARED = ("sample", "node", "unit", "row", "column", "toward", "off")  # options of these names follow the board

Words = Annotated[str, Field(max_length=200, coerce_numbers_to_str=True)]
Example = Annotated[str, Field(max_length=2000, coerce_numbers_to_str=True)]  # a name, or text that was written
Number = Annotated[int, Field(ge=0, le=1_000_000)]
Names = Annotated[tuple[Words, ...], Field(max_length=64)]

ROLE = option("", "Which of several networks; empty: the first that suits.", rare=True)
SAMPLE = option("0", "Which example: the number of a validation example, 'train 3', 'test 5', or one of yours.")
NODE = option("", "Which layer; empty: the one that is selected, or else one that suits.")
UNIT = option(0, "Which of its channels or units, from 0.")
PLACE = option(None, "Where in its map, from 0; none: where it is strongest.", none="the strongest", rare=True)
TOWARD = option("predicted", "Which class is asked about: 'predicted', 'true', or a class's name or number.")
OFF = option(
    (),
    "Layers or single units (conv1:3) that are switched off, gates that stand open (lstm:forget).",
    rare=True,
)


def pictured(experiment: Experiment) -> str:
    """Return why no picture enters the network that is looked at, by itself or through those before it, or nothing."""
    mine = [next(iter(experiment.graphs))]
    for role in mine:
        mine += [one for one, other in experiment.task.flow if other == role and one not in mine]
    every = (experiment.graphs[role].inputs.items() for role in mine if role in experiment.graphs)
    takes = ([layer.sizes for name, layer in inputs if name != LABEL] for inputs in every)
    one = any(len(sizes) == 1 and len(sizes[0]) == 3 for sizes in takes)
    return "" if one else "Only networks that take one picture have this."


def paints(experiment: Experiment) -> bool:
    """Return whether the network that is looked at makes pictures out of noise."""
    made = trace(experiment.graph).outputs
    of_noise = experiment.task.noisy and next(iter(experiment.graphs)) == experiment.task.unfolds
    return of_noise and bool(made) and made[0].rank == 3


def steps(graph: Graph) -> list[Step]:
    """Return every layer that computes something, in the order in which data meet it."""
    return [step for step in trace(graph).steps if step.layer.family not in ("input", "entry")]


def united(graph: Graph) -> list[Step]:
    """Return the layers that give units: maps, or a row of numbers."""
    return [step for step in steps(graph) if step.gives.rank in (1, 3) and not step.gives.tokens]


def mapped(graph: Graph) -> list[Step]:
    """Return the layers that give maps: channels with height and width."""
    return [step for step in steps(graph) if step.gives.rank == 3]


def classified(experiment: Experiment) -> str:
    """Return why no classes can be told, or nothing."""
    return "" if experiment.task.classifies else "Only networks that classify have classes to confuse."


def without_maps(experiment: Experiment) -> str:
    """Return why nothing in the network gives maps, or nothing."""
    return "" if mapped(experiment.graph) else "This network has no layer that gives maps."


def picked(suiting: list[Step], graph: Graph, node: str, what: str, first: int = 0) -> Step:
    """Return the step of a node where it suits, else the nearest before it, else the nearest behind.

    A node is named as a module or as the graph does; none at all means the one at `first` among those that suit.
    """
    if not suiting:
        raise VitrineError(f"The network has no layer {what}.")
    if not node or node in graph.inputs:
        return suiting[first]
    order = [step.path for step in steps(graph)]
    named = [step.path for step in steps(graph) if node in (step.path, step.place)]
    inside = [path for path in order if path.startswith(f"{node}.")]  # of a block, its last layer
    if not named and not inside:
        raise VitrineError(f"There is no layer {node!r} any more.", cure="Choose another.")
    place = order.index(named[0] if named else inside[-1])
    before = [step for step in suiting if order.index(step.path) <= place]
    return before[-1] if before else suiting[0]


def seen_by(session: Session, path: str) -> tuple[Seen, ...] | None:
    """Return what of the example each place of a node sees; None where that is not told, or it is given no example."""
    return reach(trace(session.graph), path) if takes_examples(session) else None


def takes_examples(session: Session) -> bool:
    """Return whether the network that is looked at is given examples as they are, and nothing else."""
    return [layer.sizes for layer in session.graph.inputs.values()] == [session.network.dataset.sizes]


def offered(suiting: list[Step]) -> list[str]:
    """Return the paths of steps, as a form offers them."""
    return [step.path for step in suiting]


def nodes_of(graph: Graph, prefix: str = "") -> list[str]:
    """Return the paths of all layers of a graph that compute something, in order."""
    paths: list[str] = []
    for node in graph.nodes:
        if node.block:
            paths += nodes_of(node.block.graph, f"{prefix}{node.id}.{'0.' if node.block.repeat > 1 else ''}")
        elif node.layer.family != "input":
            paths.append(prefix + node.id)
    return paths
