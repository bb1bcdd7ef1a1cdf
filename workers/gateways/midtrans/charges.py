"""Midtrans' transactions: what one says of the charge itself, of a capture, of a void."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, assert_never

from domain.attempt import Attempt
from domain.money import Money
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Proof,
    Succeeded,
    TakenBack,
    Unknown,
)
from workers.gateways.midtrans.actions import Pages, asked
from workers.gateways.midtrans.declines import DENIED, FAILED, FRAUD, hardness, told
from workers.gateways.midtrans.shapes import IDR, Transaction, rupiah


class Meaning(Enum):
    """What a documented status of a transaction says about money."""

    MOVED = auto()
    TAKEN_BACK = auto()
    HELD = auto()
    SCREENED = auto()
    ASKED = auto()
    DENIED = auto()
    FAILED = auto()
    CANCELED = auto()
    EXPIRED = auto()


STATUSES: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "settlement": Meaning.MOVED,
        "capture": Meaning.MOVED,
        "refund": Meaning.MOVED,  # it moved, and came back later: the charge itself succeeded
        "partial_refund": Meaning.MOVED,
        "chargeback": Meaning.TAKEN_BACK,
        "authorize": Meaning.HELD,
        "pending": Meaning.ASKED,
        "deny": Meaning.DENIED,
        "failure": Meaning.FAILED,
        "cancel": Meaning.CANCELED,
        "expire": Meaning.EXPIRED,
    }
)
#: Of a card, these are worth what the fraud screening says: with "accept" what they say, with
#: "challenge" nothing yet.
SCREENED: Final = frozenset({"capture", "authorize"})
ACCEPT: Final = "accept"
CHALLENGE: Final = "challenge"
DENY: Final = "deny"

COLLECTED: Final = frozenset({Meaning.MOVED, Meaning.TAKEN_BACK})

#: The payer's bank took it, or what had settled was denied after all.
CHARGED_BACK: Final = "chargeback"
DENIED_LATE: Final = "denied_after_settlement"
#: Somebody has collected other money than we wanted to, and there is no second capture.
CAPTURED_OTHERWISE: Final = "captured_otherwise"
#: There is nothing left to collect.
HOLD_RELEASED: Final = "hold_released"
#: There is nothing left to let go of.
ALREADY_CAPTURED: Final = "already_captured"


def said(shown: Transaction, attempt: Attempt, pages: Pages) -> Outcome:
    """Return what a transaction says of its charge; somebody else's "no" is no answer to us.

    Somebody else's money is: the outcome carries the reference, and a person must look.
    """
    meaning = meant(shown)
    outcome = meaning if isinstance(meaning, Unknown) else _charged(shown, meaning, attempt, pages)
    money = isinstance(outcome, Succeeded | TakenBack)
    if shown.order_id != attempt.reference and not money:
        return Unknown(f"{shown.transaction_id} carries a reference that is not ours")
    return outcome


def collected(shown: Transaction, attempt: Attempt) -> Lookup:
    """Return what a transaction, read back, says of the capture `attempt` of it.

    `NotFound`: nothing has been collected.
    """
    meaning = _ours(shown, attempt)
    if isinstance(meaning, Unknown):
        return meaning
    id_ = shown.transaction_id
    match meaning:
        case Meaning.MOVED | Meaning.TAKEN_BACK:
            if shown.money != attempt.money:
                return Declined(CAPTURED_OTHERWISE, Hardness.HARD, id_)
            return Succeeded(id_, attempt.money)
        case Meaning.HELD:
            return NotFound()
        case Meaning.SCREENED:
            return Pending(id_)
        case Meaning.DENIED | Meaning.FAILED | Meaning.CANCELED | Meaning.EXPIRED:
            return Declined(HOLD_RELEASED, Hardness.HARD, id_)
        case Meaning.ASKED:
            return Unknown(f"{id_} was never held")
        case _:
            assert_never(meaning)


def captured(shown: Transaction, attempt: Attempt) -> Outcome:
    """Return what the answer to our own capture says: other money than we wanted is ours as well."""
    meaning, money = _ours(shown, attempt), shown.money
    if meaning in COLLECTED and money is not None:
        return Succeeded(shown.transaction_id, money)
    return settled(collected(shown, attempt))


def released(shown: Transaction, attempt: Attempt) -> Lookup:
    """Return what a transaction, read back, says of the void `attempt` of it. `NotFound`: it has
    not been let go of; a hold that ended in any way is let go of."""
    meaning = _ours(shown, attempt)
    if isinstance(meaning, Unknown):
        return meaning
    id_ = shown.transaction_id
    match meaning:
        case Meaning.CANCELED | Meaning.EXPIRED | Meaning.DENIED | Meaning.FAILED:
            return Succeeded(id_, attempt.money)
        case Meaning.MOVED | Meaning.TAKEN_BACK:
            return Declined(ALREADY_CAPTURED, Hardness.HARD, id_)
        case Meaning.HELD | Meaning.SCREENED | Meaning.ASKED:
            return NotFound()
        case _:
            assert_never(meaning)


def settled(found: Lookup) -> Outcome:
    """Return what was found as an outcome: that nothing has happened yet may change any moment."""
    return Unknown("the hold stands as it was") if isinstance(found, NotFound) else found


def meant(shown: Transaction) -> Meaning | Unknown:
    """Return what a transaction means, or why it means nothing: unknown words, or a contradiction."""
    id_, status, fraud = shown.transaction_id, shown.status, shown.fraud_status
    meaning = STATUSES.get(status)
    if meaning is None or shown.money is None:
        return Unknown(f"{id_} is {status} with an amount of {len(shown.gross_amount)} characters")
    if status in SCREENED:
        if fraud == CHALLENGE:
            return Meaning.SCREENED
        if fraud != ACCEPT:
            return Unknown(f"{id_} is {status}, and its screening says nothing that is documented")
    if status == "settlement" and fraud not in (None, "", ACCEPT):
        return Unknown(f"{id_} is {status}, and its screening did not accept it")
    return meaning


def _charged(shown: Transaction, meaning: Meaning, attempt: Attempt, pages: Pages) -> Outcome:
    id_, money = shown.transaction_id, shown.money
    assert money is not None, "what is meant has an amount"
    match meaning:
        case Meaning.MOVED:
            return Succeeded(id_, money, reference=shown.order_id)
        case Meaning.TAKEN_BACK:
            return TakenBack(id_, money, _taken(shown, money), CHARGED_BACK, shown.order_id)
        case Meaning.HELD:
            return Succeeded(id_, money, captured=False, reference=shown.order_id)
        case Meaning.SCREENED:
            return Pending(id_)
        case Meaning.ASKED:
            return asked(shown, pages)
        case Meaning.DENIED:
            if attempt.captured or shown.settlement_time:
                # What had settled can be denied within minutes: the money came, and went again.
                return TakenBack(id_, money, money, DENIED_LATE, shown.order_id)
            fraud = FRAUD if shown.fraud_status == DENY else None
            code = fraud or told(shown.channel_response_code, DENIED)
            return Declined(code, hardness(code), id_)
        case Meaning.FAILED:
            return Declined(FAILED, hardness(FAILED), id_)
        case Meaning.CANCELED:
            return NotCharged(Proof.VOIDED, "read as cancel", id_)
        case Meaning.EXPIRED:
            return NotCharged(Proof.READ_BACK, "read as expire", id_, lapsed=True)
        case _:
            assert_never(meaning)


def _taken(shown: Transaction, money: Money) -> Money:
    """Return what a bank has taken, which Midtrans does not say: what had not been given back, or,
    where all of it had, the whole once more. Of a refund, what is no amount counts for nothing."""
    amounts = (rupiah(one.refund_amount) for one in shown.refunds or ())
    left = money.minor - sum(amount.minor for amount in amounts if amount is not None)
    return Money(left, IDR) if left > 0 else money


def _ours(shown: Transaction, attempt: Attempt) -> Meaning | Unknown:
    if shown.transaction_id != attempt.target:
        return Unknown(f"{shown.transaction_id} is not the charge that was asked about")
    return meant(shown)
