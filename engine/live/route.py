"""The route /live: a WebSocket through which browsers watch runs and give orders."""

import asyncio
import contextlib
import secrets
import traceback
from typing import Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.errors import VitrineError
from engine.live.gate import trusted
from engine.live.hub import Hub
from engine.live.scene import NOW, RUN, packed
from engine.live.visitor import HOST, Visitor, visitor_of
from engine.looking.view import MOST_BYTES
from engine.registry import shortened
from engine.runs import orders
from engine.views.reading import read

MOST_MESSAGE = 32_768  # characters
MOST_LOOKS = 48  # things that one browser page looks at
MOST_CODE = 512  # numbers that somebody steers by
MOST_VIEWERS = 1000
MOST_WAITING = 2_000  # messages that a page has not read yet
MOST_ORDERS = 20  # of one page, that nobody has answered yet
PATIENCE = 10.0  # seconds until an order is said to be unanswered


class Connection:
    """One browser page: what it looks at, and the newest message of each that it has not been shown."""

    def __init__(self, hub: Hub, socket: WebSocket, visitor: Visitor = HOST):
        self.hub, self.socket, self.visitor = hub, socket, visitor
        self.loop = asyncio.get_running_loop()
        self.waiting: dict[str, bytes] = {}
        self.busy: set[str] = set()  # what the browser has not drawn yet
        self.names: set[str] = set()
        self.news = asyncio.Event()
        self.tasks: set[asyncio.Task] = set()

    def show(self, name: str, message: bytes) -> None:
        """Put a message in the place of an older one of the same name."""
        self.loop.call_soon_threadsafe(self._put, name, message)

    def _put(self, name: str, message: bytes) -> None:
        self.waiting[name] = message
        while len(self.waiting) > MOST_WAITING:  # a page that does not read what it asked for
            self.waiting.pop(next(iter(self.waiting)))
        self.news.set()

    async def send(self) -> None:
        """Send what is waiting; of each thing the next only when the browser has drawn the last."""
        while True:
            await self.news.wait()
            self.news.clear()
            for name in [name for name in self.waiting if name not in self.busy]:
                message = self.waiting.pop(name)
                if name in self.names:
                    self.busy.add(name)
                await self.socket.send_text(f'{{"id":{orjson.dumps(name).decode()},{message[1:].decode()}')

    async def hear(self, text: str) -> None:
        """Do what a message asks for; what cannot be done is answered in words."""
        name = ""
        try:
            if len(text) > MOST_MESSAGE:
                raise VitrineError(f"A message has at most {MOST_MESSAGE:,} characters; received {len(text):,}.")
            message = _read(text)
            name = message["id"]
            if message["do"] == "drawn":
                self.busy.discard(name)
                self.news.set()
                return
            if message["do"] == "order":
                if len(self.tasks) >= MOST_ORDERS:
                    raise VitrineError(f"{MOST_ORDERS} orders wait for an answer already.", cure="Wait a moment.")
                given = await asyncio.to_thread(self._give, message)  # in the order in which they came
                self.tasks.add(task := asyncio.create_task(self._wait(name, message, *given)))
                task.add_done_callback(self.tasks.discard)
                return
            answer = await asyncio.to_thread(self._do, name, message)
            if answer is not None:
                self._put(f"{name}/answer", packed(answer))
        except VitrineError as error:
            self._put(f"{name}/answer", packed({"problem": str(error)}))
        except Exception as error:  # one message's fault must not end the connection; the log has the rest
            traceback.print_exc()
            self._put(f"{name}/answer", packed({"problem": f"A fault: {type(error).__name__}: {error}"}))

    def _give(self, message: dict[str, Any]) -> tuple[str, int]:
        run = _text(message, "source").removeprefix(RUN)
        if not self.visitor.rules:
            self.visitor.check(self.hub.store.run(run))
        return run, orders.give(self.hub.store, run, _text(message, "order"), message.get("value"))

    async def _wait(self, name: str, message: dict[str, Any], run: str, order: int) -> None:
        """Answer an order when its worker has; nobody else waits meanwhile, for no thread does."""
        try:
            end, pause = self.loop.time() + PATIENCE, 0.02
            while not await asyncio.to_thread(orders.heard, self.hub.store, order, 0.0):
                if self.loop.time() > end:
                    raise VitrineError(orders.silent(run, PATIENCE), cure="It may be in a long step.")
                await asyncio.sleep(pause)
                pause = min(0.25, 1.3 * pause)
            self._put(f"{name}/answer", packed({"done": message["order"]}))
        except VitrineError as error:
            self._put(f"{name}/answer", packed({"problem": str(error)}))

    def _do(self, name: str, message: dict[str, Any]) -> dict[str, Any] | None:
        match message["do"]:
            case "watch":
                self._make_room(name)
                self.hub.watch(self, name, _text(message, "source"), _options(message), _step(message))
            case "steer":
                return self.hub.steer(_text(message, "source"), _options(message), _step(message), _code(message))
            case "state":
                self._make_room(name)
                self.hub.state(self, name, _text(message, "source").removeprefix(RUN))
            case "drop":
                self.names.discard(name)
                self.hub.drop(self, name)
            case "pick":
                point = message.get("point")
                if not isinstance(point, dict):
                    return None
                view = read(_options(message))
                picked, looks = view.pick(point), view.looks(point)
                return {"options": picked.write() if picked else None, "looks": looks} if picked or looks else None
            case other:
                raise VitrineError(f"Nobody does {shortened(other)} here.")
        return None

    def _make_room(self, name: str) -> None:
        """Let go of what had this name, and see that not too much is looked at."""
        self.hub.drop(self, name)
        if name not in self.names and len(self.names) >= MOST_LOOKS:
            raise VitrineError(f"One page looks at most at {MOST_LOOKS} things at once.", cure="Close some panels.")
        self.names.add(name)
        self.busy.discard(name)


