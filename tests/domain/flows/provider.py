"""A provider with a ledger of its own: it forgets keys, loses answers, shows late, and never lies."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import timedelta

from domain.attempt import Attempt, Operation
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
from domain.ports import Budget
from tests.builders import Clock, Scripted
from tests.scripted import PROMISE

#: What a request comes to at the provider, which is not always what we hear of it.
FATES = ("paid", "paid", "declined", "declined hard", "pending", "action")
#: How late a request that arrived may show in a look-up.
LAG_S = 2.0
KEY_WINDOWS_S = (0.0, 120.0, 86_400.0)


class Died(BaseException):
    """Our own process ended in the middle of a call."""


@dataclass(slots=True)
class Object:
    """One payment at the provider. It is there from `arrived_s`, and found from `shows_s` on."""

    reference: str
    state: str
    arrived_s: float
    shows_s: float
    #: A call that moves its money and is still on its way: when it arrives, and what it will do.
    moves: tuple[float, str] | None = None


class Provider(Scripted):
    """Decided by dice: any answer may be lost, any call may kill its worker."""

    def __init__(self, id_: str, dice: random.Random, clock: Clock) -> None:
        self.key_window_s = dice.choice(KEY_WINDOWS_S)
        super().__init__(
            id_,
            promise=replace(
                PROMISE,
                key_window=timedelta(seconds=self.key_window_s),
                visibility_lag=timedelta(seconds=LAG_S),
                split=dice.random() < 0.4,
            ),
            can_void=dice.random() < 0.8,
        )
        self.objects: list[Object] = []
        self._dice = dice
        self._clock = clock

    @property
    def paid(self) -> list[str]:
        """The reference of every payment that moved money, once per payment."""
        for one in self.objects:
            self._arrive(one)
        return [one.reference for one in self.objects if one.state == "paid"]

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        self.before_call()
        now_s = self._clock.monotonic()
        if now_s >= budget.send_by or self._dice.random() < 0.15:
            return NotCharged(Proof.NEVER_SENT, "no connection")
        if self._dice.random() < 0.05:
            return NotCharged(Proof.REJECTED, "429", retry_after_s=3.0)
        if self._dice.random() < 0.1:  # lost on its way there
            return self._lost()
        late = self._dice.random() < 0.2  # still on its way when we stop waiting
        arrives_s = self._dice.uniform(now_s, budget.deadline) if late else now_s
        charged = self._charged(attempt, arrives_s)
        if attempt.provider_id is not None and self._splits:
            if charged.moves is None:
                charged.moves = arrives_s, self._dice.choice(FATES)
            self._arrive(charged)
        if late or self._dice.random() < 0.2:
            return self._lost()
        return self._said(charged, attempt)

    def _charged(self, attempt: Attempt, arrives_s: float) -> Object:
        """The key finds what was charged under it for as long as it is remembered; an id always."""
        for known in self.objects:
            if attempt.provider_id == "ch_" + known.reference:
                return known
            protects = abs(arrives_s - known.arrived_s) < self.key_window_s
            if known.reference == attempt.reference and protects:
                known.arrived_s = min(known.arrived_s, arrives_s)
                return known
        shows_s = arrives_s + self._dice.uniform(0.0, LAG_S)
        fates = ("made", "made", "asks") if self._splits else FATES
        new = Object(attempt.reference, self._dice.choice(fates), arrives_s, shows_s)
        self.objects.append(new)
        return new

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        self.before_call()
        if self._dice.random() < 0.2:
            return self._lost()
        known = self._shown(attempt)
        if known is None:
            return NotFound()
        if known.state in ("pending", "action") and self._dice.random() < 0.3:
            known.state = self._dice.choice(("paid", "declined", "lapsed"))
        if known.state == "asks" and self._dice.random() < 0.5:
            known.state = "made"  # the payer has agreed
        return self._said(known, attempt)

    def cancel(self, attempt: Attempt, budget: Budget) -> Outcome:
        self.before_call()
        known = self._shown(attempt)
        if known is not None and known.state in ("pending", "action", "made", "asks"):
            known.state = "voided"
        if known is None or self._dice.random() < 0.2:
            return self._lost()
        return self._said(known, attempt)

    def _shown(self, attempt: Attempt) -> Object | None:
        now_s = self._clock.monotonic()
        found = [o for o in self.objects if o.reference == attempt.reference and o.shows_s <= now_s]
        for one in found:
            self._arrive(one)
        return min(found, key=lambda one: one.state != "paid", default=None)

    @property
    def _splits(self) -> bool:
        return self.declaration.promises[Operation.CHARGE].split

    def _arrive(self, one: Object) -> None:
        """What was on its way is there; an object that was cancelled before moves nothing."""
        if one.moves is not None and one.moves[0] <= self._clock.monotonic():
            if one.state == "made":
                one.state = one.moves[1]
            one.moves = None

    def _lost(self) -> Unknown:
        if self._dice.random() < 0.2:
            raise Died
        return Unknown("no answer")

    def _said(self, known: Object, attempt: Attempt) -> Outcome:
        id_ = "ch_" + known.reference
        answers: dict[str, Outcome] = {
            "paid": Succeeded(id_, attempt.money, reference=known.reference),
            "declined": Declined("insufficient_funds", Hardness.SOFT, id_),
            "declined hard": Declined("stolen_card", Hardness.HARD, id_),
            "pending": Pending(id_),
            "action": RequiresAction(id_, "https://pay.example/1"),
            "asks": RequiresAction(id_, "https://pay.example/1"),
            "made": Prepared(id_),
            "voided": NotCharged(Proof.VOIDED, "cancelled", id_),
            "lapsed": NotCharged(Proof.READ_BACK, "expired there", id_, lapsed=True),
        }
        return answers[known.state]
