"""What can be done with money, at any provider: how it is asked for, and carried through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any

from domain.attempt import Attempt, Operation, State
from domain.flows.send import send
from domain.means import Method
from domain.money import CURRENCIES, Money
from domain.outcome import Lookup, Outcome, Pending, Prepared, RequiresAction, Succeeded
from domain.payment import CaptureMethod, Payment
from domain.payout import Destination, Payout
from domain.task import Capture, Charge, GiveBack, PayOut, Task
from tests.contract.made import (
    a_capture,
    a_payment,
    a_payout,
    a_payout_row,
    a_refund,
    a_refund_row,
    a_void,
    an_attempt,
    within,
)
from tests.contract.rigs import Coin, Rig, Step, Ways


class Deed(StrEnum):
    """An operation, as far as its money goes: a charge can take it, or only hold it."""

    SALE = "sale"
    HOLD = "hold"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    PAYOUT = "payout"

    @property
    def operation(self) -> Operation:
        return Operation.CHARGE if self in (Deed.SALE, Deed.HOLD) else Operation(self.value)


#: An attempt of each that the provider would carry out, with everything done that it needs.
_MADE: Mapping[Deed, Callable[[Rig], Attempt]] = {
    Deed.SALE: lambda rig: an_attempt(rig.adapter, sale(rig.ways)),
    Deed.HOLD: lambda rig: an_attempt(rig.adapter, hold(rig.ways)),
    Deed.CAPTURE: lambda rig: a_capture(rig.adapter, held(rig), minor(rig.ways, 1000)),
    Deed.VOID: lambda rig: a_void(rig.adapter, held(rig)),
    Deed.REFUND: lambda rig: a_refund(rig.adapter, charged(rig), minor(rig.ways, 250)),
    Deed.PAYOUT: lambda rig: a_payout(rig.adapter, payout_row(rig.ways)),
}
#: Where nothing can be done in part.
_MADE_WHOLE: Mapping[Deed, Callable[[Rig], Attempt]] = {
    Deed.CAPTURE: lambda rig: a_capture(rig.adapter, held(rig)),
    Deed.REFUND: lambda rig: a_refund(rig.adapter, charged(rig)),
}


def deeds(ways: Ways) -> list[Deed]:
    """Return what can be done there."""
    return [
        deed
        for deed in Deed
        if ways.can(deed.operation) and (deed is not Deed.HOLD or ways.holds is not None)
    ]


def steps(ways: Ways) -> list[tuple[Deed, Step]]:
    """Return every call that changes something there."""
    return [
        (deed, step)
        for deed in deeds(ways)
        for step in Step
        if step is Step.MOVE or ways.splits(deed.operation)
    ]


def in_part(ways: Ways, operation: Operation) -> bool:
    """Whether this can be done with a part of the money."""
    parts = {
        Operation.CAPTURE: ways.captures_in_part,
        Operation.REFUND: ways.refunds_in_part,
    }
    return parts.get(operation, True)


def minor(ways: Ways, parts: int, coin: Coin | None = None) -> int:
    """Return an amount, in ISO minor units, of so many of the least parts that are taken there."""
    coin = coin or ways.coin
    return coin.of(parts * coin.least)


def money(ways: Ways, parts: int, coin: Coin | None = None) -> Money:
    coin = coin or ways.coin
    return Money(minor(ways, parts, coin), CURRENCIES[coin.code])


def sale(ways: Ways, parts: int = 1250, coin: Coin | None = None, **changes: Any) -> Payment:
    """A payment that is charged at once."""
    asked = money(ways, parts, coin)
    payment = a_payment(asked.minor, asked.currency.code, method=ways.pays)
    return replace(payment, **changes)


def hold(ways: Ways, parts: int = 1250, coin: Coin | None = None, **changes: Any) -> Payment:
    """A payment whose money is to be held first."""
    method: Method = ways.holds or ways.pays
    held_first = {"method": method, "capture_method": CaptureMethod.MANUAL}
    return sale(ways, parts, coin, **held_first | changes)


def payout_row(
    ways: Ways, parts: int = 4200, coin: Coin | None = None, to: Destination | None = None
) -> Payout:
    asked = money(ways, parts, coin)
    to = to or ways.destinations[0]
    return a_payout_row(asked.minor, asked.currency.code, destination=to)


def made(rig: Rig, deed: Deed) -> Attempt:
    """Return an attempt that the provider would carry out."""
    whole = not in_part(rig.ways, deed.operation)
    return (_MADE_WHOLE if whole else _MADE)[deed](rig)


def another(rig: Rig, deed: Deed, attempt: Attempt) -> bytes:
    """Return a request for other money under the name of this attempt."""
    ways, charge = rig.ways, replace(attempt, provider_id=attempt.target)
    tasks: Mapping[Deed, Callable[[], Task]] = {
        Deed.SALE: lambda: Charge(sale(ways, 99)),
        Deed.HOLD: lambda: Charge(hold(ways, 99)),
        Deed.CAPTURE: lambda: Capture(charge, money(ways, 99)),
        Deed.REFUND: lambda: GiveBack(charge, a_refund_row(charge, minor(ways, 99))),
        Deed.PAYOUT: lambda: PayOut(payout_row(ways, 99)),
    }
    request = rig.adapter.compose(tasks[deed](), attempt.reference)
    assert request is not None
    return request


def begun(rig: Rig, attempt: Attempt) -> Attempt:
    """Go as far with a split attempt as goes without moving money: its next call moves it. Any
    other attempt is so far already."""
    if not rig.ways.splits(attempt.operation):
        return attempt
    outcome: Lookup = send(rig.adapter, attempt, within())
    if isinstance(outcome, RequiresAction) and rig.ways.asks_always:
        outcome = approved(rig, attempt, outcome)
    assert isinstance(outcome, Prepared), outcome
    return confirmed(attempt, outcome)


def confirmed(attempt: Attempt, prepared: Prepared) -> Attempt:
    """Return what is stored before the call that moves the money."""
    return replace(attempt, provider_id=prepared.provider_id, confirming=True)


def approved(rig: Rig, attempt: Attempt, asked: RequiresAction) -> Lookup:
    """Have the payer approve, and read what that came to."""
    rig.approves(asked.provider_id)
    return rig.adapter.lookup(replace(attempt, provider_id=asked.provider_id), within())


def carried(rig: Rig, attempt: Attempt) -> tuple[Attempt, Lookup]:
    """Send an attempt with all its steps, and have the payer approve where they always must. The
    attempt comes back with the provider's id."""
    return moved(rig, begun(rig, attempt))


