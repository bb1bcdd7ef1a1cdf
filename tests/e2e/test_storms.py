"""Storms: stores go away, programs are killed; nothing accepted is lost, nobody is charged twice."""

from __future__ import annotations

import os
import signal
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
import urllib3

from native.verifier import hmac_sha256
from ops.providers import PROVIDERS
from ops.store.engine import open_engine
from ops.store.ledger import seal, verify
from tests.e2e.system import System, eventually

pytestmark = pytest.mark.e2e

#: The promise: whatever Redis forgets, all is final by then.
FLUSHED_S = 30.0


def post_stubbornly(system: System, amount: int) -> str:
    """Post as a careful merchant does: the same key again until there is an answer."""
    key, body = str(uuid.uuid4()), {"amount": amount, "currency": "USD"}

    def answered() -> str | None:
        try:
            answer = system.call("POST", "/v1/checkout", body, key=key)
        except urllib3.exceptions.HTTPError:
            return None  # the door was away, or died before it answered
        if answer.status == 503:
            assert int(answer.headers["Retry-After"]) >= 1
            return None
        assert answer.status == 202, (answer.status, answer.data)
        return str(answer.json()["id"])

    return eventually(answered, 60)


def many(system: System, count: int, amount: int, half_way: Callable[[], object]) -> list[str]:
    """Post `count` checkouts, and do something when half of them are through."""
    reached = threading.Semaphore(0)

    def one(_: int) -> str:
        id_ = post_stubbornly(system, amount)
        reached.release()
        return id_

    def storm() -> None:
        for _ in range(count // 2):
            reached.acquire()
        half_way()

    struck = system.deeds.submit(storm)
    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(one, range(count)))
    struck.result()
    return ids


def kill(system: System, program: str) -> None:
    pid = system.supervisor.pid(program)
    assert pid is not None
    os.killpg(pid, signal.SIGKILL)


def stop(system: System, program: str) -> None:
    """Send SIGTERM once, to the main process only, as a supervisor does."""
    pid = system.supervisor.pid(program)
    assert pid is not None
    os.kill(pid, signal.SIGTERM)


def restarts(system: System, program: str) -> int:
    """Count how often the supervisor said that it starts a dead program again."""
    return sum(line.startswith(program) and "starting it again" in line for line in system.said)


def whole(system: System, ids: list[str], within_s: float = 60, *, promised: bool = False) -> None:
    """Everything is captured, once, and audited."""
    assert len(set(ids)) == len(ids)
    assert system.all_final(ids, within_s, promised=promised) == {"captured": len(ids)}
    system.books_agree()
    engine = open_engine(system.stack.settings.database_url, "verdict", 2)
    try:
        key = system.stack.settings.secrets.audit
        while seal(engine, key, everything=True):
            continue
        assert verify(engine, key).broken is None
    finally:
        engine.dispose()


@pytest.mark.timed
def test_redis_is_flushed_and_restarted_in_the_middle_of_500_payments(system: System) -> None:
    cache = system.stack.services.redis
    assert cache is not None
    client = redis.Redis.from_url(system.stack.settings.redis_url)

    def storm() -> None:
        client.flushall()
        cache.restart()

    ids = many(system, 500, 3100, storm)

    whole(system, ids, FLUSHED_S, promised=True)


def test_the_door_accepts_without_redis(system: System) -> None:
    cache = system.stack.services.redis
    assert cache is not None
    cache.kill()
    try:
        id_ = system.checkout(3150)
        again = system.call("GET", f"/v1/payments/{id_}")
        assert (again.status, again.json()["status"]) == (200, "pending")
    finally:
        cache.restart()
    system.settled(id_, "captured")


def test_postgresql_is_stopped_and_started_and_nothing_accepted_is_lost(system: System) -> None:
    database = system.stack.services.postgres
    assert database is not None

    ids = many(system, 200, 3200, database.restart)

    whole(system, ids)


def test_without_postgresql_the_door_says_503_and_writes_nothing(system: System) -> None:
    database = system.stack.services.postgres
    assert database is not None
    database.stop()  # and not killed: a dead server would be started again at once
    try:
        answer = eventually(lambda: unavailable(system), 20)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "unavailable"
        assert int(answer.headers["Retry-After"]) >= 1
        eventually(lambda: system.call("GET", "/health/ready").status == 503, 5)
        assert deliver(system, b'{"id": "evt_nowhere"}').status == 503  # so that it comes again
        nobody = "pay_" + "0" * 32
        assert system.call("POST", f"/v1/payments/{nobody}/cancel").status == 503
        assert system.call("GET", "/health/live").status == 200
    finally:
        database.restart()
    eventually(lambda: system.call("GET", "/health/ready").status == 200, 30)
    assert system.sql("SELECT count(*) AS n FROM payments WHERE amount = 3250") == [{"n": 0}]


