"""Claims under a certificate: which bytes its key must have signed, and where it may lie."""

from __future__ import annotations

import base64
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhook_claims import Certified, claimed, kept_headers, may_certify
from ops.providers import PROVIDERS

SCHEME = PROVIDERS["paypal"].scheme
#: The provider's own example; the body is another one with the same CRC-32, because four bytes of
#: ours are enough for that.
CRC = 2_771_810_304
EXAMPLE = {
    "paypal-transmission-id": "dfb3be50-fd74-11e4-8bf3-77339302725b",
    "paypal-transmission-time": "2015-05-18T15:45:13Z",
    "paypal-transmission-sig": base64.b64encode(b"s" * 256).decode(),
    "paypal-cert-url": "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-1",
    "paypal-auth-algo": "SHA256withRSA",
}
SENT_S = int(datetime(2015, 5, 18, 15, 45, 13, tzinfo=UTC).timestamp())
DAY_S = 86_400
LIVE = "https://api-m.paypal.com"


def with_crc(start: bytes, wanted: int) -> bytes:
    """Return `start` and four bytes that give the whole the wanted CRC-32."""
    table = [zlib.crc32(bytes([n])) ^ zlib.crc32(b"\0") for n in range(256)]
    top = {value >> 24: n for n, value in enumerate(table)}
    reverse, indexes = wanted ^ 0xFFFFFFFF, []
    for _ in range(4):
        indexes.append(n := top[reverse >> 24])
        reverse = ((reverse ^ table[n]) << 8) & 0xFFFFFFFF
    state, end = zlib.crc32(start) ^ 0xFFFFFFFF, b""
    for n in reversed(indexes):
        end += bytes([(state & 0xFF) ^ n])
        state = (state >> 8) ^ table[n]
    return start + end


BODY = with_crc(b'{"id":"WH-1","amount":"999999.00"}', CRC)


def read(body: bytes = BODY, now_s: int = SENT_S, **changes: str | None) -> Certified | None:
    named = {f"paypal-{name.replace('_', '-')}": value for name, value in changes.items()}
    headers = {name: value for name, value in (EXAMPLE | named).items() if isinstance(value, str)}
    found = claimed(SCHEME, headers, body, now_s)
    assert found is None or isinstance(found, Certified)
    return found


def test_the_signed_bytes_are_those_of_the_published_example() -> None:
    found = read()

    assert found is not None
    assert found.message(b"4JH86294D6297924G") == (
        b"dfb3be50-fd74-11e4-8bf3-77339302725b|2015-05-18T15:45:13Z|4JH86294D6297924G|2771810304"
    )
    assert (found.signature, found.url) == (b"s" * 256, EXAMPLE["paypal-cert-url"])


def test_a_body_with_the_same_crc_fits_too_which_is_why_the_object_is_read_back() -> None:
    other = with_crc(b'{"id":"WH-2"}', CRC)

    assert other != BODY
    assert read(other) == read()
    assert read(BODY + b" ") != read()


@pytest.mark.parametrize("skew_s", [0, -300, 3_600, 3 * DAY_S, 3 * DAY_S + 3_600])
def test_a_signature_is_good_while_it_may_be_delivered(skew_s: int) -> None:
    assert read(now_s=SENT_S + skew_s) is not None


@pytest.mark.parametrize("skew_s", [-301, -DAY_S, 3 * DAY_S + 3_601, 365 * DAY_S])
def test_and_no_longer(skew_s: int) -> None:
    assert read(now_s=SENT_S + skew_s) is None


