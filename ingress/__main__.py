"""python -m ingress: the door, with its numbers from the settings."""

from __future__ import annotations

import gc
import os
import signal
import ssl
import sys
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from ops.settings import BadSettings, Settings
from ops.telemetry.directory import own_directory

#: A request line and headers of an honest client stay far below this.
MAX_HEAD_BYTES = 32 * 1024
#: Idle keep-alive connections are closed after this; longer than common clients keep theirs.
KEEP_ALIVE_S = 30
#: Objects made and not gone before the collector looks for rings among them. By default it looks
#: after 700, which is two requests; hardly anything of a request is in a ring.
GC_THRESHOLD = 10_000


def main() -> int:
    """Serve until SIGTERM; what is under way is finished within the drain limit."""
    try:
        settings = Settings.from_env(os.environ)
    except BadSettings as error:
        print(error, file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn stops gracefully, then raises the signal again for whoever handled it before:
        # with nobody there it would end the process by signal instead of with 0.
        signal.signal(number, lambda *_: None)
    with own_directory("ingress"):  # before anything imports the metrics
        uvicorn.run(
            "ingress.__main__:served",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.ingress_processes,
            loop="uvloop",
            http="httptools",
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=int(settings.drain_s),
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            backlog=2048,
            ssl_certfile=settings.tls_cert_file or None,
            ssl_keyfile=settings.tls_key_file or None,
            ssl_context_factory=_tls_1_3 if settings.tls_cert_file else None,
        )
    return 0


def served() -> Starlette:
    """Build the app; what it consists of stays, so the collector need not look at it again."""
    from ingress.main import app

    built = app()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    return built


def _tls_1_3(_: uvicorn.Config, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Return uvicorn's context with TLS 1.3 as the oldest version spoken."""
    context = default()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


if __name__ == "__main__":
    sys.exit(main())
