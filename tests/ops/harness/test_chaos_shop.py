"""The shop is a careful client: the same key until there is an answer, and it compares answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import TypeAlias

from ops.harness.chaos.orders import Kind, Order
from ops.harness.chaos.shop import Shop, Tally

#: Answers a request: its method, path, key, and how often this key came before.
Door: TypeAlias = Callable[[str, str, str | None, int], tuple[int, object]]


@contextmanager
def a_door(answers: Door) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Serve a door; yield its address and the list of what was asked of it."""
    asked: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer()

        def answer(self) -> None:
            key = self.headers["Idempotency-Key"]
            before = sum(one == (self.path, key) for one in asked)
            asked.append((self.path, key))
            status, said = answers(self.command, self.path, key, before)
            raw = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def lived(url: str, count: int = 1, within_s: float = 30.0) -> Tally:
    """Live payouts to their end; return what the clients saw."""
    orders = [Order(n, Kind.PAYOUT, "sandbox-a", 0.0, 30_000, n) for n in range(count)]
    shop = Shop(url, "key", orders)
    shop.start()
    pause, deadline = threading.Event(), monotonic() + within_s
    while not shop.idle and monotonic() < deadline:
        pause.wait(0.02)
    shop.close()
    assert shop.idle
    return shop.tally


def test_a_request_is_sent_again_under_the_same_key_until_it_is_answered() -> None:
    def answers(method: str, path: str, _: str | None, before: int) -> tuple[int, object]:
        if method == "POST" and before < 2:
            return 503, {"code": "unavailable"}
        return (202, {"id": "po_1"}) if method == "POST" else (200, {"status": "succeeded"})

    with a_door(answers) as (url, asked):
        tally = lived(url)

    keys = {key for path, key in asked if path == "/v1/withdrawals"}
    assert len(keys) == 1
    assert tally.errors == {"503 unavailable": 2}
    assert tally.accepted == {"po_1"}
    assert (tally.unanswered, tally.crashes, tally.two_answers) == (0, [], [])


def test_two_answers_to_one_key_are_noticed() -> None:
    def answers(method: str, path: str, _: str | None, before: int) -> tuple[int, object]:
        if method == "POST":
            return 202, {"id": "po_1", "before": before}
        return 200, {"status": "succeeded"}

    with a_door(answers) as (url, _):
        tally = lived(url, count=40)  # one in eight is asked for twice

    assert tally.two_answers
    assert len(tally.two_answers) < 40
    assert set(tally.two_answers) == {"/v1/withdrawals: 202 then 202"}


def test_an_order_that_the_door_does_not_take_is_a_fault_of_the_harness() -> None:
    with a_door(lambda *_: (422, {"code": "invalid_request"})) as (url, _):
        tally = lived(url)

    assert tally.crashes == ["POST /v1/withdrawals: 422 invalid_request"]
    assert tally.accepted == set()
