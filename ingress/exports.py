"""Exports: a report of transactions as it is read, a thousand rows at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from domain.errors import Overloaded
from domain.merchant import Scope as KeyScope
from ingress.asking import caller_of
from ingress.authentication import Caller
from ingress.backing import MoneyReading
from ingress.lists_in import Report, parse_report
from ingress.money_out import transaction_json
from ops.csv_out import Cell, csv_lines
from ops.store.reads_money import Booked

#: Rows that are in memory at a time, for each report that is under way: about a megabyte.
ROWS: Final = 1_000
#: Reports that one process writes at a time, in all and for one merchant.
MOST: Final = 8
MOST_OF_ONE: Final = 2
#: Whoever reads more slowly than this gets nothing more: the place is somebody else's.
LONGEST_S: Final = 600.0
RETRY_S: Final = 5

COLUMNS: Final = (
    *("id", "created_at", "type", "amount", "currency", "payment_id", "order_id", "refund_id"),
    *("payout_id", "attempt_id", "provider", "provider_reference", "mode"),
)
_TYPES: Final = {"csv": "text/csv; charset=utf-8; header=present", "json": "application/json"}

Lines = AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Places:
    """Who is being written a report; counts are this process's own."""

    taken: Counter[UUID] = field(default_factory=Counter)

    def take(self, merchant_id: UUID) -> None:
        """Take a place. Raises `Overloaded`."""
        if self.taken[merchant_id] >= MOST_OF_ONE:
            raise Overloaded(f"{MOST_OF_ONE} of your reports are being written", RETRY_S)
        if self.taken.total() >= MOST:
            raise Overloaded("as many reports are being written as there may be", RETRY_S)
        self.taken[merchant_id] += 1

    def give_back(self, merchant_id: UUID) -> None:
        """Give it back."""
        self.taken[merchant_id] -= 1
        if not self.taken[merchant_id]:
            del self.taken[merchant_id]


class Streamed(StreamingResponse):
    """A report on its way: its place is given back however it ends."""

    def __init__(self, lines: Lines, report: Report, ended: Callable[[], None]) -> None:
        name = f"transactions-{report.since:%Y%m%d}-{report.until:%Y%m%d}.{report.format}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        super().__init__(lines, headers=headers, media_type=_TYPES[report.format])
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; what cannot be sent to its end is cut off, which its reader can tell."""
        try:
            async with asyncio.timeout(LONGEST_S):
                await super().__call__(scope, receive, send)
        except TimeoutError:
            raise ClientDisconnect from None
        finally:
            self._ended()


@dataclass(frozen=True, slots=True)
class Exports:
    """The report and what it is read from."""

    money: MoneyReading
    places: Places = field(default_factory=Places)
    #: Statements that run, also those that nobody waits for any more.
    under_way: set[asyncio.Future[Sequence[Booked]]] = field(default_factory=set)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route("/reports/transactions", self.transactions, methods=["GET"])]

    async def transactions(self, request: Request) -> Response:
        """Write the transactions of a span of time, oldest first.

        Each thousand is read by a statement of its own: a reader who is slow, or leaves, holds
        neither a connection nor a snapshot.
        """
        caller = caller_of(request, KeyScope.READ)
        report = parse_report(request.query_params, self.now())
        self.places.take(caller.merchant_id)
        try:
            first = await self._rows(caller, report, None)  # what is wrong now still has a status
        except BaseException:
            self.places.give_back(caller.merchant_id)
            raise
        write = _json if report.format == "json" else _csv
        lines = write(self._all(caller, report, first))
        return Streamed(lines, report, lambda: self.places.give_back(caller.merchant_id))

    async def _all(
        self, caller: Caller, report: Report, rows: Sequence[Booked]
    ) -> AsyncIterator[Sequence[Booked]]:
        while rows:
            yield rows
            rows = await self._rows(caller, report, rows[-1].id) if len(rows) == ROWS else ()

    async def _rows(self, caller: Caller, report: Report, after: UUID | None) -> Sequence[Booked]:
        """Read the next rows. A reader who leaves does not interrupt it: the statement takes
        milliseconds, and its connection would be lost to everybody."""
        asked = self.money.recorded(caller, report.wanted, limit=ROWS, after=after)
        reading = asyncio.ensure_future(asked)
        self.under_way.add(reading)
        reading.add_done_callback(self.under_way.discard)
        return await asyncio.shield(reading)


# Rows are written beside the loop: a thousand of them take as long as many small answers.
async def _csv(batches: AsyncIterator[Sequence[Booked]]) -> Lines:
    yield csv_lines([COLUMNS])
    async for batch in batches:
        yield await asyncio.to_thread(_csv_part, batch)


async def _json(batches: AsyncIterator[Sequence[Booked]]) -> Lines:
    yield b'{"data":['
    mark = b""
    async for batch in batches:
        yield mark + await asyncio.to_thread(_json_part, batch)
        mark = b","
    yield b"]}"


def _csv_part(batch: Sequence[Booked]) -> bytes:
    return csv_lines(_line(booked) for booked in batch)


def _json_part(batch: Sequence[Booked]) -> bytes:
    return b",".join(msgspec.json.encode(transaction_json(booked)) for booked in batch)


def _line(booked: Booked) -> list[Cell]:
    shown = transaction_json(booked)
    return [shown[name] for name in COLUMNS]
