"""Hostile bytes: requests that two parsers read differently, and bodies that break parsers."""

from __future__ import annotations

import json

import pytest

from ingress.sizes import HEADER_BYTES, TARGET_BYTES
from tests.e2e.hostile_tenants import Tenant, a_tenant, refused
from tests.e2e.hostile_wire import Heard, chunked, one_raw, request, said_raw
from tests.e2e.system import System

pytestmark = pytest.mark.e2e

#: What the contract promises to merchants.
MERCHANT_BYTES = 64 * 1024
BODY = b'{"amount": 900, "currency": "USD"}'
CLOSE = b"Connection: close"
IN_CHUNKS = b"Transfer-Encoding: chunked"


@pytest.fixture(scope="module", autouse=True)
def lines_before(running: System) -> int:
    """How much the door has logged before all this: storms leave refusals of their own."""
    return len(running.log("ingress").splitlines())


@pytest.fixture
def tenant(system: System) -> Tenant:
    """Somebody without a single payment."""
    return a_tenant(system)


def _auth(tenant: Tenant) -> bytes:
    return f"Authorization: Bearer {tenant.key}".encode()


def _made(system: System, tenant: Tenant) -> int:
    found = system.sql(
        "SELECT count(*) AS n FROM payments WHERE merchant_id = %s", [tenant.merchant_id]
    )
    return int(found[0]["n"])


def _is_no_http(answer: Heard) -> None:
    """The server refuses what is no HTTP before it is a request: no id yet, and nothing repeated."""
    assert answer.status == 400
    assert answer.headers["connection"] == "close"
    assert answer.body == b"Invalid HTTP request received."


@pytest.mark.parametrize(
    "lengths",
    [
        [b"Content-Length: 5", IN_CHUNKS],
        [IN_CHUNKS, b"Content-Length: 5"],
        [b"Content-Length: 5", b"Content-Length: 6"],
        [b"Content-Length: 5, 6"],
        [b"Content-Length: +5"],
        [b"Content-Length: -5"],
        [b"Content-Length: 0x5"],
        [b"Content-Length: 5 5"],
        [b"Content-Length: 99999999999999999999999"],
        [b"Transfer-Encoding: xchunked"],
        [b"Transfer-Encoding: chunked, identity"],
        [b"Transfer-Encoding : chunked"],
        [b"Transfer-Encoding:\x0bchunked"],
        [b"X: y\r\n Transfer-Encoding: chunked"],
        [b"X: y\nTransfer-Encoding: chunked"],
        [b"X: y\rTransfer-Encoding: chunked"],
    ],
    ids=lambda lengths: b" + ".join(lengths).decode("ascii").encode("unicode_escape").decode(),
)
def test_a_request_whose_length_is_a_riddle_smuggles_no_second_one(
    system: System, tenant: Tenant, lengths: list[bytes]
) -> None:
    hidden = request("POST", "/v1/checkout", [_auth(tenant)], BODY)
    riddle = request("POST", "/v1/checkout", [_auth(tenant), *lengths], counted=False)

    _is_no_http(one_raw(system.stack.url, riddle + b"0\r\n\r\n" + hidden))

    assert _made(system, tenant) == 0


@pytest.mark.parametrize(
    "chunks",
    [b"-1\r\n" + BODY, b"f" * 17 + b"\r\n" + BODY, b"0x22\r\n" + BODY, b'22;a="\n"\r\n' + BODY],
)
def test_a_chunk_that_lies_about_its_size_is_refused(
    system: System, tenant: Tenant, chunks: bytes
) -> None:
    head = request("POST", "/v1/checkout", [_auth(tenant), IN_CHUNKS], counted=False)

    _is_no_http(one_raw(system.stack.url, head + chunks + b"\r\n0\r\n\r\n"))

    assert _made(system, tenant) == 0


@pytest.mark.parametrize("mark", [b"\r", b"\n", b"\0", b"\x01", b"\x7f", b"\x0b"])
@pytest.mark.parametrize("name", [b"X-Request-ID", b"Idempotency-Key", b"Authorization", b"X-Any"])
def test_control_bytes_in_a_header_never_come_back_as_a_header(
    system: System, tenant: Tenant, name: bytes, mark: bytes
) -> None:
    headers = [_auth(tenant), name + b": ab" + mark + b"Set-Cookie: sid=evil", CLOSE]

    answer = one_raw(system.stack.url, request("POST", "/v1/checkout", headers, BODY))

    _is_no_http(answer)
    assert "set-cookie" not in answer.headers
    assert _made(system, tenant) == 0


