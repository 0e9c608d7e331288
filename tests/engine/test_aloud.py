"""Aloud: what is said of a figure is what it shows."""

import re

import numpy as np
import pytest

from engine.figures.aloud import MOST_SIGNS, aloud
from engine.figures.figure import axis, figure, heat, line, literal, nothing
from engine.figures.raster import coded


def test_a_line_is_told_by_its_ends_and_turns():
    shown = figure(
        [line("train", [0, 10, 20, 30], [2.5, 0.25, 4.0, 1.0], "#000")], xaxis=axis("step"), yaxis=axis("loss")
    )
    assert aloud("Curves", shown) == (
        "Curves. Across: step. Up: loss. train: 2.5 at 0, then 1 at 30, lowest 0.25 at 10, highest 4 at 20."
    )


def test_gaps_and_lines_without_numbers_are_no_part_of_it():
    shown = figure([line("a", [0, 1, 2], [None, 3.0, float("nan")], "#000"), line("b", [0], [None], "#000")])
    assert aloud("Gaps", shown) == "Gaps. a: 3 at 1."


def test_a_table_is_told_by_its_size_and_range_however_it_is_sent():
    values = np.linspace(-3.0, 5.0, 1200).reshape(30, 40)
    plain = figure([heat(values, None, None)])
    small = figure([heat(coded(values), None, None)])
    assert aloud("Map", plain) == aloud("Map", small) == "Map. Values, 30 by 40, from -3 to 5."


def test_the_longest_bars_come_first():
    bars = {"type": "bar", "orientation": "h", "x": [0.1, -0.9, 0.5], "y": ["a", "b", "c"], "name": "weights"}
    assert aloud("Bars", figure([bars])) == "Bars. weights: b -0.9, c 0.5, a 0.1."
    many = {"type": "bar", "x": [f"n{i}" for i in range(9)], "y": list(range(9))}
    assert aloud("Bars", figure([many])).endswith("n4 4 and 4 more.")


def test_markup_and_joiners_are_not_read_and_names_are():
    words = f"<b>{literal('R&D <script>')}</b><br>two"
    shown = nothing(words)
    assert aloud("Names", shown) == "Names. R&D <script> two."


def test_what_is_sent_as_bytes_is_read_as_numbers():
    many = np.arange(700.0)
    shown = figure([{"type": "scatter", "mode": "lines", "name": "n", "x": coded(many), "y": coded(2 * many)}])
    assert aloud("Bytes", shown) == "Bytes. n: 0 at 0, then 1398 at 699."
    dots = figure([{"type": "scatter", "mode": "markers", "name": "blue", "x": coded(many), "y": coded(many)}])
    assert aloud("Bytes", dots) == "Bytes. 700 points of blue."


def test_what_is_said_has_an_end():
    shown = figure([line("x" * 300, [0, 1], [place, 1], "#000") for place in range(40)])
    assert len(aloud("Long", shown)) <= MOST_SIGNS


BROKEN = [
    {"type": "bar", "x": ["a"], "y": ["b"]},
    {"type": "heatmap", "z": []},
    {"type": "heatmap", "z": [[1], [1, 2]]},
    {"type": "heatmap", "z": [["a"]]},
    {"x": None, "y": None},
    {"x": [], "y": []},
]


@pytest.mark.parametrize("broken", BROKEN)
def test_what_has_no_numbers_is_passed_over(broken):
    assert not re.search("nan|None", aloud("Odd", figure([broken])))
