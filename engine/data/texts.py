"""A person's own texts: with the class of each in a CSV file, or one long text to be written on."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from engine.choice import option
from engine.data import places
from engine.data.dataset import CALLED, SEED, TEST, VALIDATION, Called, Portion, Seed, source
from engine.data.rows import column, letters_of, opened_rows, opened_text
from engine.data.running import Running
from engine.data.wording import Worded
from engine.errors import VitrineError
from engine.registry import printable

Name = Annotated[str, Field(max_length=200)]
MOST_PASTED = 20_000  # signs that stand in an experiment itself


@source("texts")
class Texts(Worded):
    """Your own texts: a CSV file with a column of texts, and one that says of which class each is."""

    title, licence, origin = "Your texts", "yours", "your own"

    called: Called = CALLED
    path: places.PathText = option("", "The CSV file; its first line names the columns.", rare=True)
    text: Name = option("", "The column of texts; empty: the one with the longest.", rare=True)
    target: Name = option("", "The column that names the class; empty: the last one that is not the texts.", rare=True)
    validation: Portion = VALIDATION
    test: Portion = TEST
    seed: Seed = SEED

    def here(self):
        """Return whether the file may be read, and is there."""
        return places.there(self.path)

    def load(self):
        """Read texts and classes; lines without the one or the other are left out, and that is said."""
        names, rows = opened_rows(self.path)
        if len(names) < 2 or not rows:
            raise VitrineError("A file of texts needs a column of texts and one of classes.")
        text = column(names, self.text) if self.text else _longest(names, rows)
        others = [place for place in range(len(names)) if place != text]
        target = column(names, self.target) if self.target else others[-1]
        if text == target:
            raise VitrineError(f"The column {names[text]!r} cannot be both text and class.", cure="Choose another.")
        pairs = [(row[text], printable(row[target]).strip()) for _, row in rows]
        whole = [(text, label) for text, label in pairs if text.strip() and label]
        if not whole:
            raise VitrineError("No line has both a text and a class.", cure="Choose other columns.")
        left = len(pairs) - len(whole)
        notes = (f"{left:,} of {len(pairs):,} lines have no text or no class, and are left out.",) if left else ()
        notes = (f"{names[text]!r} holds the texts, {names[target]!r} the classes.", *notes, *letters_of(self.path))
        return self._divided([text for text, _ in whole], [label for _, label in whole], notes)


def _longest(names, rows) -> int:
    """Return the column whose cells are longest."""
    return max(range(len(names)), key=lambda place: sum(len(row[place]) for _, row in rows[:1000]))


@source("writing")
class Writing(Running):
    """Your own text: at every place it is to be told what comes next.

    Windows lie behind one another; the last stretch of the text is for the test, the one before it for validation.
    """

    title, licence, origin = "Your text", "yours", "your own"

    called: Called = CALLED
    path: places.PathText = option("", "A text file.", rare=True)
    pasted: Annotated[str, Field(max_length=MOST_PASTED)] = option("", "Or the text itself.", hidden=True)

    def here(self):
        """Return whether there is a text."""
        return bool(self.pasted) or places.there(self.path)

    def load(self):
        """Cut the text into windows; how its letters are read is said where that is not as usual."""
        return replace(super().load(), notes=() if self.pasted else letters_of(self.path))

    def text(self):
        """Return the pasted text, or what the file says."""
        text = self.pasted or opened_text(places.opened(self.path, "file"))
        if not text.strip():
            raise VitrineError("The text is empty.", cure="Write something, or choose another file.")
        return text
