"""Questions that tell whether a program is ready."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from ops.dev.ports import LOOPBACK, free_port
from ops.dev.probes import answers_http, listens


class Answers(http.server.BaseHTTPRequestHandler):
    """200 on /ready, nonsense on /garbage, 503 elsewhere."""

    def do_GET(self) -> None:
        if self.path == "/garbage":
            self.wfile.write(b"this is no HTTP\r\n\r\n")
            return
        self.send_response(200 if self.path == "/ready" else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test output quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("path", "ready"), [("/ready", True), ("/x", False), ("/garbage", False)])
def test_only_a_2xx_answer_counts(port: int, path: str, ready: bool) -> None:
    assert answers_http(port, path)() is ready


def test_a_closed_port_is_not_ready_and_raises_nothing() -> None:
    closed = free_port()
    assert listens(closed)() is False
    assert answers_http(closed, "/ready")() is False


def test_an_open_port_listens() -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        assert listens(listener.getsockname()[1])()
