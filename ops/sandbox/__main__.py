"""python -m ops.sandbox: one imaginary payment provider in its own process."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from ops.sandbox.ledger import LedgerError
from ops.sandbox.server import serve
from ops.sandbox.settings import Settings

KEY_VARIABLE = "SANDBOX_SECRET_KEY"
WEBHOOK_VARIABLE = "SANDBOX_WEBHOOK_SECRET"


def parser() -> argparse.ArgumentParser:
    """Return the command line; every option's help says what happens without it."""
    line = argparse.ArgumentParser(
        prog="python -m ops.sandbox",
        description="A payment provider for development and tests: it keeps its own ledger and "
        "fails on request. GET / on its port explains how. Prints one JSON line when ready; "
        "stops on SIGTERM within 5 seconds.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = line.add_argument
    add("--name", required=True, help="the gateway's name, used to address faults in metadata")
    add("--host", default="127.0.0.1", help="address of the API port")
    add("--port", type=_port, required=True, help="API port; 0 takes a free one")
    add("--admin-port", type=_port, required=True, help="admin port, on 127.0.0.1; 0 takes one")
    add("--ledger", type=Path, required=True, help="ledger file; created if it is not there")
    add("--secret-key", metavar="KEY", help=f"the API key; {KEY_VARIABLE} keeps it out of ps")
    add("--webhook-url", type=_url, help="where events are posted; nothing is sent without it")
    add(
        "--webhook-secret",
        metavar="SECRET",
        help=f"signs webhooks; {WEBHOOK_VARIABLE} keeps it out of ps",
    )
    add("--public-url", type=_url, help="base of payment page links; http://HOST:PORT if not set")
    add("--key-window-s", type=_seconds, default=86_400.0, help="life of an idempotency key")
    add("--async-delay-s", type=_seconds, default=1.0, help="from processing to the decision")
    add(
        "--authorization-life-s",
        type=_seconds,
        default=7 * 86_400.0,
        help="how long a reservation is held when the request names no time",
    )
    add("--visibility-lag-s", type=_seconds, default=0.0, help="lag of the search by reference")
    add(
        "--webhook-time-scale",
        type=_seconds,
        default=1.0,
        help="multiplies the webhook retry waits (1, 2, 4, 8, 16, 32 s) and late webhooks",
    )
    add(
        "--no-fsync",
        action="store_true",
        help="answer before the disk has the ledger: survives kill -9, not a power cut",
    )
    return line


def settings(arguments: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Read the command line and the two secrets. Exits with 2 and says what is wrong."""
    line = parser()
    given = line.parse_args(arguments)
    secret_key = given.secret_key or environ.get(KEY_VARIABLE, "")
    webhook_secret = given.webhook_secret or environ.get(WEBHOOK_VARIABLE, "")
    missing = [] if secret_key else [KEY_VARIABLE]
    if given.webhook_url and not webhook_secret:
        missing.append(WEBHOOK_VARIABLE)
    if missing:
        line.error("set " + ", ".join(missing))
    return Settings(
        name=given.name,
        host=given.host,
        port=given.port,
        admin_port=given.admin_port,
        ledger=given.ledger,
        secret_key=secret_key,
        webhook_url=given.webhook_url,
        webhook_secret=webhook_secret,
        public_url=given.public_url,
        key_window_s=given.key_window_s,
        async_delay_s=given.async_delay_s,
        authorization_life_s=given.authorization_life_s,
        visibility_lag_s=given.visibility_lag_s,
        webhook_time_scale=given.webhook_time_scale,
        durable=not given.no_fsync,
    )


def main() -> int:
    """Run until SIGTERM: 0. A ledger or a port that cannot be used: 2. A failing disk: 1."""
    try:
        return uvloop.run(serve(settings(sys.argv[1:], os.environ)))
    except (LedgerError, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError("a port is between 0 and 65535")
    return port


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 10**9:
        raise argparse.ArgumentTypeError("seconds are 0 or more")
    return seconds


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or not text.isascii():
        raise argparse.ArgumentTypeError("an http or https URL, please")
    return text


if __name__ == "__main__":
    sys.exit(main())
