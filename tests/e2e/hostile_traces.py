"""Traces: every place where a secret could have been left behind, as bytes to be searched."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import psycopg
import redis

from ops.store import tables
from tests.e2e.system import System

#: Where secrets are kept on purpose on a developer's machine.
KEPT = frozenset({"secrets.env"})
#: The simulators' own books are the provider's, not ours.
LEDGERS = ".jsonl"


def everywhere(system: System) -> Iterator[tuple[str, bytes]]:
    """Yield every place with what is in it.

    The files are the programs' and servers' logs, PostgreSQL's heap, indexes and write-ahead log,
    and Redis's append-only file: whatever was ever written, even if it has been deleted since.
    The tables and Redis come on top as their clients see them, uncompressed.
    """
    for path in sorted(system.folder.rglob("*")):
        if path.is_file() and path.name not in KEPT and path.suffix != LEDGERS:
            with suppress(FileNotFoundError):  # a server has done with it in this moment
                yield str(path.relative_to(system.folder)), path.read_bytes()
    yield from _tables(system)
    yield from _redis(system)
    for name, text in metrics(system).items():
        yield f"metrics of {name}", text.encode()
    yield "what the supervisor said", "\n".join(system.said).encode()


def metrics(system: System) -> dict[str, str]:
    """Return what each program says of itself to Prometheus."""
    settings = system.stack.settings
    ports = {
        "ingress": settings.port,
        "worker": settings.worker_metrics_port,
        "clock": settings.clock_metrics_port,
    }
    found = {}
    for program, port in ports.items():
        answer = system.http.request("GET", f"http://127.0.0.1:{port}/metrics", retries=2)
        assert answer.status == 200, program
        found[program] = answer.data.decode()
    return found


def found_in(system: System, secrets: Mapping[str, str]) -> list[str]:
    """Return where any of the secrets lies, plain or in one of the usual disguises."""
    forms = {
        (name, form)
        for name, secret in secrets.items()
        for form in (*_disguises(secret.encode()), json.dumps(secret)[1:-1].encode())
    }
    return sorted(
        f"{name} in {place}"
        for place, content in everywhere(system)
        for name, form in forms
        if form in content
    )


def _disguises(secret: bytes) -> Iterator[bytes]:
    yield secret
    yield secret.hex().encode()
    for shift in range(3):  # base64 looks different at each of three offsets
        coded = base64.b64encode(b"\0" * shift + secret)
        yield coded[4 if shift else 0 : len(coded) - 4]


def _tables(system: System) -> Iterator[tuple[str, bytes]]:
    with psycopg.connect(system.stack.settings.database_url) as db:
        for name in tables.metadata.tables:
            rows = db.execute(f"SELECT * FROM {name}")
            yield f"table {name}", b"\n".join(_bytes(value) for row in rows for value in row)


def _redis(system: System) -> Iterator[tuple[str, bytes]]:
    client = redis.Redis.from_url(system.stack.settings.redis_url)
    readers: dict[bytes, Any] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"stream": client.xrange,
    }
    for key in client.scan_iter():
        kind: Any = client.type(key)
        if kind != b"none":  # it has run out meanwhile
            yield f"redis {key!r}", key + b" " + _bytes(readers[kind](key))
    client.close()


def _bytes(value: object) -> bytes:
    match value:
        case bytes():
            return value
        case dict():
            return b" ".join(_bytes(part) for pair in value.items() for part in pair)
        case list() | set() | tuple():
            return b" ".join(map(_bytes, value))
        case _:
            return str(value).encode("utf-8", "surrogatepass")
