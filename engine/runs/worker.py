"""Worker: one process that carries one run out; `python -m engine.runs.worker RUN`.

Without a run it is a spare: it imports what takes long, and waits for a run's name on its standard input.
"""

import os
import signal
import sys
import traceback

from engine.errors import VitrineError
from engine.runs.launch import claim, fill
from engine.runs.store import Store, folder

ROOM = 8192  # bytes of the log that a full disk cannot take away
NICE = 10  # pages and whoever works at the machine go first


def main() -> None:
    """Carry out the run that the command line names, or the one whose name comes later."""
    import engine.runs.desk  # noqa: F401  what takes long is imported before anybody waits for it

    if hasattr(os, "nice"):
        os.nice(NICE)
    if len(sys.argv) > 1:
        run = sys.argv[1]
    else:
        from engine.runs.warm import warm

        try:
            warm()
        except Exception:  # a spare that could not warm up is slower, and still a spare; the app's log has the reason
            traceback.print_exc()
        run = sys.stdin.readline().strip()
    if run:
        _detach(run)
        work(run)


def _detach(run: str) -> None:
    """Let go of whoever started the worker: what is said goes into the run's log, with room kept for last words."""
    with (folder(run) / "worker.log").open("wb") as log:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(log.fileno(), 0, ROOM)
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    silence = os.open(os.devnull, os.O_RDONLY)
    os.dup2(silence, 0)


def work(run: str) -> None:
    """Carry the run out, unless another worker has it or the machine is full; then let the next one begin."""
    from engine.runs.desk import Desk, attended

    store = Store()
    if not claim(store, run):
        return
    desk = Desk(store, run)

    def told_to_end(*_: object) -> None:
        desk.stopping = "the worker was told to end"
        desk.ear.call()

    signal.signal(signal.SIGTERM, told_to_end)
    try:
        for _ in attended(store, run, desk):
            pass
    except VitrineError as error:
        print(error, flush=True)  # the store knows already; the log does too
    finally:
        fill(store)


if __name__ == "__main__":
    main()
