"""The merchant and the reviewer: they ask, hear nothing, ask again under the same key, and count."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from domain.checkout import Checkout
from domain.errors import DomainError
from domain.flows.request import Asked, Desk, request
from domain.idempotency import Recorded, fingerprint
from domain.means import Card, Method
from domain.payment import CaptureMethod, Mode
from domain.requests import Verb
from ops.store.accept import Accepted, Ask, Terms
from ops.store.memory.door import MemoryAcceptance
from tests.builders import MERCHANT
from tests.model.scheduler import Task
from tests.model.world import World, at_once

#: How long money can be asked back.
REFUND_WINDOW: Final = timedelta(days=90)
#: How long a checkout lives.
LIFETIME: Final = timedelta(minutes=30)


@dataclass(slots=True)
class Wish:
    """One thing that is wanted, under one key, however often it is said."""

    key: str
    verb: Verb | None
    #: None: whichever payment a checkout makes.
    payment_id: UUID | None
    amount: int | None = None
    checkout: Checkout | None = None
    #: What was heard of it: every answer must be the same.
    answers: list[tuple[Recorded, UUID]] = field(default_factory=list)
    tries: int = 0

    @property
    def named(self) -> str:
        """What it is, for a trace."""
        return f"merchant: {self.verb or 'checkout'} ({self.key})"


class Merchant:
    """Everybody who asks something of the door."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.wishes: list[Wish] = []
        terms = Terms(LIFETIME, timedelta(days=1), _created, lambda *_: b"another one is active")
        self._accept = MemoryAcceptance(world.store, terms)
        self._desk = Desk(
            world.store,
            world.new_id,
            world.wake,
            lambda payment, refund, _sight: (
                202,
                f"{payment.status} {payment.amount_captured} {refund and refund.id}".encode(),
            ),
            REFUND_WINDOW,
        )

    def wants(self, verb: Verb, payment_id: UUID, amount: int | None = None) -> Wish:
        """Something new is wanted."""
        return self._new(Wish(f"k{len(self.wishes)}", verb, payment_id, amount))

    def buys(self, method: CaptureMethod, *, confirm: bool = True) -> Wish:
        """A new payment is wanted."""
        card = Card(fingerprint="fp", exp_month=12, exp_year=2030)
        means = Method("card", "tok_secret", card)
        checkout = Checkout(5_000, "USD", means, "o-1", capture_method=method, confirm=confirm)
        return self._new(Wish(f"k{len(self.wishes)}", None, None, checkout=checkout))

    def _new(self, wish: Wish) -> Wish:
        self.wishes.append(wish)
        return wish

    def says(self, wish: Wish) -> Task:
        """Return the task that asks for it once more."""
        wish.tries += 1
        return self._world.scheduler.spawn(wish.named, lambda: self.ask(wish))

    def ask(self, wish: Wish) -> None:
        """Ask for it, and note the answer, unless that gets lost."""
        found = self._bought(wish) if wish.checkout else self._asked(wish)
        if not self._world.chance.happens("hears no answer", wish.named, 0.15):
            wish.answers.append(found)

    def _bought(self, wish: Wish) -> tuple[Recorded, UUID]:
        assert wish.checkout is not None
        ask = Ask(
            MERCHANT,
            Mode.TEST,
            wish.key,
            "k",
            wish.checkout,
            wish.checkout.fingerprint(),
            "req-1",
            self._world.new_id(),
        )
        (answer,) = at_once(self._accept([ask]))
        if not isinstance(answer, Accepted):
            raise answer
        payment = self._world.store.books.payments.get(answer.payment_id)
        assert payment is not None, "accepted, and not there"
        self._world.wake(payment.row.next_command, answer.payment_id)
        return answer.recorded, answer.payment_id

    def _asked(self, wish: Wish) -> tuple[Recorded, UUID]:
        assert wish.verb is not None
        assert wish.payment_id is not None
        asked = Asked(
            wish.verb,
            wish.payment_id,
            MERCHANT,
            Mode.TEST,
            "key:k",
            wish.key,
            fingerprint(wish.verb, {"amount": wish.amount}),
            "req-2",
            wish.amount,
            "because",
        )
        answer = request(asked, self._desk)
        return answer.recorded, answer.resource_id

    def repeat(self) -> None:
        """Law 7: whatever was answered once is answered again, to the byte."""
        for wish in self.wishes:
            if not wish.answers:
                continue
            try:
                self.ask(wish)
            except DomainError as refusal:
                raise AssertionError(
                    f"law 7: {wish.named} was answered, and is refused"
                ) from refusal
            assert len(set(wish.answers)) == 1, f"law 7: {wish.named}: {wish.answers}"


def _created(payment: object) -> bytes:
    return f"created {getattr(payment, 'id', '')}".encode()
