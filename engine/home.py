"""Where everything lies that Vitrine keeps."""

import os
from pathlib import Path


def home() -> Path:
    """Return the folder of VITRINE_HOME, or .vitrine in the person's own."""
    return Path(os.environ.get("VITRINE_HOME") or Path.home() / ".vitrine").absolute()