@pytest.mark.parametrize(
    "key",
    ["a\r\nSet-Cookie: sid=evil", "a\nb", "a\0b", "a b", "ä", "", "x" * 256, "\ud800", "a\x7f"],
)
def test_a_key_in_the_body_cannot_become_a_header(system: System, tenant: Tenant, key: str) -> None:
    body = {"amount": 900, "currency": "USD", "idempotency_key": key}

    answer = tenant.call(system, "POST", "/v1/checkout", body)

    problem = refused(answer, 422, "validation_failed")
    assert problem["errors"][0]["field"] == "idempotency_key"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("key", [b"a\xffb", b"a b", b"\xc3\xa4", b"", b"x" * 256])
def test_a_key_in_the_header_is_visible_ascii(system: System, tenant: Tenant, key: bytes) -> None:
    headers = [_auth(tenant), b"Idempotency-Key: " + key, CLOSE]

    answer = one_raw(system.stack.url, request("POST", "/v1/checkout", headers, BODY))

    refused(answer, 422, "validation_failed")
    assert _made(system, tenant) == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"[" * 60_000, 422, "validation_failed"),
        (b'{"a":' * 10_000, 422, "validation_failed"),
        (b'{"metadata":' * 40 + b"1" + b"}" * 40, 422, "validation_failed"),
        (b'{"amount": NaN, "currency": "USD"}', 422, "validation_failed"),
        (b'{"amount": 900, "x": -Infinity}', 422, "validation_failed"),
        (b'{"amount": 900, "metadata": {"n": 1e400}}', 422, "validation_failed"),
        (b'{"amount": ' + b"9" * 5_000 + b"}", 422, "validation_failed"),
        (b'{"amount": 900, "order_id": ' + b"1" * 60_000 + b"}", 422, "validation_failed"),
        (b'{"amount": 1, "amount": 900}', 422, "validation_failed"),
        (b'{"amount": 900, "\\u0061mount": 1}', 422, "validation_failed"),
        (b'{"amount": 900, "metadata": {"a": "1", "a": "2"}}', 422, "validation_failed"),
        (b'{"amount": 900, "description": "\\ud800"}', 422, "validation_failed"),
        (b'{"amount": 900, "metadata": {"\\udfff": "x"}}', 422, "validation_failed"),
        (b'{"amount": 900, "description": "a\\u0000b"}', 422, "validation_failed"),
        (b'{"amount": 900, "metadata": {"a\\u0000": "b"}}', 422, "validation_failed"),
        (b'{"amount": 900, "metadata": {"a": "b\\r\\nc"}}', 422, "validation_failed"),
        (
            b'{"amount": 900, "customer": {"email": "a@b.c\\r\\nBcc: d@e.f"}}',
            422,
            "validation_failed",
        ),
        (b'{"amount": 900, "description": "a\0b"}', 400, "malformed_body"),
        (b'{"amount": 900, "description": "\xff"}', 400, "malformed_body"),
        (b'{"amount": 900, "description": "\xed\xa0\x80"}', 400, "malformed_body"),
        (b"\xef\xbb\xbf" + BODY, 400, "malformed_body"),
        (BODY.decode().encode("utf-16"), 400, "malformed_body"),
        (BODY + BODY, 400, "malformed_body"),
        (BODY[:-1], 400, "malformed_body"),
        (b"{'amount': 900}", 400, "malformed_body"),
        (b'{"amount": 900,}', 400, "malformed_body"),
        (b'{"amount": 0x384}', 400, "malformed_body"),
        (b"amount=900&currency=USD", 400, "malformed_body"),
        (b"", 400, "malformed_body"),
        (b"null", 422, "validation_failed"),
        (b"[]", 422, "validation_failed"),
        (b'"amount"', 422, "validation_failed"),
    ],
    ids=lambda value: value[:40].decode("latin-1") if isinstance(value, bytes) else str(value),
)
def test_a_body_that_parsers_choke_on_is_refused_quickly_and_clearly(
    system: System, tenant: Tenant, body: bytes, status: int, code: str
) -> None:
    refused(tenant.call(system, "POST", "/v1/checkout", body), status, code)

    assert _made(system, tenant) == 0


