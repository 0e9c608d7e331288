"""What all tests share."""

import os

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")  # bits are promised for processors; name a card to test one
if "PYTEST_XDIST_WORKER" in os.environ:  # several processes share the cores: one thread each, or they wait in line
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest

hypothesis.settings.register_profile("suite", deadline=None, max_examples=60, derandomize=True)
hypothesis.settings.register_profile("long", deadline=None, max_examples=1500)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Run browser tests one after the other on one process: two apps and two browsers would wait for each other."""
    from xdist.scheduler import LoadScopeScheduling

    class BrowserApart(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return "browser" if nodeid.startswith("tests/browser/") else nodeid

    return BrowserApart(config, log)


@pytest.fixture(autouse=True)
def data_of_tests(tmp_path_factory, monkeypatch):
    """Let data be read from where tests lay them."""
    monkeypatch.setenv("VITRINE_DATA", str(tmp_path_factory.getbasetemp()))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return an empty folder in which everything is kept for one test."""
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("VITRINE_STORE", raising=False)
    return tmp_path / "home"


@pytest.fixture(scope="module")
def lasting_home(tmp_path_factory):
    """Return an empty folder in which everything is kept for the tests of a file."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("VITRINE_HOME", str(folder))
        patch.delenv("VITRINE_STORE", raising=False)
        yield folder
