"""Tasks: what is learned, and how it is scored; a file a task."""

from engine.registry import import_all
from engine.tasks.task import TASKS, Task, Turn

import_all(__name__)

__all__ = ["TASKS", "Task", "Turn"]
