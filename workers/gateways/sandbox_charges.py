"""The sandbox provider's payments: what one says of the charge itself, of a capture, of a void."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, assert_never

import msgspec

from domain.attempt import Attempt
from domain.money import CURRENCIES, Currency, Money
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    TakenBack,
    Unknown,
)
from workers.gateways.sandbox_answers import hardness
from workers.gateways.sandbox_shapes import Action, Problem, ShownPayment, told


class Meaning(Enum):
    """What a documented status of a payment says about money."""

    MOVED = auto()
    TAKEN_BACK = auto()
    HELD = auto()
    ACTION = auto()
    OPEN = auto()
    DECLINED = auto()
    CANCELED = auto()
    EXPIRED = auto()


STATUSES: Final[Mapping[str, Meaning]] = {
    "captured": Meaning.MOVED,
    "refunded": Meaning.MOVED,  # it moved, and came back later: the charge itself succeeded
    "partially_refunded": Meaning.MOVED,
    "charged_back": Meaning.TAKEN_BACK,
    "authorized": Meaning.HELD,
    "requires_action": Meaning.ACTION,
    "processing": Meaning.OPEN,
    "declined": Meaning.DECLINED,
    "canceled": Meaning.CANCELED,
    "expired": Meaning.EXPIRED,
}

COLLECTED: Final = frozenset({Meaning.MOVED, Meaning.TAKEN_BACK})

#: The provider does not say why.
CHARGED_BACK: Final = "charged_back"
#: Somebody has collected other money than we wanted to, and there is no second capture.
CAPTURED_OTHERWISE: Final = "captured_otherwise"
#: There is nothing left to collect.
HOLD_RELEASED: Final = "hold_released"
#: There is nothing left to let go of.
ALREADY_CAPTURED: Final = "already_captured"


@dataclass(frozen=True, slots=True)
class _Meant:
    meaning: Meaning
    currency: Currency


def said(payment: ShownPayment, attempt: Attempt) -> Outcome:
    """Return what a payment says of its charge; somebody else's "no" is no answer to us.

    Somebody else's money is: the outcome carries the reference, and a person must look.
    """
    meant = _meant(payment)
    outcome = meant if isinstance(meant, Unknown) else _charged(payment, meant)
    money = isinstance(outcome, Succeeded | TakenBack)
    if payment.reference != attempt.reference and not money:
        return Unknown(f"{payment.id} carries a reference that is not ours")
    return outcome


def declined(problem: Problem, attempt: Attempt) -> Outcome:
    """Return what the error of a declined charge says of it."""
    return said(problem.payment, attempt) if problem.payment else Unknown(problem.code)


def collected(payment: ShownPayment, attempt: Attempt) -> Lookup:
    """Return what a payment, read back, says of the capture `attempt` of it.

    `NotFound`: nothing has been collected. Its reference is the charge's, so its id must be ours.
    """
    meant = _ours(payment, attempt)
    if isinstance(meant, Unknown):
        return meant
    match meant.meaning:
        case Meaning.MOVED | Meaning.TAKEN_BACK:
            money = Money(payment.amount_captured, meant.currency)
            if money != attempt.money:
                return Declined(CAPTURED_OTHERWISE, Hardness.HARD, payment.id)
            return Succeeded(payment.id, money)
        case Meaning.HELD:
            return NotFound()
        case Meaning.OPEN:
            return Pending(payment.id)
        case Meaning.DECLINED:  # the issuer's "no" to the capture has ended the hold, too
            return Declined(told(payment.decline_code, "declined"), Hardness.HARD, payment.id)
        case Meaning.CANCELED | Meaning.EXPIRED:
            return Declined(HOLD_RELEASED, Hardness.HARD, payment.id)
        case Meaning.ACTION:
            return Unknown(f"{payment.id} was never held")
        case _:
            assert_never(meant.meaning)


def captured(payment: ShownPayment, attempt: Attempt) -> Outcome:
    """Return what the answer to our own capture says: other money than we wanted is ours as well."""
    meant = _ours(payment, attempt)
    if not isinstance(meant, Unknown) and meant.meaning in COLLECTED:
        return Succeeded(payment.id, Money(payment.amount_captured, meant.currency))
    return settled(collected(payment, attempt))


def uncollected(problem: Problem, attempt: Attempt) -> Outcome:
    """Return what the error of a declined capture says: the hold may stand, or be gone with it."""
    if problem.payment is None:
        return Unknown(problem.code)
    found = collected(problem.payment, attempt)
    if isinstance(found, NotFound):
        return Declined(problem.code, hardness(problem.code), problem.payment.id)
    return found


def released(payment: ShownPayment, attempt: Attempt) -> Lookup:
    """Return what a payment, read back, says of the void `attempt` of it. `NotFound`: it has not
    been let go of; a hold that ended in any way is let go of."""
    meant = _ours(payment, attempt)
    if isinstance(meant, Unknown):
        return meant
    match meant.meaning:
        case Meaning.CANCELED | Meaning.EXPIRED | Meaning.DECLINED:
            return Succeeded(payment.id, attempt.money)
        case Meaning.MOVED | Meaning.TAKEN_BACK:
            return Declined(ALREADY_CAPTURED, Hardness.HARD, payment.id)
        case Meaning.HELD | Meaning.OPEN | Meaning.ACTION:
            return NotFound()
        case _:
            assert_never(meant.meaning)


def unreleased(problem: Problem, attempt: Attempt) -> Outcome:
    """Return what the error of a declined cancel says: nothing has changed."""
    if problem.payment is None or problem.payment.id != attempt.target:
        return Unknown(problem.code)
    return Declined(problem.code, hardness(problem.code), problem.payment.id)


def settled(found: Lookup) -> Outcome:
    """Return what was found as an outcome: that nothing has happened yet may change any moment."""
    return Unknown("the hold stands as it was") if isinstance(found, NotFound) else found


def _charged(payment: ShownPayment, meant: _Meant) -> Outcome:
    collected = Money(payment.amount_captured, meant.currency)
    match meant.meaning:
        case Meaning.MOVED:
            return Succeeded(payment.id, collected, reference=payment.reference)
        case Meaning.TAKEN_BACK:
            taken = Money(payment.amount_charged_back, meant.currency)
            return TakenBack(payment.id, collected, taken, CHARGED_BACK, payment.reference)
        case Meaning.HELD:
            money = Money(payment.amount, meant.currency)
            return Succeeded(payment.id, money, captured=False, reference=payment.reference)
        case Meaning.ACTION:
            try:
                action = msgspec.convert(payment.next_action, Action)
            except msgspec.ValidationError:
                return Unknown(f"{payment.id} requires an action and names none")
            return RequiresAction(payment.id, action.url, action.shown)
        case Meaning.OPEN:
            return Pending(payment.id)
        case Meaning.DECLINED:
            code = told(payment.decline_code, "declined")
            if payment.authorization_expires_at is not None:
                # The issuer said "no" to the capture: the charge was held, and is let go of.
                cause = f"read as declined after it was held: {code}"
                return NotCharged(Proof.READ_BACK, cause, payment.id, lapsed=True)
            return Declined(code, hardness(code), payment.id)
        case Meaning.CANCELED:
            return NotCharged(Proof.VOIDED, "read as canceled", payment.id)
        case Meaning.EXPIRED:
            return NotCharged(Proof.READ_BACK, "read as expired", payment.id, lapsed=True)
        case _:
            assert_never(meant.meaning)


def _ours(payment: ShownPayment, attempt: Attempt) -> _Meant | Unknown:
    if payment.id != attempt.target:
        return Unknown(f"{payment.id} is not the charge that was asked about")
    return _meant(payment)


def _meant(payment: ShownPayment) -> _Meant | Unknown:
    """Return what a payment means, or why it means nothing: unknown words, or a contradiction."""
    meaning, currency = STATUSES.get(payment.status), CURRENCIES.get(payment.currency)
    if meaning is None or currency is None:
        return Unknown(f"{payment.id} is {payment.status:.64} in {payment.currency:.16}")
    if meaning not in COLLECTED and payment.amount_captured > payment.amount_refunded:
        return Unknown(f"{payment.id} is {payment.status} and holds captured money")
    back = payment.amount_charged_back
    if back > payment.amount_captured or (meaning is Meaning.TAKEN_BACK and not back):
        return Unknown(f"{payment.id} is {payment.status}, with {back} charged back")
    return _Meant(Meaning.TAKEN_BACK if back else meaning, currency)
