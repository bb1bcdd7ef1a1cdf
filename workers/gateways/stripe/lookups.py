"""Stripe's memory: what it says, when asked, has become of an attempt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol, TypeVar, assert_never

from domain.attempt import Attempt, Operation
from domain.outcome import (
    Declined,
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Prepared,
    RequiresAction,
    Returned,
    Succeeded,
    TakenBack,
    Unknown,
)
from domain.ports import Budget
from workers.gateways import DOUBLES, Alarm
from workers.gateways.stripe.answers import problem_of, read
from workers.gateways.stripe.intents import collected, released, said
from workers.gateways.stripe.line import Line
from workers.gateways.stripe.orders import disputed, paid_out, refunded
from workers.gateways.stripe.shapes import (
    Charge,
    Disputes,
    Intent,
    Intents,
    Payout,
    Payouts,
    Refund,
    Refunds,
    Shown,
)
from workers.gateways.wire import Reply

_log = logging.getLogger(__name__)

S = TypeVar("S", bound=Shown)
S_co = TypeVar("S_co", bound=Shown, covariant=True)
T = TypeVar("T")
Told = TypeVar("Told", bound=Lookup)

#: Pages of a list that are read for one order before a person must look for it.
PAGES: Final = 5
#: The provider's clock may be behind ours by this much; older payouts cannot be ours.
SKEW: Final = timedelta(minutes=10)
#: Money moved, or is held for us.
MOVED: Final = (Succeeded, TakenBack, Returned)


class _Page(Protocol[S_co]):
    """What a list answers."""

    @property
    def data(self) -> Sequence[S_co]: ...

    @property
    def has_more(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Lookups:
    """Reads at one account. Nothing here moves money."""

    line: Line
    alarm: Alarm

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read what became of the attempt: a capture or a void by its charge, everything else by
        the provider's id, or by our reference where we have no id."""
        match attempt.operation:
            case Operation.CHARGE:
                if attempt.provider_id is None:
                    return self._searched(attempt, budget)
                return self.charge(attempt.provider_id, attempt, budget)
            case Operation.CAPTURE:
                return self.of_target(collected, attempt, budget)
            case Operation.VOID:
                return self.of_target(released, attempt, budget)
            case Operation.REFUND:
                return self._refund(attempt, budget)
            case Operation.PAYOUT:
                return self._payout(attempt, budget)
            case _:
                assert_never(attempt.operation)

    def charge(self, provider_id: str, attempt: Attempt, budget: Budget) -> Outcome:
        """Read the charge with this id. One that the provider named before and does not know now
        is a riddle, not an absence."""
        intent = read(self.line.intent(provider_id, budget), Intent)
        return intent if isinstance(intent, Unknown) else self._told(intent, attempt, budget)

    def of_target(
        self, says: Callable[[Intent, Attempt], Told], attempt: Attempt, budget: Budget
    ) -> Told | Unknown:
        """Read the charge that the attempt captures or voids."""
        intent = read(self.line.intent(target(attempt), budget), Intent)
        return intent if isinstance(intent, Unknown) else says(intent, attempt)

    def _searched(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Search for the charge. The search is up to an hour behind, and some accounts have none,
        which says as little as not to be found."""
        reply = self.line.intents_of(attempt.reference, budget)
        if problem_of(reply, 400) is not None or problem_of(reply, 404) is not None:
            return NotFound()
        found = read(reply, Intents)
        if isinstance(found, Unknown):
            return found
        ours = [intent for intent in found.data if intent.reference == attempt.reference]
        return self._weighed(ours, lambda one: self._told(one, attempt, budget), attempt)

    def _refund(self, attempt: Attempt, budget: Budget) -> Lookup:
        if attempt.provider_id is not None:
            refund = read(self.line.one_refund(attempt.provider_id, budget), Refund)
            return refund if isinstance(refund, Unknown) else refunded(refund, attempt)

        def page(after: str | None) -> Reply:
            return self.line.refunds_of(target(attempt), after, budget)

        listed = _listed(page, Refunds, attempt, lambda refund: False)
        if isinstance(listed, Unknown):
            return listed
        return self._weighed(listed, lambda one: refunded(one, attempt), attempt)

    def _payout(self, attempt: Attempt, budget: Budget) -> Lookup:
        if attempt.provider_id is not None:
            payout = read(self.line.one_payout(attempt.provider_id, budget), Payout)
            return payout if isinstance(payout, Unknown) else paid_out(payout, attempt)
        oldest = (attempt.created_at - SKEW).timestamp()

        def page(after: str | None) -> Reply:
            return self.line.payouts(after, budget)

        listed = _listed(page, Payouts, attempt, lambda payout: payout.created < oldest)
        if isinstance(listed, Unknown):
            return listed
        return self._weighed(listed, lambda one: paid_out(one, attempt), attempt)

    def _told(self, intent: Intent, attempt: Attempt, budget: Budget) -> Outcome:
        """Return what an intent says, with what its disputes have taken."""
        outcome, charge = said(intent, attempt), intent.latest_charge
        under_dispute = isinstance(charge, Charge) and charge.disputed
        if not under_dispute or not isinstance(outcome, Succeeded) or not outcome.captured:
            return outcome
        found = read(self.line.disputes_of(intent.id, budget), Disputes)
        if isinstance(found, Unknown):
            return found
        if found.has_more:
            return Unknown(f"{intent.id} has more disputes than a page holds")
        return disputed(outcome, found.data)

    def _weighed(
        self, found: Sequence[S], says: Callable[[S], Outcome], attempt: Attempt
    ) -> Lookup:
        """Return what the object says that matters most: money that moved before what may still
        move; among equals, the oldest is ours. More than one that moved money is told to people."""
        if not found:
            return NotFound()
        ranked = sorted(
            ((_rank(outcome := says(one)), one.created, outcome) for one in reversed(found)),
            key=lambda one: one[:2],
        )
        moved = sum(isinstance(outcome, MOVED) for *_, outcome in ranked)
        if moved > 1:
            _log.error("%d objects under reference %s moved money", moved, attempt.reference)
            self.alarm(DOUBLES[attempt.operation], attempt.reference)
        return ranked[0][2]


def target(attempt: Attempt) -> str:
    """Return the id of the charge that the attempt captures, voids or refunds."""
    assert attempt.target is not None, f"a {attempt.operation} without a charge"
    return attempt.target


def _listed(
    page: Callable[[str | None], Reply],
    type_: type[_Page[S]],
    attempt: Attempt,
    too_old: Callable[[S], bool],
) -> list[S] | Unknown:
    """Return every order in a list, newest first, that carries our reference."""
    ours: list[S] = []
    after: str | None = None
    for _ in range(PAGES):
        found = read(page(after), type_)
        if isinstance(found, Unknown):
            return found
        ours += [order for order in found.data if order.reference == attempt.reference]
        if not found.has_more or not found.data or too_old(found.data[-1]):
            return ours
        after = found.data[-1].id
    return Unknown(f"not on the first {PAGES} pages, and there are more")


def _rank(outcome: Outcome) -> int:
    match outcome:
        case Succeeded(captured=captured):
            return 0 if captured else 2
        case TakenBack():
            return 0
        case Returned():
            return 1
        case Unknown():
            return 3
        case RequiresAction() | Pending():
            return 4
        case Prepared():
            return 5
        case Declined() | NotCharged():
            return 6
        case _:
            assert_never(outcome)
