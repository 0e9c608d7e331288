# Two commands: `make app` and `make test`. Each sets up what it needs, and is quick the second time.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: app test bench case photographs

app: $(VENV)/app.done
	@$(RUN) -m engine app

test: $(VENV)/dev.done $(VENV)/browser.done $(VENV)/postgres.done
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ty check --python $(VENV) engine pages app.py
	$(RUN) -m pytest -n 2 -m "not slow"

bench: $(VENV)/dev.done $(VENV)/browser.done
	$(RUN) -m tests.bench

# What Start shows: loops of networks that learn, recorded anew.
case: $(VENV)/dev.done
	$(RUN) -m tests.record

# What the README shows: labs while their networks learn, taken anew.
photographs: $(VENV)/dev.done $(VENV)/browser.done
	$(RUN) -m tests.photograph

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/app.done: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable .
	@touch $@

$(VENV)/dev.done: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/app.done

# A Chromium for the browser tests: one that is there, else Debian's, else Playwright's own.
$(VENV)/browser.done: $(VENV)/dev.done
	@command -v chromium chromium-browser google-chrome >/dev/null \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get -qq update && apt-get -qq install --yes chromium; } \
	|| $(RUN) -m playwright install chromium
	@touch $@

# A PostgreSQL for the tests of a shared store: one that is there, or Debian's; without one those tests say so.
$(VENV)/postgres.done: $(VENV)/dev.done
	@command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get -qq update && apt-get -qq install --yes postgresql; } \
	|| echo "PostgreSQL is not here: tests of a shared store will be skipped."
	@touch $@
