"""Guards: what every request passes: ids, log lines, headers, sizes, addresses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingress.clients import site_of
from tests.ingress.rig import MERCHANT, PAYMENT, Door, settings_with
from tests.ops.log_lines import Line, Lines

LOG_KEYS = {
    *("timestamp", "level", "service", "request_id", "partner_id", "transaction_id"),
    *("operation", "duration_ms", "status"),
}


def operations(lines: Lines) -> list[Line]:
    return lines.where(lambda line: "operation" in line)


def test_a_request_keeps_its_id() -> None:
    answer = Door().client().get("/health/live", headers={"X-Request-ID": "Order-7.b_c"})

    assert answer.headers.get_list("x-request-id") == ["Order-7.b_c"]
    assert answer.json()["request_id"] == "Order-7.b_c"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\tb", "<script>", "caf\u00e9"], ids=repr)
def test_a_strange_id_is_replaced(given: str) -> None:
    headers = [(b"x-request-id", given.encode())]
    answer = Door().client().get("/health/live", headers=headers)

    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 32


def test_two_requests_never_share_an_id() -> None:
    client = Door().client()

    assert len({client.get("/health/live").headers["x-request-id"] for _ in range(50)}) == 50


def test_one_line_is_written_per_request_with_exactly_these_keys(lines: Lines) -> None:
    door = Door()

    answer = door.client(door.book.add()).get(f"/v1/payments/{PAYMENT}?wait=1&secret=hush")

    (line,) = operations(lines)
    assert set(line) - {"event"} == LOG_KEYS
    assert line["operation"] == "GET /v1/payments/{id}"
    assert line["status"] == 200
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["partner_id"] == f"mer_{MERCHANT.hex}"
    assert line["transaction_id"] == PAYMENT
    assert line["duration_ms"] > 0
    assert "hush" not in lines.text


def test_a_refused_request_leaves_a_line_too_and_says_what_it_was_for(lines: Lines) -> None:
    Door().client().get(f"/api/v1/payments/{PAYMENT}")

    (line,) = operations(lines)
    assert (line["operation"], line["status"]) == ("GET /api/v1/payments/{id}", 401)
    assert line["partner_id"] is None


def test_a_made_up_path_or_method_does_not_get_into_log_lines(lines: Lines) -> None:
    client = Door().client()

    client.get("/forged%0aline")
    client.request("BREW", "/health/live")

    assert [line["operation"] for line in operations(lines)] == [
        "GET unmatched",
        "OTHER /health/live",
    ]


def test_a_path_below_a_prefix_that_is_no_route_has_no_name(lines: Lines) -> None:
    door = Door()

    answer = door.client(door.book.add()).get("/v1/invented/name")

    assert answer.json()["operation"] == "GET unmatched"
    assert [line["operation"] for line in operations(lines)] == ["GET unmatched"]


def test_an_answer_that_breaks_off_is_recorded_and_cut(lines: Lines) -> None:
    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("boom")

    door = Door()
    door.app.router.routes.insert(0, Route("/half", _Raw(half)))
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/half", "query_string": b"", "headers": []}
    asyncio.run(door.app({**scope, "state": {}}, _nothing, send))

    assert [message["type"] for message in sent] == ["http.response.start"]
    assert len(lines.where(lambda line: "exception" in line)) == 1


class _Raw:
    """An endpoint that is an ASGI application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def test_start_and_stop_pass_through_the_guards() -> None:
    with Door().client() as client:
        assert client.get("/health/live").status_code == 200


def test_every_proxy_may_be_trusted() -> None:
    door = Door(settings=settings_with(trusted_proxies=("*",)))

    answer = door.client().get("/health/live", headers={"X-Forwarded-For": "198.51.100.1"})

    assert answer.json()["client_ip"] == "198.51.100.1"


def test_a_good_probe_leaves_no_line(lines: Lines) -> None:
    Door().client().get("/health/live")

    assert operations(lines) == []


@pytest.fixture(params=["ok", "refused", "crashed", "missing"])
def answer(request: pytest.FixtureRequest) -> Any:
    door = Door(settings=settings_with(cors_origins=("https://shop.example.com",)), scheme="https")
    key = door.book.add()
    if request.param == "crashed":
        door.raises = RuntimeError("boom")
    path = {"missing": "/nowhere"}.get(request.param, "/v1/payments")
    client = door.client(None if request.param == "refused" else key)
    return client.get(path, headers={"Origin": "https://shop.example.com"})


