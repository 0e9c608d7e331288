"""Who looks at a run that learns: each watch has its share of the time, and all together no more than theirs."""

import types

import pytest

from engine.looking import Frame
from engine.presets import PRESETS
from engine.runs import lookout
from engine.runs.carry import new_run
from engine.runs.store import Store
from engine.training.learner import Learner

COSTS = {"quick": 0.001, "usual": 0.015, "slow": 0.06}  # seconds
SECONDS, APART = 60.0, 0.2  # how long is looked, and how far reports lie apart


def of(name, pulses, abreast):
    """Return a view of this name."""
    return types.SimpleNamespace(name=name, reads="network", pulses=pulses, abreast=abreast)


@pytest.fixture
def looked(home, monkeypatch):
    """Return what counts looks at views of known cost, by a clock that only they and reports move."""
    clock = types.SimpleNamespace(now=100.0)
    monkeypatch.setattr(lookout, "time", types.SimpleNamespace(monotonic=lambda: clock.now))
    made = PRESETS["mlp-2-4-2-1"].experiment()
    learner, store = Learner(made, made.data.load()), Store()
    seen, used = dict.fromkeys(COSTS, 0), dict.fromkeys(COSTS, 0.0)

    def staged(view, session):
        clock.now += COSTS[view.name]
        used[view.name] += COSTS[view.name]
        seen[view.name] += 1
        yield Frame({}, {})

    monkeypatch.setattr(lookout, "staged", staged)

    def go(*names, pulses=False, rests=False, seconds=SECONDS, abreast=()):
        told = types.SimpleNamespace(took=0.0, asked=False)
        one = lookout.Lookout(store, new_run(store, made), learner, told)
        one.views = {name: of(name, pulses, name in abreast) for name in names}
        begun = clock.now
        asked = 0
        while clock.now - begun < seconds:
            learner.step += 1
            one.look(rests)
            if told.asked:
                told.took, asked = 0.002, asked + 1
                clock.now += 0.002
            clock.now += APART
        return seen, used, asked

    return go


def test_what_is_quick_is_seen_at_every_report_however_long_others_take(looked):
    seen, used, _ = looked(*COSTS)
    reports = SECONDS / (APART + 0.01)
    assert seen["quick"] > 0.9 * reports
    assert min(used["usual"], used["slow"]) > 0.15 * lookout.BUDGET * SECONDS
    assert seen["slow"] >= 8


def test_all_together_take_no_more_than_their_share(looked):
    _, used, _ = looked(*COSTS)
    assert sum(used.values()) < lookout.BUDGET * SECONDS + lookout.CREDIT + sum(COSTS.values())
    assert sum(used.values()) > 0.8 * lookout.BUDGET * SECONDS


def test_what_goes_abreast_is_always_of_one_step_and_takes_no_more(looked):
    seen, used, _ = looked(*COSTS, abreast=("usual", "slow"))
    assert seen["usual"] == seen["slow"] > 5
    assert seen["quick"] > 3 * seen["slow"]
    assert sum(used.values()) < lookout.BUDGET * SECONDS + lookout.CREDIT + sum(COSTS.values())


def test_what_one_cannot_use_others_may(looked):
    seen, used, _ = looked("quick", "slow")
    assert seen["quick"] > 0.9 * SECONDS / (APART + 0.01)
    assert used["slow"] > 0.8 * (lookout.BUDGET * SECONDS - used["quick"])


def test_pulses_have_a_share_too(looked):
    _, used, asked = looked("usual", "slow", pulses=True)
    assert asked > 0.9 * SECONDS / (APART + 0.01)
    assert sum(used.values()) + 0.002 * asked < lookout.BUDGET * SECONDS + lookout.CREDIT + sum(COSTS.values())
    assert used["slow"] > 0


def test_while_a_run_rests_everything_is_shown_at_once_and_costs_nothing(looked):
    seen, *_ = looked(*COSTS, rests=True, seconds=5.0)
    assert len(set(seen.values())) == 1
    assert seen["slow"] > 15
