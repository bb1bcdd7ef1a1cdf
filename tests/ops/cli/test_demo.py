"""The demo against a scripted API: what it sends, what it shows, when it says that it failed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ops.cli import demo
from ops.cli.scenes import PARKED, SCENES
from tests.ops.cli.stage import Ran, run

KEY = "pl_test_demo"
#: How a payment with this fault ends, if its card is good: status and gateway.
ENDS = {scene.fault: (scene.ends, scene.gateway) for scene in SCENES if not scene.card}


class Api(ThreadingHTTPServer):
    """A system that plays every scene as it is written, unless a test says otherwise."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[dict[str, Any]] = []
        self.by_key: dict[str, tuple[dict[str, Any], bytes]] = {}
        self.reads: dict[str, int] = {}
        self.ends = dict(ENDS)
        self.replays = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def accept(self, key: str, body: dict[str, Any]) -> tuple[int, bytes, bool]:
        """Return status, body, and whether it is a replay."""
        if key in self.by_key and self.replays:
            first, answer = self.by_key[key]
            if first == body:
                return 202, answer, True
            return 422, b'{"code": "idempotency_key_reused"}', False
        answer = json.dumps({"id": f"pay_{len(self.bodies)}"}).encode()
        self.by_key[key] = body, answer
        self.bodies.append(body)
        return 202, answer, False

    def payment(self, id_: str) -> dict[str, Any]:
        body = self.bodies[int(id_.removeprefix("pay_"))]
        self.reads[id_] = self.reads.get(id_, 0) + 1
        status, gateway = self.ends[body.get("metadata", {}).get("sandbox", "")]
        if "card" in body["payment_method"]:
            status, gateway = "failed", None
        settled = self.reads[id_] > 1
        return {
            "status": status if settled and status != PARKED else "processing",
            "provider": gateway if settled else None,
            "parked": {"reason": "amount_mismatch"} if settled and status == PARKED else None,
            "next_action": {"url": "http://bank/approve"} if status == "requires_action" else None,
            "failure": {"code": "stolen_card"} if status == "failed" else None,
        }


class _Handler(BaseHTTPRequestHandler):
    server: Api

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, answer, replayed = self.server.accept(self.headers["Idempotency-Key"], body)
        self.reply(status, answer, replayed)

    def do_GET(self) -> None:
        id_ = self.path.split("/")[3]
        if self.path.endswith("/attempts"):
            attempt = {"gateway": "sandbox-a", "state": "declined", "proof": "declined"}
            answer: Any = {"data": [attempt | {"code": "insufficient_funds"}]}
        else:
            answer = self.server.payment(id_)
        self.reply(200, json.dumps(answer).encode())

    def reply(self, status: int, body: bytes, replayed: bool = False) -> None:
        if self.headers["Authorization"] != f"Bearer {KEY}":
            status, body = 401, b"{}"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if replayed:
            self.send_header("Idempotent-Replayed", "true")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the test speaks."""


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def play(api: Api, key: str = KEY) -> Ran:
    return run("demo", "--url", api.url, DEMO_API_KEY=key)


def test_the_demo_plays_every_scene_and_explains_it(api: Api) -> None:
    ran = play(api)

    assert ran.code == 0, ran
    for scene in SCENES:
        assert scene.title in ran.out
        assert scene.shows in ran.out
    assert "the payer's page: http://bank/approve" in ran.out
    assert "again: the same bytes" in ran.out
    assert "422 idempotency_key_reused" in ran.out
    assert "sandbox-a declined (proof: declined, insufficient_funds)" in ran.out
    assert KEY not in ran.out + ran.err
    assert len(api.bodies) == len(SCENES)


def test_every_checkout_has_a_token_and_a_key_of_its_own(api: Api) -> None:
    play(api)
    play(api)

    tokens = [body["payment_method"]["token"] for body in api.bodies]
    assert len(set(tokens)) == len(tokens) == 2 * len(SCENES)
    assert len(api.by_key) == 2 * len(SCENES)


@pytest.mark.parametrize(
    ("fault", "ends"),
    [
        ("sandbox-a:soft_decline", ("failed", None)),
        ("sandbox-a:charge_then_drop", ("captured", "sandbox-b")),
        ("sandbox-a:wrong_amount", ("captured", "sandbox-a")),
    ],
)
def test_a_scene_that_ends_otherwise_fails_the_demo(
    api: Api, fault: str, ends: tuple[str, str | None]
) -> None:
    api.ends[fault] = ends

    ran = play(api)

    assert ran.code == 1
    (scene,) = (scene for scene in SCENES if scene.fault == fault)
    assert f"it did not end as it must: {scene.title}" in ran.err
    assert "paylink payments show pay_" in ran.err


def test_a_key_that_is_answered_twice_fails_the_demo(api: Api) -> None:
    api.replays = False

    ran = play(api)

    assert ran.code == 1
    assert "same key twice" in ran.err
    assert "ANOTHER ANSWER" in ran.out


def test_what_never_settles_ends_the_demo_in_time(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "LIMIT_S", 0.6)
    api.ends["sandbox-a:async"] = ("processing", None)

    assert "asynchronous" in play(api).err


def test_what_keeps_the_demo_from_starting_is_named(api: Api, tmp_path: object) -> None:
    wrong = play(api, key="pl_test_other")
    assert (wrong.code, "DEMO_API_KEY" in wrong.err) == (1, True)
    nobody = run("demo", "--url", "http://127.0.0.1:1", DEMO_API_KEY=KEY)
    assert (nobody.code, "start `paylink up`" in nobody.err) == (1, True)
    without = run("demo", PAYLINK_DATA=str(tmp_path))
    assert (without.code, "DEMO_API_KEY is missing" in without.err) == (2, True)
