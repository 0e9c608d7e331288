"""Loading: the engine is imported by one thread, before any other reaches into it.

A package here imports its parts, and these ask for the package's other parts: two threads that come in at different
ends, as the first visitors of a fresh server do, would wait for each other, and Python gives one of them half a module.
"""

import importlib
import threading

_ENDS = ("engine.presets", "engine.live.house", "engine.live.bringing")  # what leads to all the rest
_lock = threading.Lock()


def load() -> None:
    """Import what takes long, or wait until another thread has."""
    with _lock:
        for name in _ENDS:
            importlib.import_module(name)
