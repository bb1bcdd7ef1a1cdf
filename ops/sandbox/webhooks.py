"""Events on their way to the receiver: signed, retried, late, doubled or reversed as asked."""

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from ops.sandbox.carrier import Carrier, DeliveryError
from ops.sandbox.entries import Delivered, Entry, Event, GivenUp
from ops.sandbox.ledger import Ledger
from ops.sandbox.times import rfc3339

#: Waits between the tries of one event, in seconds; after the last one it is given up.
RETRY_AFTER_S = (1, 2, 4, 8, 16, 32)
#: Posts under way at once: a slow receiver must not take all our sockets.
IN_FLIGHT = 32
#: Events waiting for a try; with more, new ones are given up at once and the ledger says so.
WAITING_LIMIT = 200_000
#: What webhook_duplicate sends.
DUPLICATES = 3


@dataclass(frozen=True, slots=True)
class Manner:
    """How one event is to be sent."""

    copies: int = 1
    delay_s: float = 0.0
    early: bool = False  #: the API answer waits for the receiver's answer


@dataclass(frozen=True, order=True, slots=True)
class _Due:
    at: float
    order: int
    seq: int = field(compare=False)
    tries: int = field(compare=False)
    copies: int = field(compare=False)


def signature(secret: str, sent_at: int, body: bytes) -> str:
    """Return the Sandbox-Signature header: t=<unix>,v1=<hex HMAC-SHA256 of "<t>.<body>">."""
    signed = hmac.new(secret.encode(), f"{sent_at}.".encode() + body, hashlib.sha256)
    return f"t={sent_at},v1={signed.hexdigest()}"


class Outbox:
    """Sends what the ledger says is due; after a restart, whatever is not known to have arrived."""

    def __init__(self, ledger: Ledger, carrier: Carrier, secret: str, time_scale: float) -> None:
        self._ledger = ledger
        self._carrier = carrier
        self._secret = secret
        self._scale = time_scale
        self._heap: list[_Due] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._under_way: set[asyncio.Task[None]] = set()
        self._held: dict[str, int] = {}  # subject -> seq of the event that waits for its successor
        self._open: dict[int, Event] = {}  # only while the ledger is replayed
        self.latest: dict[str, int] = {}  #: object's id -> seq of the latest event about it

    def replay(self, entry: Entry) -> None:
        """Learn from one ledger line at start."""
        match entry:
            case Event():
                self._is_latest(entry)
                if entry.send:
                    self._open[entry.seq] = entry
            case Delivered() | GivenUp():
                self._open.pop(entry.event_seq, None)
            case _:
                return

    async def run(self) -> None:
        """Send until cancelled; first of all what the last process left undelivered."""
        unfinished, self._open = self._open, {}
        last = {event.subject: seq for seq, event in unfinished.items() if not event.held}
        for seq, event in unfinished.items():
            followed = self.latest[event.subject] > seq
            successor_is_due = last.get(event.subject, 0) > seq
            if event.held and (successor_is_due or not followed):
                self._held[event.subject] = seq
            else:
                self._push(seq, 0.0, 0, 1)
        while True:
            await self._next_due()
            await self._slots.acquire()
            due = heappop(self._heap)
            self._start(self._try(due))

    async def accept(self, event: Event, manner: Manner) -> None:
        """Take a new event that is on disk; an early one is tried before this returns."""
        self._is_latest(event)
        if not event.send:
            return
        if event.held:
            self._held[event.subject] = event.seq
        elif len(self._heap) >= WAITING_LIMIT:
            self._ledger.append([self._outcome(GivenUp, event, 0)])
        elif manner.early:
            await self._slots.acquire()
            await self._try(_Due(0.0, 0, event.seq, 0, manner.copies))
        else:
            self._push(event.seq, manner.delay_s * self._scale, 0, manner.copies)

    def send_again(self, subject: str) -> bool:
        """Send the latest event about an object once more; False if it never had one."""
        seq = self.latest.get(subject)
        if seq is not None:
            self._push(seq, 0.0, 0, 1)
        return seq is not None

    async def close(self) -> None:
        """Stop what is under way; it will be sent again by the next process."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self._carrier.close()

    def _is_latest(self, event: Event) -> None:
        self.latest[event.subject] = event.seq
        if event.refund:  # it told of the payment as well
            self.latest[event.payment] = event.seq

    def _push(self, seq: int, delay_s: float, tries: int, copies: int) -> None:
        at = time.monotonic() + delay_s
        heappush(self._heap, _Due(at, next(self._order), seq, tries, copies))
        self._changed.set()

    async def _next_due(self) -> None:
        while not self._heap or self._heap[0].at > time.monotonic():
            self._changed.clear()
            wait_s = self._heap[0].at - time.monotonic() if self._heap else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _try(self, due: _Due) -> None:
        """Post one event and its copies; the caller has taken a slot, which is given back here."""
        try:
            event = self._ledger.read(due.seq)
            assert isinstance(event, Event)
            answers = await asyncio.gather(*(self._post(event) for _ in range(due.copies)))
        finally:
            self._slots.release()
        tries = due.tries + 1
        if all(answers):
            self._ledger.append([self._outcome(Delivered, event, tries)])
        elif due.tries < len(RETRY_AFTER_S):
            self._push(due.seq, RETRY_AFTER_S[due.tries] * self._scale, tries, 1)
        else:
            self._ledger.append([self._outcome(GivenUp, event, tries)])
        held = self._held.get(event.subject)
        if held is not None and held < due.seq:  # an older event is no successor
            del self._held[event.subject]
            self._push(held, 0.0, 0, 1)
        await self._ledger.flushed()

    async def _post(self, event: Event) -> bool:
        sent_at = int(time.time())
        body = bytes(event.body)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "sandbox-webhooks",
            "Sandbox-Signature": signature(self._secret, sent_at, body),
        }
        try:
            return 200 <= await self._carrier.post(body, headers) < 300
        except DeliveryError:
            return False

    def _outcome(
        self, kind: Callable[..., Delivered | GivenUp], event: Event, tries: int
    ) -> Delivered | GivenUp:
        return kind(
            at=rfc3339(time.time()),
            payment=event.payment,
            reference=event.reference,
            event=event.event,
            event_seq=event.seq,
            tries=tries,
        )
