"""Source: a graph as one readable PyTorch file that stands on its own."""

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import VitrineError
from engine.graph.cost import cost
from engine.graph.graph import Graph
from engine.graph.instances import Class, Instance, Row, classes, instances, progress
from engine.graph.lending import unlent
from engine.graph.starts import beginning, reached, starts
from engine.graph.timing import changed, helpers, measured, told, variables
from engine.graph.trace import lenders, trace
from engine.layers import modules
from engine.layers.base import Call
from engine.layers.entry import Input
from engine.layers.merging import Part
from engine.registry import printable

WIDTH = 100
LEADS = ("convolution", "dense", "pooling", "sequence", "attention", "block", "merging", "reshaping", "resizing")


def source(graphs: Mapping[str, Graph], name: str) -> str:
    """Return Python that builds the same networks: same parameters, same outputs."""
    for graph in graphs.values():
        if not (found := trace(graph)).sound:
            problem = next(problem.text for problem in found.problems if problem.stops)
            raise VitrineError(problem, cure="The code follows once this is fixed.")
    for _, words in unlent(graphs).values():
        raise VitrineError(words, cure="The code follows once this is fixed.")
    roots = {
        role: instances(graph, class_name(name if len(graphs) == 1 else f"{name} {role}"))
        for role, graph in graphs.items()
    }
    body = [_class(one, roots, graphs) for one in classes(*roots.values())]
    begun = [step for graph in graphs.values() for step in starts(graph)[0]]
    begin = [beginning(begun)] if begun else []
    own = _own_modules(list(roots.values()))
    parts = [*helpers("\n".join([*own, *body])), *own, *begin, *body, _main(graphs, roots)]
    text = "\n\n\n".join(parts)
    return f"{_head(graphs, name, text)}\n\n\n{text}\n"


def class_name(name: str) -> str:
    """Return the name of an experiment as the name of a class."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    joined = "".join(word[:1].upper() + word[1:] for word in words)
    taken = joined in ("None", "True", "False", "F") or hasattr(modules, joined)
    return f"Network{joined}" if taken or not joined[:1].isalpha() else joined


def _head(graphs: Mapping[str, Graph], name: str, text: str) -> str:
    said = []
    for role, graph in graphs.items():
        ways = ", ".join(str(layer.shape) for layer in graph.inputs.values())
        ends = ", ".join(map(str, trace(graph).outputs))
        lead = f"{role} " if len(graphs) > 1 else ""
        said.append(f"{lead}{ways} → {ends}, {cost(graph).total.weights:,} weights")
    imports = ["import math\n"] if "math." in text else []
    imports += ["import torch"] + (["import torch.nn.functional as F"] if re.search(r"\bF\.", text) else [])
    called = printable(name).replace("\\", "/").replace('"', "'")  # a name must not end the text that it stands in
    docstring = f'"""{called}: {"; ".join(said)}."""'
    return docstring + "\n\n" + "\n".join([*imports, "from torch import nn"])


def _main(graphs: Mapping[str, Graph], roots: Mapping[str, Instance]) -> str:
    """Return what runs where the file itself is run: each network once, on numbers drawn at random."""
    lines = ['if __name__ == "__main__":']
    for role, graph in graphs.items():
        shown = "outputs.shape" if len(graph.outputs) == 1 else "[tuple(output.shape) for output in outputs]"
        lines += [
            f"    network = {_built(role, graphs, roots)}.eval()",
            f"    outputs = network({', '.join(_examples(graph))})",
            f'    print(network, {shown}, f"{{sum(p.numel() for p in network.parameters()):,}} weights", sep="\\n")',
        ]
    return "\n".join(lines)


def _built(role: str, graphs: Mapping[str, Graph], roots: Mapping[str, Instance]) -> str:
    """Return what makes a network, and those whose weights it goes through."""
    given = [_built(other, graphs, roots) for other in lenders(graphs[role])]
    return f"{_class_of(roots[role])}({', '.join(given)})"


def _examples(graph: Graph) -> list[str]:
    examples = []
    for shape in (layer.shape for layer in graph.inputs.values()):
        sizes = ", ".join(map(str, (1, *shape.sizes)))
        examples.append(f"torch.zeros({sizes}, dtype=torch.long)" if shape.tokens else f"torch.randn({sizes})")
    return examples


def _own_modules(roots: Sequence[Instance]) -> list[str]:
    """Return the text of the modules that torch lacks and these networks have."""
    rows = [row for root in roots for instance in root.everything() for row in instance.rows]
    used = {r.call.target for r in rows if r.call and not r.call.name.startswith("nn.") and not r.layer.expression}
    every = [target for _, target in inspect.getmembers(modules, inspect.isclass) if target in used]
    return [inspect.getsource(t).strip() for t in sorted(every, key=lambda t: inspect.getsourcelines(t)[1])]


def _class(found: Class, roots: Mapping[str, Instance], graphs: Mapping[str, Graph]) -> str:
    model = found.model
    graph = next((graphs[role] for role, root in roots.items() if model is root), None)
    lines = [f"class {found.name}(nn.Module):"]
    if graph:
        lines += [f'    """{_says(graph)}"""', ""]
    lending = lenders(graph) if graph else ()
    parameters = "".join(f", {name}" for name in [*lending, *found.parameters])
    made = [line for row in model.rows for line in _made(found, row)]
    if lending:
        made.append(f"self._lenders = [{', '.join(lending)}]  # in a list, so that their weights stay their own")
    if graph:
        made += starts(graph)[1]
    if made:
        lines += [f"    def __init__(self{parameters}):", "        super().__init__()"]
        lines += [f"        {line}" for line in made] + [""]
    return "\n".join(lines + [f"    {line}" for line in _forward(found)])


def _says(graph: Graph) -> str:
    words = [node.block.name if node.block else node.layer.title.lower() for node in graph.nodes]
    words = [w for w, before in zip(words, [None, *words], strict=False) if w != before]
    shown = words if len(words) <= 8 else [*words[:5], "…", *words[-2:]]
    return " → ".join(shown) + "."


def _made(found: Class, row: Row) -> list[str]:
    """Return the lines of the constructor that make a row's module."""
    if row.call and not row.layer.expression:
        return [f"self.{row.id} = {_printed(found, row, row.call)}"]
    if not row.turns:
        return []
    if len(row.turns) == 1:
        arguments = ", ".join(_value(found, row, name, value) for name, value in row.turns[0].arguments.items())
        return [f"self.{row.id} = {_class_of(row.turns[0])}({arguments})"]
    steps = progress(row)
    return _loop(found, row, steps) if steps is not None else _listed(found, row)


