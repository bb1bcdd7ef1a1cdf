"""Webhooks on their way to the receiver: kept until they are taken, on the provider's schedule."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from ops.sandbox.carrier import Carrier, DeliveryError
from ops.sandbox.stage import lines
from ops.sandbox.stage.faults import Fault
from ops.sandbox.stage.lines import Line

#: Posts under way at once: a slow receiver must not take all our sockets.
IN_FLIGHT = 32
#: Webhooks waiting for a try; with more, new ones are given up at once and the ledger says so.
WAITING_LIMIT = 20_000
#: What webhook_duplicate sends.
DUPLICATES = 3
#: An early webhook holds the API answer back no longer than this.
WAIT_FOR_EARLY_S = 5.0


class Notice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A webhook that is due, as the ledger keeps it; each try is signed anew from this."""

    id: str
    type: str  #: for people and for a provider's `posted`
    object: str
    reference: str = ""
    body: str
    #: What a provider's `posted` needs besides: another secret, the kind of object.
    about: dict[str, str] = {}


class Speaks(Protocol):
    """How a provider sends its webhooks; `Provider` says what each of these is."""

    def posted(self, notice: Notice, now_s: float) -> tuple[Mapping[str, str], bytes]:
        """Return headers and body."""

    def acknowledged(self, status: int, body: bytes) -> bool:
        """Whether the tries end."""

    def retry_after_s(self, tries: int, status: int | None) -> float | None:
        """Return the wait before the next try."""


#: Writes one line of the outbox: its kind, the notice, and what became of it.
Writes = Callable[[str, Notice, Mapping[str, Any]], None]


@dataclass
class Outbox:
    """Sends what is due; after a restart, whatever is not known to have arrived."""

    carrier: Carrier
    speaks: Speaks
    writes: Writes
    ended: Callable[[asyncio.Task[None]], None]  #: told of every try that is over
    scale: float
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_FLIGHT))
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)
    _held: dict[str, list[Notice]] = field(default_factory=dict)  # by object
    _open: dict[str, Notice] = field(default_factory=dict)  # only while the ledger is replayed
    latest: dict[str, Notice] = field(default_factory=dict)  #: by object

    def replay(self, line: Line) -> None:
        """Learn from one ledger line at start."""
        if line.kind == lines.EVENT:
            notice = line.holds(Notice)
            self._open[notice.id] = self.latest[notice.object] = notice
        elif line.kind in (lines.DELIVERED, lines.GIVEN_UP):
            self._open.pop(msgspec.json.decode(line.state)["id"], None)

    def start(self) -> None:
        """Send what was left over."""
        for notice in self._open.values():
            self._spawn(self._deliver(notice, 0.0, 1))
        self._open.clear()

    async def accept(self, notice: Notice, strikes: Mapping[Fault, int]) -> None:
        """Take a new webhook that is on disk; an early one is tried before this returns."""
        self.latest[notice.object] = notice
        if Fault.WEBHOOKS_OFF in strikes:
            self.writes(lines.GIVEN_UP, notice, {"tries": 0})
        elif Fault.WEBHOOK_OUT_OF_ORDER in strikes:
            self._held.setdefault(notice.object, []).append(notice)
        elif len(self._under_way) >= WAITING_LIMIT:
            self.writes(lines.GIVEN_UP, notice, {"tries": 0})
        else:
            copies = DUPLICATES if Fault.WEBHOOK_DUPLICATE in strikes else 1
            delay_s = strikes.get(Fault.WEBHOOK_LATE, 0) / 1000 * self.scale
            task = self._spawn(self._deliver(notice, delay_s, copies))
            if Fault.WEBHOOK_EARLY in strikes:
                await asyncio.wait([task], timeout=WAIT_FOR_EARLY_S)

    def send_again(self, object_id: str) -> bool:
        """Send the latest webhook about an object once more; False if it never had one."""
        notice = self.latest.get(object_id)
        if notice is not None:
            self._spawn(self._deliver(notice, 0.0, 1))
        return notice is not None

    async def close(self) -> None:
        """Stop what is under way; it will be sent again by the next process."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self.carrier.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        task.add_done_callback(self.ended)
        return task

    async def _deliver(self, notice: Notice, delay_s: float, copies: int) -> None:
        tries = 0
        while True:
            await asyncio.sleep(delay_s)
            async with self._slots:
                answers = await asyncio.gather(*(self._post(notice) for _ in range(copies)))
            tries, copies = tries + 1, 1
            for held in self._held.pop(notice.object, ()):
                self._spawn(self._deliver(held, 0.0, 1))
            refused = [status for status, taken in answers if not taken]
            if not refused:
                self.writes(lines.DELIVERED, notice, {"tries": tries})
                return
            wait_s = self.speaks.retry_after_s(tries, refused[0])
            if wait_s is None:
                self.writes(lines.GIVEN_UP, notice, {"tries": tries, "status": refused[0]})
                return
            delay_s = wait_s * self.scale

    async def _post(self, notice: Notice) -> tuple[int | None, bool]:
        """Return the receiver's status, and whether that ends the tries."""
        headers, body = self.speaks.posted(notice, time.time())
        with contextlib.suppress(DeliveryError):
            status, answer = await self.carrier.ask(body, headers)
            return status, self.speaks.acknowledged(status, answer)
        return None, False
