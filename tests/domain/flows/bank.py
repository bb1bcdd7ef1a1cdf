"""A provider that holds, collects, refunds, pays out and takes back, with a ledger of its own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar

from domain.attempt import Attempt, Operation
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
    Returned,
    Succeeded,
    TakenBack,
    Unknown,
)
from domain.ports import Budget
from tests.builders import Clock, Scripted
from tests.domain.flows.provider import Died
from tests.scripted import PROMISE

#: How late what arrived may show in a look-up.
LAG_S = 2.0
#: What a transfer comes to at the provider, which is not always what we hear of it.
FATES = ("done", "done", "done", "pending", "failed")


@dataclass(slots=True)
class Held:
    """One charge at the provider."""

    reference: str
    amount: int
    state: str  # held | paid | declined | voided | lapsed
    arrived_s: float
    shows_s: float
    captured: int = 0
    taken: int = 0


@dataclass(slots=True)
class Transfer:
    """One refund or payout at the provider."""

    reference: str
    amount: int
    state: str  # done | pending | failed | returned
    arrived_s: float
    shows_s: float
    charge: Held | None = None


T = TypeVar("T", Held, Transfer)


@dataclass(slots=True)
class Ledger:
    """Everything that happened at one provider."""

    charges: list[Held] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)

    def back(self, charge: Held) -> int:
        """What has gone back of a charge, or is on its way."""
        return sum(
            one.amount
            for one in self.transfers
            if one.charge is charge and one.state in ("done", "pending")
        )


class Bank(Scripted):
    """Decided by dice: any answer may be lost, any call may kill its worker; it never lies."""

    def __init__(self, id_: str, dice: random.Random, clock: Clock) -> None:
        self.key_window_s = dice.choice((0.0, 120.0, 86_400.0))
        super().__init__(
            id_,
            promise=replace(
                PROMISE,
                key_window=timedelta(seconds=self.key_window_s),
                visibility_lag=timedelta(seconds=LAG_S),
            ),
        )
        self.ledger = Ledger()
        self.reliable = False
        self._dice = dice
        self._clock = clock

    # -- requests

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        if early := self._lost_before(budget):
            return early
        now_s, arrives_s = self._arrival(budget)
        known = self._protected(self.ledger.charges, attempt, arrives_s)
        if known is None:
            fate = self._dice.choice(("good", "good", "good", "declined"))
            state = "declined" if fate == "declined" else "paid" if attempt.captures else "held"
            captured = attempt.money.minor if state == "paid" else 0
            shows_s = arrives_s + self._dice.uniform(0.0, LAG_S)
            known = Held(
                attempt.reference, attempt.money.minor, state, arrives_s, shows_s, captured
            )
            self.ledger.charges.append(known)
        return self._heard(arrives_s > now_s) or self._of_charge(known, attempt)

    def cancel(self, attempt: Attempt, budget: Budget) -> Outcome:
        self.before_call()
        known = self._shown(self.ledger.charges, attempt)
        if known is None:
            return Unknown("there is nothing yet")
        if known.state == "held":
            known.state = "voided"
        return self._heard(late=False) or self._of_charge(known, attempt)

    def capture(self, attempt: Attempt, budget: Budget) -> Outcome:
        if early := self._lost_before(budget):
            return early
        charge = self._target(attempt)
        if charge.state == "held":
            charge.state, charge.captured = "paid", attempt.money.minor
        return self._heard(late=False) or _said(self._of_capture(charge, attempt))

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        if early := self._lost_before(budget):
            return early
        charge = self._target(attempt)
        if charge.state == "held":
            charge.state = "voided"
        return self._heard(late=False) or _said(self._of_void(charge, attempt))

    def refund(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._transferred(attempt, budget, self._target(attempt))

    def payout(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._transferred(attempt, budget, None)

    def _transferred(self, attempt: Attempt, budget: Budget, charge: Held | None) -> Outcome:
        if early := self._lost_before(budget):
            return early
        now_s, arrives_s = self._arrival(budget)
        known = self._protected(self.ledger.transfers, attempt, arrives_s)
        if known is None:
            fate = self._dice.choice(FATES)
            if charge is not None:
                left = charge.captured - charge.taken - self.ledger.back(charge)
                fate = "failed" if attempt.money.minor > left else fate
            shows_s = arrives_s + self._dice.uniform(0.0, LAG_S)
            amount = attempt.money.minor
            known = Transfer(attempt.reference, amount, fate, arrives_s, shows_s, charge)
            self.ledger.transfers.append(known)
        return self._heard(arrives_s > now_s) or self._of_transfer(known, attempt)

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        self.before_call()
        if not self.reliable and self._dice.random() < 0.2:
            return self._lost()
        match attempt.operation:
            case Operation.CAPTURE:
                return self._of_capture(self._target(attempt), attempt)
            case Operation.VOID:
                return self._of_void(self._target(attempt), attempt)
            case Operation.CHARGE:
                found = self._shown(self.ledger.charges, attempt)
                return NotFound() if found is None else self._of_charge(found, attempt)
            case Operation.REFUND | Operation.PAYOUT:
                one = self._shown(self.ledger.transfers, attempt)
                decided = self.reliable or self._dice.random() < 0.4
                if one is not None and one.state == "pending" and decided:
                    one.state = self._dice.choice(("done", "done", "failed"))
                return NotFound() if one is None else self._of_transfer(one, attempt)

    # -- what happens by itself

    def acts(self) -> None:
        """Holds lapse, cardholders complain, transfers come back."""
        for charge in self.ledger.charges:
            if charge.state == "held" and self._dice.random() < 0.02:
                charge.state = "lapsed"
            left = charge.captured - charge.taken - self.ledger.back(charge)
            if charge.state == "paid" and left > 0 and self._dice.random() < 0.01:
                charge.taken += left
        for one in self.ledger.transfers:
            if one.state == "done" and self._dice.random() < 0.02:
                one.state = "failed" if one.charge else "returned"

    # -- answers

    def _of_charge(self, known: Held, attempt: Attempt) -> Outcome:
        id_, currency = "ch_" + known.reference, attempt.money.currency
        match known.state:
            case "held":
                return Succeeded(id_, attempt.money, captured=False, reference=known.reference)
            case "paid" if known.taken:
                whole, taken = Money(known.captured, currency), Money(known.taken, currency)
                return TakenBack(id_, whole, taken, "fraudulent", known.reference)
            case "paid":
                return Succeeded(id_, Money(known.captured, currency), reference=known.reference)
            case "declined":
                return Declined("insufficient_funds", Hardness.SOFT, id_)
            case "voided":
                return NotCharged(Proof.VOIDED, "cancelled", id_)
            case _:
                return NotCharged(Proof.READ_BACK, "expired there", id_, lapsed=True)

    def _of_capture(self, charge: Held, attempt: Attempt) -> Lookup:
        if charge.state == "held":
            return NotFound()
        if charge.state == "paid" and charge.captured == attempt.money.minor:
            return Succeeded("ch_" + charge.reference, attempt.money)
        return Declined("hold_released", Hardness.HARD, "ch_" + charge.reference)

    def _of_void(self, charge: Held, attempt: Attempt) -> Lookup:
        if charge.state == "held":
            return NotFound()
        if charge.state == "paid":
            return Declined("already_captured", Hardness.HARD, "ch_" + charge.reference)
        return Succeeded("ch_" + charge.reference, attempt.money)

    def _of_transfer(self, known: Transfer, attempt: Attempt) -> Outcome:
        id_ = "tr_" + known.reference
        match known.state:
            case "done":
                return Succeeded(id_, attempt.money, reference=known.reference)
            case "pending":
                return Pending(id_)
            case "returned":
                return Returned(id_, "account_closed")
            case _:
                hardness = Hardness.HARD if known.charge else Hardness.SOFT
                return Declined("refused", hardness, id_)

    # -- the network

    def _lost_before(self, budget: Budget) -> Outcome | None:
        self.before_call()
        if self._clock.monotonic() >= budget.send_by or self._roll(0.1):
            return NotCharged(Proof.NEVER_SENT, "no connection")
        if self._roll(0.05):
            return NotCharged(Proof.REJECTED, "429", retry_after_s=3.0)
        return self._lost() if self._roll(0.1) else None

    def _arrival(self, budget: Budget) -> tuple[float, float]:
        now_s = self._clock.monotonic()
        late = self._roll(0.1)
        return now_s, self._dice.uniform(now_s, budget.deadline) if late else now_s

    def _heard(self, late: bool) -> Outcome | None:
        return self._lost() if late or self._roll(0.2) else None

    def _lost(self) -> Unknown:
        if self._roll(0.2):
            raise Died
        return Unknown("no answer")

    def _roll(self, chance: float) -> bool:
        return not self.reliable and self._dice.random() < chance

    def _protected(self, known: Sequence[T], attempt: Attempt, arrives_s: float) -> T | None:
        for one in known:
            protects = abs(arrives_s - one.arrived_s) < self.key_window_s
            if one.reference == attempt.reference and protects:
                one.arrived_s = min(one.arrived_s, arrives_s)
                return one
        return None

    def _shown(self, known: Sequence[T], attempt: Attempt) -> T | None:
        now_s = self._clock.monotonic()
        found = [o for o in known if o.reference == attempt.reference and o.shows_s <= now_s]
        return found[0] if found else None

    def _target(self, attempt: Attempt) -> Held:
        return next(o for o in self.ledger.charges if "ch_" + o.reference == attempt.target)


def _said(found: Lookup) -> Outcome:
    return Unknown("it is still held") if isinstance(found, NotFound) else found
