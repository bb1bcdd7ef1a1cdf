"""The stage of one simulator: ledger, books, faults, webhooks and timers around a provider."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from ops.sandbox.carrier import Carrier
from ops.sandbox.journal import Journal
from ops.sandbox.stage import lines
from ops.sandbox.stage.board import Act, Board, Operation
from ops.sandbox.stage.books import Books
from ops.sandbox.stage.faults import WEBHOOKS, Fault
from ops.sandbox.stage.lines import NOTHING, OF_THE_STAGE, Kind, Line
from ops.sandbox.stage.outbox import Notice, Outbox, Speaks
from ops.sandbox.stage.settings import Settings
from ops.sandbox.stage.sightings import Sightings
from ops.sandbox.stage.timers import Timer, Timers
from ops.sandbox.times import rfc3339

T = TypeVar("T")

#: Lines in one ledger, about a gigabyte; then every change is refused as unavailable.
LINE_LIMIT = 1_000_000
#: What a webhook of a lever or a timer is about, where the faults ask for the operation.
_BY_ITSELF = Act(Operation.OTHER)


class Plays(Speaks, Protocol):
    """What the stage itself asks of a provider."""

    @property
    def webhook_within_s(self) -> float:
        """How long a webhook's receiver may take."""

    def restore(self, line: Line) -> None:
        """Take a line that was recorded before a restart."""

    def due(self, what: str, object_id: str) -> None:
        """Take what `later` asked for."""


class Stage:
    """Everything a provider may use. What it writes is kept as one group, and is on disk before
    the answer of the request (or lever, or timer) behind it leaves."""

    def __init__(self, settings: Settings) -> None:
        """Take the ledger's file. LedgerError if another process has it."""
        self.settings = settings
        self.public_url = (settings.public_url or f"http://{settings.host}:{settings.port}").rstrip(
            "/"
        )
        self.books = Books()
        self.board = Board()
        self.sightings = Sightings()
        self.claimed: set[str] = set()  #: idempotency keys of requests that are not answered yet
        decoder = msgspec.json.Decoder(Line)
        self.journal: Journal[Line] = Journal(settings.ledger, decoder, durable=settings.durable)
        self.broken = self.journal.failed  #: set when the process cannot go on
        self._group: list[Line] = []
        self._notices: list[tuple[Notice, Mapping[Fault, int]]] = []
        self._timers_to_set: list[Timer] = []
        self._cause = _BY_ITSELF
        self._forced = False
        self._running: set[asyncio.Task[Any]] = set()
        self.timers = Timers(self._fire)
        self.outbox: Outbox | None = None

    def rebuild(self, provider: Plays) -> int:
        """Take the provider and rebuild everything from the ledger. Returns the number of torn
        bytes cut off; LedgerError if a line inside is broken."""
        self._provider = provider
        self.outbox = self._outbox()
        return self.journal.replay(self._replay)

    # For the provider

    def record(
        self,
        kind: Kind | str,
        *,
        object: str = "",
        reference: str = "",
        refund_reference: str = "",
        of: str = "",
        amount: int = 0,
        currency: str = "",
        state: object = None,
    ) -> None:
        """Write one line (`lines`). `state` is the whole object after the change, as msgspec can
        encode it; `restore` gets the line back. `amount` is in ISO 4217 minor units."""
        self._group.append(
            Line(
                at=rfc3339(time.time()),
                kind=str(kind),
                object=object,
                reference=reference,
                refund_reference=refund_reference,
                of=of,
                amount=amount,
                currency=currency,
                forced=self._forced,
                state=NOTHING if state is None else msgspec.Raw(msgspec.json.encode(state)),
            )
        )

    def notify(self, notice: Notice) -> None:
        """Send a webhook once all that is written so far is on disk."""
        if self.outbox is None:
            return
        said = f"{notice.id}\n{notice.object}\n{notice.reference}\n{notice.body}"
        strikes = self.board.strikes(self._cause, said, WEBHOOKS)
        self.record(lines.EVENT, object=notice.object, reference=notice.reference, state=notice)
        self._notices.append((notice, strikes))

    def later(self, what: str, object_id: str, delay_s: float | None = None) -> None:
        """Have `provider.due(what, object_id)` called after --async-delay-s, or so many seconds; a
        restart does not forget it."""
        wait_s = self.settings.async_delay_s if delay_s is None else delay_s
        at_s = time.time() + wait_s
        timer = Timer(id=secrets.token_hex(8), what=what, object=object_id, at_s=at_s)
        self.record(lines.TIMER, object=object_id, state=timer)
        self._timers_to_set.append(timer)

    @property
    def full(self) -> bool:
        """Whether there is no room for more."""
        return self.journal.last_seq >= LINE_LIMIT

    # For the rest of the stage

    async def act(
        self, work: Callable[[], T], cause: Act = _BY_ITSELF, *, forced: bool = False
    ) -> T:
        """Do something synchronous to the provider; returns when all of it is on disk."""
        self._cause, self._forced = cause, forced
        try:
            return work()
        finally:
            self._cause, self._forced = _BY_ITSELF, False
            await self._commit()

    def start(self) -> None:
        """Resume what was waiting for time to pass or for a webhook to arrive."""
        self.timers.start()
        if self.outbox is not None:
            self.outbox.start()

    async def close(self) -> None:
        """Stop, and write out the ledger."""
        self.timers.close()
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self.outbox is not None:
            await self.outbox.close()
        await self.journal.close()

    async def _commit(self) -> None:
        group, self._group = self._group, []
        notices, self._notices = self._notices, []
        timers, self._timers_to_set = self._timers_to_set, []
        for line in self.journal.append(group):
            self.books.note(line)
        await self.journal.flushed()
        for timer in timers:
            self.timers.set(timer)
        for notice, strikes in notices:
            assert self.outbox is not None
            await self.outbox.accept(notice, strikes)

    def _fire(self, timer: Timer) -> None:
        def work() -> None:
            self.record(lines.TIMER_DONE, object=timer.object, state=timer.id)
            self._provider.due(timer.what, timer.object)

        self._spawn(self.act(work))

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.broken.set()
            task.get_loop().call_exception_handler(
                {"message": "background work failed", "exception": error}
            )

    def _outbox(self) -> Outbox | None:
        settings = self.settings
        if settings.webhook_url is None:
            return None
        carrier = Carrier(settings.webhook_url, self._provider.webhook_within_s)
        return Outbox(
            carrier, self._provider, self._outcome, self._ended, settings.webhook_time_scale
        )

    def _outcome(self, kind: str, notice: Notice, became: Mapping[str, Any]) -> None:
        """Write what became of a webhook; nobody waits for the disk."""
        state = {"id": notice.id, "type": notice.type} | dict(became)
        line = Line(
            at=rfc3339(time.time()),
            kind=kind,
            object=notice.object,
            reference=notice.reference,
            state=msgspec.Raw(msgspec.json.encode(state)),
        )
        self.journal.append([line])
        self._spawn(self.journal.flushed())

    def _replay(self, line: Line) -> None:
        self.books.note(line)
        self.timers.replay(line)
        if self.outbox is not None:
            self.outbox.replay(line)
        if line.kind not in OF_THE_STAGE:
            self._provider.restore(line)
