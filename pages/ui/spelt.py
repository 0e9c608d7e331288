"""Spelt: numbers as people type them; what is none stays text, for a choice to complain of."""

import re

LISTED = re.compile(r"\d{1,9}(\s*[×x,\s]\s*\d{1,9})*")


def sizes(text: str) -> tuple[int, ...] | str:
    """Return whole numbers with × between them."""
    plain = text.strip().strip("()")
    return tuple(map(int, re.split(r"\s*[×x,\s]\s*", plain))) if LISTED.fullmatch(plain) else text


def decimals(text: str) -> tuple[float, ...] | str | None:
    """Return numbers with commas or spaces between them; none where there are none."""
    parts = [part for part in re.split(r"[,\s]+", text.strip()) if part]
    try:
        return tuple(map(float, parts)) or None
    except ValueError:
        return text
