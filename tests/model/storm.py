"""Storms: one history by one seed. Everything may happen; then all is calm, and the books are read."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.commands import Command
from domain.payment import PAID, CaptureMethod, Payment
from domain.requests import Sight, Verb, allowed_operations
from tests.model.bank import Bank
from tests.model.calm import finish, run_on, settle
from tests.model.chance import Dice
from tests.model.judge import Judge
from tests.model.merchant import REFUND_WINDOW, Merchant, Wish
from tests.model.person import settle_by_evidence
from tests.model.plots import drawn
from tests.model.world import World

#: Turns that are decided by dice. Short histories, dense with faults, find more in the same time.
TURNS: Final = 70
#: How many histories begin with a charge in good weather, and for how long that lasts.
QUIET: Final = 0.45
BEGINNING: Final = timedelta(seconds=1)
#: Most wishes of a merchant in one history.
WISHES: Final = 7
VERBS: Final = (*Verb, Verb.CAPTURE, Verb.REFUND, Verb.REFUND, Verb.CANCEL)
#: Amounts of captures and refunds; None: all of it. Payments are of 5,000.
AMOUNTS: Final = (None, None, 1_000, 2_500, 4_000, 5_000, 6_000)
#: What passes between two turns, seconds: a moment, a call's deadline, a lease, a key's window.
PAUSES_S: Final = (
    *(0.1, 0.1, 0.1, 0.1, 0.5, 0.5, 1.0, 1.0, 1.0, 3.0, 3.0, 6.0, 6.0, 6.0),
    *(15.0, 20.0, 20.0, 20.0, 60.0, 140.0, 600.0, 3_600.0, 21_600.0),
)


@dataclass(slots=True)
class Storm:
    """One history while it happens."""

    dice: random.Random
    world: World
    merchant: Merchant
    judge: Judge

    def live(self) -> None:
        """Let everything happen."""
        if not self.world.store.books.payouts and self.dice.random() < 0.3:
            self._buy()
        for id_ in [kept.row.id for kept in self.world.store.books.payouts]:
            self.world.wake(Command.PAYOUT, id_)
        for kept in self.world.store.books.payments:
            self.world.wake(kept.row.next_command, kept.row.id)
        if self.dice.random() < QUIET:
            self._begin_quietly()
        for _ in range(TURNS):
            self._turn()

    def _begin_quietly(self) -> None:
        """The charge is over when the storm breaks, so that it meets what comes after a charge."""
        chance = self.world.chance
        assert isinstance(chance, Dice)
        chance.calm = chance.kind = True
        finish(self.world)
        run_on(self.world, self.world.clock.now() + BEGINNING)
        chance.calm = chance.kind = False

    def _turn(self) -> None:
        """Half of the turns go to those who wait for one; the rest brings something new."""
        world, roll = self.world, self.dice.random()
        tasks = world.ready() if roll < 0.5 else ()
        if tasks and roll < 0.5:
            world.go_on(self.dice.choice(tasks))
        elif roll < 0.72:
            self._fetch()
        elif roll < 0.78:
            world.clock.advance(self.dice.choice(PAUSES_S))
        elif roll < 0.9:
            self._ask()
        elif roll < 0.965:
            self._provider()
        elif roll < 0.98:
            self._end_a_process()
        else:
            self._stray()

    def _fetch(self) -> None:
        """A worker fetches a message, not always the oldest; without any, the sweep comes."""
        world = self.world
        if not world.queue:
            self._skip()
            world.scheduler.spawn("clock: sweep", world.sweep)
            world.go_on(world.scheduler.tasks[-1])
            return
        queue = world.queue
        command, id_ = queue.pop(int(self.dice.random() * len(queue)))
        world.go_on(world.work(command, id_, self.dice.choice(world.processes)))

    def _skip(self) -> None:
        """Where nobody has anything to do, nothing is missed by going on to when somebody has."""
        world = self.world
        at = world.next_time()
        if not world.scheduler.tasks and at is not None:
            world.clock.advance(max(0.0, (at - world.clock.now()).total_seconds()))

    def _ask(self) -> None:
        """Somebody asks for something new, or again for what was not answered."""
        world, merchant = self.world, self.merchant
        silent = [wish for wish in merchant.wishes if not wish.answers and wish.tries < 4]
        if silent and self.dice.random() < 0.4:
            world.go_on(merchant.says(self.dice.choice(silent)))
            return
        payments = list(world.store.books.payments)
        wish = None
        if payments and len(merchant.wishes) < WISHES:
            wish = self._wish(self.dice.choice(payments).row)
        if wish is None:
            self._fetch()
            return
        world.go_on(merchant.says(wish))
        again = self.dice.random()
        if again < 0.2:  # impatient: twice at the same time
            world.go_on(merchant.says(wish))
        elif again < 0.4 and wish.verb is Verb.REFUND and wish.payment_id is not None:
            other = merchant.wants(wish.verb, wish.payment_id, wish.amount)
            world.go_on(merchant.says(other))

    def _wish(self, payment: Payment) -> Wish | None:
        """Return what somebody wants of a payment; most want what makes sense, and what pays."""
        roll, verb = self.dice.random(), self.dice.choice(VERBS)
        allowed = allowed_operations(payment, Sight(self.world.clock.now(), REFUND_WINDOW))
        if payment.status in PAID and roll < 0.4:
            verb = Verb.REFUND  # also when nothing is left to give back
        elif allowed and roll < 0.95:
            verb = self.dice.choice(allowed)
            if Verb.CANCEL in allowed and self.dice.random() < 0.85:
                if Verb.CAPTURE not in allowed:
                    return None
                verb = Verb.CAPTURE
        elif self.dice.random() < 0.85:
            return None
        amount = self.dice.choice(AMOUNTS) if verb in (Verb.CAPTURE, Verb.REFUND) else None
        return self.merchant.wants(verb, payment.id, amount)

    def _buy(self) -> None:
        """A checkout comes, perhaps twice at the same time."""
        wish = self.merchant.buys(
            self.dice.choice(list(CaptureMethod)), confirm=self.dice.random() < 0.8
        )
        for _ in range(self.dice.choice((1, 2, 2))):
            self.world.go_on(self.merchant.says(wish))

    def _provider(self) -> None:
        """A provider goes on by itself, or one of its webhooks comes: in any order, twice, or never."""
        bank = self.dice.choice(self.world.banks)
        if self.dice.random() < 0.35:
            bank.acts()
            return
        ledger = bank.ledger
        if not ledger.events or self.dice.random() < 0.05:
            if self.dice.random() < 0.7:
                return
            number = self.world.hints
            self._come(bank, 9_000 + number, b"%032x " % number)
            return
        event = self.dice.choice(ledger.events)
        if self.dice.random() < 0.6:
            ledger.events.remove(event)
        if self.dice.random() < 0.1:
            return  # lost for good
        body = f"{event.reference} {event.id}".encode()
        self._come(bank, event.number, body)

    def _come(self, bank: Bank, number: int, body: bytes) -> None:
        """A webhook is on its way."""
        task = f"{bank.id}: webhook {number}"
        self.world.scheduler.spawn(task, lambda: self.world.hint(bank, number, body))

    def _end_a_process(self) -> None:
        process = self.dice.choice(self.world.processes)
        if self.dice.random() < 0.4:
            process.draining = not process.draining
        else:
            self.world.kill(process)

    def _stray(self) -> None:
        """A message of long ago, for a row that does not expect it."""
        payments = list(self.world.store.books.payments)
        if payments:
            id_ = self.dice.choice(payments).row.id
            command = self.dice.choice(
                (Command.CHARGE, Command.VOID, Command.CAPTURE, Command.SCREEN)
            )
            self.world.queue.append((command, id_))


def storm(seed: int, trace: list[str] | None = None) -> Storm:
    """Run the history of a seed to its end and judge it. Raises `AssertionError` for a broken law."""
    chance = Dice(seed, None if trace is None else lambda line: trace.append(f"       {line}"))
    world = World(drawn(chance.random), chance, trace)
    history = Storm(chance.random, world, Merchant(world), Judge(world))
    try:
        history.live()
        chance.calm = True
        settle(world, history.merchant)
        history.judge.books()
        history.judge.answered(history.merchant.wishes)
        if settle_by_evidence(world, history.merchant):
            history.judge.books()
    finally:
        world.scheduler.close()
    return history
