"""A bank's memory: what it says, when asked, has become of an attempt."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar, assert_never

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
from workers.gateways.soapbank.answers import NOT_FOUND, STRANGE
from workers.gateways.soapbank.charges import collected, released, said
from workers.gateways.soapbank.envelopes import Faulted, Said
from workers.gateways.soapbank.line import Line
from workers.gateways.soapbank.orders import paid_out, refunded
from workers.gateways.soapbank.requests import asking
from workers.gateways.soapbank.shapes import Record, ShownCharge, ShownPayout, ShownRefund, shown_as
from workers.gateways.wire import NeverSent

_log = logging.getLogger(__name__)

R = TypeVar("R", bound=Record)
Told = TypeVar("Told", bound=Lookup)

BY_ID: Final = "BankId"
BY_REFERENCE: Final = "Reference"

#: Money moved, or is held for us.
MOVED: Final = (Succeeded, TakenBack, Returned)


@dataclass(frozen=True, slots=True)
class Lookups:
    """Reads at one account. Nothing here moves money."""

    line: Line
    alarm: Alarm

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read what became of the attempt: a capture or a void by its charge, everything else by
        the bank's id, or by our reference where we have no id."""
        match attempt.operation:
            case Operation.CHARGE:
                return self._find(ShownCharge, said, attempt, budget)
            case Operation.CAPTURE:
                return self.of_target(collected, attempt, budget)
            case Operation.VOID:
                return self.of_target(released, attempt, budget)
            case Operation.REFUND:
                return self._find(ShownRefund, refunded, attempt, budget)
            case Operation.PAYOUT:
                return self._find(ShownPayout, paid_out, attempt, budget)
            case _:
                assert_never(attempt.operation)

    def charge(self, provider_id: str, attempt: Attempt, budget: Budget) -> Outcome:
        """Read the charge with this id."""
        return self._read(provider_id, ShownCharge, said, attempt, budget)

    def of_target(
        self, says: Callable[[ShownCharge, Attempt], Told], attempt: Attempt, budget: Budget
    ) -> Told | Unknown:
        """Read the charge that the attempt captures or voids."""
        assert attempt.target is not None, f"a {attempt.operation} without a charge"
        return self._read(attempt.target, ShownCharge, says, attempt, budget)

    def _find(
        self,
        type_: type[R],
        says: Callable[[R, Attempt], Outcome],
        attempt: Attempt,
        budget: Budget,
    ) -> Lookup:
        """Read an object by the bank's id, else by our reference. More than one that moved money is
        told to people."""
        if attempt.provider_id is not None:
            return self._read(attempt.provider_id, type_, says, attempt, budget)
        found = self._shown(BY_REFERENCE, attempt.reference, type_, attempt, budget)
        if isinstance(found, NotFound | Unknown):
            return found
        outcomes = [says(record, attempt) for record in found]
        moved = sum(isinstance(outcome, MOVED) for outcome in outcomes)
        if moved > 1:
            _log.error("%d objects under reference %s moved money", moved, attempt.reference)
            self.alarm(DOUBLES[attempt.operation], attempt.reference)
        return min(outcomes, key=_rank)  # of equals the first, which is the oldest

    def _read(
        self,
        id_: str,
        type_: type[R],
        says: Callable[[R, Attempt], Told],
        attempt: Attempt,
        budget: Budget,
    ) -> Told | Unknown:
        """Read one object. One that the bank named before and does not know now is a riddle, not an
        absence."""
        found = self._shown(BY_ID, id_, type_, attempt, budget)
        match found:
            case NotFound():
                return Unknown("the bank does not know an id that it gave")
            case Unknown():
                return found
            case [record] if record.bank_id == id_:
                return says(record, attempt)
            case _:
                return Unknown("another object than the one that was asked for")

    def _shown(
        self, name: str, value: str, type_: type[R], attempt: Attempt, budget: Budget
    ) -> list[R] | NotFound | Unknown:
        """Ask. Nothing that goes wrong while reading says anything about money."""
        body = asking(name, value)
        if body is None:
            return Unknown("no bank gives such a name")
        heard = self.line.ask(body, budget, attempt)
        match heard:
            case Said():
                pass
            case Faulted(code=code):
                return NotFound() if code == NOT_FOUND else Unknown(f"not read: {code:.64}")
            case NeverSent(cause=cause):
                return Unknown(f"not read: {cause}")
            case Unknown():
                return heard
            case _:
                assert_never(heard)
        records = [shown_as(fields, type_) for fields in heard.records]
        known = [record for record in records if record is not None]
        if len(known) != len(records):
            return STRANGE
        if name == BY_REFERENCE and any(record.reference != value for record in known):
            return Unknown("an answer about another reference")
        return known


def _rank(outcome: Outcome) -> int:
    """Money that moved matters before what may still move."""
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
