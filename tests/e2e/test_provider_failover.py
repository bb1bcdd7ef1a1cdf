"""One provider fails and the next one takes the payment; but never after an answer that was lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.e2e import ledgers
from tests.e2e.living import get, post
from tests.e2e.system import Json, System, eventually

pytestmark = pytest.mark.e2e

#: What of an attempt is told and compared: where, how it ended, and why it may be left behind.
Told = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True)
class Market:
    """Where two providers take the same payment, one before the other."""

    first: str
    second: str
    order: Json
    #: Where nothing is sent to, and why, while the second one has it.
    skipped: Json = field(default_factory=dict)


INDONESIA = Market(
    "midtrans-id",
    "xendit-id",
    {
        "amount": 2_500_000,
        "currency": "IDR",
        "customer": {"country": "ID"},
        "payment_method": {"type": "bank_transfer", "token": "bca"},
    },
    {"stripe-eu": "no_route", "paypal-eu": "no_route", "soapbank-ch": "no_route"},
)
EUROPE = Market(
    "stripe-eu",
    "paypal-eu",
    {
        "amount": 2_500,
        "currency": "EUR",
        "customer": {"country": "FR"},
        "payment_method": {"type": "paypal"},
        "return_url": "https://shop.example/done",
    },
    {"midtrans-id": "no_route", "xendit-id": "no_route", "soapbank-ch": "no_route"},
)
MARKETS = [INDONESIA, EUROPE]
each_market = pytest.mark.parametrize("market", MARKETS, ids=lambda one: one.second)


@pytest.fixture(autouse=True)
def agreeing(system: System) -> Iterator[None]:
    """Whatever a test does, all books tell the same afterwards."""
    yield
    ledgers.books_agree(system)


def ordered(system: System, market: Market) -> str:
    return str(post(system, "/v1/payments", market.order)["id"])


def attempts(system: System, id_: str) -> list[Told]:
    told = get(system, f"/v1/payments/{id_}/attempts")["data"]
    return [(one["gateway"], one["state"], one["proof"]) for one in told]


def paid(system: System, id_: str, gateway: str) -> None:
    """Have the payer pay where they were sent to, which is this gateway."""
    system.settled(id_, "requires_action")
    pulled(system, id_, gateway, "approve")
    assert system.settled(id_)["status"] == "captured"


def pulled(system: System, id_: str, gateway: str, lever: str, body: Json | None = None) -> None:
    """Pull a lever of the charge that was made there."""
    found = "SELECT provider_id FROM payment_attempts WHERE payment_id = %s AND gateway_id = %s"
    (charge,) = system.sql(found, [id_.partition("_")[2], gateway])
    system.admin("POST", gateway, f"/objects/{charge['provider_id']}/{lever}", body)


def skipped(system: System, id_: str) -> Json:
    (row,) = system.sql("SELECT skipped FROM payments WHERE id = %s", [id_.partition("_")[2]])
    return dict(row["skipped"])


@each_market
@pytest.mark.parametrize(
    ("fault", "proof"), [("refuse", "never_sent"), ("rate_limited", "rejected")]
)
def test_the_next_provider_takes_what_the_first_one_has_proven_not_to_have(
    system: System, market: Market, fault: str, proof: str
) -> None:
    system.fault(market.first, fault)

    id_ = ordered(system, market)
    system.settled(id_, "requires_action")

    assert skipped(system, id_) == market.skipped | {market.first: "tried"}
    system.no_faults()
    paid(system, id_, market.second)
    assert attempts(system, id_) == [
        (market.first, "not_charged", proof),
        (market.second, "captured", None),
    ]


@pytest.mark.parametrize(
    ("market", "changes", "waits"),
    [
        (EUROPE, {"return_url": None}, True),
        (INDONESIA, {"payment_method": {"type": "card", "token": "pt-card-1"}}, False),
    ],
    ids=["no way back from the page", "a token of the next one"],
)
def test_what_the_first_provider_has_no_words_for_is_never_sent_there(
    system: System, market: Market, changes: Json, waits: bool
) -> None:
    id_ = str(post(system, "/v1/payments", market.order | changes)["id"])

    if waits:
        paid(system, id_, market.second)
    assert system.settled(id_)["status"] == "captured"
    assert attempts(system, id_) == [(market.second, "captured", None)]
    assert skipped(system, id_) == market.skipped | {market.first: "cannot_express"}


@each_market
def test_what_a_bank_declines_softly_is_tried_at_the_next_provider(
    system: System, market: Market
) -> None:
    id_ = ordered(system, market)
    system.settled(id_, "requires_action")

    pulled(system, id_, market.first, "settle", {"to": "declined"})

    eventually(lambda: len(attempts(system, id_)) == 2, 20)
    assert skipped(system, id_) == market.skipped | {market.first: "declined_here"}
    paid(system, id_, market.second)
    assert attempts(system, id_) == [
        (market.first, "declined", "declined"),
        (market.second, "captured", None),
    ]


@each_market
@pytest.mark.parametrize("fault", ["drop_after", "fail_after", "garbage_after", "hang_after"])
def test_a_lost_answer_is_looked_for_where_it_was_lost(
    system: System, market: Market, fault: str
) -> None:
    step = {"step": "move"} if market.first == "stripe-eu" else {}
    system.fault(market.first, fault, on="charge", count=1, **step)

    id_ = ordered(system, market)

    paid(system, id_, market.first)
    assert attempts(system, id_) == [(market.first, "captured", None)]
    assert market.first not in skipped(system, id_)
