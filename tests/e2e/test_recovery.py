"""Recovery: what a killed worker held is taken up by another one within ten seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import cast
from uuid import UUID

import pytest
import redis

from ops.dev.ports import free_port
from ops.dev.probes import answers_http
from ops.dev.program import Program
from ops.queue.depths import NAMESPACE
from tests.e2e.system import Json, System, eventually
from tests.e2e.test_storms import kill, restarts, whole

pytestmark = [pytest.mark.e2e, pytest.mark.timed]

#: The promise, for messages and for rows.
RECOVERED_S = 10.0
PAYMENTS = 120
#: Long enough for calls to be under way when their worker is killed.
SLOW_MS = 1_200
UP_S = 60.0
ROUNDS = int(os.environ.get("RECOVERY_ROUNDS", "1"))


@dataclass(frozen=True, slots=True)
class Recovered:
    """How long after the kill each thing that the dead one held was somebody's again, seconds."""

    messages: list[float]
    rows: list[float]

    def __str__(self) -> str:
        return "; ".join(
            f"{name}: {len(took)}, median {median(took):.1f} s, at most {max(took):.1f} s"
            for name, took in (("messages", self.messages), ("rows", self.rows))
        )


@contextmanager
def another_worker(system: System) -> Iterator[None]:
    """Run one more worker program beside the supervised one, as on a second machine."""
    (program,) = (one for one in flat(system.stack.programs) if one.name == "worker")
    port = free_port()
    log = system.folder / "logs" / "another-worker.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            program.argv,
            env={**program.env, "WORKER_METRICS_PORT": str(port)},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    ready = answers_http(port, "/ready")

    def is_up() -> bool:
        assert process.poll() is None, log.read_text()[-2_000:]
        try:
            return ready()
        except OSError:
            return False

    try:
        eventually(is_up, UP_S)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(system.stack.settings.drain_s + 10)
        finally:
            with_its_children(process.pid)


def flat(programs: Sequence[Program | Sequence[Program]]) -> Iterator[Program]:
    for one in programs:
        if isinstance(one, Program):
            yield one
        else:
            yield from one


def with_its_children(leader: int) -> None:
    """Kill whatever is left of a program."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def unacknowledged(client: redis.Redis, workers: Sequence[bytes] | None = None) -> set[bytes]:
    """Return where messages lie that a worker has fetched; of all workers, or of these."""
    keys: set[bytes] = set(client.scan_iter(f"{NAMESPACE}:__acks__.*", count=1_000))
    if workers is None:
        return keys
    return {key for key in keys if any(b"." + worker + b"." in key for worker in workers)}


def leased(system: System) -> list[Json]:
    """Return the payments that somebody works on, and who."""
    return system.sql(
        "SELECT id, lease_owner AS owner, clock_timestamp() AS now FROM payments"
        " WHERE lease_until > clock_timestamp()"
    )


def is_gone(system: System, owner: int) -> bool:
    """Whether the process that named itself so in leases lives no more."""
    (row,) = system.sql(
        "SELECT lease_is_free(clock_timestamp() + interval '1 h', %s) AS gone", [owner]
    )
    return bool(row["gone"])


def first_touched(system: System, ids: Sequence[UUID], after: datetime) -> dict[UUID, float]:
    """Return how long after that moment somebody first did something for each payment."""
    rows = system.sql(
        "SELECT id, extract(epoch FROM min(at) - %s)::float8 AS s FROM ("
        " SELECT payment_id AS id, created_at AS at FROM payment_attempts UNION ALL"
        " SELECT a.payment_id, f.observed_at FROM attempt_facts f"
        "  JOIN payment_attempts a ON a.id = f.attempt_id) told"
        " WHERE at > %s AND id = ANY(%s::uuid[]) GROUP BY id",
        [after, after, list(ids)],
    )
    return {row["id"]: row["s"] for row in rows}


def killed_and_taken_up(system: System, client: redis.Redis) -> tuple[list[str], Recovered]:
    """Kill the supervised worker in the middle of its work; return the payments, and how long it
    took until everything that it held was in somebody else's hands."""
    old = cast("list[bytes]", client.zrange(f"{NAMESPACE}:__heartbeats__", 0, -1))
    with another_worker(system):
        system.fault("sandbox-a", "latency", ms=SLOW_MS)
        ids = system.checkouts(PAYMENTS, amount=3_600)
        eventually(lambda: len(leased(system)) > PAYMENTS // 10, 20)
        held, rows = unacknowledged(client, old), leased(system)
        kill(system, "worker")
        began = time.monotonic()
        assert held, "the killed worker had fetched nothing"
        owners = {row["owner"] for row in rows}
        gone = eventually(lambda: {one for one in owners if is_gone(system, one)}, RECOVERED_S)
        lost = [row["id"] for row in rows if row["owner"] in gone]
        back: dict[bytes, float] = {}

        def all_back() -> bool:
            now = time.monotonic() - began
            for key in held - back.keys() - unacknowledged(client, old):
                back[key] = now
            return back.keys() == held

        eventually(all_back, 3 * RECOVERED_S, lambda: f"{held - back.keys()}")
        system.no_faults()
        assert system.all_final(ids, 60) == {"captured": len(ids)}
        since = max(row["now"] for row in rows)
        touched = first_touched(system, lost, since)
    # Whatever was finished in the instant between the look and the kill was not held any more.
    return ids, Recovered(list(back.values()), list(touched.values()))


def test_what_a_killed_worker_held_is_somebodys_within_ten_seconds(system: System) -> None:
    client = redis.Redis.from_url(system.stack.settings.redis_url)
    for _ in range(ROUNDS):
        before = restarts(system, "worker")

        ids, took = killed_and_taken_up(system, client)

        print(f"\nafter kill -9: {took}")
        whole(system, ids)
        assert max(took.messages) < RECOVERED_S
        assert max(took.rows) < RECOVERED_S
        eventually(partial(restarted, system, before), 20)
        eventually(lambda: "worker" in system.supervisor.alive(), UP_S)
    client.close()


def restarted(system: System, before: int) -> bool:
    return restarts(system, "worker") == before + 1


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_one_process_of_a_program_dies_and_the_program_is_started_again(system: System) -> None:
    before = restarts(system, "worker")
    main = system.supervisor.pid("worker")
    assert main is not None
    system.fault("sandbox-a", "latency", ms=SLOW_MS)
    ids = system.checkouts(PAYMENTS // 2, amount=3_700)
    eventually(lambda: leased(system), 20)
    one = min(children(main))

    os.kill(one, signal.SIGKILL)

    system.no_faults()
    whole(system, ids)
    eventually(lambda: restarted(system, before), 30)
    eventually(lambda: system.supervisor.pid("worker") not in (None, main), 30)
    assert one not in children(system.supervisor.pid("worker") or 0)
