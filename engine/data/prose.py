"""Prose: the English text that every Python carries about itself."""

from engine.data.dataset import source
from engine.data.running import Running


@source("prose")
class Prose(Running):
    """What Python's own manual says of the language; at every place it is to be told what comes next.

    Windows lie behind one another; the last stretch of the text is for the test, the one before it for validation.
    """

    title, licence, origin = "Python's manual", "PSF-2.0", "pydoc_data, part of Python"

    def text(self):
        """Return the manual, its topics in the order of the alphabet."""
        from pydoc_data.topics import topics

        return "\n".join(topics[name] for name in sorted(topics))
