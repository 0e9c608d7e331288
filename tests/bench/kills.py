"""Kills: runs whose workers die again and again at any moment, and documents changed at random; nothing may be lost."""

import base64
import dataclasses
import json
import os
import random
import signal
import tempfile
import time
import zlib
from collections import Counter

from tests.bench.report import Report

KILLS = 76
RUNS = 4
DOCUMENTS = 22_400
ODD = (None, True, -1, 10**30, 1e308, "", "x" * 5000, [], {}, [[[]]], {"kind": "dense"}, "\0", "../../etc/passwd")


def run() -> Report:
    """Kill and mutate, and count."""
    report = Report("kills")
    with tempfile.TemporaryDirectory() as home:
        os.environ["VITRINE_HOME"] = home
        _kills(report)
    _documents(report)
    return report


def _kills(report: Report) -> None:
    """Kill workers at random moments; each run must end in the bits of one that nobody disturbed, curves included."""
    from engine.runs import tend
    from engine.runs.carry import carry_out, new_run
    from engine.runs.launch import Launcher, again, fill
    from engine.runs.store import ENDED, Store
    from engine.training.recipe import Recipe
    from tests.engine.living import EXPERIMENT

    os.environ["VITRINE_RUNS"] = "2"
    store, chance, killed, wrong = Store(), random.Random(time.time_ns()), 0, Counter()
    experiment = dataclasses.replace(EXPERIMENT, recipe=Recipe(epochs=100, batch=8, every=50))
    plain = new_run(store, experiment)
    for _ in carry_out(store, plain):
        pass
    expected = _ending(store, plain)
    runs = [new_run(store, experiment) for _ in range(RUNS)]
    launcher = Launcher()
    fill(store, launcher)
    after = {run: time.monotonic() + chance.expovariate(1 / 3) for run in runs}
    while not (over := all(store.run(run)["status"] == "done" for run in runs)) or killed < KILLS:
        if over:  # more are needed to be killed often enough
            runs.append(new_run(store, experiment))
            after[runs[-1]] = time.monotonic() + chance.expovariate(1 / 3)
        tend.sweep(store)
        for run in runs:
            row = store.run(run)
            if row["status"] in ENDED and row["status"] != "done":
                again(store, run)
                after[run] = time.monotonic() + chance.expovariate(1 / 5)
            elif row["pid"] and killed < KILLS and time.monotonic() > after[run] and row["status"] not in ENDED:
                try:
                    os.kill(row["pid"], signal.SIGKILL)
                    killed += 1
                except ProcessLookupError:
                    pass  # it has just ended by itself
                after[run] = time.monotonic() + 60
        fill(store, launcher)
        launcher.prepare()
        time.sleep(0.05)
    launcher.close()
    for run in runs:
        if _ending(store, run) != expected:
            wrong["another end"] += 1
    report.rows.append({"what": f"kills in {len(runs)} runs", "tried": killed, "wrong": wrong.total()})
    report.aim("runs that ended otherwise for being killed", wrong.total(), 0)


def _ending(store, run: str) -> tuple:
    """Return the weights' mark and all scores of a run; its loss is told as a mean of what came since the last time."""
    curves = {name: points for name, points in store.metrics(run).items() if name != ("train", "loss")}
    return json.loads(store.run(run)["result"])["weights_sha256"], curves


def _documents(report: Report) -> None:
    """Change documents at random, in their text or in their values; each is read, or refused in words, at once."""
    from engine.errors import VitrineError
    from engine.presets import PRESETS
    from engine.training.experiment import dump, load
    from engine.training.link import from_link, to_link
    from engine.training.unfit import contradiction

    chance, wrong, read, worst = random.Random(0), Counter(), 0, 0.0
    texts = [dump(preset.experiment()) for preset in PRESETS.values()]
    texts = [text for text in texts if len(text) < 60_000]
    links = [to_link(load(text)) for text in texts]
    for number in range(DOCUMENTS):
        which = chance.randrange(len(texts))
        way = number % 3
        changed = (_in_text(texts[which], chance), _in_values(texts[which], chance), _in_link(links[which], chance))[
            way
        ]
        began = time.perf_counter()
        try:
            found = from_link(changed) if way == 2 else load(changed)
            contradiction(found.recipe)
            assert load(dump(found)) == found
            read += 1
        except VitrineError as error:
            if not str(error) or len(str(error)) > 600:
                wrong["words of a strange length"] += 1
        except Exception as error:  # what else it may be is what this counts
            wrong[f"{type(error).__name__}: {error}"[:80]] += 1
        worst = max(worst, time.perf_counter() - began)
    report.rows.append(
        {"what": f"documents changed ({read:,} could still be read)", "tried": DOCUMENTS} | {"wrong": wrong.total()}
    )
    said = "".join(f", {number} × {what}" for what, number in wrong.most_common(5))
    report.aim(f"documents that ended in a fault{said}", wrong.total(), 0)
    report.aim("longest time for one document, seconds", worst, 2.0)


def _in_text(text: str, chance: random.Random) -> str:
    for _ in range(chance.choice((1, 1, 3))):
        place = chance.randrange(len(text))
        sign = chance.choice(('"', "9", "-", "{", "}", "[", ",", "null", "", "1e99", "ü", "\\", text[:40]))
        text = text[:place] + sign + text[place + chance.randrange(4) :]
    return text


def _in_values(text: str, chance: random.Random) -> str:
    whole = json.loads(text)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = whole
        while True:
            keys = list(at) if isinstance(at, dict) else range(len(at))
            if not keys:
                break
            key = chance.choice(list(keys))
            if isinstance(at[key], dict | list) and at[key] and chance.random() < 0.8:
                at = at[key]
                continue
            how = chance.random()
            if how < 0.2:
                del at[key]
            elif how < 0.3 and isinstance(at, list):
                at.extend([at[key]] * 3)
            elif how < 0.4 and isinstance(at, dict):
                at[chance.choice(("extra", "", "kind", "id"))] = at[key]
            else:
                at[key] = chance.choice(ODD)
            break
    return json.dumps(whole)


def _in_link(link: str, chance: random.Random) -> str:
    """Change the letters of a link, or what is packed in it."""
    if chance.random() < 0.5:
        place = chance.randrange(len(link))
        return link[:place] + chance.choice("abcXYZ-_=%") + link[place + chance.randrange(3) :]
    packed = base64.urlsafe_b64decode(link + "=" * (-len(link) % 4))
    text = _in_values(zlib.decompress(packed).decode(), chance)
    return base64.urlsafe_b64encode(zlib.compress(text.encode())).decode().rstrip("=")
