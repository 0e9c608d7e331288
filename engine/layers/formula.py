"""Formulas that show their rule, the numbers put in, and the value."""

import ast
import functools
from dataclasses import dataclass


@dataclass(frozen=True)
class Formula:
    """One count: what it counts, the rule in words, the rule in numbers, and the result."""

    name: str
    rule: str
    numbers: str
    value: int

    def __str__(self) -> str:
        return f"{self.name} = {self.rule} = {self.numbers} = {self.value:,}"


def formula(name: str, rule: str, **numbers: int) -> Formula:
    """Work a rule out, e.g. formula('weights', 'maps * (inputs + 1)', maps=6, inputs=75)."""
    tree = _parse(rule)
    return Formula(name, _show(tree, {}), _show(tree, numbers), _value(tree, numbers))


@functools.cache
def _parse(rule: str) -> ast.expr:
    return ast.parse(rule, mode="eval").body


def _value(tree: ast.expr, numbers: dict[str, int]) -> int:
    match tree:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name):
            return numbers[name]
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _value(left, numbers), _value(right, numbers)
            return {"Add": a + b, "Sub": a - b, "Mult": a * b, "FloorDiv": a // b if b else 0}[type(op).__name__]
    raise ValueError(f"a formula has no place for {ast.unparse(tree)}")


SIGNS = {"Add": " + ", "Sub": " − ", "Mult": " · "}


def _show(tree: ast.expr, numbers: dict[str, int]) -> str:
    match tree:
        case ast.Constant(value=int(value)):
            return f"{value:,}"
        case ast.Name(id=name):
            return f"{numbers[name]:,}" if numbers else name.replace("_", " ")
        case ast.BinOp(left=left, op=ast.FloorDiv(), right=right):
            return f"⌊{_bracket(left, numbers)} / {_bracket(right, numbers)}⌋"
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return f"{_bracket(left, numbers)} · {_bracket(right, numbers)}"
        case ast.BinOp(left=left, op=op, right=right):
            after = _bracket(right, numbers) if isinstance(op, ast.Sub) else _show(right, numbers)
            return f"{_show(left, numbers)}{SIGNS[type(op).__name__]}{after}"
    raise ValueError(f"a formula has no place for {ast.unparse(tree)}")


def _bracket(tree: ast.expr, numbers: dict[str, int]) -> str:
    text = _show(tree, numbers)
    sum_inside = isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Add | ast.Sub)
    return f"({text})" if sum_inside else text