def _read(text: str) -> dict[str, Any]:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise VitrineError("The message is not JSON.") from None
    if not isinstance(message, dict):
        raise VitrineError("A message is an object with 'do' and 'id'.")
    for word in ("do", "id"):
        _text(message, word)
    return message


def _text(message: dict[str, Any], word: str) -> str:
    value = message.get(word)
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise VitrineError(f"{word!r} must be a short text; received {shortened(value)}.")
    return value


def _step(message: dict[str, Any]) -> int:
    at = message.get("at", NOW)
    if isinstance(at, bool) or not isinstance(at, int) or at < NOW or at > 2**53:
        raise VitrineError(f"'at' is a step, or {NOW} for now; received {shortened(at)}.")
    return at


def _code(message: dict[str, Any]) -> list[float]:
    code = message.get("code")
    if not isinstance(code, list) or not 0 < len(code) <= MOST_CODE or not all(map(_is_number, code)):
        raise VitrineError(f"'code' is a row of up to {MOST_CODE} numbers; received {shortened(code)}.")
    return [float(one) for one in code]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6


def _options(message: dict[str, Any]) -> dict[str, Any]:
    options = message.get("view")
    if not isinstance(options, dict) or len(orjson.dumps(options)) > MOST_BYTES:
        raise VitrineError(f"'view' must be a view with its options; received {shortened(options)}.")
    return options


class Live:
    """The endpoint; one for the whole app."""

    def __init__(self, hub: Hub):
        self.hub, self.viewers = hub, 0
        self.name = secrets.token_hex(8)  # by which a page sees that the app was started anew

    async def __call__(self, socket: WebSocket) -> None:
        """Serve one browser page until it goes."""
        if not trusted(socket.headers.get("host", ""), socket.headers.get("origin")):
            await socket.close(1008, "This page is not of this server.")
            return
        if self.viewers >= MOST_VIEWERS:
            await socket.close(1013, "Too many browsers watch this server.")
            return
        await socket.accept()
        connection = Connection(self.hub, socket, visitor_of(socket.headers))
        connection.show("house", packed({"house": self.name}))
        self.viewers += 1
        self.hub.seats = self.viewers
        sending = asyncio.create_task(connection.send())
        try:
            while True:
                received = await socket.receive()
                if received["type"] == "websocket.disconnect":
                    break
                await connection.hear(received.get("text") or (received.get("bytes") or b"").decode(errors="replace"))
        except WebSocketDisconnect:
            pass  # the page has gone: what it looked at is let go of below
        finally:
            self.viewers -= 1
            self.hub.seats = self.viewers
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await sending  # a socket that broke while sending says so here
            await asyncio.to_thread(self.hub.drop, connection)
