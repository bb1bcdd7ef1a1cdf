"""The door under guard: limits, keys that end, and what strangers learn (nothing)."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from urllib3.exceptions import HTTPError

from domain.payment import Mode
from ingress.windows import PREFIX
from ops import apikeys
from ops.dev.ports import free_port
from ops.dev.up import ROOT
from tests.e2e.hostile_tenants import a_tenant, another_key, refused, without_request_id
from tests.e2e.system import System, eventually

pytestmark = pytest.mark.e2e

LIMIT = 5
#: Where Redis hesitates, each of the two processes counts by itself for a moment.
MOST = 3 * LIMIT
#: A second is promised; the questions themselves take the rest.
REVOKED_WITHIN_S = 1.5
CHECKOUT = {"amount": 900, "currency": "USD"}


def test_a_merchant_over_its_rate_is_told_when_to_come_back(system: System) -> None:
    tenant = a_tenant(system, rate=LIMIT)

    answers = [tenant.call(system, "GET", "/v1/payments") for _ in range(MOST + 1)]

    statuses = [answer.status for answer in answers]
    assert (statuses[:LIMIT], statuses[-1]) == ([200] * LIMIT, 429)
    assert set(statuses) == {200, 429}
    assert answers[0].headers["X-RateLimit-Remaining"] == str(LIMIT - 1)
    for answer in answers:
        assert 0 <= int(answer.headers["X-RateLimit-Remaining"]) < LIMIT
        assert ("Retry-After" in answer.headers) == (answer.status == 429)
        assert answer.headers["X-RateLimit-Limit"] == str(LIMIT)
        assert re.fullmatch(r"\d{10}", answer.headers["X-RateLimit-Reset"])
    refused(answers[-1], 429, "rate_limited")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert a_tenant(system).call(system, "GET", "/v1/payments").status == 200, "nobody else's"


def test_a_storm_over_both_processes_gets_no_more_than_the_rate(system: System) -> None:
    tenant = a_tenant(system, rate=LIMIT)
    with ThreadPoolExecutor(16) as pool:
        statuses = list(
            pool.map(lambda _: tenant.call(system, "GET", "/v1/payments").status, range(60))
        )

    assert set(statuses) == {200, 429}
    assert LIMIT <= statuses.count(200) <= MOST


@pytest.fixture(scope="module")
def strict(running: System) -> Iterator[str]:
    """Another door on the same books: few refusals per address, and no proxy that it trusts."""
    port = free_port()
    environ = dict(running.stack.environ) | {
        "APP_PORT": str(port),
        "INGRESS_PROCESSES": "1",
        "IP_RATE_LIMIT_PER_MINUTE": str(LIMIT),
        "FORWARDED_ALLOW_IPS": "192.0.2.1",
        "PYTHONPATH": str(ROOT),
        "PATH": os.environ["PATH"],
    }
    url = f"http://127.0.0.1:{port}"
    log = (running.folder / "logs" / "strict.log").open("wb")
    with (
        log,
        subprocess.Popen(
            [sys.executable, "-m", "ingress"], env=environ, stdout=log, stderr=log
        ) as door,
    ):
        try:
            eventually(lambda: _is_up(running, url), 30, lambda: running.log("strict"))
            yield url
        finally:
            door.terminate()
            assert door.wait(30) in (0, -signal.SIGTERM)


def _is_up(system: System, url: str) -> bool:
    try:
        return system.http.request("GET", f"{url}/health/ready").status == 200
    except HTTPError:  # nobody listens yet
        return False


def forget_refusals(system: System) -> None:
    client = redis.Redis.from_url(system.stack.settings.redis_url)
    for name in client.scan_iter(f"{PREFIX}:*"):
        client.delete(name)
    client.close()


def test_a_stranger_may_be_refused_only_so_often(system: System, strict: str) -> None:
    keys = [apikeys.new_key(Mode.TEST)[1] for _ in range(MOST + 1)]
    forget_refusals(system)  # what others were refused counts against this address, too

    answers = [
        system.call(
            "GET",
            "/v1/payments",
            url=strict,
            # A new address each time, by somebody whom nobody trusts to tell.
            headers={"Authorization": f"Bearer {key}", "X-Forwarded-For": f"203.0.113.{number}"},
        )
        for number, key in enumerate(keys)
    ]

    statuses = [answer.status for answer in answers]
    assert (statuses[:LIMIT], statuses[-1]) == ([401] * LIMIT, 429)
    problem = refused(answers[-1], 429, "rate_limited")
    assert "API key" not in problem["detail"]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    eventually(lambda: system.call("GET", "/nothing", url=strict).status == 429, 5)
    assert system.call("GET", "/v1/payments", url=strict).status == 200, "with a key it goes on"


@pytest.mark.timed
def test_a_revoked_key_stops_within_a_second_in_every_process(system: System) -> None:
    tenant = a_tenant(system)

    def asked() -> set[int]:
        with ThreadPoolExecutor(16) as pool:
            return set(
                pool.map(lambda _: tenant.call(system, "GET", "/v1/payments").status, range(32))
            )

    assert asked() == {200}
    system.sql(
        "UPDATE api_keys SET revoked_at = clock_timestamp() WHERE id = %s RETURNING id",
        [tenant.key_id],
    )
    eventually(lambda: asked() == {401}, REVOKED_WITHIN_S, promised=True)
    refused(tenant.call(system, "GET", "/v1/payments"), 401, "unauthorized")


def test_a_merchant_that_was_switched_off_is_forbidden(system: System) -> None:
    tenant = a_tenant(system)
    system.sql(
        "UPDATE merchants SET is_active = false WHERE id = %s RETURNING id", [tenant.merchant_id]
    )

    refused(tenant.call(system, "POST", "/v1/checkout", CHECKOUT), 403, "forbidden")


def test_a_key_that_is_unknown_wrong_ended_or_of_the_other_mode_looks_the_same(
    system: System,
) -> None:
    tenant = a_tenant(system)
    wrong = another_key(system, tenant.merchant_id, Mode.TEST, kept_secret="A" * 43)
    ended = another_key(system, tenant.merchant_id, Mode.TEST)
    revoked = another_key(system, tenant.merchant_id, Mode.TEST)
    other = another_key(system, tenant.merchant_id, Mode.TEST)
    for key, change in (
        (ended, "expires_at = clock_timestamp()"),
        (revoked, "revoked_at = clock_timestamp()"),
        (other, "mode = 'live'"),
    ):
        system.sql(f"UPDATE api_keys SET {change} WHERE id = %s RETURNING id", [key.key_id])
    unknown = apikeys.new_key(Mode.TEST)[1]

    answers = [
        system.call("GET", "/v1/payments", headers={"Authorization": f"Bearer {key}"})
        for key in (unknown, wrong.key, ended.key, revoked.key, other.key)
    ]

    problems = [refused(answer, 401, "unauthorized") for answer in answers]
    assert len({json.dumps(without_request_id(problem)) for problem in problems}) == 1
    passing = {"date", "x-request-id", "content-length"}
    shown = [{name.lower(): value for name, value in answer.headers.items()} for answer in answers]
    assert all(
        {name: value for name, value in one.items() if name not in passing}
        == {name: value for name, value in shown[0].items() if name not in passing}
        for one in shown
    )
    assert answers[0].headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Bearer null"},
        {"Authorization": "Bearer pl_test_" + "0" * 16 + "_" + "A" * 49},
        {"Authorization": "Bearer " + "A" * 8_000},
        {"X-Api-Key": "' OR 1=1 --"},
        {"Cookie": "key=pl_test_x"},
    ],
    ids=lambda headers: str(headers)[:40],
)
def test_nobody_gets_in_without_a_key(system: System, headers: dict[str, str]) -> None:
    for method, path in (
        *(("GET", "/v1/payments"), ("POST", "/v1/checkout"), ("GET", "/v1/nothing")),
        *(("GET", "/v1//payments"), ("GET", "/v1"), ("GET", "/api/v1/payments"), ("PUT", "/v1/x")),
        *(("GET", "/v1/%70ayments"), ("GET", "/v1/./payments"), ("GET", "/v1/webhooks")),
    ):
        answer = system.http.request(method, system.stack.url + path, headers=headers)
        refused(answer, 401, "unauthorized")