def _loop(found: Class, row: Row, steps: dict[str, tuple[Any, int]]) -> list[str]:
    arguments = []
    for name, (start, step) in steps.items():
        first = _value(found, row, name, start)
        pace = _value(found, row, f"{name}_step", step)
        arguments.append(first if pace == "0" else f"{first} + {pace} * i")
    times = _value(found, row, "repeat", len(row.turns))
    counter = "i" if any(" * i" in argument for argument in arguments) else "_"
    one = f"{_class_of(row.turns[0])}({', '.join(arguments)})"
    return [f"self.{row.id} = nn.Sequential(*[{one} for {counter} in range({times})])"]


def _listed(found: Class, row: Row) -> list[str]:
    made = []
    for place, turn in enumerate(row.turns):
        arguments = (_value(found, row, f"{name}_{place}", value) for name, value in turn.arguments.items())
        made.append(f"{_class_of(turn)}({', '.join(arguments)})")
    runs: list[list[Any]] = []
    for one in made:
        if runs and runs[-1][0] == one:
            runs[-1][1] += 1
        else:
            runs.append([one, 1])
    parts = [one if times == 1 else f"*[{one} for _ in range({times})]" for one, times in runs]
    line = f"self.{row.id} = nn.Sequential({', '.join(parts)})"
    if len(line) < WIDTH - 8:
        return [line]
    return [f"self.{row.id} = nn.Sequential(", *(f"    {part}," for part in parts), ")"]


def _class_of(turn: Instance) -> str:
    assert turn.shared, "every instance has its class before code is written"
    return turn.shared.name


def _printed(found: Class, row: Row, call: Call) -> str:
    parameters = inspect.signature(call.target).parameters
    arguments = []
    for name, value in call.options:
        default = parameters[name].default if name in parameters else inspect.Parameter.empty
        text = _value(found, row, name, value)
        required = default is inspect.Parameter.empty and name in parameters
        if not required and (row.id, name) not in found.at and _same(value, default):
            continue
        positional = required and (not arguments or name != "kernel_size")
        arguments.append(text if positional else f"{name}={text}")
    made = f"{call.name}({', '.join(arguments)})"
    if call.normed == "no":
        return made
    along = "".join(f", {name}={value}" for name, value in call.along.items())
    return f"nn.utils.parametrizations.{call.normed}_norm({made}{along})"