def test_every_answer_is_armoured(answer: Any) -> None:
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "max-age=" in answer.headers["strict-transport-security"]


def test_every_answer_can_be_read_by_an_allowed_origin(answer: Any) -> None:
    assert answer.headers["access-control-allow-origin"] == "https://shop.example.com"
    assert "X-Request-ID" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers


def test_no_origin_is_allowed_by_default() -> None:
    answer = Door().client().get("/health/live", headers={"Origin": "https://shop.example.com"})

    assert "access-control-allow-origin" not in answer.headers
    assert "strict-transport-security" not in answer.headers


def test_another_origin_is_not_allowed() -> None:
    door = Door(settings=settings_with(cors_origins=("https://shop.example.com",)))
    asking = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}

    assert door.client().options("/v1/payments", headers=asking).status_code == 400
    allowed = asking | {"Origin": "https://shop.example.com"}
    preflight = door.client().options("/v1/payments", headers=allowed)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://shop.example.com"


@pytest.mark.parametrize(
    ("path", "most"), [("/v1/payments", 64 * 1024), ("/v1/webhooks/stripe", 1024 * 1024)]
)
@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_a_body_may_be_so_large_and_no_larger(path: str, most: int, chunked: bool) -> None:
    door = Door()
    client = door.client(door.book.add())

    def sent(size: int) -> Any:
        pieces = (b"x" * min(10_000, size - at) for at in range(0, size, 10_000))
        return client.post(path, content=pieces if chunked else b"x" * size)

    assert sent(most).json() == {"bytes": most}
    refused = sent(most + 1)
    assert refused.status_code == 413
    assert refused.json()["code"] == "body_too_large"
    assert refused.headers["x-request-id"] == refused.json()["request_id"]


def test_a_body_that_lies_about_its_size_is_counted() -> None:
    door = Door()
    client = door.client(door.book.add())

    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 1024

    answer = client.post("/v1/payments", content=pieces(), headers={"Content-Length": "10"})

    assert answer.status_code == 413


def test_headers_and_paths_have_a_limit() -> None:
    client = Door().client()

    assert client.get("/health/live", headers={"X-A": "x" * 20_000}).status_code == 431
    long = client.get("/health/live?" + "x" * 10_000)
    assert long.status_code == 414
    assert long.json()["code"] == "path_too_long"


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.1", "2001:DB8::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, <script>", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("a-unix-socket", "198.51.100.1", "0.0.0.0"),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, forwarded: str | None, seen: str) -> None:
    door = Door(settings=settings_with(trusted_proxies=("10.0.0.0/24",)))
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}

    answer = door.client(peer=peer).get("/health/live", headers=headers)

    assert answer.json()["client_ip"] == seen


def test_a_trusted_proxy_may_say_that_tls_ends_there() -> None:
    door = Door(settings=settings_with(trusted_proxies=("10.0.0.1",)))
    headers = {"X-Forwarded-Proto": "https"}

    through = door.client(peer="10.0.0.1").get("/health/live", headers=headers)
    around = door.client(peer="10.0.0.2").get("/health/live", headers=headers)

    assert "strict-transport-security" in through.headers
    assert "strict-transport-security" not in around.headers


def test_an_ipv6_site_is_one_client() -> None:
    assert site_of("2001:db8:0:1::1") == site_of("2001:db8:0:1:ffff::2") != site_of("2001:db8::1")
    assert site_of("203.0.113.7") == "203.0.113.7"


def test_requests_are_counted_by_template() -> None:
    from ops.telemetry import exposition

    door = Door()
    door.client(door.book.add()).get(f"/v1/payments/{PAYMENT}")

    text = exposition.text().decode()
    assert 'route="/v1/payments/{id}"' in text
    assert PAYMENT not in text


def test_a_line_break_cannot_be_smuggled_into_a_header() -> None:
    door = Door()
    key = door.book.add()

    answer = door.client(key).get(
        "/v1/payments", headers=[(b"x-request-id", b"a\r\nset-cookie: b")]
    )

    assert "set-cookie" not in answer.headers
    assert json.dumps(dict(answer.headers)).count("\\r") == 0
