"""Dedupe keys: what makes copies of a webhook one event, and different news different events."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhook import Scheme
from domain.webhook_keys import MAX_KEY, dedupe_key, unverified_key
from ops.providers import PROVIDERS

ONE = Scheme("h")
BODY = b'{"id":"evt_1"}'
OF_BYTES = "sha256:" + hashlib.sha256(BODY).hexdigest()
MIDTRANS, XENDIT, PAYPAL, SOAPBANK = (
    PROVIDERS[name].scheme for name in ("midtrans", "xendit", "paypal", "soapbank")
)
SETTLED = {
    "transaction_id": "t-1",
    "transaction_status": "settlement",
    "status_code": "200",
    "fraud_status": "accept",
}
PAID = {"event": "payment.capture", "data": {"payment_id": "py-1", "status": "SUCCEEDED"}}


def key(scheme: Scheme, document: object, headers: dict[str, str] | None = None) -> str:
    return dedupe_key(scheme, document, BODY, headers)


def test_an_events_own_id_makes_it_one_event() -> None:
    assert dedupe_key(ONE, {"id": "evt_1"}, b"a") == dedupe_key(ONE, {"id": "evt_1"}, b"b")
    assert key(ONE, {"id": "evt_1"}) == "evt_1"
    assert key(Scheme("h", dedupe=("event",)), {"event": "e9", "id": "no"}) == "e9"
    assert key(ONE, {"id": 7}) == "7"
    assert key(ONE, {"id": "x" * MAX_KEY}) == "x" * MAX_KEY


@pytest.mark.parametrize(
    "document",
    [
        *(None, [], "evt_1", {}, {"id": None}, {"id": ""}, {"id": "x" * 201}, {"id": "a\nb"}),
        *({"id": True}, {"id": 1.5}, {"id": 10**5000}, {"id": ["evt_1"]}, {"id": {"id": "a"}}),
    ],
    ids=lambda document: str(document)[:20] if not isinstance(document, dict) else None,
)
def test_without_an_id_the_bytes_are_the_event(document: object) -> None:
    assert key(ONE, document) == OF_BYTES


@pytest.mark.parametrize(
    "change",
    [
        {"transaction_id": "t-2"},
        {"transaction_status": "refund"},
        {"status_code": "201"},
        {"fraud_status": "challenge"},
        {"refunds": [{"refund_key": "r-1"}]},
        {"refunds": [{"refund_key": "r-1", "bank_confirmed_at": "2026-01-01"}]},
    ],
    ids=str,
)
def test_midtrans_tells_something_else_where_any_of_its_parts_differs(
    change: dict[str, Any],
) -> None:
    assert key(MIDTRANS, SETTLED | change) != key(MIDTRANS, SETTLED)
    assert key(MIDTRANS, SETTLED | change) == key(MIDTRANS, {"more": 1} | SETTLED | change)


def test_a_refund_that_is_told_twice_at_midtrans_is_two_pieces_of_news() -> None:
    first = SETTLED | {"refunds": [{"refund_key": "r-1"}, {"refund_key": "r-2"}]}
    second = SETTLED | {
        "refunds": [{"refund_key": "r-1", "bank_confirmed_at": "x"}, {"refund_key": "r-2"}]
    }

    assert key(MIDTRANS, first) != key(MIDTRANS, second)


def test_a_state_too_long_for_an_index_is_told_by_its_digest() -> None:
    many = SETTLED | {"refunds": [{"refund_key": f"r-{n}"} for n in range(90)]}
    other = SETTLED | {"refunds": [{"refund_key": f"r-{n}"} for n in range(89)]}

    assert len(key(MIDTRANS, many)) < MAX_KEY
    assert key(MIDTRANS, many) != key(MIDTRANS, other)


def test_xendit_names_an_event_in_a_header_or_else_by_what_it_says() -> None:
    said = key(XENDIT, PAID)

    assert key(XENDIT, PAID, {"webhook-id": "wh-1"}) == "wh-1"
    assert said == key(XENDIT, PAID | {"created": "2026-01-01T00:00:00Z"})
    assert said != key(XENDIT, PAID | {"event": "payment.failure"})
    assert said != key(XENDIT, PAID | {"data": {"payment_id": "py-2", "status": "SUCCEEDED"}})
    assert said != key(XENDIT, PAID | {"data": {"payment_id": "py-1", "status": "FAILED"}})
    refund = {"event": "refund.succeeded", "data": {"id": "rfd-1", "status": "SUCCEEDED"}}
    assert key(XENDIT, refund) != key(XENDIT, refund | {"data": {"id": "rfd-2"}})
    invoice = {"id": "inv-1", "status": "PAID"}
    assert key(XENDIT, invoice) != key(XENDIT, invoice | {"status": "EXPIRED"})


@pytest.mark.parametrize("name", ["", "x" * 201, "a\tb"])
def test_a_header_that_is_no_name_names_nothing(name: str) -> None:
    assert key(XENDIT, PAID, {"webhook-id": name}) == key(XENDIT, PAID)


def test_paypal_needs_the_signed_transmission_and_the_event() -> None:
    """A CRC-32 fits many bodies: neither of the two may stand for the other."""
    first = {"paypal-transmission-id": "t-1"}

    assert key(PAYPAL, {"id": "WH-1"}, first) != key(PAYPAL, {"id": "WH-2"}, first)
    assert key(PAYPAL, {"id": "WH-1"}, first) != key(
        PAYPAL, {"id": "WH-1"}, {"paypal-transmission-id": "t-2"}
    )


def test_soapbank_names_its_event_in_an_element() -> None:
    assert key(SOAPBANK, {"EventId": "e-1", "Status": "SETTLED"}) == "e-1"


def test_parts_cannot_be_shifted_into_one_another() -> None:
    scheme = Scheme("h", dedupe=("a", "b"))

    assert key(scheme, {"a": 'x","y', "b": "z"}) != key(scheme, {"a": "x", "b": 'y","z'})
    assert key(scheme, {"a": "x"}) != key(scheme, {"b": "x"})
    assert key(scheme, {"c": "x"}) == OF_BYTES


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "event", "data", "refunds", "status"]), inner)
    ),
    max_leaves=20,
)


@given(documents)
def test_every_document_has_a_key_that_fits_its_column(document: object) -> None:
    for provider in PROVIDERS.values():
        found = key(provider.scheme, document)
        assert 0 < len(found) <= MAX_KEY
        assert found.isprintable()


def test_only_exact_copies_share_a_name_before_their_sender_is_proven() -> None:
    headers = {"paypal-transmission-id": "t-1", "paypal-transmission-sig": "s"}
    name = unverified_key(headers, BODY)

    assert name == unverified_key(dict(reversed(headers.items())), BODY)
    assert name != unverified_key(headers, BODY + b" ")
    assert name != unverified_key(headers | {"paypal-transmission-sig": "t"}, BODY)
    assert name != key(PAYPAL, {"id": "WH-1"}, headers)
