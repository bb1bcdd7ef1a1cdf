"""PayPal's orders: what one says of the charge, of a capture of its hold, of the void of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    Prepared,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from workers.gateways.paypal.coins import heard
from workers.gateways.paypal.requests import INTENTS
from workers.gateways.paypal.shapes import Movement, Order, Unit


class Stage(Enum):
    """What a documented status of an order says as long as nothing was asked of its money. What a
    COMPLETED one has done, its children say."""

    ASKS = auto()  # the payer has to approve, perhaps once more
    READY = auto()  # approved: the call that moves the money may be sent
    VOIDED = auto()


STAGES: Final[Mapping[str, Stage]] = {
    "CREATED": Stage.ASKS,
    "SAVED": Stage.ASKS,
    "PAYER_ACTION_REQUIRED": Stage.ASKS,
    "APPROVED": Stage.READY,
    "VOIDED": Stage.VOIDED,
}


class Meaning(Enum):
    """What a documented status of an authorization or a capture says about money."""

    MOVED = auto()
    HELD = auto()
    OPEN = auto()
    REFUSED = auto()
    RELEASED = auto()


CAPTURES: Final[Mapping[str, Meaning]] = {
    "COMPLETED": Meaning.MOVED,
    "PARTIALLY_REFUNDED": Meaning.MOVED,  # it moved, and came back later: the charge succeeded
    "REFUNDED": Meaning.MOVED,
    "PENDING": Meaning.OPEN,
    "DECLINED": Meaning.REFUSED,
    "FAILED": Meaning.REFUSED,
}
AUTHORIZATIONS: Final[Mapping[str, Meaning]] = {
    "CREATED": Meaning.HELD,
    "PENDING": Meaning.OPEN,
    "CAPTURED": Meaning.MOVED,
    "PARTIALLY_CAPTURED": Meaning.MOVED,
    "DENIED": Meaning.REFUSED,
    "VOIDED": Meaning.RELEASED,
}

#: Ours, for what PayPal only tells by a status. Another way to pay may work.
CAPTURE_DECLINED: Final = "capture_declined"
AUTHORIZATION_DENIED: Final = "authorization_denied"
#: Somebody has collected other money than we wanted to, and there is no second capture.
CAPTURED_OTHERWISE: Final = "captured_otherwise"
#: There is nothing left to collect.
HOLD_RELEASED: Final = "hold_released"
#: There is nothing left to let go of.
ALREADY_CAPTURED: Final = "already_captured"


@dataclass(frozen=True, slots=True)
class State:
    """An order's money, understood."""

    #: What was collected in all, if anything was.
    collected: Money | None
    captures: Sequence[tuple[Meaning, Movement]]
    #: The hold, if there ever was one.
    hold: tuple[Meaning, Movement] | None
    held: Money | None

    def has(self, meaning: Meaning) -> bool:
        """Whether any capture means this."""
        return any(found is meaning for found, _ in self.captures)


def charged(order: Order, attempt: Attempt) -> Outcome:
    """Return what an order says of its charge; somebody else's "no" is no answer to us.

    Somebody else's money is: the outcome carries the reference, and a person must look.
    """
    state, unit = understood(order), order.unit
    if isinstance(state, Unknown):
        return state
    reference = unit.custom_id if unit else None
    if state is None:
        outcome = _unasked(order, attempt)
    elif state.collected is not None:
        outcome = Succeeded(order.id, state.collected, reference=reference)
    elif state.has(Meaning.OPEN):
        outcome = Pending(order.id)
    elif state.hold is None:
        outcome = Declined(CAPTURE_DECLINED, Hardness.SOFT, order.id)
    else:
        outcome = _held(order, state, reference)
    if reference not in (None, attempt.reference) and not isinstance(outcome, Succeeded):
        return Unknown(f"{order.id} carries a reference that is not ours")
    return outcome


def collected(order: Order, attempt: Attempt) -> Lookup:
    """Return what an order, read back, says of the capture `attempt` of its hold.

    `NotFound`: nothing has been collected. Its reference is the charge's, so its id must be ours.
    """
    state = _of_target(order, attempt)
    if isinstance(state, Unknown):
        return state
    if state.collected is not None:
        if state.collected != attempt.money:
            return Declined(CAPTURED_OTHERWISE, Hardness.HARD, order.id)
        return Succeeded(order.id, state.collected)
    if state.has(Meaning.OPEN):
        return Pending(order.id)
    ours = [one for _, one in state.captures if one.invoice_id == attempt.reference]
    if ours:
        return Declined(CAPTURE_DECLINED, Hardness.SOFT, order.id)
    match state.hold:
        case (Meaning.HELD | Meaning.OPEN, _):
            return NotFound()
        case (Meaning.RELEASED | Meaning.REFUSED, _):
            return Declined(HOLD_RELEASED, Hardness.HARD, order.id)
        case _:
            return Unknown(f"{order.id} shows no hold, or one without its capture")


def released(order: Order, attempt: Attempt) -> Lookup:
    """Return what an order, read back, says of the void `attempt` of its hold. `NotFound`: it has
    not been let go of; a hold that ended in any way without money is let go of."""
    state = _of_target(order, attempt)
    if isinstance(state, Unknown):
        return state
    if state.collected is not None:
        return Declined(ALREADY_CAPTURED, Hardness.HARD, order.id)
    if state.has(Meaning.OPEN):
        return Unknown(f"{order.id} is being captured")
    match state.hold:
        case (Meaning.HELD | Meaning.OPEN, _):
            return NotFound()
        case (Meaning.RELEASED | Meaning.REFUSED, _):
            return Succeeded(order.id, attempt.money)
        case _:
            return Unknown(f"{order.id} shows no hold, or one without its capture")