@pytest.mark.parametrize(
    "change",
    [
        {"auth_algo": "SHA1withRSA"},
        {"auth_algo": None},
        {"transmission_id": None},
        {"transmission_id": "a|b"},
        {"transmission_id": "x" * 101},
        {"transmission_id": "\xe9"},
        {"transmission_time": None},
        {"transmission_time": "2015-05-18 15:45:13Z"},
        {"transmission_time": "2015-05-18T15:45:13"},
        {"transmission_time": "2015-05-18T15:45:13+00:00"},
        {"transmission_time": "2015-13-18T15:45:13Z"},
        {"transmission_time": "0001-01-01T00:00:00Z"},
        {"transmission_time": "9999-12-31T23:59:59Z"},
        {"transmission_time": "\xb2015-05-18T15:45:13Z"},
        {"transmission_sig": None},
        {"transmission_sig": "not base64!"},
        {"transmission_sig": "\xe9\xe9\xe9\xe9"},
        {"transmission_sig": base64.b64encode(b"s" * 1_025).decode()},
        {"cert_url": None},
        {"cert_url": "\xe9"},
    ],
    ids=str,
)
def test_what_is_malformed_proves_nothing(change: dict[str, Any]) -> None:
    assert read(**change) is None


@pytest.mark.parametrize(
    "host", ["api.paypal.com", "api-m.paypal.com", "api.sandbox.paypal.com", "API.PayPal.com"]
)
def test_a_certificate_may_lie_at_the_provider(host: str) -> None:
    assert may_certify(SCHEME, f"https://{host}/v1/notifications/certs/CERT-1.pem", LIVE)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com:8443/v1/notifications/certs/CERT-1",
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://evil.example/v1/notifications/certs/CERT-1",
        "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1",
        "https://evil.example#api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/",
        "https://api.paypal.com/v1/notifications/certs/../../secrets",
        "https://api.paypal.com/v1/notifications/certs/a/../b",
        "https://api.paypal.com/v1/notifications/certs/..",
        "https://api.paypal.com/v1/notifications/certs/%2e%2e",
        "https://api.paypal.com/v1/notifications/certs/a?b=c",
        "https://api.paypal.com/v1/notifications/certs/a#b",
        "https://api.paypal.com/v1/notifications/other/CERT-1",
        "https://api.paypal.com/v2/v1/notifications/certs/CERT-1",
        "https://169.254.169.254/v1/notifications/certs/CERT-1",
        "http://127.0.0.1/v1/notifications/certs/CERT-1",
        "ftp://api.paypal.com/v1/notifications/certs/CERT-1",
        "file:///v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/a\n",
        "",
    ],
)
def test_and_nowhere_else(url: str) -> None:
    assert not may_certify(SCHEME, url, LIVE)


@pytest.mark.parametrize(
    ("base_url", "host", "allowed"),
    [
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000", True),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9001", False),
        ("http://127.0.0.1:9000", "https://127.0.0.1:9000", False),
        ("http://localhost:9000", "http://localhost:9000", True),
        ("http://[::1]:9000", "http://[::1]:9000", True),
        ("https://paypal.test:444/x", "https://paypal.test:444", True),
        ("http://paypal.test", "http://paypal.test", False),
        ("https://paypal.test", "http://paypal.test", False),
        ("nonsense", "https://nonsense", False),
    ],
)
def test_a_simulator_keeps_its_certificates_where_its_gateway_calls_it(
    base_url: str, host: str, allowed: bool
) -> None:
    url = f"{host}/v1/notifications/certs/CERT-1"

    assert may_certify(SCHEME, url, base_url) is allowed


def test_what_is_kept_is_enough_to_read_the_claim_again() -> None:
    kept = kept_headers(SCHEME, EXAMPLE | {"authorization": "secret"})

    assert kept == EXAMPLE
    assert claimed(SCHEME, kept, BODY, SENT_S) == read()


@given(st.dictionaries(st.sampled_from(list(EXAMPLE)), st.text(max_size=60)), st.text())
def test_no_headers_are_a_crash(headers: dict[str, str], url: str) -> None:
    claimed(SCHEME, EXAMPLE | headers, BODY, SENT_S)

    assert not may_certify(SCHEME, url, url)
