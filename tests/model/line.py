"""The line to a provider: where requests and answers are lost, late or twice, and workers stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.attempt import Attempt, Operation
from domain.flows.send import carry
from domain.outcome import Lookup, NotCharged, Outcome, Proof, Unknown
from domain.ports import Budget, Declaration, GoOn, Refused
from domain.routing import GatewayRow
from domain.task import Capture, Charge, GiveBack, PayOut, Task, Void
from domain.vaulted import Detachment
from domain.webhook import Hint
from tests.model.bank import TOO_MANY, Bank
from tests.model.words import briefly

if TYPE_CHECKING:
    from tests.model.world import Process, World

#: What is heard of a request whose answer is of no use.
SILENCES: Final = ("no answer", "500", "202", "unreadable")
BEFORE_BYTES: Final = "before bytes"
AFTER_BYTES: Final = "after bytes sent"
BEFORE_ANSWER: Final = "before the answer"


@dataclass(frozen=True, slots=True)
class Line:
    """A gateway of `domain.ports`, as one process reaches it."""

    bank: Bank
    process: Process
    world: World

    @property
    def declaration(self) -> Declaration:
        return self.bank.declaration

    def compose(self, task: Task, reference: str) -> bytes | None:
        match task:
            case Charge(payment=payment):
                said = f"charge {payment.money.minor}"
            case Capture(money=money):
                said = f"capture {money.minor}"
            case Void():
                said = "void"
            case GiveBack(refund=refund):
                said = f"refund {refund.money.minor}"
            case PayOut(payout=payout):
                said = f"payout {payout.money.minor}"
        return f"{reference} {said}".encode()

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._sent(attempt, budget, lambda at_s: self.bank.charge(attempt, at_s))

    def capture(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._sent(attempt, budget, lambda at_s: self.bank.capture(attempt))

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._sent(attempt, budget, lambda at_s: self.bank.void(attempt))

    def refund(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._sent(attempt, budget, lambda at_s: self.bank.refund(attempt, at_s))

    def payout(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._sent(attempt, budget, lambda at_s: self.bank.payout(attempt, at_s))

    def cancel(self, attempt: Attempt, budget: Budget) -> Outcome:
        found = self._asked(attempt, budget, lambda: self.bank.cancel(attempt), "cancel")
        assert isinstance(found, Outcome), "cancelling finds nothing"
        return found

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        return self._asked(attempt, budget, lambda: self.bank.lookup(attempt), "look-up")

    def detach(self, detachment: Detachment, budget: Budget) -> Outcome:
        raise AssertionError("nobody deletes a payment method here")

    def probe(self, budget: Budget) -> bool:
        return True

    def read_notice(self, body: bytes) -> Hint | None:
        reference, _, id_ = body.decode().partition(" ")
        return None if reference == "?" else Hint(reference or None, id_ or None, "changed")

    # -- what happens on the way

    def _sent(
        self, attempt: Attempt, budget: Budget, arrives: Callable[[float], Outcome]
    ) -> Outcome:
        """Send a request: the one call that may move money."""
        world, bank, chance = self.world, self.bank, self.world.chance
        world.watch.outside(attempt)
        world.pause(BEFORE_BYTES)
        now_s = world.clock.passed_s
        if now_s >= self._by(budget.send_by) or chance.happens("cannot be reached", bank.id, 0.07):
            return NotCharged(Proof.NEVER_SENT, "no connection")
        world.watch.sent(attempt, bank)
        world.note(lambda: f"{bank.id} is sent the {attempt.operation} {attempt.id.int:x}")
        if chance.happens("is asked too often", bank.id, 0.03):
            return TOO_MANY
        if chance.happens("never hears the request", bank.id, 0.07):
            return self._silence(BEFORE_ANSWER)
        bank.ledger.catch_up(now_s)
        if chance.happens("hears the request late", bank.id, 0.08):
            at_s = chance.between(now_s, self._by(budget.deadline))
            bank.ledger.on_their_way.append((at_s, lambda: arrives(at_s)))
            return self._silence(BEFORE_ANSWER)
        answer = arrives(now_s)
        world.note(lambda: f"{bank.id} does it: {briefly(answer)}")
        world.pause(AFTER_BYTES)
        if chance.happens("loses the answer", bank.id, 0.15):
            return self._silence(BEFORE_ANSWER)
        world.pause(BEFORE_ANSWER)
        if world.clock.passed_s >= self._by(budget.deadline):
            return Unknown("no answer in time")
        return answer

    def _asked(
        self, attempt: Attempt, budget: Budget, question: Callable[[], Lookup], name: str
    ) -> Lookup:
        """Ask something, which moves no money; or have a charge cancelled."""
        world, bank, chance = self.world, self.bank, self.world.chance
        world.watch.outside(attempt)
        world.pause(f"before a {name}")
        if world.clock.passed_s >= self._by(budget.deadline):
            return Unknown("no time left")
        if chance.happens("does not hear a question", bank.id, 0.07):
            return Unknown("no connection")
        bank.ledger.catch_up(world.clock.passed_s)
        answer = question()
        world.note(lambda: f"{bank.id} says: {briefly(answer)}")
        if chance.happens("loses what it says", bank.id, 0.08):
            return self._silence(f"after a {name}")
        world.pause(f"after a {name}")
        return answer

    def _silence(self, point: str) -> Unknown:
        self.world.pause(point)
        return Unknown(self.world.chance.one_of("", self.bank.id, SILENCES))

    def _by(self, when: float) -> float:
        """Return a time of this process on the world's clock."""
        return when - self.process.boot_s


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A permit; it may be used or given back, once."""

    line: Line

    def send(self, attempt: Attempt, budget: Budget, go_on: GoOn) -> Outcome:
        try:
            return carry(self.line, attempt, budget, go_on)
        finally:
            self.give_back()

    def give_back(self) -> None:
        if self.line.process.dead:
            return  # nobody is there to do it: the circuit forgets the slot by itself
        slots = self.line.process.slots
        assert self in slots, "a slot was given back twice"
        slots.remove(self)


@dataclass(frozen=True, slots=True)
class Exchange:
    """The gateways by id, as one process reaches them."""

    lines: dict[str, Line]
    process: Process
    world: World

    def get(self, gateway_id: str) -> Line | None:
        return self.lines.get(gateway_id)

    def admit(self, gateway: GatewayRow, operation: Operation, *, retry: bool) -> Slot | Refused:
        self.world.watch.in_no_transaction()
        self.world.pause("before a slot")
        if self.world.chance.happens("has no slot", gateway.id, 0.04):
            return Refused("open", 3.0)
        slot = Slot(self.lines[gateway.id])
        self.process.slots.append(slot)
        return slot
