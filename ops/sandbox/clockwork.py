"""What happens by itself when time has passed: decisions, lapses, chargebacks, returns."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, assert_never

from ops.sandbox.books import Books, Subject
from ops.sandbox.entries import Move
from ops.sandbox.payments import lifecycle as payments
from ops.sandbox.payments.lifecycle import Terms
from ops.sandbox.payments.payment import Payment
from ops.sandbox.payouts import lifecycle as payouts
from ops.sandbox.payouts.payout import Payout
from ops.sandbox.refunds import lifecycle as refunds
from ops.sandbox.refunds.refund import Refund
from ops.sandbox.times import epoch_s

Act: TypeAlias = Callable[[Sequence[Move]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Step:
    """What happens next to one object, and when."""

    at: str
    moves: Callable[[float], list[Move]]


class Clockwork:
    """Wakes up for every object that waits for time to pass."""

    def __init__(self, books: Books, terms: Terms, act: Act, broken: asyncio.Event) -> None:
        """`act` takes moves into the books and the ledger; `broken` is set when it fails."""
        self._books = books
        self._terms = terms
        self._act = act
        self._broken = broken
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self) -> None:
        """Resume what was waiting when the last process ended."""
        for known in (self._books.payments, self._books.refunds, self._books.payouts):
            for subject in known.values():
                self.watch(subject)

    def watch(self, subject: Subject) -> None:
        """Wake up when the next step of this object is due."""
        step = self._next_step(subject)
        if step is not None:
            delay_s = max(0.0, epoch_s(step.at) - time.time())
            asyncio.get_running_loop().call_later(delay_s, self._wake, subject, step.at)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something until it ends or the clockwork is closed."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Stop; what is due meanwhile is done by the next process."""
        self._closed = True
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _wake(self, subject: Subject, at: str) -> None:
        if not self._closed:
            self.spawn(self._take(subject, at))

    async def _take(self, subject: Subject, at: str) -> None:
        step = self._next_step(self._books.latest(subject))
        if step is not None and step.at == at:  # else it has gone another way since
            await self._act(step.moves(time.time()))

    def _next_step(self, subject: Subject) -> Step | None:
        match subject:
            case Payment():
                return _of_payment(subject, self._terms)
            case Refund(status="pending", settles_at=str() as at):
                return Step(at, lambda now_s: refunds.settle(subject, now_s))
            case Payout(status="processing", settles_at=at):
                return Step(at, lambda now_s: payouts.settle(subject, now_s))
            case Payout(status="paid", returned_at=str() as at):
                return Step(at, lambda now_s: payouts.give_back(subject, None, now_s, forced=False))
            case _:
                return None

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken.set()
            task.get_loop().call_exception_handler(
                {"message": "background work failed", "exception": error}
            )


def _of_payment(payment: Payment, terms: Terms) -> Step | None:
    match payment.status:
        case "processing" if payment.settles_at is not None:
            return Step(payment.settles_at, lambda now_s: payments.decide(payment, now_s, terms))
        case "requires_action":
            return Step(payment.expires_at, lambda now_s: payments.expire(payment, now_s))
        case "authorized" if payment.authorization_expires_at is not None:
            lapses_at = payment.authorization_expires_at
            return Step(lapses_at, lambda now_s: payments.expire(payment, now_s))
        case "captured" | "partially_refunded" | "refunded" if payment.charged_back_at is not None:
            return Step(
                payment.charged_back_at,
                lambda now_s: payments.charge_back(payment, None, None, now_s, forced=False),
            )
        case (
            "processing"
            | "authorized"
            | "captured"
            | "partially_refunded"
            | "refunded"
            | "charged_back"
            | "declined"
            | "canceled"
            | "expired"
        ):
            return None
        case _:
            assert_never(payment.status)
