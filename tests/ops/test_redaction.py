"""No secret survives in a line, by whatever way it came in; what is harmless stays readable."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

import pytest

from ops.telemetry import logs
from ops.telemetry.redaction import MAX_SCAN, clean
from tests.ops.log_lines import Lines

ID = "0198f3b2c1d27e55a1b2c3d4e5f60718"

#: Told under an innocent name or in the middle of a text, and recognised by their form.
BY_FORM = {
    "our key": "pl_live_0198f3b2_Zx9canaryKEY",
    "our test key": "pl_test_0198f3b2_Zx9canaryKEY",
    "an operator's token": "pl_operator_ann_Zx9canaryKEY",
    "bearer": "Bearer canary-token-1.2",
    "basic": "Basic Y2FuYXJ5OmNhbmFyeQ==",
    "stripe key": "sk_test_canary51H",
    "restricted key": "rk_live_canary51H",
    "webhook secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "xendit key": "xnd_development_canary0P4",
    "midtrans key": "SB-Mid-server-canary_GwUP",
    "token": "eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnkiOjF9.canarysig",
    "postgres": "postgresql://paylink:canary-pw@db.internal:5432/paylink",
    "redis": "redis://:canary-pw@127.0.0.1:6379/0",
    "conninfo": "host=db user=paylink password=canary-pw dbname=paylink",
    "repr": "{'api_key': 'canary key with spaces', 'id': 1}",
    "json": '{"client_secret": "canary"}',
    "json in json": '{\\"client_secret\\": \\"canary\\"}',
    "header": "x-api-key: canary-key",
    "authorization": "Authorization: Bearer canary-token",
    "query": "GET /x?token=canary&y=1",
    "mail": "canary.smith@example.com",
    "private key": "-----BEGIN PRIVATE KEY-----\nMIIcanary\n-----END PRIVATE KEY-----",
    "visa": "4242424242424242",
    "visa 13": "4222222222222",
    "grouped": "4242 4242 4242 4242",
    "hyphens": "5555-5555-5555-4444",
    "amex": "378282246310005",
    "discover": "6011111111111117",
    "jcb": "3530111333300000",
    "diners": "30569309025904",
    "unionpay 19": "6205500000000000004",
    "mastercard 2": "2223003122003222",
}
#: What must not be left of them.
PIECES = (
    *("canary", "Zx9", "MfKQ9r8G", "Y2FuYXJ5", "424242", "5555", "2222222", "28224631"),
    *("11111", "0111333", "5693090", "05500000", "300312"),
)


@pytest.mark.parametrize("secret", BY_FORM.values(), ids=list(BY_FORM))
def test_no_secret_survives_in_any_place(lines: Lines, secret: str) -> None:
    log = logs.logger()
    log.info(f"said {secret} aloud", note=secret, nested={"list": [f"x {secret}"], secret: 1})
    logging.getLogger("lib").warning("said %s and %r", secret, {"note": secret})
    with logs.bound(request_id=secret):
        logs.operation(secret, status=secret, duration_ms=1)
    try:
        raise ValueError(f"refused: {secret}") from KeyError(secret)
    except ValueError:
        log.exception("failed")
        logging.getLogger("lib").exception("failed")

    assert len(lines.all()) == 5
    assert [piece for piece in PIECES if piece in lines.text] == []


@pytest.mark.parametrize(
    "name",
    [
        *("authorization", "Authorization", "x-api-key", "X-API-Key", "apiKey", "api_key"),
        *("token", "x-callback-token", "client_secret", "clientSecret", "webhook_secrets"),
        *("password", "DB_PASSWORD", "signature", "Stripe-Signature", "signature_key"),
        *("card", "card_number", "cardNumber", "CVV", "cvc", "pan", "credentials", "cookie"),
        *("ENCRYPTION_KEY", "private_key", "server_key"),
    ],
)
@pytest.mark.parametrize("value", ["plainly", 4711, ["plainly"], {"a": "plainly"}, b"plainly"])
def test_a_field_is_hidden_by_its_name(lines: Lines, name: str, value: Any) -> None:
    logs.logger().info("x", **{name: value}, deep={"list": [{name: value}]})

    line = lines.only()
    assert line[name] == "[redacted]"
    assert line["deep"]["list"] == [{name: "[redacted]"}]


@pytest.mark.parametrize(
    "harmless",
    [
        f"pay_{ID}",
        str(UUID(ID)),
        "4242424242424241",  # wrong check digit
        "1234567890123456",  # no scheme's
        "1763668057123",  # a time in milliseconds
        "42424242424242424242",  # 20 digits
        "task_queue full: retry in 1 s",
        "basic checks passed, bearer of news",
        "2025-11-20T19:27:37.123Z",
        "https://example.com:8443/v1/payments",
        "idempotency key reused",
        "0000" + "4242424242424242" + "aaaaaaaaaaaa",  # an id that holds such a run
        "abcdef0142424242424242429abcdef0",
    ],
)
def test_what_is_harmless_stays_readable(lines: Lines, harmless: str) -> None:
    logs.logger().info(harmless, dedupe_key=harmless, idempotency_key=harmless)

    line = lines.only()
    assert line["event"] == line["dedupe_key"] == line["idempotency_key"] == harmless


def test_an_id_that_holds_a_card_number_is_shown() -> None:
    one = "a" + "4242424242424242" + "b" * 15

    assert clean(f"pay_{one} and {one}") == f"pay_{one} and {one}"
    assert "4242" not in clean("a4242424242424242b")


def test_a_card_is_found_among_other_groups_of_digits() -> None:
    assert clean("at 20251120 4242 4242 4242 4242 12 times") == "at 20251120 [card] 12 times"


def test_numbers_are_looked_at_too(lines: Lines) -> None:
    logs.logger().info("x", amount_minor=10_000, at_ms=1763668057123, account=4242424242424242)

    line = lines.only()
    assert (line["amount_minor"], line["at_ms"], line["account"]) == (
        *(10_000, 1763668057123, "[card]"),
    )


def test_bytes_are_never_written(lines: Lines) -> None:
    logs.logger().info("x", body=b"plainly", view=memoryview(b"plainly"))

    line = lines.only()
    assert line["body"] == line["view"] == "[7 bytes]"


def test_a_secret_that_is_cut_in_two_is_dropped() -> None:
    for shift in range(40):
        text = "pl_live_canary " * 10 + "-" * (MAX_SCAN - 170 + shift) + " 4242424242424242 tail"
        assert "4242" not in clean(text, limit=MAX_SCAN)


def test_a_time_is_shown_and_what_only_resembles_one_is_searched() -> None:
    assert clean("2026-01-02T03:04:05.678901Z") == "2026-01-02T03:04:05.678901Z"
    assert "4111111111111111" not in clean("2026-01-02T03:04:05Z 4111111111111111")