def captured(capture: Movement, order_id: str) -> Outcome:
    """Return what the answer to our own capture says: other money than we wanted is ours as well."""
    money = _money(capture)
    match CAPTURES.get(capture.status):
        case Meaning.MOVED if money is not None:
            return Succeeded(order_id, money)
        case Meaning.OPEN:
            return Pending(order_id)
        case Meaning.REFUSED:
            return Declined(CAPTURE_DECLINED, Hardness.SOFT, order_id)
        case _:
            return Unknown(f"{capture.id} is {capture.status:.64}")


def open_hold(order: Order) -> str | None:
    """Return the authorization that can be collected or let go of."""
    found = order.unit.payments.authorizations if order.unit else []
    can = (Meaning.HELD, Meaning.OPEN)
    return next((one.id for one in found if AUTHORIZATIONS.get(one.status) in can), None)


def refundable(order: Order) -> str | None:
    """Return the capture whose money can be given back."""
    found = order.unit.payments.captures if order.unit else []
    return next((one.id for one in found if CAPTURES.get(one.status) is Meaning.MOVED), None)


def is_disarmed(order: Order, attempt: Attempt) -> bool:
    """Whether our own moving call no longer fits the order, which has moved nothing."""
    changed = order.intent == INTENTS[not attempt.captures]
    return changed and STAGES.get(order.status) in (Stage.ASKS, Stage.READY)


def is_nobodys(order: Order, attempt: Attempt) -> bool:
    """Whether an order, shown in full, has neither our name nor another's in the place of ours. Those
    that we make have it twice."""
    unit = order.unit
    if unit is None:
        return True
    named: list[Unit | Movement] = [unit, *unit.payments.authorizations, *unit.payments.captures]
    ours = any(attempt.reference in (one.custom_id, one.invoice_id) for one in named)
    return unit.custom_id is None and not ours


def understood(order: Order) -> State | Unknown | None:
    """Return what an order's children mean; None: it has none. Unknown words, and several units,
    mean nothing."""
    unit = order.unit
    if unit is None:
        many = len(order.purchase_units) > 1
        return Unknown(f"{order.id} has several units") if many else None
    captures = [(CAPTURES.get(one.status), one) for one in unit.payments.captures]
    holds = [(AUTHORIZATIONS.get(one.status), one) for one in unit.payments.authorizations]
    for meaning, one in captures + holds:
        if meaning is None:
            return Unknown(f"{one.id} is {one.status:.64}")
    if len(holds) > 1:
        return Unknown(f"{order.id} has several authorizations")
    if not captures and not holds:
        return None
    known = [(meaning, one) for meaning, one in captures if meaning is not None]
    sums = _sum([one for meaning, one in known if meaning is Meaning.MOVED])
    hold = next(((meaning, one) for meaning, one in holds if meaning is not None), None)
    held = _money(hold[1]) if hold else None
    if isinstance(sums, Unknown):
        return sums
    if hold and held is None:
        return Unknown(f"{hold[1].id} is in {hold[1].amount.currency_code:.16}")
    return State(sums, known, hold, held)


def _unasked(order: Order, attempt: Attempt) -> Outcome:
    """Return what an order says of whose money nothing was asked."""
    stage = STAGES.get(order.status)
    if stage is None:
        return Unknown(f"{order.id} is {order.status:.64}")
    if is_disarmed(order, attempt):
        return NotCharged(Proof.VOIDED, "read as an order that can no longer be used", order.id)
    match stage:
        case Stage.ASKS:
            url = order.approval_url
            if url is None:
                return Unknown(f"{order.id} needs the payer's approval and says not where")
            return RequiresAction(order.id, url)
        case Stage.READY:
            return Prepared(order.id)
        case Stage.VOIDED:
            return NotCharged(Proof.VOIDED, "read as voided", order.id)
        case _:
            assert_never(stage)


def _held(order: Order, state: State, reference: str | None) -> Outcome:
    assert state.hold is not None, "only a hold without money is asked about"
    meaning, hold = state.hold
    match meaning:
        case Meaning.HELD if state.held is not None:
            return Succeeded(order.id, state.held, captured=False, reference=reference)
        case Meaning.OPEN:
            return Pending(order.id)
        case Meaning.REFUSED:
            return Declined(AUTHORIZATION_DENIED, Hardness.SOFT, order.id)
        case Meaning.RELEASED:
            return NotCharged(Proof.VOIDED, f"{hold.id} is read as voided", order.id)
        case _:
            return Unknown(f"{hold.id} is {hold.status} and shows no capture")


def _of_target(order: Order, attempt: Attempt) -> State | Unknown:
    if order.id != attempt.target:
        return Unknown(f"{order.id} is not the charge that was asked about")
    state = understood(order)
    return Unknown(f"{order.id} was never held") if state is None else state


def _sum(moved: Sequence[Movement]) -> Money | Unknown | None:
    total: Money | None = None
    for one in moved:
        money = _money(one)
        if money is None or (total is not None and total.currency != money.currency):
            return Unknown(f"{one.id} is {one.amount.value} {one.amount.currency_code:.16}")
        total = money if total is None else total + money
    return total


def _money(one: Movement) -> Money | None:
    return heard(one.amount.value, one.amount.currency_code)
