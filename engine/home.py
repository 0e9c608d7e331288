"""Where everything lies that Vitrine keeps."""

import errno
import os
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
SHUT = (errno.EACCES, errno.EPERM, errno.EROFS)


def home() -> Path:
    """Return the folder of VITRINE_HOME, or .vitrine in the person's own."""
    return Path(os.environ.get("VITRINE_HOME") or Path.home() / ".vitrine").absolute()


def cure_of(error: BaseException) -> str:
    """Return what to do where something could not be written."""
    number = getattr(error, "errno", None)
    if number in SHUT:
        return f"Let {home()} be written, or set VITRINE_HOME to a folder that may be."
    return "Make room on the disk." if number in FULL or number is None else "See that the disk can be written."
