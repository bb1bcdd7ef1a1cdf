"""The sandbox provider's memory: what it says, when asked, has become of an attempt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, assert_never

from domain.attempt import Attempt, Operation
from domain.outcome import Lookup, NotFound, Outcome, Unknown
from domain.ports import Budget
from workers.gateways import DOUBLES, Alarm
from workers.gateways.sandbox_answers import read
from workers.gateways.sandbox_charges import collected, released, said
from workers.gateways.sandbox_line import PAYMENTS, PAYOUTS, REFUNDS, Line, at, target
from workers.gateways.sandbox_orders import paid_out, refunded
from workers.gateways.sandbox_searches import weighed
from workers.gateways.sandbox_shapes import (
    Payments,
    Payouts,
    Refunds,
    Shown,
    ShownPayment,
    ShownPayout,
    ShownRefund,
)

_log = logging.getLogger(__name__)

S = TypeVar("S", bound=Shown)
S_co = TypeVar("S_co", bound=Shown, covariant=True)
Told = TypeVar("Told", bound=Lookup)


class _Search(Protocol[S_co]):
    """What a search answers."""

    @property
    def data(self) -> Sequence[S_co]: ...


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
                return self._find(PAYMENTS, ShownPayment, Payments, said, attempt, budget)
            case Operation.CAPTURE:
                return self.of_target(collected, attempt, budget)
            case Operation.VOID:
                return self.of_target(released, attempt, budget)
            case Operation.REFUND:
                return self._find(REFUNDS, ShownRefund, Refunds, refunded, attempt, budget)
            case Operation.PAYOUT:
                return self._find(PAYOUTS, ShownPayout, Payouts, paid_out, attempt, budget)
            case _:
                assert_never(attempt.operation)

    def charge(self, provider_id: str, attempt: Attempt, budget: Budget) -> Outcome:
        """Read the charge with this id."""
        return self._read(at(PAYMENTS, provider_id), ShownPayment, said, attempt, budget)

    def of_target(
        self, says: Callable[[ShownPayment, Attempt], Told], attempt: Attempt, budget: Budget
    ) -> Told | Unknown:
        """Read the charge that the attempt captures or voids."""
        return self._read(target(attempt), ShownPayment, says, attempt, budget)

    def _find(
        self,
        collection: str,
        one: type[S],
        many: type[_Search[S]],
        says: Callable[[S, Attempt], Outcome],
        attempt: Attempt,
        budget: Budget,
    ) -> Lookup:
        """Read an object by the provider's id, else by our reference. More than one that moved
        money is told to people."""
        if attempt.provider_id is not None:
            return self._read(at(collection, attempt.provider_id), one, says, attempt, budget)
        path = f"{collection}?reference={attempt.reference}"
        found = read(self.line.get(path, budget, attempt), many)
        if isinstance(found, Unknown):
            return found
        if not found.data:
            return NotFound()
        outcome, moved = weighed(found.data, lambda shown: says(shown, attempt))
        if moved > 1:
            _log.error("%d objects under reference %s moved money", moved, attempt.reference)
            self.alarm(DOUBLES[attempt.operation], attempt.reference)
        return outcome

    def _read(
        self,
        path: str,
        type_: type[S],
        says: Callable[[S, Attempt], Told],
        attempt: Attempt,
        budget: Budget,
    ) -> Told | Unknown:
        """Read one object. One that the provider named before and does not know now is a riddle,
        not an absence."""
        shown = read(self.line.get(path, budget, attempt), type_)
        return shown if isinstance(shown, Unknown) else says(shown, attempt)
