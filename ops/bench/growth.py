"""Growth: the same work beside a year's history and beside none, on one server, in turns.

What counts is the processor time of the session that does it, so neighbours do not matter.
GROWTH_PAYMENTS in the environment is another length of the history.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import Engine, text

from domain.payment import Mode
from ops import apikeys
from ops.bench.bloat import bloat
from ops.bench.figures import RATIO, CannotRun, Figure, Goal, Options, Tell
from ops.bench.history import BYTES_EACH, fill, in_flight, with_past_months
from ops.bench.instant import asks, pay, runtime, terms
from ops.dev.errors import DevError
from ops.dev.services import services
from ops.migrate import migrate
from ops.seed import Sandbox, seed
from ops.store.accept import Acceptance, Accepted
from ops.store.engine import open_engine, session, session_options
from ops.store.ledger import seal
from ops.store.outbox import publish
from ops.store.sweep import sweep
from ops.vault import Vault

PAYMENTS, SHORT_PAYMENTS = 10_000_000, 200_000
FLYING, SHORT_FLYING = 100_000, 5_000
#: Checkouts in a commit, commits and payments in a turn.
BATCH, COMMITS, PAID, SHORT_PAID = 32, 20, 200, 60
SWEEPS: Final = 50
_VAULT: Final = Vault({"k1": b"k" * 32})
_KEY: Final = b"a" * 32
SAME = (Goal(RATIO, most=1.15, by_the_clock=False),)
#: What a payment waits for; the rest is done in bulk, and stands beside it.
JUDGED: Final = frozenset({"accept", "payment", "sweep"})


@dataclass(slots=True)
class Side:
    """One of the two databases, with one session for each way of working."""

    url: str
    engine: Engine
    names: Iterator[int] = field(default_factory=count)

    def accept(self, commits: int) -> tuple[float, list[UUID]]:
        """Accept checkouts as the door does; returns CPU-us for each, and their payments."""
        return asyncio.run(self._accept(commits))

    async def _accept(self, commits: int) -> tuple[float, list[UUID]]:
        kwargs = session(session_options("bench"))
        async with AsyncConnectionPool(
            self.url, min_size=1, max_size=1, kwargs=kwargs, open=False
        ) as pool:
            accept = Acceptance(pool, _VAULT, terms())
            await accept(asks(BATCH, f"warm-{next(self.names)}"))
            async with pool.connection() as db:
                pid = db.info.backend_pid
            before, answers = cpu_us(pid), []
            for _ in range(commits):
                answers += await accept(asks(BATCH, f"n-{next(self.names)}"))
            used = cpu_us(pid) - before
        accepted = [one.payment_id for one in answers if isinstance(one, Accepted)]
        if len(accepted) < len(answers):
            raise CannotRun("a checkout was not accepted")
        return used / len(accepted), accepted

    def each(self, work: Callable[[], int]) -> float:
        """Return CPU-us of the session for each thing that `work` did."""
        with self.engine.connect() as db:
            pid = db.execute(text("SELECT pg_backend_pid()")).scalar_one()
        before = cpu_us(pid)
        done = work()
        return (cpu_us(pid) - before) / max(done, 1)


def run(options: Options, tell: Tell) -> Iterator[Figure]:
    """Fill one of two databases, then do the same in both."""
    number = int(os.environ.get("GROWTH_PAYMENTS", SHORT_PAYMENTS if options.short else PAYMENTS))
    _room(options.folder, number)
    try:
        with services(options.folder, durable=True, environ={}) as servers:
            grown, empty = (_made(servers.database_url, name) for name in ("grown", "empty"))
            for side in (grown, empty):
                with_past_months(side.url)
            fill(grown.url, number, lambda done: tell(f"{done} of {number} payments written"))
            flying = SHORT_FLYING if options.short else FLYING
            for side in (grown, empty):
                in_flight(side.url, flying)
                _analyzed(side)
            yield _size(grown, number)
            yield from _turns(grown, empty, options, tell)
            tell("an update storm, and what vacuum makes of it")
            yield bloat(grown.url)
            for side in (grown, empty):
                side.engine.dispose()
    except DevError as error:
        raise CannotRun(str(error)) from error


def cpu_us(pid: int) -> float:
    """Return the processor time of a process so far, as exactly as the kernel keeps it."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1_000


