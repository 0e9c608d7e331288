"""Stopping: a run that was stopped on its way must end as one that was not."""

from engine.runs.carry import carry_out, new_run
from engine.runs.store import Store


def stopped_and_not(folder, experiment, at=4):
    """Carry an experiment out at once, and stopped at a step and gone on with; assert the same bits at the end.

    The curves of the first are returned.
    """
    store = Store(f"sqlite:///{folder}/runs.db")
    runs = [new_run(store, experiment) for _ in range(2)]
    for _ in carry_out(store, runs[0]):
        pass
    for report in (cut := carry_out(store, runs[1])):
        if report.step >= at:
            cut.close()
            break
    for _ in carry_out(store, runs[1]):
        pass
    whole, resumed = (store.run(run)["result"] for run in runs)
    assert whole[whole.index("weights_sha256") :] == resumed[resumed.index("weights_sha256") :]
    return store.metrics(runs[0])
