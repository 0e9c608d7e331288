"""What strangers try at an app: each part returns how much was tried, and what of it ended as it should not."""

import asyncio
import contextlib
import dataclasses
import http.client
import io
import json
import os
import random
import signal
import struct
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator

PAGES = 200  # of a class
ORDERS = 1_813
SILENT = 60  # orders to a worker that says nothing
HOSTS = ("evil.test", "evil.test:8501", "[::1", "a]b", "", "127.0.0.1.evil.test", "localhost.evil.test", "x" * 300)
ORIGINS = ("http://evil.test", "http://localhost:1", "null", "http://[x", "file://", "http://evil.test@127.0.0.1")
ROUTES = ("/", "/cnn", "/runs", "/live", "/live/picture", "/live/plotly.js", "/live/live.js", "/_stcore/stream")
ROUTES += (
    "/live/album",
    "/_stcore/health",
    "/_stcore/upload_file/x/y",
    "/_stcore/host-config",
    "/media/x",
    "/static/x",
    "/auth/login",
)
ELSEWHERE = ("/etc/passwd", "/etc", "/root", "/nowhere", "../../etc/passwd", "/proc/self/environ", "/dev/zero")
VIEWS = ("curves", "histograms", "confusion", "predictions", "activations")


def attacks(address: str, store, run: str, pid: int) -> Iterator[tuple[str, Callable[[], tuple[int, Counter]]]]:
    port = int(address.rpartition(":")[2])
    yield "foreign hosts and origins on every route", lambda: _hosts(port)
    yield "links to paths elsewhere", lambda: asyncio.run(_paths(address))
    yield "odd, deep and huge orders", lambda: _orders(port, run)
    yield "pictures that grow, break or never end", lambda: _pictures(port)
    yield "orders to a worker that says nothing", lambda: _silent(port, store, run)
    yield f"a class of {PAGES} pages", lambda: asyncio.run(_class(address, run))


# -- hosts ---------------------------------------------------------------------------------------------------------


def _hosts(port: int) -> tuple[int, Counter]:
    tried, wrong = 0, Counter()
    own = f"127.0.0.1:{port}"
    pairs = [(host, f"http://{host}") for host in HOSTS] + [(own, origin) for origin in ORIGINS]
    for route in ROUTES:
        for method in ("GET", "POST", "PUT", "socket"):
            for host, origin in pairs:
                if host == own and method == "GET":  # a link elsewhere that leads here is no harm
                    continue
                tried += 1
                status = _status(port, route, method, host, origin)
                if status not in (400, 403):
                    wrong[f"{status} for {method} {route} of {origin[:30]}"] += 1
    return tried, wrong