def unavailable(system: System) -> urllib3.BaseHTTPResponse | None:
    answer = system.call("POST", "/v1/checkout", {"amount": 3250, "currency": "USD"})
    return answer if answer.status == 503 else None


@pytest.mark.parametrize("program", ["worker", "ingress"])
def test_a_program_is_killed_in_the_middle_of_500_payments(system: System, program: str) -> None:
    before = restarts(system, program)

    ids = many(system, 500, 3300, lambda: kill(system, program))

    whole(system, ids)
    assert restarts(system, program) == before + 1


@pytest.mark.parametrize("program", ["worker", "ingress", "clock"])
def test_a_program_is_told_to_stop_in_the_middle_of_500_payments(
    system: System, program: str
) -> None:
    system.fault("sandbox-a", "latency", ms=300)

    before = restarts(system, program)

    ids = many(system, 500, 3400, lambda: stop(system, program))

    whole(system, ids)
    eventually(lambda: restarts(system, program) == before + 1, 20)
    endings = [line for line in system.said if line.startswith(f"{program} ended")]
    assert endings[-1].startswith(f"{program} ended with exit code 0"), endings
    attempts = system.sql(
        "SELECT a.cause FROM payment_attempts a JOIN payments p ON p.id = a.payment_id"
        " WHERE p.amount = 3400 AND a.cause LIKE %s",
        ["%worker stopped%"],
    )
    assert attempts == []  # a run that had sent its request was finished, not abandoned


def test_fifty_copies_of_a_webhook_are_one_state_and_a_bad_signature_is_nothing(
    system: System,
) -> None:
    id_ = system.checkout(3500)
    system.settled(id_, "captured")
    (attempt,) = system.sql(
        "SELECT id, provider_id FROM payment_attempts WHERE payment_id = %s", [id_[4:]]
    )
    version = system.sql("SELECT version FROM payments WHERE id = %s", [id_[4:]])
    paid = {"id": attempt["provider_id"], "reference": attempt["id"].hex}
    body = (
        '{"id": "evt_copies", "type": "payment.captured", "data": {"payment": '
        f'{{"id": "{paid["id"]}", "reference": "{paid["reference"]}"}}}}}}'
    ).encode()
    with ThreadPoolExecutor(25) as pool:
        good = list(pool.map(lambda _: deliver(system, body), range(50)))
        bad = list(pool.map(lambda _: deliver(system, body, secret=b"wrong"), range(10)))

    assert Counter(answer.status for answer in good) == {200: 50}
    assert Counter(answer.status for answer in bad) == {401: 10}
    assert sum(not answer.json()["duplicate"] for answer in good) == 1
    stored = "SELECT count(*) AS n FROM webhook_events WHERE dedupe_key = 'evt_copies'"
    assert system.sql(stored) == [{"n": 1}]
    eventually(
        lambda: system.sql(
            "SELECT 1 AS one FROM webhook_events WHERE dedupe_key = 'evt_copies'"
            " AND status = 'processed' AND next_run_at IS NULL"
        ),
        15,
    )
    assert system.sql("SELECT version FROM payments WHERE id = %s", [id_[4:]]) == version


def test_a_webhook_for_an_unknown_payment_is_kept_and_parked(system: System) -> None:
    body = (
        b'{"id": "evt_orphan", "type": "payment.captured", "data": {"payment": '
        b'{"id": "sp_nobody", "reference": "00000000000070008000000000000000"}}}'
    )
    assert deliver(system, body).status == 200

    def parked() -> bool:
        rows = system.sql("SELECT * FROM webhook_events WHERE dedupe_key = 'evt_orphan'")
        return bool(rows[0]["parked_reason"] == "unknown_object" and rows[0]["owner"])

    eventually(parked, 40)


def deliver(system: System, body: bytes, secret: bytes | None = None) -> urllib3.BaseHTTPResponse:
    """Send a webhook as the sandbox signs it."""
    import time

    key = secret or system.stack.environ["SANDBOX_A_WEBHOOK_SECRET"].encode()
    sent_at = str(int(time.time()))
    signature = hmac_sha256(key, f"{sent_at}.".encode() + body).hex()
    return system.http.request(
        "POST",
        f"{system.stack.url}/v1/webhooks/sandbox/sandbox-a",
        body=body,
        headers={PROVIDERS["sandbox"].scheme.header: f"t={sent_at},v1={signature}"},
    )
