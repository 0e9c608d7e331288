"""Data flows down the rooms, imports point up; the table says who may import whom."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FOUNDATIONS = ["engine.errors", "engine.home", "engine.registry", "engine.choice", "engine.fields"]
BUILDING = [*FOUNDATIONS, "engine.layers", "engine.graph"]
LEARNING = [*BUILDING, "engine.data", "engine.tasks", "engine.training"]
WINGS = ("learning", "points", "maps", "reasons", "sequences", "latent", "game", "doctor", "answers")
SEEING = ["engine.figures", "engine.looking", "engine.views"]
ROOMS = {  # each room, and the rooms of this project that it may import
    "engine.errors": [],
    "engine.home": [],
    "engine.fields": [],
    "engine.loading": [],
    "engine.registry": ["engine.errors"],
    "engine.choice": ["engine.errors", "engine.registry"],
    "engine.layers": FOUNDATIONS,
    "engine.graph": [*FOUNDATIONS, "engine.layers"],
    "engine.data": [*FOUNDATIONS, "engine.layers"],
    "engine.tasks": [*BUILDING, "engine.data"],
    "engine.training": [*BUILDING, "engine.data", "engine.tasks"],
    "engine.presets": LEARNING,
    "engine.figures": [],
    "engine.looking": [*LEARNING, "engine.figures"],
    "engine.views": ["engine.registry", "engine.figures", "engine.looking", "engine.views"],
    **{f"engine.views.{wing}": [*LEARNING, "engine.figures", "engine.looking"] for wing in WINGS},  # none knows another
    "engine.runs": [*LEARNING, "engine.looking", "engine.views"],
    "engine.live": [*LEARNING, *SEEING, "engine.runs"],
    "engine.cli": [
        *LEARNING,
        "engine.presets",
        "engine.figures",
        "engine.looking",
        "engine.views",
        "engine.runs",
        "engine.live",
    ],
    "engine.__main__": ["engine.cli"],
    "pages": ["engine"],
    "app": ["engine", "pages.ui.accounts"],
}
FORBIDDEN = {"engine": {"streamlit"}, "pages": {"torch", "plotly"}, "app": {"torch", "plotly"}}

FILES = sorted(
    path
    for room in ("engine", "pages", "app.py")
    for path in ([ROOT / room] if room.endswith(".py") else (ROOT / room).rglob("*.py"))
)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room_of(name: str) -> str:
    return next((room for room in sorted(ROOMS, key=len, reverse=True) if f"{name}.".startswith(f"{room}.")), "")


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_point_up(path):
    room = room_of(module_name(path))
    if not room:
        assert module_name(path) == "engine", f"{path} stands in no room of the table"
        return
    for imported in imports(path):
        top = imported.split(".")[0]
        assert top not in FORBIDDEN[room.split(".")[0]], f"{path.name} imports {imported}"
        if top in ("engine", "pages", "app"):
            allowed = [*ROOMS[room], room]
            assert any(f"{imported}.".startswith(f"{other}.") for other in allowed), f"{room} imports {imported}"


def test_the_engine_needs_no_streamlit():
    code = (
        "import sys; sys.modules['streamlit'] = None\n"
        "import engine.cli\n"
        "from engine.presets import PRESETS\n"
        "from engine.graph.network import Network\n"
        "import torch\n"
        "assert Network(PRESETS['lenet-5'].make())(torch.zeros(1, 1, 28, 28)).shape == (1, 10)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_worker_is_ready_without_what_is_seldom_asked_for(tmp_path):
    heavy = ("sklearn", "scipy", "captum", "matplotlib", "pandas")
    code = (
        "import sys; import engine.runs.desk; from engine.runs.warm import warm; warm()\n"
        f"loaded = [name for name in {heavy} if name in sys.modules]\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, env=os.environ | {"VITRINE_HOME": str(tmp_path)})


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_files_stay_short(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 320, f"{path.name} has {lines} lines: it wants to be two files"


SCRIPTS = sorted((ROOT / "assets").glob("*.js"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_pages_are_built_of_elements_and_never_of_text_with_something_put_in(path):
    text = path.read_text(encoding="utf-8")
    for found in re.finditer(r"(?:innerHTML|outerHTML)\s*\+?=\s*|insertAdjacentHTML|document\.write|\belement\(", text):
        rest = text[found.end() :].lstrip()
        if found[0].startswith("innerHTML") and rest.startswith("html.trim()"):
            continue  # the helper of that name, whose calls are looked at here
        statement = rest[: rest.index(";")]
        assert statement[:1] in ("'", '"', "`"), f"{path.name}: {statement[:60]}"
        assert "${" not in statement, f"{path.name}: {statement[:60]}"
        assert not re.search(r"['\"`]\s*\+\s*[^'\"`\s]", statement), f"{path.name}: {statement[:60]}"
