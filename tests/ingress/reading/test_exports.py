"""Reports: complete, in order, a thousand rows at a time, and harmless in a spreadsheet."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from starlette.requests import ClientDisconnect, Request

from domain.errors import Overloaded
from domain.facts import Movement
from domain.ids import Kind, public
from domain.money import CURRENCIES, Money
from domain.payment import Mode
from ingress import exports
from ingress.authentication import Caller
from ingress.exports import COLUMNS, MOST, MOST_OF_ONE, ROWS, Exports, Streamed
from ops.csv_out import csv_lines
from ops.store.memory.money import MemoryMoney
from ops.store.memory.store import MemoryStore
from ops.store.reads_money import Booked
from ops.store.wanted import Owner, TransactionsWanted, first_id
from tests.ingress.reading.conftest import Shop
from tests.store.books import paid

MANY = 5_000
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
MERCHANT = UUID(int=1)

_FILL = """
INSERT INTO transactions (id, merchant_id, mode, payment_id, attempt_id, type, amount, total,
                          currency, gateway_id, provider_id, created_at)
SELECT id, :merchant, 'test', id, id, (ARRAY['sale', 'refund'])[1 + n % 2], n, n, 'USD', 'one', 'ch',
       at
  FROM unnest(CAST(:ids AS uuid[]), CAST(:times AS timestamptz[]))
       WITH ORDINALITY AS given(id, at, n)
"""


def fill(shop: Shop) -> list[str]:
    """Write a movement a minute up to noon, newest last; returns their public ids."""
    times = [NOON - timedelta(minutes=MANY - n) for n in range(MANY)]
    ids = [first_id(at) for at in times]
    merchant = shop.books.sql("SELECT merchant_id FROM api_keys")[0]["merchant_id"]
    with shop.books.engine.begin() as db:
        # Replica role: foreign keys do not ask for what these rows refer to.
        db.execute(text("SET LOCAL session_replication_role = replica"))
        db.execute(text(_FILL), {"ids": ids, "times": times, "merchant": merchant})
    return [public(Kind.TRANSACTION, id_) for id_ in ids]


def lines(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


@pytest.mark.services
def test_a_report_holds_every_row_of_its_span_in_order(shop: Shop) -> None:
    ids = fill(shop)
    span = "from=2026-03-01&to=2026-03-31T12:00:00Z"

    answer = shop.get(f"/v1/reports/transactions?{span}")
    told = shop.shown(f"/v1/reports/transactions?{span}&format=json")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    name = 'attachment; filename="transactions-20260301-20260331.csv"'
    assert answer.headers["content-disposition"] == name
    assert answer.text.startswith(",".join(COLUMNS) + "\r\n")
    assert answer.text.count("\r\n") == MANY + 1
    assert [line["id"] for line in lines(answer)] == ids
    assert [row["id"] for row in told["data"]] == ids
    assert [int(line["amount"]) for line in lines(answer)] == list(range(1, MANY + 1))
    sales = shop.get(f"/v1/reports/transactions?{span}&type=sale")
    assert [line["id"] for line in lines(sales)] == ids[1::2]
    hour = shop.get("/v1/reports/transactions?from=2026-03-31T11:00:00Z&to=2026-03-31T11:30:00Z")
    assert [line["id"] for line in lines(hour)] == ids[-60:-30]


@pytest.mark.services
def test_an_empty_report_is_a_report_and_nobody_gets_anothers(shop: Shop) -> None:
    fill(shop)
    strangers = [shop.stranger(), shop.key(mode=Mode.LIVE)]

    for key in strangers:
        path = "/v1/reports/transactions?from=2026-03-01&to=2026-04-01"
        assert lines(shop.get(path, key=key)) == []
        assert shop.shown(f"{path}&format=json", key=key) == {"data": []}
    assert lines(shop.get("/v1/reports/transactions?to=2020-01-01")) == []


@pytest.mark.services
def test_a_report_without_a_span_holds_what_has_just_happened(shop: Shop) -> None:
    payment, charge = paid(shop.books)
    shop.moved(payment, charge, 1_000, provider_id='=cmd|" /C calc"!A0,\nx')

    (line,) = lines(shop.get("/v1/reports/transactions"))

    assert line["provider_reference"] == '\'=cmd|" /C calc"!A0,\nx'
    assert (line["amount"], line["order_id"]) == ("1000", "")


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", b"'=1+1\r\n"),
        ("+1", b"'+1\r\n"),
        ("-1", b"'-1\r\n"),
        ("@SUM(A1)", b"'@SUM(A1)\r\n"),
        ("\t=1", b"'\t=1\r\n"),
        ("\r=1", b'"\'\r=1"\r\n'),
        ("a=1", b"a=1\r\n"),
        ('say "x", y', b'"say ""x"", y"\r\n'),
        ("caf\u00e9", b"caf\xc3\xa9\r\n"),
        (None, b'""\r\n'),
        (5, b"5\r\n"),
    ],
)
def test_a_cell_is_quoted_and_never_a_formula(cell: str | int | None, written: bytes) -> None:
    assert csv_lines([[cell]]) == written


class Endless(MemoryMoney):
    """Books without an end, which count how often they are read."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(lambda: NOON))
        self.reads = 0

    async def recorded(
        self, owner: Owner, wanted: TransactionsWanted, *, limit: int, after: UUID | None = None
    ) -> Sequence[Booked]:
        self.reads += 1
        first = after.int + 1 if after else 1
        usd = Money(1, CURRENCIES["USD"])
        ids = (UUID(int=first + n) for n in range(limit))
        return [Booked(id_, Mode.TEST, Movement.SALE, usd, id_, "one", "ch", NOON) for id_ in ids]


