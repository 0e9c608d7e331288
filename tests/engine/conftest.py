"""What tests of the engine share."""

import pytest

from engine.runs.store import Store
from tests.engine.living import end_all


@pytest.fixture
def store(home):
    """Yield an empty store, and leave no worker behind."""
    store = Store()
    yield store
    end_all(store)