def moved(rig: Rig, attempt: Attempt) -> tuple[Attempt, Outcome]:
    """Make the next call of an attempt."""
    outcome = send(rig.adapter, attempt, within())
    return named(attempt, outcome), outcome


def finished(rig: Rig, attempt: Attempt, asked: RequiresAction) -> tuple[Attempt, Lookup]:
    """Have the payer approve, and send what is still to be sent after that."""
    found = approved(rig, attempt, asked)
    attempt = replace(attempt, provider_id=asked.provider_id)
    if isinstance(found, Prepared):
        found = send(rig.adapter, confirmed(attempt, found), within())
    return attempt, found


def again(attempt: Attempt) -> Attempt:
    """Return an attempt as the next round of resolving sends it."""
    return replace(attempt, state=State.UNKNOWN, polls=attempt.polls + 1)


def named(attempt: Attempt, found: Lookup) -> Attempt:
    """Return the attempt with the provider's id, where that has been said."""
    return replace(attempt, provider_id=getattr(found, "provider_id", None) or attempt.provider_id)


def id_of(found: Lookup) -> str:
    assert isinstance(found, Succeeded | Pending | RequiresAction | Prepared), found
    return found.provider_id


def charged(rig: Rig, payment: Payment | None = None) -> Attempt:
    """Return a charge whose money was taken, or is held, with the provider's id."""
    attempt, outcome = carried(rig, an_attempt(rig.adapter, payment or sale(rig.ways)))
    assert isinstance(outcome, Succeeded), outcome
    return attempt


def held(rig: Rig, parts: int = 1250, coin: Coin | None = None) -> Attempt:
    """Return a charge whose money is held."""
    attempt, outcome = carried(rig, an_attempt(rig.adapter, hold(rig.ways, parts, coin)))
    assert isinstance(outcome, Succeeded), outcome
    assert not outcome.captured, outcome
    return attempt


def times(rig: Rig, attempt: Attempt) -> int:
    """Return how often the provider's books say that exactly this was done."""
    holds = attempt.operation is Operation.CHARGE and not attempt.captures
    return rig.held(attempt) if holds else rig.done(attempt)


def is_done(found: Lookup | Outcome, attempt: Attempt) -> bool:
    """Whether this says that exactly what was asked for has happened, or, of a payout, that it is
    under way."""
    if attempt.operation is Operation.PAYOUT and isinstance(found, Pending):
        return True
    return (
        isinstance(found, Succeeded)
        and found.money == attempt.money
        and found.captured is attempt.captures
    )
