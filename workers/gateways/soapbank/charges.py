"""A bank's charges: what one says of the charge itself, of a capture, of a void."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
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
from workers.gateways.soapbank.answers import hardness
from workers.gateways.soapbank.shapes import ShownCharge, money_of


class Meaning(Enum):
    """What a documented status of a charge says about money."""

    OPEN = auto()
    HELD = auto()
    MOVED = auto()
    TAKEN_BACK = auto()
    DECLINED = auto()
    CANCELLED = auto()


STATUSES: Final[Mapping[str, Meaning]] = {
    "PENDING": Meaning.OPEN,
    "AUTHORISED": Meaning.HELD,
    "SETTLED": Meaning.MOVED,
    "REFUNDED": Meaning.MOVED,  # it moved, and came back later: the charge itself succeeded
    "REVERSED": Meaning.TAKEN_BACK,
    "REJECTED": Meaning.DECLINED,
    "CANCELLED": Meaning.CANCELLED,
}

COLLECTED: Final = frozenset({Meaning.MOVED, Meaning.TAKEN_BACK})

#: Ours, for a "no" without a reason that we could show.
REJECTED: Final = "declined"
#: The bank does not say why.
REVERSED: Final = "charged_back"
#: Somebody has collected other money than we wanted to, and there is no second capture.
CAPTURED_OTHERWISE: Final = "captured_otherwise"
#: There is nothing left to collect.
HOLD_RELEASED: Final = "hold_released"
#: There is nothing left to let go of.
ALREADY_CAPTURED: Final = "already_captured"


@dataclass(frozen=True, slots=True)
class _Meant:
    meaning: Meaning
    held: Money
    settled: Money
    reversed: Money


def said(charge: ShownCharge, attempt: Attempt) -> Outcome:
    """Return what a charge says of itself; somebody else's "no" is no answer to us.

    Somebody else's money is: the outcome carries the reference, and a person must look.
    """
    meant = _meant(charge)
    outcome = meant if isinstance(meant, Unknown) else _charged(charge, meant)
    money = isinstance(outcome, Succeeded | TakenBack)
    if charge.reference != attempt.reference and not money:
        return Unknown(f"{charge.bank_id} carries a reference that is not ours")
    return outcome


def collected(charge: ShownCharge, attempt: Attempt) -> Lookup:
    """Return what a charge, read back, says of the capture `attempt` of it.

    `NotFound`: nothing has been collected. Its reference is the charge's, so its id must be ours.
    """
    meant = _ours(charge, attempt)
    if isinstance(meant, Unknown):
        return meant
    match meant.meaning:
        case Meaning.MOVED | Meaning.TAKEN_BACK:
            if meant.settled != attempt.money:
                return Declined(CAPTURED_OTHERWISE, Hardness.HARD, charge.bank_id)
            return Succeeded(charge.bank_id, meant.settled)
        case Meaning.HELD:
            return NotFound()
        case Meaning.OPEN:
            return Pending(charge.bank_id)
        case Meaning.DECLINED:  # the issuer's "no" to the capture has ended the hold, too
            return Declined(charge.told(REJECTED), Hardness.HARD, charge.bank_id)
        case Meaning.CANCELLED:
            return Declined(HOLD_RELEASED, Hardness.HARD, charge.bank_id)
        case _:
            assert_never(meant.meaning)


def captured(charge: ShownCharge, attempt: Attempt) -> Outcome:
    """Return what the answer to our own capture says: other money than we wanted is ours as well,
    and a hold that stands with a reason is a "no"."""
    meant = _ours(charge, attempt)
    if isinstance(meant, Unknown):
        return meant
    if meant.meaning in COLLECTED:
        return Succeeded(charge.bank_id, meant.settled)
    if meant.meaning is Meaning.HELD and charge.reason:
        reason = charge.told(REJECTED)
        return Declined(reason, hardness(reason), charge.bank_id)
    return settled(collected(charge, attempt))


def released(charge: ShownCharge, attempt: Attempt) -> Lookup:
    """Return what a charge, read back, says of the void `attempt` of it. `NotFound`: it has not
    been let go of; a hold that ended in any way is let go of."""
    meant = _ours(charge, attempt)
    if isinstance(meant, Unknown):
        return meant
    match meant.meaning:
        case Meaning.CANCELLED | Meaning.DECLINED:
            return Succeeded(charge.bank_id, attempt.money)
        case Meaning.MOVED | Meaning.TAKEN_BACK:
            return Declined(ALREADY_CAPTURED, Hardness.HARD, charge.bank_id)
        case Meaning.HELD | Meaning.OPEN:
            return NotFound()
        case _:
            assert_never(meant.meaning)


def settled(found: Lookup) -> Outcome:
    """Return what was found as an outcome: that nothing has happened yet may change any moment."""
    return Unknown("the hold stands as it was") if isinstance(found, NotFound) else found


def _charged(charge: ShownCharge, meant: _Meant) -> Outcome:
    id_, reference = charge.bank_id, charge.reference
    match meant.meaning:
        case Meaning.MOVED:
            return Succeeded(id_, meant.settled, reference=reference)
        case Meaning.TAKEN_BACK:
            return TakenBack(id_, meant.settled, meant.reversed, REVERSED, reference)
        case Meaning.HELD:
            return Succeeded(id_, meant.held, captured=False, reference=reference)
        case Meaning.OPEN if meant.held.minor:  # a capture is being decided: the hold stands
            return Succeeded(id_, meant.held, captured=False, reference=reference)
        case Meaning.OPEN:
            return Pending(id_)
        case Meaning.DECLINED if meant.held.minor:
            # The issuer said "no" to the capture: the charge was held, and is let go of.
            cause = f"read as rejected after it was held: {charge.told(REJECTED)}"
            return NotCharged(Proof.READ_BACK, cause, id_, lapsed=True)
        case Meaning.DECLINED:
            reason = charge.told(REJECTED)
            return Declined(reason, hardness(reason), id_)
        case Meaning.CANCELLED:
            return NotCharged(Proof.VOIDED, "read as cancelled", id_)
        case _:
            assert_never(meant.meaning)


def _ours(charge: ShownCharge, attempt: Attempt) -> _Meant | Unknown:
    if charge.bank_id != attempt.target:
        return Unknown(f"{charge.bank_id} is not the charge that was asked about")
    return _meant(charge)


def _meant(charge: ShownCharge) -> _Meant | Unknown:
    """Return what a charge means, or why it means nothing: unknown words, or a contradiction."""
    meaning = STATUSES.get(charge.status)
    texts = (
        charge.amount,
        charge.refunded_amount,
        charge.authorised_amount,
        charge.settled_amount,
        charge.reversed_amount,
    )
    amounts = [money for text in texts if (money := money_of(text, charge.currency))]
    if meaning is None or len(amounts) != len(texts):
        return Unknown(f"{charge.bank_id} is {charge.status} in {charge.currency:.16}")
    *_, held, collected, back = amounts
    if (meaning in COLLECTED) != (collected.minor > 0):
        return Unknown(f"{charge.bank_id} is {charge.status} and has settled {collected}")
    if meaning is Meaning.HELD and not held.minor:
        return Unknown(f"{charge.bank_id} is {charge.status} and holds nothing")
    if back.minor > collected.minor or (meaning is Meaning.TAKEN_BACK and not back.minor):
        return Unknown(f"{charge.bank_id} is {charge.status}, with {back} taken back")
    return _Meant(Meaning.TAKEN_BACK if back.minor else meaning, held, collected, back)
