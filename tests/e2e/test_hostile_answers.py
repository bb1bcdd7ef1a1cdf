"""Answers to hostile requests: what each wears, names and leads to, and what is counted of it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.e2e.hostile_tenants import a_tenant, refused
from tests.e2e.hostile_traces import metrics
from tests.e2e.hostile_wire import Heard, one_raw, request
from tests.e2e.system import System, eventually

pytestmark = pytest.mark.e2e


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
