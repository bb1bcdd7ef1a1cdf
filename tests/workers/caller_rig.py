"""A caller around one scripted gateway, with a circuit that writes down what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from domain.attempt import Attempt, Operation
from domain.breaker import Override, Policy, Verdict
from domain.money import CURRENCIES, Money
from domain.outcome import (
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Prepared,
    Succeeded,
    Unknown,
)
from domain.payment import Mode
from domain.ports import Budget, Declaration, Gateway, Gateways, Permit, Promise, Refused
from domain.routing import GatewayRow, Route
from domain.task import Task
from domain.vaulted import Detachment
from domain.webhook import Hint
from tests.contract.made import an_attempt, within
from tests.workers.circuit_rig import client_of
from workers.caller import Caller
from workers.circuit import Permit as Slot
from workers.circuit import RedisCircuit
from workers.gateways import Adapter

MONEY = Succeeded("p_1", Money(1, CURRENCIES["EUR"]))
DECLARED = Declaration(
    "scripted", 1, dict.fromkeys(Operation, Promise(timedelta(days=1))), True, True
)
FAULTS = {"ours", "theirs"}


@dataclass
class Scripted:
    """An adapter whose answers are given; an exception is raised, a callable is called first."""

    answer: Lookup | BaseException = MONEY
    calls: list[str] = field(default_factory=list)
    during: Callable[[], None] = lambda: None
    declaration: Declaration = DECLARED

    def compose(self, task: Task, reference: str) -> bytes | None:
        return f"{type(task).__name__} {reference}".encode()

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._told("charge")

    def cancel(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._told("cancel")

    def capture(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._told("capture")

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._told("void")

    def refund(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._told("refund")

    def payout(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._told("payout")

    def detach(self, detachment: Detachment, budget: Budget) -> Outcome:
        return self._told("detach")

    def probe(self, budget: Budget) -> bool:
        return not isinstance(self._answered("probe"), Unknown)

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        return self._answered("lookup")

    def read_notice(self, body: bytes) -> Hint | None:
        return Hint(None, body.decode(), "read")

    def at_fault(self, refusal: NotCharged) -> bool:
        return refusal.cause == "theirs"

    def close(self) -> None:
        self.calls.append("close")

    def _told(self, call: str) -> Outcome:
        answer = self._answered(call)
        assert not isinstance(answer, NotFound)
        return answer

    def _answered(self, call: str) -> Lookup:
        self.calls.append(call)
        self.during()
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@dataclass
class Recorded:
    """A circuit that lets everybody in, or nobody, and writes down what it is asked and told."""

    refused: Refused | None = None
    asked: list[tuple[str, str, int, float, bool, Override | None]] = field(default_factory=list)
    left: list[tuple[str, Verdict]] = field(default_factory=list)

    def enter(
        self,
        gateway_id: str,
        operation: str,
        *,
        max_in_flight: int,
        hold_s: float,
        retry: bool = False,
        override: Override | None = None,
    ) -> Slot | Refused:
        self.asked.append((gateway_id, operation, max_in_flight, hold_s, retry, override))
        return self.refused or Slot(str(len(self.asked)), gateway_id, operation, 0, shared=False)

    def leave(self, permit: Slot, verdict: Verdict, took_s: float) -> None:
        assert took_s >= 0
        self.left.append((permit.operation, verdict))


@dataclass
class Rig:
    """A caller around one scripted gateway called `one`."""

    adapter: Scripted = field(default_factory=Scripted)
    circuit: Recorded = field(default_factory=Recorded)
    seen: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        adapters: dict[str, Adapter] = {"one": self.adapter}
        self.gateways: Gateways = Caller(
            adapters,
            self.circuit,
            hold_s=17.0,
            on_call=lambda gateway, operation, outcome, _: self.seen.append(
                (gateway, operation, outcome)
            ),
        )

    def gateway(self) -> Gateway:
        gateway = self.gateways.get("one")
        assert gateway is not None
        return gateway

    def permit(
        self,
        row: GatewayRow | None = None,
        operation: Operation = Operation.CHARGE,
        *,
        retry: bool = False,
    ) -> Permit:
        permit = self.gateways.admit(row or a_row(), operation, retry=retry)
        assert not isinstance(permit, Refused), permit
        return permit

    def attempt(self, operation: Operation = Operation.CHARGE) -> Attempt:
        return an_attempt(self.adapter, operation=operation)


def a_row(forced: str | None = None, max_in_flight: int = 4) -> GatewayRow:
    return GatewayRow(
        "one", "scripted", Mode.TEST, (Route(),), max_in_flight=max_in_flight, forced=forced
    )


def stops(prepared: Prepared) -> None:
    """Nothing goes on from what is prepared."""


@dataclass
class Alone:
    """The real circuit of one process, whose Redis is not there."""

    adapter: Scripted
    policy: Policy = field(default_factory=lambda: Policy(window_s=600, open_s=600))

    def __post_init__(self) -> None:
        circuit = RedisCircuit(client_of(1), self.policy, on_change=lambda *change: None)
        adapters: dict[str, Adapter] = {"one": self.adapter}
        self.caller = Caller(adapters, circuit, hold_s=17.0)

    def sends(
        self, times: int, forced: str | None = None, operation: Operation = Operation.CHARGE
    ) -> list[object]:
        """Send so often; what comes back is each outcome or the reason of each refusal."""
        came: list[object] = []
        for _ in range(times):
            permit = self.caller.admit(a_row(forced), operation, retry=False)
            if isinstance(permit, Refused):
                came.append(permit.reason)
            else:
                attempt = an_attempt(self.adapter, operation=operation)
                came.append(permit.send(attempt, within(), stops))
        return came