def asking(merchant_id: UUID = MERCHANT, query: bytes = b"") -> Request:
    caller = Caller(merchant_id, Mode.TEST, "k", frozenset({"payments:read"}), 100)
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": query, "headers": []}
    return Request(scope | {"state": {"caller": caller}})


def test_rows_are_read_only_as_fast_as_they_are_taken() -> None:
    money = Endless()

    async def take(chunks: int) -> int:
        response = await Exports(money).transactions(asking())
        assert isinstance(response, Streamed)
        stream: AsyncIterator[Any] = aiter(response.body_iterator)
        taken = [await anext(stream) for _ in range(chunks)]
        return sum(chunk.count(b"\r\n") for chunk in taken)

    assert asyncio.run(take(4)) == 1 + 3 * ROWS
    assert money.reads == 3


def test_a_reader_who_leaves_ends_the_report_and_frees_its_place() -> None:
    left = asyncio.Event()

    class Busy(Endless):
        finished = 0

        async def recorded(self, *args: Any, **more: Any) -> Sequence[Booked]:
            found = await super().recorded(*args, **more)
            if self.reads == 3:
                left.set()  # the reader leaves while this statement runs
                for _ in range(20):
                    await asyncio.sleep(0)
            self.finished += 1
            return found

    money = Busy()
    report = Exports(money)

    async def leave() -> None:
        async def send(_: Any) -> None:
            await asyncio.sleep(0)

        async def receive() -> Any:
            await left.wait()
            return {"type": "http.disconnect"}

        response = await report.transactions(asking())
        assert report.places.taken.total() == 1
        await response({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send)
        assert report.under_way
        await asyncio.wait(report.under_way)

    asyncio.run(leave())

    assert (money.reads, money.finished) == (3, 3), "the statement was interrupted, or others came"
    assert not report.places.taken


def test_a_report_that_is_read_too_slowly_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "LONGEST_S", 0.01)
    report = Exports(Endless())

    async def stand_still() -> None:
        async def send(_: Any) -> None:
            await asyncio.Event().wait()

        async def receive() -> Any:
            return await asyncio.Event().wait()

        response = await report.transactions(asking())
        await response({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send)

    with pytest.raises(ClientDisconnect):
        asyncio.run(stand_still())
    assert not report.places.taken


def test_nobody_takes_all_places_and_there_are_only_so_many() -> None:
    report = Exports(Endless())

    async def ask(merchant: int) -> None:
        await report.transactions(asking(UUID(int=merchant)))

    for _ in range(MOST_OF_ONE):
        asyncio.run(ask(1))
    with pytest.raises(Overloaded, match="your reports"):
        asyncio.run(ask(1))
    others = count(2)
    while report.places.taken.total() < MOST:
        asyncio.run(ask(next(others)))
    with pytest.raises(Overloaded, match="as many"):
        asyncio.run(ask(next(others)))


def test_a_report_that_cannot_begin_takes_no_place() -> None:
    class Away(Endless):
        async def recorded(self, *args: Any, **more: Any) -> Sequence[Booked]:
            raise ConnectionError

    report = Exports(Away())

    with pytest.raises(ConnectionError):
        asyncio.run(report.transactions(asking()))
    assert not report.places.taken


def test_json_is_whole_although_it_is_sent_in_parts() -> None:
    class Short(Endless):
        async def recorded(self, *args: Any, **more: Any) -> Sequence[Booked]:
            return await super().recorded(*args, **more) if self.reads < 3 else ()

    async def whole() -> bytes:
        response = await Exports(Short()).transactions(asking(query=b"format=json"))
        assert isinstance(response, Streamed)
        stream: AsyncIterator[Any] = aiter(response.body_iterator)
        return b"".join([chunk async for chunk in stream])

    assert len(json.loads(asyncio.run(whole()))["data"]) == 3 * ROWS
