"""The door under guard: limits, keys that end, headers, and what strangers learn (nothing)."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from urllib3.exceptions import HTTPError

from domain.payment import Mode
from ingress.keybook import KEEP_S
from ops import apikeys
from ops.dev.ports import free_port
from ops.dev.up import ROOT
from tests.e2e.hostile_tenants import a_tenant, another_key, refused, without_request_id
from tests.e2e.hostile_traces import metrics
from tests.e2e.hostile_wire import Heard, one_raw, request
from tests.e2e.system import System, eventually

pytestmark = pytest.mark.e2e

LIMIT = 5
CHECKOUT = {"amount": 900, "currency": "USD"}


def test_a_merchant_over_its_rate_is_told_when_to_come_back(system: System) -> None:
    tenant = a_tenant(system, rate=LIMIT)

    answers = [tenant.call(system, "GET", "/v1/payments") for _ in range(LIMIT + 2)]

    assert [answer.status for answer in answers] == [200] * LIMIT + [429] * 2
    left = [int(answer.headers["X-RateLimit-Remaining"]) for answer in answers]
    assert left == [4, 3, 2, 1, 0, 0, 0]
    for answer in answers:
        assert answer.headers["X-RateLimit-Limit"] == str(LIMIT)
        assert re.fullmatch(r"\d{10}", answer.headers["X-RateLimit-Reset"])
    refused(answers[-1], 429, "rate_limited")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert "Retry-After" not in answers[0].headers
    assert a_tenant(system).call(system, "GET", "/v1/payments").status == 200, "nobody else's"


def test_a_storm_over_both_processes_gets_no_more_than_the_rate(system: System) -> None:
    tenant = a_tenant(system, rate=LIMIT)
    with ThreadPoolExecutor(16) as pool:
        statuses = list(
            pool.map(lambda _: tenant.call(system, "GET", "/v1/payments").status, range(40))
        )

    assert sorted(statuses) == [200] * LIMIT + [429] * (40 - LIMIT)


@pytest.fixture(scope="module")
def strict(running: System) -> Iterator[str]:
    """Another door on the same books: few refusals per address, and no proxy that it trusts."""
    port = free_port()
    environ = running.stack.environ | {
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


def test_a_stranger_may_be_refused_only_so_often(system: System, strict: str) -> None:
    keys = [apikeys.new_key(Mode.TEST)[1] for _ in range(LIMIT + 2)]

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

    assert [answer.status for answer in answers] == [401] * LIMIT + [429] * 2
    problem = refused(answers[-1], 429, "rate_limited")
    assert "API key" not in problem["detail"]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    refused(system.call("GET", "/nothing", url=strict), 429, "rate_limited")
    assert system.call("GET", "/v1/payments", url=strict).status == 200, "with a key it goes on"


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
    eventually(lambda: asked() == {401}, KEEP_S + 0.5)
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


def _answers(system: System) -> dict[str, Heard]:
    """Return one answer of every kind."""
    auth = f"Authorization: Bearer {system.stack.demo_key}".encode()
    close = b"Connection: close"

    def ask(method: str, path: str, *headers: bytes, body: bytes = b"") -> Heard:
        return one_raw(system.stack.url, request(method, path, [close, *headers], body))

    limited = a_tenant(system, rate=1)
    limited.call(system, "GET", "/v1/payments")
    over = f"Authorization: Bearer {limited.key}".encode()
    return {
        "200": ask("GET", "/v1/payments", auth),
        "health": ask("GET", "/health"),
        "metrics": ask("GET", "/metrics"),
        "document": ask("GET", "/openapi.json"),
        "page": ask("GET", "/docs"),
        "asset": ask("GET", "/docs/assets/docs.js"),
        "400": ask("POST", "/v1/checkout", auth, body=b"{"),
        "401": ask("GET", "/v1/payments"),
        "webhook": ask("POST", "/v1/webhooks/sandbox/sandbox-a", body=b"{}"),
        "404": ask("GET", "/nothing"),
        "404 in /v1": ask("GET", "/v1/nothing", auth),
        "404 asset": ask("GET", "/docs/assets/nothing.js"),
        "405": ask("DELETE", "/v1/payments", auth),
        "413": ask("POST", "/v1/checkout", auth, body=b" " * 70_000),
        "414": ask("GET", "/" + "a" * 9_000),
        "422": ask("POST", "/v1/checkout", auth, body=b"{}"),
        "429": ask("GET", "/v1/payments", over),
        "431": ask("GET", "/", b"X-Big: " + b"a" * 20_000),
    }


def test_every_answer_wears_its_security_headers(system: System) -> None:
    for kind, answer in _answers(system).items():
        if kind[:3].isdigit():
            assert answer.status == int(kind[:3]), (kind, answer)
        for name, value in (
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
        ):
            assert answer.headers.get(name) == value, (kind, name)
        assert "default-src 'none'" in answer.headers["content-security-policy"], kind
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], kind
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"]), kind
        cache = answer.headers["cache-control"]
        expected = {"document": "no-cache", "asset": "public, max-age=3600"}.get(kind, "no-store")
        assert cache == expected, kind
        assert not {"server", "x-powered-by", "access-control-allow-origin"} & answer.headers.keys()


def test_a_page_of_another_origin_is_not_let_in(system: System) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("OPTIONS", "GET"):
        answer = system.call(method, "/v1/payments", headers=asked)
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("id_", ["abc", "A-b_c.9", "x" * 64])
def test_a_request_id_is_echoed(system: System, id_: str) -> None:
    answer = system.call("GET", "/v1/nothing", headers={"X-Request-ID": id_})

    assert refused(answer, 404, "not_found")["request_id"] == id_


@pytest.mark.parametrize(
    "id_",
    [
        b"x" * 65,
        b"a b",
        b"a;b",
        b'"}',
        b"<script>",
        b"${jndi:ldap://x}",
        b"\xff",
        b"%0d%0aX: y",
        b"",
    ],
)
def test_a_hostile_request_id_is_replaced(system: System, id_: bytes) -> None:
    headers = [b"X-Request-ID: " + id_, b"Connection: close"]

    problem = refused(one_raw(system.stack.url, request("GET", "/x", headers)), 404, "not_found")

    assert re.fullmatch(r"[0-9a-f]{32}", problem["request_id"])


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/payments", {"GET", "HEAD", "POST"}),
        ("PUT", "/api/v1/payments", {"GET", "HEAD", "POST"}),
        ("GET", "/v1/checkout", {"POST"}),
        ("PATCH", "/v1/payments/pay_1", {"GET", "HEAD"}),
        ("GET", "/v1/payments/pay_1/cancel", {"POST"}),
        ("GET", "/v1/webhooks/sandbox/sandbox-a", {"POST"}),
        ("POST", "/health", {"GET", "HEAD"}),
        ("TRACE", "/metrics", {"GET", "HEAD"}),
    ],
)
def test_a_method_that_a_path_does_not_know_is_405(
    system: System, method: str, path: str, allowed: set[str]
) -> None:
    answer = system.call(method, path)

    refused(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/nothing", "/v1/nothing", "/v2/payments", "/v1/payments/", "/v1/payments/a/b/c"),
        *("/openapi.yaml", "/docs/", "/docs/assets/", "/docs/assets/..%2f..%2fmain.py"),
        *("/.env", "/.git/config", "/admin", "/sandbox", "/faults", "/debug", "/health/live/x"),
    ],
)
def test_a_path_that_leads_nowhere_is_a_problem_and_no_redirect(system: System, path: str) -> None:
    refused(system.call("GET", path), 404, "not_found")


@pytest.mark.parametrize("path", ["/v1/payments/", "/v1/checkout/", "/docs/", "/health/"])
def test_no_answer_sends_a_client_to_a_host_that_the_request_named(
    system: System, path: str
) -> None:
    headers = [f"Authorization: Bearer {system.stack.demo_key}".encode(), b"Connection: close"]
    asked = request("GET", path, headers).replace(b"Host: door", b"Host: evil.example")

    answer = one_raw(system.stack.url, asked)

    assert "evil" not in json.dumps(answer.headers)


def test_the_programs_tell_prometheus_how_they_are(system: System) -> None:
    system.fault("sandbox-a", "refuse", count=None)
    for _ in range(8):
        system.settled(system.checkout(amount=1700), "captured")

    def told() -> bool:
        return all(name in text for name, text in _expected(metrics(system)))

    eventually(told, 20, lambda: str([name for name, text in _expected(metrics(system))
                                      if name not in text]))  # fmt: skip
    found = metrics(system)
    assert _value(found["clock"], "paylink_sweep_lag_seconds") < 60
    assert _value(found["worker"], _BREAKER) in (0, 1, 2)
    assert _value(found["worker"], _ATTEMPTS.format("sandbox-b", "succeeded")) >= 8
    assert "pay_" not in "".join(found.values()), "an id in a label"


_BREAKER = 'paylink_breaker_state{gateway="sandbox-a",operation="charge"}'
_ATTEMPTS = 'paylink_attempts_total{{gateway="{}",operation="charge",outcome="{}"}}'


def _expected(found: dict[str, str]) -> list[tuple[str, str]]:
    queues = ("screening", "charging", "resolving", "webhooks", "audit", "events")
    depths = [f'paylink_queue_{kind}{{queue="{queue}"}}' for queue in queues
              for kind in ("ready", "in_progress")]  # fmt: skip
    return [
        *((depth, found["clock"]) for depth in depths),
        ("paylink_sweep_lag_seconds ", found["clock"]),
        (_BREAKER, found["worker"]),
        (_ATTEMPTS.format("sandbox-b", "succeeded"), found["worker"]),
        (_ATTEMPTS.format("sandbox-a", "not_charged"), found["worker"]),
        ('paylink_http_requests_total{method="POST",route="/v1/checkout",status="202"}',
         found["ingress"]),
    ]  # fmt: skip


def _value(text: str, series: str) -> float:
    lines: list[Any] = [line for line in text.splitlines() if line.startswith(f"{series} ")]
    assert len(lines) == 1, series
    return float(lines[0].rpartition(" ")[2])
