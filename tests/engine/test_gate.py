"""The gate: who is let in, from where, as whom, and what pages may load."""

import contextlib
import http.client
import json
import os
import stat
import string
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from engine.errors import VitrineError
from engine.live import limits
from engine.live.gate import Gate, cookie, policy, trusted
from engine.live.house import House
from engine.live.visitor import HEADER, HOST, ON, Keys, Visitor, keys, visitor_of
from tests.engine.living import EXPERIMENT
from tests.serving import listening


async def who(request):
    found = visitor_of(request.headers)
    return JSONResponse({"role": found.role, "key": found.key, "name": found.name, "query": str(request.url.query)})


async def echo(socket):
    await socket.accept()
    await socket.send_text(visitor_of(socket.headers).role)
    await socket.close()


@pytest.fixture
def gated(home, tmp_path, monkeypatch):
    """Return a function that asks a small app behind the gate, where people sign in."""
    monkeypatch.setenv(ON, "1")
    page = tmp_path / "index.html"
    page.write_text("<script>window.here = 1;</script>")
    routes = [Route("/{path:path}", who, methods=["GET", "POST"]), WebSocketRoute("/{path:path}", echo)]
    with listening(*routes, middleware=[Middleware(Gate, page=page)]) as port:

        def ask(path="/", method="GET", **headers):
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
                connection.putrequest(method, path, skip_host="host" in headers)
                for name, value in headers.items():
                    connection.putheader(name.replace("_", "-"), value)
                connection.endheaders()
                answer = connection.getresponse()
                return answer.status, dict(answer.getheaders()), answer.read().decode()

        ask.port = port
        yield ask


def come_in(ask, role, **more):
    status, headers, _ = ask(f"/cnn?token={keys().words[role]}&x=abc" + "".join(f"&{k}={v}" for k, v in more.items()))
    assert (status, headers["location"]) == (303, "/cnn?x=abc")
    assert all(mark in headers["set-cookie"] for mark in ("HttpOnly", "SameSite=lax", "Path=/"))
    return headers["set-cookie"].split(";")[0]


def test_nobody_comes_in_without_an_invitation(gated):
    status, headers, body = gated("/cnn?x=%3Cscript%3E&run=7")
    assert status == 401
    assert 'name="x" value="&lt;script&gt;"' in body  # where the link leads to stays, as words
    assert "<script>" not in body
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert gated("/?token=wrong")[0] == 403
    assert gated("/", Cookie=f"{cookie()}=e30.abcdef")[0] == 401
    with pytest.raises(InvalidStatus, match="403"):
        connect(f"ws://127.0.0.1:{gated.port}/_stcore/stream", origin=f"http://127.0.0.1:{gated.port}")


@pytest.mark.parametrize("role", ["host", "guest", "looker"])
def test_each_word_lets_in_as_what_it_was_given_for(gated, role):
    kept = come_in(gated, role, name="Ada%0a%1b[31m")
    status, _, body = gated("/cnn?x=abc", Cookie=kept)
    assert (status, json.loads(body)["role"], json.loads(body)["name"]) == (200, role, "Ada [31m")
    with connect(
        f"ws://127.0.0.1:{gated.port}/live",
        origin=f"http://127.0.0.1:{gated.port}",
        additional_headers={"Cookie": kept},
    ) as socket:
        assert socket.recv() == role


def test_a_guest_who_comes_again_is_the_same_and_another_is_another(gated):
    first = come_in(gated, "guest", name="Ada")
    status, headers, _ = gated(f"/?token={keys().words['guest']}", Cookie=first)
    again = headers["set-cookie"].split(";")[0]
    keys_of = [json.loads(gated("/", Cookie=kept)[2]) for kept in (first, again, come_in(gated, "guest"))]
    assert status == 303
    assert keys_of[0] == keys_of[1] != keys_of[2]
    assert keys_of[2]["key"] not in ("", keys_of[0]["key"])


def test_nobody_names_themselves(gated):
    forged = Keys.sealed(Keys(keys().path.with_name("others.json")), Visitor("host"))
    assert gated("/", X_Vitrine_Visitor=forged)[0] == 401
    kept = come_in(gated, "looker")
    assert json.loads(gated("/", Cookie=kept, X_Vitrine_Visitor=forged)[2])["role"] == "looker"
    assert visitor_of({HEADER: forged}).role == "looker"


def test_the_keys_are_for_whoever_runs_the_app_alone_and_stay(home):
    made = Keys()
    assert stat.S_IMODE(os.stat(made.path).st_mode) == 0o600
    assert Keys().words == made.words
    made.path.write_text("[]")
    assert Keys().words != made.words


@pytest.mark.parametrize("path", ["/", "/cnn", "/_stcore/health", "/live/picture", "/media/x", "/live/plotly.js"])
def test_names_of_others_that_point_here_are_refused_on_every_path(gated, path):
    kept = come_in(gated, "host")
    for host in ("evil.example", "evil.example:8501", "[::1", "a]b", "", "127.0.0.1.evil.example"):
        assert gated(path, Cookie=kept, host=host)[0] == 403
    assert gated(path, "POST", Cookie=kept, Origin="http://evil.example")[0] == 403
    assert gated(path, "POST", Cookie=kept, Origin=f"http://127.0.0.1:{gated.port + 1}")[0] == 403
    for origin in ("http://evil.example", "http://localhost:1", "null", "http://[x"):
        with pytest.raises(InvalidStatus, match="403"):
            connect(f"ws://127.0.0.1:{gated.port}{path}", origin=origin, additional_headers={"Cookie": kept})


