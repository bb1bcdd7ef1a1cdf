"""The provider's one account: every change goes through here, into books, ledger and webhooks."""

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ops.sandbox import operations
from ops.sandbox.board import Board
from ops.sandbox.carrier import Carrier
from ops.sandbox.entries import Delivered, Entry, Event, GivenUp, Key, Move
from ops.sandbox.faults import Fault, by_fault, webhook_strikes
from ops.sandbox.keys import Keys
from ops.sandbox.ledger import Ledger
from ops.sandbox.payments import Books, Payment, Status
from ops.sandbox.settings import Settings
from ops.sandbox.times import epoch_s, rfc3339
from ops.sandbox.webhooks import DUPLICATES, Manner, Outbox

#: Payments held in memory, about 2 kB each with all that belongs to them; then comes a 503.
PAYMENT_LIMIT = 250_000

EVENT_TYPES: dict[Status, str] = {
    "processing": "payment.processing",
    "requires_action": "payment.requires_action",
    "authorized": "payment.authorized",
    "captured": "payment.captured",
    "declined": "payment.declined",
    "canceled": "payment.canceled",
    "expired": "payment.expired",
    "refunded": "payment.refunded",
    "partially_refunded": "payment.refunded",
}


@dataclass(frozen=True, slots=True)
class Changed:
    """An operation that is in the books and not yet in the ledger."""

    lines: tuple[Entry, ...] = ()
    payment: Payment | None = None
    manner: Manner = field(default_factory=Manner)


class Account:
    """Books, keys, ledger, faults and webhooks of one provider."""

    def __init__(self, settings: Settings) -> None:
        """Take the ledger and rebuild everything from it. LedgerError if that is impossible."""
        self.settings = settings
        base = settings.public_url or f"http://{settings.host}:{settings.port}"
        self.public_url = base.rstrip("/")
        self.books = Books()
        self.keys = Keys(settings.key_window_s)
        self.board = Board()
        self.ledger = Ledger(settings.ledger, durable=settings.durable)
        self.outbox = (
            None
            if settings.webhook_url is None
            else Outbox(
                self.ledger,
                Carrier(settings.webhook_url),
                settings.webhook_secret,
                settings.webhook_time_scale,
            )
        )
        self.broken = self.ledger.failed  #: set when the process cannot go on
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False
        self.bytes_cut = self.ledger.replay(self._replay)

    @property
    def full(self) -> bool:
        """Whether no further payment fits."""
        return len(self.books.payments) >= PAYMENT_LIMIT

    def start(self) -> None:
        """Resume what was waiting for time to pass or for a webhook to arrive."""
        if self.outbox is not None:
            self._spawn(self.outbox.run())
        for payment in self.books.payments.values():
            self._wait_for(payment)

    async def close(self) -> None:
        """Stop the clockwork and write out the ledger."""
        self._closed = True
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self.outbox is not None:
            await self.outbox.close()
        await self.ledger.close()

    def shown(self, payment: Payment) -> dict[str, Any]:
        """Return the API's payment object."""
        return payment.to_json(f"{self.public_url}/pay/{payment.id}")

    def change(self, moves: Sequence[Move]) -> Changed:
        """Take one operation's moves into the books, with the event that tells about them."""
        if not moves:
            return Changed()
        for move in moves:
            payment = self.books.apply(move)
        event, manner = self._event(payment)
        return Changed((*moves, event), payment, manner)

    async def commit(self, changed: Changed, key: Key | None = None) -> None:
        """Put an operation, and the answer saved for it, on disk; then send its webhook.

        Returns when it is durable and, for an early webhook, answered by the receiver.
        """
        group = changed.lines if key is None else (*changed.lines, key)
        written = self.ledger.append(group)
        await self.ledger.flushed()
        for entry in written:
            if isinstance(entry, Key):
                self._keep(entry)
            elif isinstance(entry, Event) and self.outbox is not None:
                await self.outbox.accept(entry, changed.manner)
        if changed.payment is not None:
            self._wait_for(changed.payment)

    def _event(self, payment: Payment) -> tuple[Event, Manner]:
        sticky = webhook_strikes(payment.webhook_faults)
        strikes = by_fault((*sticky, *self.board.for_webhook()))
        now_s = time.time()
        number = f"evt_{secrets.token_hex(16)}"
        kind = EVENT_TYPES[payment.status]
        content = {
            "id": number,
            "object": "event",
            "type": kind,
            "created": int(now_s),
            "data": {"payment": self.shown(payment)},
        }
        event = Event(
            at=rfc3339(now_s),
            payment=payment.id,
            reference=payment.reference,
            event=number,
            type=kind,
            send=self.outbox is not None and Fault.WEBHOOKS_OFF not in strikes,
            held=Fault.WEBHOOK_OUT_OF_ORDER in strikes and payment.status == "processing",
            body=msgspec.Raw(msgspec.json.encode(content)),
        )
        return event, Manner(
            copies=DUPLICATES if Fault.WEBHOOK_DUPLICATE in strikes else 1,
            delay_s=strikes.get(Fault.WEBHOOK_LATE, 0) / 1000,
            early=Fault.WEBHOOK_EARLY in strikes,
        )

    def _wait_for(self, payment: Payment) -> None:
        if payment.status == "processing" and payment.settles_at is not None:
            self._at(payment.settles_at, payment, operations.decide)
        elif payment.status == "requires_action":
            self._at(payment.expires_at, payment, operations.expire)

    def _at(
        self, moment: str, payment: Payment, then: Callable[[Payment, float], list[Move]]
    ) -> None:
        async def act() -> None:
            latest = self.books.payments[payment.id]
            if latest.status == payment.status:
                await self.commit(self.change(then(latest, time.time())))

        delay_s = max(0.0, epoch_s(moment) - time.time())
        asyncio.get_running_loop().call_later(
            delay_s, lambda: None if self._closed else self._spawn(act())
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.broken.set()
            task.get_loop().call_exception_handler(
                {"message": "background work failed", "exception": error}
            )

    def _replay(self, entry: Entry) -> None:
        if isinstance(entry, Key):
            self._keep(entry)
        elif not isinstance(entry, Event | Delivered | GivenUp):
            self.books.apply(entry)
        if self.outbox is not None:
            self.outbox.replay(entry)

    def _keep(self, entry: Key) -> None:
        self.keys.keep(entry.key, entry.fingerprint, epoch_s(entry.started), entry.seq)
