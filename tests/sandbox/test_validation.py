"""A request that is wrong in itself is a 400 that names the field, and does nothing."""

import json
from typing import Any

import pytest

from tests.sandbox.running import SECRET_KEY, Sandbox, an_order, send

REMOVED = object()


def changed(**changes: Any) -> dict[str, Any]:
    order = an_order(**changes)
    return {name: value for name, value in order.items() if value is not REMOVED}


CARD = {"type": "card", "token": "t"}


@pytest.mark.parametrize(
    ("order", "param"),
    [
        (changed(reference=REMOVED), "reference"),
        (changed(reference=""), "reference"),
        (changed(reference="x" * 65), "reference"),
        (changed(reference=7), "reference"),
        (changed(reference="\ud800"), "reference"),
        (changed(amount=REMOVED), "amount"),
        (changed(amount=0), "amount"),
        (changed(amount=-5), "amount"),
        (changed(amount=10.0), "amount"),
        (changed(amount="10"), "amount"),
        (changed(amount=True), "amount"),
        (changed(amount=2**63), "amount"),
        (changed(currency="usd"), "currency"),
        (changed(currency="USDT"), "currency"),
        (changed(currency=None), "currency"),
        (changed(capture="yes"), "capture"),
        (changed(source=REMOVED), "source"),
        (changed(source="card"), "source"),
        (changed(source={"type": "cash", "token": "t"}), "source.type"),
        (changed(source={"type": "card"}), "source.token"),
        (changed(source=CARD | {"pan": "1"}), "source.pan"),
        (changed(three_ds="never"), "three_ds"),
        (changed(return_url="javascript:alert(1)"), "return_url"),
        (changed(return_url="https://shop.test/\r\nX: 1"), "return_url"),
        (changed(expires_at="tomorrow"), "expires_at"),
        (changed(expires_at="2020-01-01T00:00:00Z"), "expires_at"),
        (changed(expires_at="2999-01-01T00:00:00"), "expires_at"),
        (changed(expires_at="9999-12-31T23:59:59-12:00"), "expires_at"),
        (changed(description=5), "description"),
        (changed(metadata=[]), "metadata"),
        (changed(metadata={"a": 1}), "metadata.a"),
        (changed(metadata={str(n): "" for n in range(51)}), "metadata"),
        (changed(metadata={"sandbox": "earthquake"}), "metadata.sandbox"),
        (changed(metadata={"sandbox": "refuse"}), "metadata.sandbox"),
        (changed(metadata={"sandbox": "latency=x"}), "metadata.sandbox"),
        (changed(colour="red"), "colour"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_charged(
    sandbox: Sandbox, order: dict[str, Any], param: str
) -> None:
    answer = sandbox.create(order)

    assert (answer.status, answer.error["code"]) == (400, "invalid_request")
    assert answer.error["param"] == param
    assert answer.error["message"]
    reference = order.get("reference")
    if isinstance(reference, str) and reference.startswith("ref-"):
        assert sandbox.charges(reference) == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff{}",
        b'{"amount": NaN}',
        b'{"amount": 1, "amount": 2}',
        b'{"amount": ' + b"9" * 5000 + b"}",
        b"[" * 60_000,
    ],
)
def test_a_body_that_is_not_one_json_object_is_refused(sandbox: Sandbox, body: bytes) -> None:
    answer = sandbox.post("/v1/payments", body)

    assert (answer.status, answer.error["code"]) == (400, "invalid_request")
    assert "param" not in answer.error


def test_a_body_beyond_64_kib_is_refused_and_the_refusal_arrives(sandbox: Sandbox) -> None:
    answer = sandbox.post("/v1/payments", b" " * (64 * 1024 + 1))

    assert (answer.status, answer.error["code"]) == (413, "body_too_large")


def test_a_body_that_is_not_declared_as_json_is_refused(sandbox: Sandbox) -> None:
    headers = {
        "Authorization": f"Bearer {SECRET_KEY}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Idempotency-Key": "form",
    }

    answer = send(sandbox.port, "POST", "/v1/payments", json.dumps(an_order()).encode(), headers)

    assert (answer.status, answer.error["param"]) == (415, "Content-Type")


@pytest.mark.parametrize("key", ["", "k" * 65])
def test_every_post_needs_a_key_of_1_to_64_characters(sandbox: Sandbox, key: str) -> None:
    order = an_order()

    answer = sandbox.create(order, key)

    assert (answer.status, answer.error["param"]) == (400, "Idempotency-Key")
    assert sandbox.charges(order["reference"]) == 0


@pytest.mark.parametrize("action", ["capture", "cancel", "refunds"])
def test_unknown_fields_are_refused_by_every_post(sandbox: Sandbox, action: str) -> None:
    payment = sandbox.create(an_order(capture=False)).json["id"]

    needed = {"reference": "back"} if action == "refunds" else {}

    answer = sandbox.post(f"/v1/payments/{payment}/{action}", {"note": "x"} | needed)

    assert (answer.status, answer.error["param"]) == (400, "note")


@pytest.mark.parametrize(
    ("query", "param"), [("", "reference"), ("reference=", "reference"), ("ref=1", "ref")]
)
def test_the_search_needs_a_reference_and_nothing_else(
    sandbox: Sandbox, query: str, param: str
) -> None:
    answer = sandbox.get(f"/v1/payments?{query}")

    assert (answer.status, answer.error["param"]) == (400, param)
