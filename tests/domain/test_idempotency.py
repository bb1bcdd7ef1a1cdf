"""Law 7: the same key gives the same answer; another body under it is refused."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.checkout import Checkout
from domain.errors import KeyReused
from domain.idempotency import Recorded, fingerprint
from domain.means import Address, Card, Customer, Method
from domain.payment import CaptureMethod

PLAIN = Checkout(5_000, "USD", Method("card", "tok"), metadata={"a": "1", "b": "2"})
SAID = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    st.none() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    max_size=6,
)


def test_the_fingerprint_is_pinned() -> None:
    """A deploy must not change it: recorded keys outlive the version that wrote them."""
    said = '{"amount":1,"name":"é","operation":"checkout"}'

    assert fingerprint("checkout", {"name": "é", "amount": 1, "order_id": None}) == (
        hashlib.sha256(said.encode()).digest()
    )


@given(said=SAID, data=st.data())
def test_order_and_absent_fields_do_not_matter(said: dict[str, Any], data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations(list(said.items()))))
    given_only = {name: value for name, value in said.items() if value is not None}

    assert fingerprint("checkout", said) == fingerprint("checkout", shuffled)
    assert fingerprint("checkout", said) == fingerprint("checkout", given_only)


@given(one=SAID, other=SAID)
def test_different_commands_have_different_fingerprints(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    kept = [{k: v for k, v in said.items() if v is not None} for said in (one, other)]

    assert (fingerprint("checkout", one) == fingerprint("checkout", other)) is (kept[0] == kept[1])


def test_another_operation_is_another_command() -> None:
    assert fingerprint("checkout", {"amount": 1}) != fingerprint("refund", {"amount": 1})


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 5_001},
        {"currency": "EUR"},
        {"method": Method("card", "other")},
        {"method": Method("wallet", "tok")},
        {"method": Method("card", "tok", Card("fp"))},
        {"order_id": "o"},
        {"country": "DE"},
        {"customer": Customer("c")},
        {"preference": "two"},
        {"description": "d"},
        {"return_url": "https://shop.example/"},
        {"metadata": {"a": "1"}},
        {"capture_method": CaptureMethod.MANUAL},
        {"confirm": False},
        {"kind": "deposit"},
        {"customer_id": UUID(int=1)},
        {"method_id": UUID(int=1)},
        {"billing": Address(city="x")},
    ],
    ids=",".join,
)
def test_every_field_of_a_checkout_counts(changes: dict[str, Any]) -> None:
    assert replace(PLAIN, **changes).fingerprint() != PLAIN.fingerprint()


def test_no_field_of_a_checkout_is_forgotten() -> None:
    assert set(asdict(PLAIN)) == {
        "amount", "currency", "method", "order_id", "country", "customer", "preference",
        "description", "return_url", "metadata", "capture_method", "confirm", "kind",
        "customer_id", "method_id", "billing",
    }  # fmt: skip


def test_the_order_of_metadata_is_no_difference() -> None:
    turned = replace(PLAIN, metadata={"b": "2", "a": "1"})

    assert turned.fingerprint() == PLAIN.fingerprint()


def test_a_repeated_request_gets_the_recorded_bytes() -> None:
    recorded = Recorded(PLAIN.fingerprint(), 202, b'{"id":"pay_1"}')

    assert recorded.replayed_for(PLAIN.fingerprint()) is recorded


def test_another_body_under_the_same_key_is_refused_with_a_fix() -> None:
    recorded = Recorded(PLAIN.fingerprint(), 202, b"{}")

    with pytest.raises(KeyReused) as refusal:
        recorded.replayed_for(replace(PLAIN, amount=1).fingerprint())
    assert refusal.value.fix
    assert refusal.value.code == "idempotency_key_reused"
