"""One app and one browser for all browser tests; a fresh profile for each."""

import pytest
from playwright.sync_api import expect

from engine.runs.store import Store
from tests.engine.living import end_all
from tests.serving import PATIENCE, browser, served, settled

expect.set_options(timeout=1000 * PATIENCE)


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """Return the folder in which the app keeps everything."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def address(home):
    """Serve the app."""
    with served(home) as (address, _):
        yield address


@pytest.fixture(scope="session")
def runs(home, address):
    """Return the app's store."""
    store = Store(f"sqlite:///{home / 'vitrine.db'}")
    yield store
    store.engine.dispose()


@pytest.fixture(scope="session")
def chromium():
    """Start the browser."""
    with browser() as chromium:
        yield chromium


@pytest.fixture
def visit(address, runs, chromium):
    """Return a function that opens a page in a profile of its own; errors on any page fail the test.

    Afterwards no run is left learning, which would slow down whatever comes next.
    """
    contexts, errors = [], []

    def visit(path, unfolded=True, **options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 1000}} | options)
        contexts.append(context)
        if unfolded:  # the drawing with its boxes, rather than in one line
            context.add_init_script("localStorage.setItem('vitrine-diagram', '1')")
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path if path.startswith("http") else f"{address}/{path}")
        if "cnn" in path:
            settled(page)
        return page

    yield visit
    for context in contexts:
        context.close()
    end_all(runs)
    assert errors == []
