"""Stripe's PaymentIntents: what one says of the charge itself, of a capture, of a void."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, assert_never

import msgspec

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
    Prepared,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from workers.gateways.stripe.answers import CARD, REQUEST, cause_of
from workers.gateways.stripe.currencies import understood
from workers.gateways.stripe.declines import declined
from workers.gateways.stripe.shapes import Action, Charge, Intent, Problem, told


class Meaning(Enum):
    """What a documented status of an intent says about money."""

    MOVED = auto()
    HELD = auto()
    ACTION = auto()
    OPEN = auto()
    READY = auto()
    UNPAID = auto()
    CANCELED = auto()


STATUSES: Final[Mapping[str, Meaning]] = {
    "succeeded": Meaning.MOVED,
    "requires_capture": Meaning.HELD,
    "requires_action": Meaning.ACTION,
    "processing": Meaning.OPEN,
    "requires_confirmation": Meaning.READY,
    "requires_payment_method": Meaning.UNPAID,
    "canceled": Meaning.CANCELED,
}
#: Why the provider itself ends an intent; anything else is somebody's wish.
LAPSES: Final = frozenset({"automatic", "expired"})

#: The payment method cannot be charged any more, by anybody.
UNUSABLE: Final = "payment_method_unusable"
#: Somebody has collected other money than we wanted to, and there is no second capture.
CAPTURED_OTHERWISE: Final = "captured_otherwise"
#: There is nothing left to collect.
HOLD_RELEASED: Final = "hold_released"
#: There is nothing left to let go of.
ALREADY_CAPTURED: Final = "already_captured"


def made(intent: Intent, attempt: Attempt) -> Outcome:
    """Return what the answer to the first call says: an intent for other money is not confirmed."""
    outcome = said(intent, attempt)
    if (
        isinstance(outcome, Prepared)
        and understood(intent.amount, intent.currency) != attempt.money
    ):
        return Unknown(f"{intent.id} was made for other money")
    return outcome


def confirmed(intent: Intent, attempt: Attempt) -> Outcome:
    """Return what the answer to the second call says: it leaves no intent as it was."""
    outcome = said(intent, attempt)
    if isinstance(outcome, Prepared):
        return Unknown(f"{intent.id} was confirmed and requires confirmation")
    return outcome


def said(intent: Intent, attempt: Attempt) -> Outcome:
    """Return what an intent says of its charge; somebody else's "no" is no answer to us.

    Somebody else's money is: the outcome carries the reference, and a person must look.
    """
    if attempt.provider_id not in (None, intent.id):
        return Unknown(f"{intent.id} is not the intent that was asked about")
    outcome = _charged(intent, attempt)
    theirs = intent.reference not in (None, attempt.reference)
    if theirs and not isinstance(outcome, Succeeded):
        return Unknown(f"{intent.id} carries a reference that is not ours")
    return outcome


def unconfirmed(status: int, problem: Problem, attempt: Attempt) -> Outcome | None:
    """Return what the error of a declined charge says: none of its money has moved.

    We confirm without naming the payment method again, so an error about that name speaks of the
    method itself: it was forgotten, or could be used only once.
    """
    if status == 400 and problem.type == REQUEST and problem.param == "payment_method":
        return None if problem.code else Declined(UNUSABLE, Hardness.HARD, attempt.provider_id)
    # To a wallet the "no" need not be a card's error, but then only the intent proves it.
    of_wallet = problem.type == REQUEST and problem.payment_intent is not None
    if status != 402 or not (problem.type == CARD or of_wallet):
        return None
    if problem.payment_intent is not None:
        try:
            intent = msgspec.convert(problem.payment_intent, Intent)
        except msgspec.ValidationError:
            return Unknown(f"{cause_of(status, problem)} with an intent that cannot be read")
        ours = intent.id == attempt.provider_id
        if not ours or STATUSES.get(intent.status) not in (Meaning.UNPAID, Meaning.CANCELED):
            return Unknown(f"{cause_of(status, problem)}, but {intent.id} is {intent.status:.64}")
    return declined(problem, attempt.provider_id)


def collected(intent: Intent, attempt: Attempt) -> Lookup:
    """Return what an intent, read back, says of the capture `attempt` of it.

    `NotFound`: nothing has been collected. Its reference is the charge's, so its id must be ours.
    """
    if intent.id != attempt.target:
        return Unknown(f"{intent.id} is not the charge that was asked about")
    meaning = STATUSES.get(intent.status)
    match meaning:
        case Meaning.MOVED:
            money = received(intent, None)
            if money is None:
                return _incomprehensible(intent)
            if money != attempt.money:
                return Declined(CAPTURED_OTHERWISE, Hardness.HARD, intent.id)
            return Succeeded(intent.id, money)
        case Meaning.HELD:
            return NotFound()
        case Meaning.OPEN:
            return Pending(intent.id)
        case Meaning.CANCELED | Meaning.UNPAID:
            return Declined(HOLD_RELEASED, Hardness.HARD, intent.id)
        case Meaning.ACTION | Meaning.READY:
            return Unknown(f"{intent.id} was never held")
        case None:
            return _incomprehensible(intent)
        case _:
            assert_never(meaning)


def captured(intent: Intent, attempt: Attempt) -> Outcome:
    """Return what the answer to our own capture says: other money than we wanted is ours as well."""
    if intent.id == attempt.target and STATUSES.get(intent.status) is Meaning.MOVED:
        money = received(intent, None)
        return _incomprehensible(intent) if money is None else Succeeded(intent.id, money)
    return settled(collected(intent, attempt))


def uncollected(status: int, problem: Problem) -> Outcome | None:
    """Return what the error of a capture says. If the issuer refused, the hold may stand or be gone
    with it, which reading it tells; more than is held is wrong, and not too much for this gateway."""
    cause = cause_of(status, problem)
    if status == 400 and problem.code == "amount_too_large":
        return NotCharged(Proof.REJECTED, cause, request_wrong=True)
    return Unknown(cause) if status == 402 else None


def released(intent: Intent, attempt: Attempt) -> Lookup:
    """Return what an intent, read back, says of the void `attempt` of it. `NotFound`: it has not
    been let go of; a hold that ended in any way is let go of."""
    if intent.id != attempt.target:
        return Unknown(f"{intent.id} is not the charge that was asked about")
    meaning = STATUSES.get(intent.status)
    match meaning:
        case Meaning.CANCELED | Meaning.UNPAID:
            if intent.amount_received:
                return Unknown(f"{intent.id} is {intent.status} and has received money")
            return Succeeded(intent.id, attempt.money)
        case Meaning.MOVED:
            return Declined(ALREADY_CAPTURED, Hardness.HARD, intent.id)
        case Meaning.HELD | Meaning.OPEN | Meaning.ACTION | Meaning.READY:
            return NotFound()
        case None:
            return _incomprehensible(intent)
        case _:
            assert_never(meaning)


def settled(found: Lookup) -> Outcome:
    """Return what was found as an outcome: that nothing has happened yet may change any moment."""
    return Unknown("the hold stands as it was") if isinstance(found, NotFound) else found


def received(intent: Intent, known: int | None) -> Money | None:
    """Return what an intent that succeeded has collected; None: in money we do not have.

    Older versions of the API, and services that imitate it, do not say: then the charge does, from
    whose amount what was not collected counts as refunded. `known` is what we have heard before
    (ISO minor units), because by now more may have been refunded.
    """
    charge = intent.latest_charge
    if intent.amount_received is not None:
        return understood(intent.amount_received, intent.currency)
    if isinstance(charge, Charge) and charge.amount_captured is not None:
        return understood(charge.amount_captured, intent.currency)
    whole = understood(intent.amount, intent.currency)
    if known and whole is not None:
        return Money(known, whole.currency)
    if isinstance(charge, Charge) and charge.amount is not None:
        return understood(max(charge.amount - charge.amount_refunded, 0), intent.currency)
    return whole


def _charged(intent: Intent, attempt: Attempt) -> Outcome:
    meaning = STATUSES.get(intent.status)
    if meaning is not Meaning.MOVED and intent.amount_received:
        return Unknown(f"{intent.id} is {intent.status:.64} and has received money")
    match meaning:
        case Meaning.MOVED:
            money = received(intent, attempt.captured)
            if money is None:
                return _incomprehensible(intent)
            return Succeeded(intent.id, money, reference=intent.reference)
        case Meaning.HELD:
            minor = intent.amount_capturable
            held = understood(intent.amount if minor is None else minor, intent.currency)
            if held is None:
                return _incomprehensible(intent)
            return Succeeded(intent.id, held, captured=False, reference=intent.reference)
        case Meaning.ACTION:
            return _action(intent)
        case Meaning.OPEN:
            return Pending(intent.id)
        case Meaning.READY:
            return Prepared(intent.id)
        case Meaning.UNPAID:
            return _unpaid(intent)
        case Meaning.CANCELED:
            lapsed = told(intent.cancellation_reason) in LAPSES
            proof, word = (Proof.READ_BACK, "expired") if lapsed else (Proof.VOIDED, "canceled")
            return NotCharged(proof, f"read as {word}", intent.id, lapsed=lapsed)
        case None:
            return _incomprehensible(intent)
        case _:
            assert_never(meaning)


def _action(intent: Intent) -> Outcome:
    """Return where the payer must go. What the provider's own script in a shop's page would have
    to do names no address: nobody can, and the intent waits until it is cancelled."""
    try:
        action = msgspec.convert(intent.next_action, Action)
    except msgspec.ValidationError:
        return Pending(intent.id)
    return RequiresAction(intent.id, action.redirect_to_url.url)


def _unpaid(intent: Intent) -> Outcome:
    """Return the "no" that an intent remembers. Only we can confirm it again, and do not."""
    try:
        problem = msgspec.convert(intent.last_payment_error, Problem)
    except msgspec.ValidationError:
        return Unknown(f"{intent.id} has no payment method, and does not say why")
    return declined(problem, intent.id)


def _incomprehensible(intent: Intent) -> Unknown:
    return Unknown(f"{intent.id} is {intent.status:.64} in {intent.currency:.16}")
