"""Exposition: metrics of this program as text, over HTTP, merged over its processes."""

from __future__ import annotations

import errno
import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, generate_latest, multiprocess, start_wsgi_server
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from tenacity import Retrying, before_sleep_log, retry_if_exception, wait_exponential

from ops.telemetry import metrics

_log = logging.getLogger(__name__)

#: What `text` returns, for the Content-Type header.
CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4


@dataclass(frozen=True, slots=True)
class Exposition:
    """A running exposition server."""

    #: The port it listens on; the one that was free when 0 was asked for.
    port: int
    server: WSGIServer
    thread: threading.Thread

    def close(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def text() -> bytes:
    """Return all metrics in Prometheus' text format (`CONTENT_TYPE`)."""
    return generate_latest(_collector())


def serve(port: int, host: str) -> Exposition:
    """Answer every GET with the metrics, from a daemon thread. Raises OSError: port in use."""
    server, thread = start_wsgi_server(port, host, _collector())
    return Exposition(server.server_port, server, thread)


def serve_until_killed(port: int, host: str) -> int:
    """Answer until SIGTERM ends the process: for a process that does nothing else.

    While the port is in use, it waits: a program that drains still holds it when its successor starts,
    and nobody starts this process again.
    """
    patient = Retrying(
        retry=retry_if_exception(_in_use),
        wait=wait_exponential(0.25, max=5.0),
        before_sleep=before_sleep_log(_log, logging.WARNING),
    )
    patient(serve, port, host).thread.join()
    return 0


def prepare_directory(path: Path) -> None:
    """Make PROMETHEUS_MULTIPROC_DIR exist and empty it, before the program's first process starts.

    Values of an earlier run would count as this one's. Only the files of metrics are removed.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in path.glob("*.db"):
        file.unlink()


def mark_dead(pid: int) -> None:
    """Forget the `live` gauges of a process that ended; its counters stay in the sums."""
    if metrics.SHARED:
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


def _in_use(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EADDRINUSE


def _collector() -> Collector:
    """What to show: the files of all processes, or this process's own values."""
    if not metrics.SHARED:
        return metrics.REGISTRY
    merged = CollectorRegistry()
    multiprocess.MultiProcessCollector(merged)  # type: ignore[no-untyped-call]
    return merged