@pytest.mark.parametrize("path", ["/v1/checkout", "/v1/payments", "/v1/payments/pay_1/cancel"])
def test_a_body_is_read_to_its_limit_and_not_further(
    system: System, tenant: Tenant, path: str
) -> None:
    for size in (MERCHANT_BYTES + 1, 10 * MERCHANT_BYTES):
        body = b" " * size
        told = request("POST", path, [_auth(tenant), CLOSE], body)
        untold = request("POST", path, [_auth(tenant), CLOSE, IN_CHUNKS], counted=False)
        claims = request("POST", path, [_auth(tenant), b"Content-Length: %d" % size], counted=False)

        refused(one_raw(system.stack.url, told), 413, "body_too_large")
        refused(one_raw(system.stack.url, claims), 413, "body_too_large")
        if not path.endswith("/cancel"):  # which reads no body at all
            refused(one_raw(system.stack.url, untold + chunked(body)), 413, "body_too_large")


def test_a_body_of_exactly_the_limit_is_read(system: System, tenant: Tenant) -> None:
    body = BODY + b" " * (MERCHANT_BYTES - len(BODY))
    head = request("POST", "/v1/checkout", [_auth(tenant), CLOSE, IN_CHUNKS], counted=False)

    told = tenant.call(system, "POST", "/v1/checkout", body, key="told")
    untold = one_raw(system.stack.url, head + chunked(body, 1_000))

    assert (told.status, untold.status) == (202, 202)
    for id_ in (told.json()["id"], untold.json()["id"]):
        done = tenant.call(system, "GET", f"/v1/payments/{id_}?wait=10").json()
        assert done["status"] == "captured"


@pytest.mark.parametrize(
    ("target", "headers", "status", "code"),
    [
        ("/v1/payments", [b"X-Big: " + b"a" * HEADER_BYTES], 431, "headers_too_large"),
        ("/v1/payments", [b"X-Big: " + b"a" * 1_000_000], 431, "headers_too_large"),
        ("/v1/payments", [b"X-%d: a" % n for n in range(3_000)], 431, "headers_too_large"),
        ("/v1/payments/" + "a" * TARGET_BYTES, [], 414, "path_too_long"),
        ("/v1/payments?a=" + "b" * TARGET_BYTES, [], 414, "path_too_long"),
    ],
    ids=["16 KiB header", "1 MB header", "3000 headers", "long path", "long query"],
)
def test_a_head_has_a_limit_too(
    system: System, tenant: Tenant, target: str, headers: list[bytes], status: int, code: str
) -> None:
    asked = request("GET", target, [_auth(tenant), CLOSE, *headers])

    refused(one_raw(system.stack.url, asked), status, code)


@pytest.mark.parametrize(
    "bytes_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET v1/payments HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT db:5432 HTTP/1.1\r\nHost: db\r\n\r\n",
        b"*1\r\n$8\r\nFLUSHALL\r\n",
        b"GET /v1/payments HTTP/9\r\n\r\n",
        b"\r\n" * 3 + b"\0" * 64,
    ],
    ids=["tls", "http2", "relative", "connect", "redis", "http9", "nul"],
)
def test_what_is_no_http_at_all_is_refused(system: System, bytes_: bytes) -> None:
    heard = said_raw(system.stack.url, bytes_)

    assert [answer.status for answer in heard] == [400]
    _is_no_http(heard[0])


def test_the_host_header_decides_nothing(system: System, tenant: Tenant) -> None:
    headers = [_auth(tenant), CLOSE, b"X-Forwarded-Host: evil.example"]
    asked = request("POST", "http://evil.example/v1/checkout", headers, BODY)

    answer = one_raw(system.stack.url, asked.replace(b"Host: door", b"Host: evil.example"))

    assert answer.status == 202
    assert b"evil" not in answer.body
    assert "evil" not in json.dumps(answer.headers)
    assert answer.headers["location"].startswith("/v1/payments/pay_")


def test_after_all_that_the_door_is_as_well_as_before(system: System, lines_before: int) -> None:
    system.settled(system.checkout(), "captured")

    lines = system.log("ingress").splitlines()[lines_before:]
    assert lines
    for line in lines:
        told = json.loads(line)  # nothing has broken a line in two
        assert "exception" not in told, line
        assert told.get("status", 0) < 500, line