def _same(value: Any, default: Any) -> bool:
    pairs = (value, value) if isinstance(value, int) and isinstance(default, tuple) else value
    return pairs == default and isinstance(value, bool) == isinstance(default, bool)


def _value(found: Class, row: Row, option: str, value: Any) -> str:
    if name := found.at.get((row.id, option)):
        return name
    if inspect.isclass(value):
        return f"nn.{value.__name__}"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _forward(found: Class) -> list[str]:
    """Return the method that runs the rows, one line for each that leads and those that follow it."""
    rows = found.model.rows
    entering = [row.id for row in rows if row.enters]
    names = _variables(found.model)
    timed = variables(found.model)
    given = [] if any(isinstance(row.layer, Input) for row in rows) else [timed[n] for n in entering if n in timed]
    lines = [f"def forward(self, {', '.join([*entering, *given])}):"]
    lines += [f"    {line}" for line in measured(found.model)]
    running = ""  # an expression not yet given a name
    for place, row in enumerate(rows):
        if row.enters:
            continue
        valued = row.sources[:1] if _borrows(row) else row.sources
        inputs = [running if running and names[s] == "x" and s == rows[place - 1].id else names[s] for s in valued]
        if _borrows(row):
            inputs.append(f"self.{_lender(found.model, row)}.weight")
        beside = [*inputs[1:], *told(row, timed)] if len(row.turns) > 1 else []
        lengths = told(row, timed)
        targets = ", ".join([names[row.id], *row.handed])
        lines += [f"    {line}" for line in changed(row, timed, found.model)]
        if isinstance(row.layer, Part):  # whatever hands it on has given it this name already
            named = next(one.handed_as(row.layer.what) for one in rows if one.id == row.sources[0])
            lines += [f"    {row.id} = {named}"] if named != row.id else []
            running = ""
            continue
        if beside or (row.handed and len(row.turns) > 1):
            name = names[row.id]
            lines += [f"    {name} = {inputs[0]}"] if name != inputs[0] else []
            lines += [f"    for turn in self.{row.id}:", f"        {targets} = turn({', '.join([name, *beside])})"]
            running = name
        elif row.layer.expression:
            running = row.layer.code(row.given, inputs)
        else:
            lengths = [f"lengths={lengths[0]}"] if lengths and not row.turns else lengths
            running = f"self.{row.id}({', '.join([*inputs, *lengths])})"
        after = rows[place + 1] if place + 1 < len(rows) else None
        if row.handed:
            lines += [_commented(found, place, f"    {targets} = {running}")] if running != names[row.id] else []
            running = ""
            continue
        if names[row.id] == "x" and after and after.layer.family not in LEADS:
            continue
        last = after is None and found.model.outputs == (row.id,)
        lines.append(_commented(found, place, f"    return {running}" if last else f"    {names[row.id]} = {running}"))
        if last:
            return lines
        running = ""
    lines.append(f"    return {', '.join(names[name] for name in found.model.outputs)}")
    return lines


def _lender(model: Instance, row: Row) -> str:
    """Return through whose weights a row goes, as the network reaches that."""
    if not row.lent:
        return row.sources[1]
    roles = list(dict.fromkeys(one.lent.partition(":")[0] for one in model.rows if one.lent))
    role, _, path = row.lent.partition(":")
    return f"_lenders[{roles.index(role)}].{reached(path)}"


def _borrows(row: Row) -> bool:
    """Return whether a row goes through the weights of its second source."""
    return len(row.given) > 1 and row.given[1].weight


def _variables(model: Instance) -> dict[str, str]:
    """Return a variable for each row: x, where the next row alone takes it, else the row's own name."""
    takers: dict[str, list[str]] = {row.id: [] for row in model.rows}
    for row in model.rows:
        for name in row.sources[:1] if _borrows(row) else row.sources:
            takers[name].append(row.id)
    # What stands beside a repeated block at every turn must outlast what goes through it from turn to turn.
    aside = {name for row in model.rows if len(row.turns) > 1 for name in row.sources[1:]}
    names = {}
    for place, row in enumerate(model.rows):
        after = model.rows[place + 1].id if place + 1 < len(model.rows) else None
        only = takers[row.id] == [after] and row.id not in model.outputs
        lonely = after is None and row.id in model.outputs
        named = row.enters or isinstance(row.layer, Part) or not (only or lonely) or row.id in aside
        names[row.id] = row.id if named else "x"
    return names


def _commented(found: Class, place: int, line: str) -> str:
    shapes = {str(instance.rows[place].gives) for instance in found.instances}
    return line if len(shapes) > 1 else f"{line}  # {shapes.pop()}"
