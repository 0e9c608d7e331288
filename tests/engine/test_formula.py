"""Formulas show rule, numbers and result."""

import pytest

from engine.layers.formula import formula


def test_a_formula_shows_its_rule_with_the_numbers_put_in():
    found = formula(
        "weights",
        "maps * (kernel_height * kernel_width * channels + 1)",
        maps=6,
        kernel_height=5,
        kernel_width=5,
        channels=3,
    )
    assert str(found) == ("weights = maps · (kernel height · kernel width · channels + 1) = 6 · (5 · 5 · 3 + 1) = 456")


@pytest.mark.parametrize(
    ("rule", "shown", "value"),
    [
        ("(a - b) // c + 1", "⌊(9 − 4) / 2⌋ + 1", 3),
        ("a - (b - c)", "9 − (4 − 2)", 7),
        ("a * (b + c)", "9 · (4 + 2)", 54),
        ("a // c * b", "⌊9 / 2⌋ · 4", 16),
    ],
)
def test_brackets_stand_where_they_are_needed(rule, shown, value):
    found = formula("x", rule, a=9, b=4, c=2)
    assert (found.numbers, found.value) == (shown, value)


def test_a_rule_can_do_arithmetic_and_nothing_else():
    with pytest.raises(ValueError, match="no place for"):
        formula("x", "print(a)", a=1)
