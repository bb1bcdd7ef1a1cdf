"""Ready yet? Questions for `Program.ready`, each answered within about a second."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable

from ops.dev.ports import LOOPBACK

PROBE_LIMIT_S = 1.0


def answers_http(port: int, path: str, host: str = LOOPBACK) -> Callable[[], bool]:
    """True once GET `path` answers 2xx. The question itself never raises."""

    def probe() -> bool:
        connection = http.client.HTTPConnection(host, port, timeout=PROBE_LIMIT_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().status // 100 == 2
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return probe


def listens(port: int, host: str = LOOPBACK) -> Callable[[], bool]:
    """True once somebody accepts a connection. The question itself never raises."""

    def probe() -> bool:
        try:
            with socket.create_connection((host, port), timeout=PROBE_LIMIT_S):
                return True
        except OSError:
            return False

    return probe
