"""The command line of every simulator: `main(Provider)` is all of its `__main__`."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from ops.sandbox.journal import LedgerError
from ops.sandbox.stage.provider import Provider
from ops.sandbox.stage.server import serve
from ops.sandbox.stage.settings import Settings


def main(provider: type[Provider]) -> int:
    """Run until SIGTERM: 0. A ledger or a port that cannot be used: 2. A failing disk: 1."""
    try:
        return uvloop.run(serve(settings(provider, sys.argv[1:], os.environ), provider))
    except (LedgerError, OSError) as error:
        print(f"{provider.name}: {error}", file=sys.stderr)
        return 2


def settings(
    provider: type[Provider], arguments: Sequence[str], environ: Mapping[str, str]
) -> Settings:
    """Read the command line and the secrets. Exits with 2 and says what is wrong."""
    line = _parser(provider)
    given = line.parse_args(arguments)
    missing = [name for name in provider.secrets if not environ.get(name)]
    if missing:
        line.error("set " + ", ".join(missing))
    return Settings(
        name=given.name,
        host=given.host,
        port=given.port,
        admin_port=given.admin_port,
        ledger=given.ledger,
        webhook_url=given.webhook_url,
        public_url=given.public_url,
        async_delay_s=given.async_delay_s,
        webhook_time_scale=given.webhook_time_scale,
        durable=not given.no_fsync,
        key_window_s=given.key_window_s,
        secrets={name: environ[name] for name in provider.secrets},
        options=given,
    )


def _parser(provider: type[Provider]) -> argparse.ArgumentParser:
    kept = "".join(f" {name}: {what}." for name, what in provider.secrets.items())
    line = argparse.ArgumentParser(
        prog=f"python -m ops.sandbox.{provider.name}",
        description=f"{provider.about} GET / on its port explains how it fails on request. Prints "
        "one JSON line when ready; stops on SIGTERM within 5 seconds. Secrets are read from the "
        f"environment.{kept}",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = line.add_argument
    add("--name", required=True, help="the gateway's name")
    add("--host", default="127.0.0.1", help="address of the API port")
    add("--port", type=_port, required=True, help="API port; 0 takes a free one")
    add("--admin-port", type=_port, required=True, help="admin port, on 127.0.0.1; 0 takes one")
    add("--ledger", type=Path, required=True, help="ledger file; created if it is not there")
    add("--webhook-url", type=_url, help="where webhooks are posted; none is sent without it")
    add("--public-url", type=_url, help="base of the payer's pages; http://HOST:PORT if not set")
    add("--async-delay-s", type=_seconds, default=1.0, help="from undecided to decided")
    add(
        "--webhook-time-scale",
        type=_seconds,
        default=1.0,
        help="multiplies the provider's waits between the tries of a webhook, and late webhooks",
    )
    add(
        "--key-window-s",
        type=_seconds,
        default=provider.key_window_s,
        help="life of an idempotency key",
    )
    add(
        "--no-fsync",
        action="store_true",
        help="answer before the disk has the ledger: survives kill -9, not a power cut",
    )
    provider.options(line)
    return line


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
