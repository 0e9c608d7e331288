"""The built package: `pip install` of it gives a `vitrine app` that works from any folder."""

import asyncio
import os
import shutil
import subprocess
import sys
import tomllib
import urllib.request
import zipfile

import pytest

from tests.serving import ROOT, served
from tests.strangers import opened

PARTS = ("app.py", "assets", "engine", "pages", ".streamlit", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Build a wheel of a copy, and install nothing but that into a folder of its own."""
    made = tmp_path_factory.mktemp("wheel")
    for part in PARTS:
        source, copy = ROOT / part, made / "source" / part
        copy.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", made, made / "source"], check=True)
    (wheel,) = made.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", made / "site", wheel], check=True)
    return made / "site", wheel


def test_every_folder_is_in_the_wheel_and_nothing_else(installed):
    folders = {
        str(file.parent.relative_to(ROOT)).replace("/", ".")
        for top in ("engine", "pages", "assets")
        for file in (ROOT / top).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert {name if name.startswith("engine") else f"engine.site.{name}" for name in folders} | {"engine.site"} == set(
        named
    )
    with zipfile.ZipFile(installed[1]) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top.split("-")[0] for top in tops} == {"engine", "vitrine"}


def test_the_installed_app_serves_its_pages_from_any_folder(installed, tmp_path):
    site, _ = installed
    where = {"PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    command = [site / "bin" / "vitrine", "presets"]
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, env=os.environ | where, capture_output=True, text=True
    )
    assert "lenet-5" in done.stdout, done.stderr
    code = "import engine; print(engine.__file__)"
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=os.environ | where, capture_output=True)
    assert found.stdout.decode().startswith(str(site))
    with served(tmp_path / "home", cwd=tmp_path, VITRINE_SPARE="0", **where) as (address, _):
        for path in ("", "live/live.js", "live/plotly.js"):
            assert urllib.request.urlopen(f"{address}/{path}", timeout=60).status == 200
        said = asyncio.run(opened(address, "cnn", "preset=lenet-5"))
        assert b"CNN lab" in said
        assert b"Traceback" not in said