def _turns(grown: Side, empty: Side, options: Options, tell: Tell) -> Iterator[Figure]:
    found: dict[str, dict[int, list[float]]] = {}
    paid = SHORT_PAID if options.short else PAID
    for number in range(options.rounds + 1):
        tell(f"turn {number} of {options.rounds}")
        order = (grown, empty) if number % 2 else (empty, grown)
        for side in order:
            for name, us in _turn(side, paid).items():
                found.setdefault(name, {}).setdefault(id(side), []).append(us)
    for name, by in found.items():
        # The first turn warms caches and plans.
        goals = SAME if name in JUDGED else ()
        yield Figure(f"growth.{name}", "us", by[id(grown)][1:], by[id(empty)][1:], goals=goals)


def _turn(side: Side, paid: int) -> Mapping[str, float]:
    accepting, payments = side.accept(COMMITS)
    run = runtime(side.engine, _VAULT)

    def some() -> int:
        pay(payments[:paid], run)
        return paid

    paying = side.each(some)
    _later(side)
    return {
        "accept": accepting,
        "payment": paying,
        "sweep": side.each(lambda: _swept(side.engine)),
        "seal": side.each(lambda: _until_none(lambda: seal(side.engine, _KEY))),
        "publish": side.each(lambda: _until_none(lambda: publish(side.engine, lambda _: None))),
    }


def _swept(engine: Engine) -> int:
    for _ in range(SWEEPS):
        sweep(engine)
    return SWEEPS


def _until_none(step: Callable[[], int]) -> int:
    total = 0
    while done := step():
        total += done
    return total


def _later(side: Side) -> None:
    """Put off what was accepted and not paid: the sweep is to find nothing due."""
    with side.engine.begin() as db:
        db.execute(
            text(
                "UPDATE payments SET next_run_at = next_run_at + interval '1 hour',"
                " wake_at = wake_at + interval '1 hour'"
                " WHERE next_run_at < now() + interval '10 minutes'"
                " AND wake_at < now() + interval '10 minutes'"
            )
        )


def _made(url: str, name: str) -> Side:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}".encode())
    url = f"{url.rpartition('/')[0]}/{name}"
    migrate(url)
    engine = open_engine(url, "bench", 1)
    sandboxes = [Sandbox(id_, "http://127.0.0.1:1", "sk", "wh") for id_ in ("one", "two")]
    seed(engine, _VAULT, b"p" * 32, apikeys.new_key(Mode.TEST)[1], sandboxes)
    return Side(url, engine)


def _analyzed(side: Side) -> None:
    with psycopg.connect(side.url, autocommit=True) as db:
        db.execute("VACUUM (ANALYZE)")
        db.execute("CHECKPOINT")


def _size(grown: Side, number: int) -> Figure:
    with psycopg.connect(grown.url) as db:
        rows = db.execute(
            "SELECT coalesce((SELECT inhparent::regclass::text FROM pg_inherits"
            " WHERE inhrelid = relid), relname), sum(pg_relation_size(relid))::bigint,"
            " sum(pg_indexes_size(relid))::bigint FROM pg_stat_user_tables GROUP BY 1"
        ).fetchall()
    extra = {f"{name}_bytes": heap / number for name, heap, _ in rows if heap > number}
    extra |= {f"{name}_index_bytes": size / number for name, _, size in rows if size > number}
    return Figure("growth.bytes", "B", [sum(h + i for _, h, i in rows) / number], extra=extra)


def _room(folder: Path, number: int) -> None:
    needed, free = number * BYTES_EACH * 1.2, shutil.disk_usage(folder).free
    if free < needed:
        raise CannotRun(
            f"{number} payments need {needed / 1e9:.0f} GB and {folder} has {free / 1e9:.0f}:"
            " name another --folder, or set GROWTH_PAYMENTS"
        )
