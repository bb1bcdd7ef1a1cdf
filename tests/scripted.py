"""Gateways, slots and fraud windows that answer by script and take note of what was asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeAlias
from uuid import UUID

from domain.attempt import Attempt, Operation
from domain.flows.send import carry
from domain.fraud.features import NO_HISTORY, Velocity
from domain.outcome import Declined, Hardness, Lookup, NotFound, Outcome, Succeeded
from domain.payment import Mode
from domain.ports import Budget, Declaration, GoOn, Promise, Refused, Resolution
from domain.routing import GatewayRow, Route
from domain.task import Capture, Charge, GiveBack, PayOut, Task, Void
from domain.vaulted import Detachment
from domain.webhook import Hint

Answer: TypeAlias = Lookup | BaseException | Callable[[Attempt], Lookup]

#: What a provider promises that can do everything.
PROMISE = Promise(
    timedelta(hours=24),
    Resolution.LOOKUP_FIRST,
    authoritative=True,
    visibility_lag=timedelta(seconds=2),
)

SOFT = Declined("insufficient_funds", Hardness.SOFT)
HARD = Declined("stolen_card", Hardness.HARD)


def a_gateway(id_: str, **changes: Any) -> GatewayRow:
    """A gateway that takes everything."""
    return replace(GatewayRow(id_, "sandbox", Mode.TEST, (Route(),)), **changes)


def paid(attempt: Attempt) -> Succeeded:
    """The provider took exactly what was asked for."""
    return Succeeded(f"ch_{attempt.number}", attempt.money)


def held(attempt: Attempt) -> Succeeded:
    """The provider holds exactly what was asked for."""
    return Succeeded(f"ch_{attempt.number}", attempt.money, captured=False)


def meanwhile(happens: Callable[[], object], then: Answer) -> Answer:
    """Something happens while the provider is asked; then it answers."""

    def answer(attempt: Attempt) -> Lookup:
        happens()
        if isinstance(then, BaseException):
            raise then
        return then(attempt) if callable(then) else then

    return answer


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the provider saw it."""

    operation: str
    attempt: Attempt
    budget: Budget

    @property
    def sent(self) -> tuple[bytes, str]:
        """The body and its idempotency key."""
        return self.attempt.request, self.attempt.key()


class Scripted:
    """A gateway that gives the answers it was handed, in order, and takes note of every call."""

    def __init__(
        self,
        id_: str,
        *charges: Answer,
        lookups: Sequence[Answer] = (),
        voids: Sequence[Answer] = (),
        cancels: Sequence[Answer] = (),
        captures: Sequence[Answer] = (),
        refunds: Sequence[Answer] = (),
        payouts: Sequence[Answer] = (),
        detaches: Sequence[Answer] = (),
        refusing: Refused | None = None,
        can_express: bool = True,
        row: GatewayRow | None = None,
        promise: Promise = PROMISE,
        lacks: Sequence[Operation] = (),
        can_void: bool = True,
    ) -> None:
        """An exception among the answers is raised; the last answer of a script stays. `promise` is
        that of every operation but those which it `lacks`; only charges and payouts are split."""
        self.row = row or a_gateway(id_)
        self.refusing = refusing
        self.calls: list[Call] = []
        self.asked_retries: list[bool] = []
        self.slots_out = 0
        self.before_call: Callable[[], None] = lambda: None
        self.scripts = {
            "charge": deque(charges),
            "lookup": deque(lookups),
            "void": deque(voids),
            "cancel": deque(cancels),
            "capture": deque(captures),
            "refund": deque(refunds),
            "payout": deque(payouts),
            "detach": deque(detaches),
        }
        self._can_express = can_express
        whole = replace(promise, split=False)
        promises = {
            operation: promise if operation in (Operation.CHARGE, Operation.PAYOUT) else whole
            for operation in Operation
            if operation not in lacks
        }
        self.declaration = Declaration("sandbox", 1, promises, can_void, can_3ds=True)

    def made(self, operation: str = "charge") -> list[Call]:
        return [call for call in self.calls if call.operation == operation]

    def compose(self, task: Task, reference: str) -> bytes | None:
        match task:
            case Charge(payment=payment):
                said = str(payment.money)
            case Capture(money=money):
                said = f"capture {money}"
            case Void():
                said = "void"
            case GiveBack(refund=refund):
                said = f"refund {refund.money}"
            case PayOut(payout=payout):
                said = f"payout {payout.money}"
        return f"{reference} {said}".encode() if self._can_express else None

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._outcome("charge", attempt, budget)

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._outcome("void", attempt, budget)

    def cancel(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._outcome("cancel", attempt, budget)

    def capture(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._outcome("capture", attempt, budget)

    def refund(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._outcome("refund", attempt, budget)

    def payout(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._outcome("payout", attempt, budget)

    def detach(self, detachment: Detachment, budget: Budget) -> Outcome:
        script = self.scripts["detach"]
        answer = script.popleft() if len(script) > 1 else script[0]
        assert isinstance(answer, Outcome)
        return answer

    def probe(self, budget: Budget) -> bool:
        return True

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        return self._answer("lookup", attempt, budget)

    def read_notice(self, body: bytes) -> Hint | None:
        if body == b"unreadable":
            return None
        if body.startswith(b"ch_"):
            return Hint(None, body.decode(), "charge.updated")
        return Hint(body.decode(), None, "charge.updated")

    def _outcome(self, operation: str, attempt: Attempt, budget: Budget) -> Outcome:
        answer = self._answer(operation, attempt, budget)
        assert not isinstance(answer, NotFound), "only a look-up can find nothing"
        return answer

    def _answer(self, operation: str, attempt: Attempt, budget: Budget) -> Lookup:
        self.before_call()
        self.calls.append(Call(operation, attempt, budget))
        script = self.scripts[operation]
        assert script, f"{self.row.id} was not expected to be asked for: {operation}"
        answer = script.popleft() if len(script) > 1 else script[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer(attempt) if callable(answer) else answer


@dataclass(frozen=True, slots=True)
class Slot:
    """A permit of a scripted gateway; it may be used or given back, once."""

    gateway: Scripted

    def send(self, attempt: Attempt, budget: Budget, go_on: GoOn) -> Outcome:
        try:
            return carry(self.gateway, attempt, budget, go_on)
        finally:
            self.give_back()

    def give_back(self) -> None:
        assert self.gateway.slots_out > 0, "a slot was given back twice"
        self.gateway.slots_out -= 1


@dataclass(slots=True)
class Board:
    """The gateways by id."""

    by_id: dict[str, Scripted]
    before_admit: Callable[[], None] = lambda: None

    def get(self, gateway_id: str) -> Scripted | None:
        return self.by_id.get(gateway_id)

    def admit(self, gateway: GatewayRow, operation: Operation, *, retry: bool) -> Slot | Refused:
        self.before_admit()
        scripted = self.by_id[gateway.id]
        scripted.asked_retries.append(retry)
        if scripted.refusing is not None:
            return scripted.refusing
        scripted.slots_out += 1
        return Slot(scripted)


@dataclass(slots=True)
class Windows:
    """Velocity windows that answer what they were told to."""

    history: Velocity | None = NO_HISTORY
    observed: list[Mapping[str, object]] = field(default_factory=list)
    declines: list[Mapping[str, object]] = field(default_factory=list)

    def observe(self, payment_id: UUID, **who: object) -> Velocity | None:
        self.observed.append({"payment_id": payment_id, **who})
        return self.history

    def declined(self, **who: object) -> None:
        self.declines.append(who)