@given(st.text(string.printable, max_size=40), st.none() | st.text(string.printable, max_size=40))
def test_no_host_or_origin_is_a_fault(host, origin):
    assert trusted(host, origin) in (True, False)


def test_scripts_come_from_files_and_never_from_a_pages_own_text(tmp_path):
    page = tmp_path / "index.html"
    page.write_text("<html><script>one()</script></html>")
    rules = dict(rule.split(" ", 1) for rule in policy(page).split("; "))
    assert "'unsafe-inline'" not in rules["script-src"]
    assert "'unsafe-eval'" not in rules["script-src"]
    # openssl dgst -sha256 -binary | base64 of one()
    assert "'sha256-" in rules["script-src"]
    assert rules["connect-src"] == "'self'"


# -- what each may do ---------------------------------------------------------------------------------------------


def test_a_guests_runs_are_a_guests_own(home, monkeypatch):
    monkeypatch.setattr("engine.live.house.fill", lambda *_: None)
    house = House()
    ada, bob, eve = Visitor("guest", "a1", "Ada"), Visitor("guest", "b2", ""), Visitor("looker", "c3")
    run = house.train(EXPERIMENT, visitor=ada)
    row = house.store.run(run)
    assert row["owner"] == "a1 Ada"
    assert [one.owns(row) for one in (HOST, ada, bob, eve)] == [True, True, False, False]
    with pytest.raises(VitrineError, match="somebody else's"):
        bob.check(row)
    with pytest.raises(VitrineError, match="only lets you look"):
        house.train(EXPERIMENT, visitor=eve)
    house.store.update(run, status="stopped")
    with pytest.raises(VitrineError, match="somebody else's"):
        house.again(run, bob)
    assert house.again(run, ada) == run
    assert not bob.owns(house.store.run(house.train(EXPERIMENT)))


def test_limits_are_told_before_they_are_reached_and_then_hold(home, monkeypatch):
    monkeypatch.setattr("engine.live.house.fill", lambda *_: None)
    monkeypatch.setenv("VITRINE_GUEST_RUNS", "5")
    house, ada = House(), Visitor("guest", "a1", "Ada")
    for number in range(5):
        assert ("4 of 5" in limits.near(house.store, ada)) == (number == 4)
        house.train(EXPERIMENT, visitor=ada)
    with pytest.raises(VitrineError, match="learn or wait: 5 of 5"):
        house.train(EXPERIMENT, visitor=ada)
    house.train(EXPERIMENT, visitor=Visitor("guest", "b2"))
    monkeypatch.setenv("VITRINE_WAITING", "6")
    with pytest.raises(VitrineError, match="waiting runs: 6 of 6"):
        house.train(EXPERIMENT)


def test_room_on_the_disk_is_limited_and_failed_runs_make_some(home, monkeypatch):
    monkeypatch.setattr("engine.live.house.fill", lambda *_: None)
    monkeypatch.setenv("VITRINE_GUEST_DISK", "0.001")
    house, ada = House(), Visitor("guest", "a1", "Ada")
    run = house.train(EXPERIMENT, visitor=ada)
    house.store.keep_checkpoint(run, 0, 2**21)
    house.store.update(run, status="failed")
    with pytest.raises(VitrineError, match="taken by your runs"):
        house.train(EXPERIMENT, visitor=ada)
    assert [row["run"] for row in limits.room_made(house.store, ada)] == [run]
    assert limits.room_made(house.store, Visitor("guest", "b2")) == []
    assert limits.kept_bytes(house.store) == limits.kept_bytes(house.store, "a1") == 2**21
    monkeypatch.setenv("VITRINE_DISK", "0.001")
    with pytest.raises(VitrineError, match=r"GiB\)\. Delete some"):
        house.train(EXPERIMENT)


def test_a_visitor_brings_so_many_pictures_and_a_looker_none(monkeypatch):
    monkeypatch.setenv("VITRINE_GUEST_PICTURES", "2")
    ada = Visitor("guest", "pictures of ada")
    for _ in range(2):
        limits.bring_one(ada)
    with pytest.raises(VitrineError, match="2 pictures"):
        limits.bring_one(ada)
    with pytest.raises(VitrineError, match="only lets you look"):
        limits.bring_one(Visitor("looker", "x"))


def test_a_visitor_brings_so_much_of_files_and_nobody_where_the_disk_is_full(monkeypatch):
    monkeypatch.setenv("VITRINE_GUEST_FILES", "1")
    ada = Visitor("guest", "files of ada")
    limits.bring_file(ada, 2**19)
    with pytest.raises(VitrineError, match="1 MiB of files"):
        limits.bring_file(ada, 2**20)
    limits.bring_file(Visitor(), 2**22)
    monkeypatch.setattr(limits.shutil, "disk_usage", lambda _: SimpleNamespace(free=2**30))
    with pytest.raises(VitrineError, match="nearly full"):
        limits.bring_file(Visitor(), 10)


def test_as_many_runs_as_are_to_learn_at_once_must_be_free(home, monkeypatch):
    monkeypatch.setattr("engine.live.house.fill", lambda *_: None)
    house, ada = House(), Visitor("guest", "duel of ada")
    with pytest.raises(VitrineError, match=r"3 runs cannot begin at once now .* Choose at most 2"):
        limits.begin_some(house.store, ada, 3)
    limits.begin_some(house.store, ada, 2)
    limits.begin_some(house.store, Visitor(), 3)