def _status(port: int, route: str, method: str, host: str, origin: str) -> int:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as asked:
        asked.putrequest("GET" if method == "socket" else method, route, skip_host=True)
        asked.putheader("Host", host)
        asked.putheader("Origin", origin)
        if method == "socket":
            for name, value in (("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")):
                asked.putheader(name, value)
            asked.putheader("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        else:
            asked.putheader("Content-Length", "0")
        asked.endheaders()
        return asked.getresponse().status


# -- pages, as far as Streamlit's own channel sees them --------------------------------------------------------------


async def opened(address: str, page: str, query: str, seconds: float = 120.0) -> bytes:
    """Open a page as a browser does; return all that was sent until its script had run."""
    import websockets
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ClientState_pb2 import ClientState
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    where, said = address.replace("http", "ws") + "/_stcore/stream", b""
    async with websockets.connect(where, origin=address, max_size=2**26, open_timeout=60) as socket:
        state = ClientState(query_string=query, page_name=page)
        await socket.send(BackMsg(rerun_script=state).SerializeToString())
        async with asyncio.timeout(seconds):
            while True:
                received = await socket.recv()
                said += received
                message = ForwardMsg.FromString(received)
                if message.WhichOneof("type") == "script_finished" and message.script_finished in (0, 4):
                    return said


async def _paths(address: str) -> tuple[int, Counter]:
    """Open links whose data lie elsewhere on this machine; what is said must not tell one place from another."""
    from engine.data import DATASETS
    from engine.presets import PRESETS
    from engine.training.link import to_link

    tried, wrong, answers = 0, Counter(), {}
    for data, preset, page in (("table", "mlp-2-8-8-1", "playground"), ("images", "lenet-5", "cnn")):
        for path in ELSEWHERE:
            tried += 1
            experiment = dataclasses.replace(PRESETS[preset].experiment(), data=DATASETS[data](path=path))
            said = await opened(address, page, f"x={to_link(experiment)}")
            answers.setdefault(data, set()).add(b"Data are read from" in said)
            for secret in (b"root:x:0", b"daemon", b"PATH=", b"Traceback"):
                if secret in said.replace(path.encode(), b""):
                    wrong[f"{secret.decode()} of {path}"] += 1
        if len(answers[data]) > 1:
            wrong[f"{data}: places are told apart"] += 1
    return tried, wrong


async def _class(address: str, run: str) -> tuple[int, Counter]:
    """Open so many pages that look at the same run, as a class does when its teacher gives out a link."""
    import websockets

    wrong: Counter = Counter()
    over = asyncio.Event()
    waves = asyncio.Semaphore(20)  # clicks of people come within some seconds, not within one millisecond

    async def pupil(number: int) -> None:
        try:
            async with waves:
                said = await opened(address, "cnn", f"run={run}")
            if b"Traceback" in said:
                wrong["a page with a fault"] += 1
            async with websockets.connect(address.replace("http", "ws") + "/live", origin=address) as socket:
                for kind in VIEWS:
                    message = {"do": "watch", "id": kind, "source": f"run:{run}", "view": {"kind": kind}}
                    await socket.send(json.dumps(message))
                seen = set()
                async with asyncio.timeout(60):
                    while seen != set(VIEWS):
                        found = json.loads(await socket.recv())
                        if "problem" in found:
                            wrong[found["problem"][:60]] += 1
                        if found["id"] in VIEWS:
                            seen.add(found["id"])
                            await socket.send(json.dumps({"do": "drawn", "id": found["id"]}))
                await over.wait()
        except (TimeoutError, OSError, websockets.WebSocketException) as error:
            wrong[f"{type(error).__name__} of a pupil"] += 1

    pupils = [asyncio.create_task(pupil(number)) for number in range(PAGES)]
    await asyncio.sleep(60)
    over.set()
    await asyncio.gather(*pupils)
    return PAGES, wrong


# -- orders --------------------------------------------------------------------------------------------------------


def _odd(chance: random.Random):
    """Return something that no order means."""
    deep: object = 1
    for _ in range(chance.choice((3, 100, 1000))):
        deep = [deep] if chance.random() < 0.5 else {"rate": deep}
    some = [deep, "x" * 30_000, -(10**40), 1e308, None, True, [], {}, "\0\x1b[31m", list(range(5000)), {"": ""}]
    return chance.choice([*some, {"rate": deep}, {"dense1.weight[0,0]": deep}, {"dense1.weight[9999999,0]": 1}])


def _orders(port: int, run: str) -> tuple[int, Counter]:
    from tests.engine.test_live import Page

    sys.setrecursionlimit(10_000)  # so that what is deep can be written at all
    chance, wrong = random.Random(0), Counter()
    commands = ["set", "pause", "resume", "step", "freeze", "reset", "stop", "x", "", "set\0", 7, None, ["set"]]
    page = Page(port)
    for number in range(ORDERS):
        source = chance.choice([f"run:{run}", f"run:{run}", "run:../../etc", "run:", "draft:x", 7, {"a": 1}])
        order, value = chance.choice(commands), _odd(chance)
        if (order, source) == ("stop", f"run:{run}") or (order in ("pause", "resume") and source == f"run:{run}"):
            order = "set"  # these are fair orders, whatever comes with them
        name = f"o{number}"
        text = json.dumps({"do": "order", "id": name, "source": source, "order": order, "value": value})
        page.socket.send(text)
        try:
            answer = page.hear(f"{name}/answer" if len(text) <= 32_768 else "/answer", seconds=30)
        except (TimeoutError, AssertionError):
            wrong[f"no answer to {order!r}"] += 1
            continue
        if "A fault" in answer.get("problem", ""):
            wrong[answer["problem"][:60]] += 1
    page.say(do="order", id="on", source=f"run:{run}", order="resume")  # for a fair 'step' was among them
    page.hear("on/answer")
    page.door.close()
    return ORDERS, wrong


def _silent(port: int, store, run: str) -> tuple[int, Counter]:
    from tests.engine.test_live import Page

    worker, pages, wrong = store.run(run)["pid"], [Page(port) for _ in range(4)], Counter()
    os.kill(worker, signal.SIGSTOP)
    try:
        for number in range(SILENT):
            page = pages[number % len(pages)]
            page.say(do="order", id=f"s{number}", source=f"run:{run}", order="set", value={"rate": 0.001})
        time.sleep(8)
    finally:
        os.kill(worker, signal.SIGCONT)
    for place, page in enumerate(pages):
        missing = {f"s{number}/answer" for number in range(place, SILENT, len(pages))}
        while missing:  # they come in any order
            answer = page.hear(None, lambda message, left=missing: message["id"] in left, 30)
            missing.discard(answer["id"])
            if not ("done" in answer or "has not answered" in answer.get("problem", "")):
                wrong[str(answer)[:60]] += 1
    for page in pages:
        page.door.close()
    return SILENT, wrong


# -- pictures --------------------------------------------------------------------------------------------------------


def _png(width: int, height: int) -> bytes:
    """Return a picture of one colour that takes little room until it is unpacked."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, rows = zlib.compressobj(9), []
    for _ in range(height):
        rows.append(packer.compress(bytes(1 + 3 * width)))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"".join(rows) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _tiff(pages: int) -> bytes:
    """Return a picture with very many directories, each of which leads to the next."""
    parts = [b"II*\0" + struct.pack("<I", 8)]
    for number in range(pages):
        following = 8 + 18 * (number + 1) if number + 1 < pages else 0
        parts.append(struct.pack("<HHHII", 1, 256, 4, 1, 1) + struct.pack("<I", following))
    return b"".join(parts)


def _pictures(port: int) -> tuple[int, Counter]:
    """Send large, broken and endless pictures, eight at once."""
    from PIL import Image

    small = io.BytesIO()
    Image.new("RGB", (64, 64)).save(small, "PNG")
    whole, chance = small.getvalue(), random.Random(0)
    bodies = [_png(7000, 7000)] * 8 + [
        _png(30_000, 3),
        _png(20_000, 20_000),
        _tiff(300_000),
        b"",
        b"GIF89a",
        whole[:60],
    ]
    for _ in range(100):
        place = chance.randrange(len(whole))
        bodies.append(whole[:place] + bytes([chance.randrange(256)]) + whole[place + chance.randrange(3) :])
    wrong, todo, door = Counter(), list(enumerate(bodies)), threading.Lock()

    def sending() -> None:
        while True:
            with door:
                if not todo:
                    return
                number, body = todo.pop(0)
            began, asked = time.perf_counter(), http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            with contextlib.closing(asked):
                asked.request("POST", "/live/picture?as=picture&name=x.png", body)
                answer = asked.getresponse()
                said = answer.read()
            if answer.status not in (200, 400) or (answer.status == 400 and b"problem" not in said):
                wrong[f"{answer.status} for picture {number}"] += 1
            if time.perf_counter() - began > 60:
                wrong[f"picture {number} took more than a minute"] += 1

    threads = [threading.Thread(target=sending) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(bodies), wrong
