"""The inbox keeps every webhook once, and a copy can cost a read but never hide a change."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from psycopg_pool import AsyncConnectionPool

from domain.errors import Overloaded
from domain.webhook import RECEIVED, UNVERIFIED
from ops.store import inbox
from ops.store.inbox import MAX_UNVERIFIED, Came, Inbox, Stored
from ops.store.outbox import publish, unpublished
from tests.store.books import a_payment
from tests.store.conftest import Books

pytestmark = pytest.mark.services


def came(books: Books, key: str, body: bytes = b'{"id": "evt"}', gateway: str = "one") -> Came:
    return Came(books.new_id(), gateway, key, body, "req-7")


def store(books: Books, *batches: list[Came]) -> list[list[Stored | Exception]]:
    async def run() -> list[list[Stored | Exception]]:
        async with AsyncConnectionPool(books.url, min_size=1, max_size=8, open=False) as pool:
            keep = Inbox(pool, books.vault)
            return await asyncio.gather(*(keep(batch) for batch in batches))

    return asyncio.run(run())


def test_fifty_copies_are_one_row(books: Books) -> None:
    batches = [[came(books, "evt_1") for _ in range(5)] for _ in range(10)]
    stored = [one for batch in store(books, *batches) for one in batch]

    assert len({one.id for one in stored if isinstance(one, Stored)}) == 1
    assert sum(isinstance(one, Stored) and one.new for one in stored) == 1
    assert books.sql("SELECT copies FROM webhook_events") == [{"copies": 50}]


def test_the_same_event_id_at_another_gateway_is_another_event(books: Books) -> None:
    store(books, [came(books, "evt_1"), came(books, "evt_1", gateway="two")])
    assert books.sql("SELECT count(*) AS n FROM webhook_events") == [{"n": 2}]


def test_the_body_is_sealed_and_comes_back_as_it_came(books: Books) -> None:
    body = b'{"id": "evt", "secret": "visible?"}'
    store(books, [came(books, "evt_1", body)])

    assert b"visible" not in bytes(books.sql("SELECT body FROM webhook_events")[0]["body"])  # type: ignore[call-overload]
    (row,) = books.sql("SELECT id FROM webhook_events")
    with books.store.begin() as work:
        claim = work.claim_notice(row["id"], 1, 30)  # type: ignore[arg-type]
    assert claim is not None
    assert claim.row.body == body


def test_a_copy_that_came_after_the_read_began_arms_the_row_again(books: Books) -> None:
    store(books, [came(books, "evt_1")])
    (row,) = books.sql("SELECT id FROM webhook_events")
    with books.store.begin() as work:
        claim = work.claim_notice(row["id"], 1, 30)  # type: ignore[arg-type]
        assert claim is not None
        began = work.now
    store(books, [came(books, "evt_1")])
    with books.store.begin() as work:
        done = replace(
            claim.row, status="processed", read_began_at=began, due=claim.row.due.at(None)
        )
        work.save_notice(done)
    assert books.sql("SELECT next_run_at IS NOT NULL AS armed FROM webhook_events") == [
        {"armed": True}
    ]

    with books.store.begin() as work:
        again = work.claim_notice(row["id"], 1, 30)  # type: ignore[arg-type]
        assert again is not None
        work.save_notice(replace(done, read_began_at=work.now))
    assert books.sql("SELECT next_run_at IS NOT NULL AS armed FROM webhook_events") == [
        {"armed": False}
    ]


def test_a_copy_of_a_processed_event_is_read_once_more(books: Books) -> None:
    store(books, [came(books, "evt_1")])
    books.sql(
        "UPDATE webhook_events SET status = 'processed', next_run_at = NULL, wake_at = NULL,"
        " read_began_at = clock_timestamp()"
    )
    store(books, [came(books, "evt_1")])
    assert books.sql("SELECT next_run_at IS NOT NULL AS armed FROM webhook_events") == [
        {"armed": True}
    ]


def test_events_leave_in_order_and_a_failing_consumer_loses_none(books: Books) -> None:
    a_payment(books)
    for n in range(3):
        books.sql(
            "INSERT INTO outbox_events (type, aggregate, aggregate_id, payload, request_id)"
            " VALUES (:t, 'payment', 'p', '{}', 'r')",
            t=f"event {n}",
        )
    seen: list[str] = []

    def breaks(event: dict[str, str]) -> None:
        if event["type"] == "event 1":
            raise RuntimeError("the other side is away")

    with pytest.raises(RuntimeError):
        publish(books.engine, breaks)
    assert unpublished(books.engine) == 3
    assert publish(books.engine, lambda event: seen.append(event["type"])) == 3
    assert (seen, unpublished(books.engine)) == (["event 0", "event 1", "event 2"], 0)


def doubtful(books: Books, key: str, gateway: str = "one") -> Came:
    return replace(came(books, key, gateway=gateway), headers={"paypal-cert-url": "secret"})


def test_one_whose_sender_is_not_proven_waits_with_what_may_prove_it_sealed(books: Books) -> None:
    store(books, [doubtful(books, "unverified:a"), came(books, "evt_1")])

    (row,) = books.sql(
        "SELECT id, headers FROM webhook_events WHERE status = 'unverified' AND next_run_at < now()"
    )
    assert b"secret" not in bytes(row["headers"])  # type: ignore[call-overload]
    with books.store.begin() as work:
        claim = work.claim_notice(row["id"], 1, 30)  # type: ignore[arg-type]
        assert claim is not None
        assert (claim.row.status, claim.row.headers) == (
            UNVERIFIED,
            {"paypal-cert-url": "secret"},
        )
        work.save_notice(replace(claim.row, status=RECEIVED, due=claim.row.due.at(work.now)))
    with books.store.begin() as work:
        work.discard_notice(claim.row.id)  # it is believed by now
    assert books.sql("SELECT status FROM webhook_events") == [{"status": "received"}] * 2


def test_a_forgery_leaves_no_row(books: Books) -> None:
    store(books, [doubtful(books, "unverified:a"), doubtful(books, "unverified:b")])
    (row,) = books.sql("SELECT id FROM webhook_events WHERE dedupe_key = 'unverified:a'")

    with books.store.begin() as work:
        work.discard_notice(row["id"])  # type: ignore[arg-type]

    assert books.sql("SELECT dedupe_key FROM webhook_events") == [{"dedupe_key": "unverified:b"}]


def test_no_more_than_so_many_may_wait_at_a_gateway(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = inbox._STORE_UNVERIFIED
    monkeypatch.setattr(inbox, "_STORE_UNVERIFIED", query.replace(str(MAX_UNVERIFIED), "3"))

    (first,) = store(books, [doubtful(books, f"unverified:{n}") for n in range(5)])
    assert [isinstance(one, Stored) for one in first].count(True) == 3
    assert [isinstance(one, Overloaded) for one in first].count(True) == 2

    (second,) = store(
        books,
        [
            *(doubtful(books, "unverified:9"), came(books, "evt_1")),
            doubtful(books, "unverified:9", gateway="two"),
        ],
    )
    assert isinstance(second[0], Overloaded)
    assert all(isinstance(one, Stored) for one in second[1:])  # others are not held up by it

    books.sql("UPDATE webhook_events SET status = 'received' WHERE dedupe_key = 'unverified:1'")
    (third,) = store(books, [doubtful(books, "unverified:9")])
    assert isinstance(third[0], Stored)

    (full,) = store(books, [doubtful(books, "unverified:10")])
    assert isinstance(full[0], Overloaded)
    books.sql(
        "UPDATE webhook_events SET parked_at = now(), parked_reason = 'unresolved',"
        " owner = 'operator', next_run_at = NULL, wake_at = NULL"
        " WHERE dedupe_key = 'unverified:2'"
    )
    (fourth,) = store(books, [doubtful(books, "unverified:10")])
    assert isinstance(fourth[0], Stored)  # what a person was asked about waits for nothing


def test_an_exact_copy_of_one_that_waits_is_the_same_row(books: Books) -> None:
    ((first,), (second,)) = (
        store(books, [doubtful(books, "unverified:a")]),
        store(books, [doubtful(books, "unverified:a")]),
    )

    assert isinstance(first[0], Stored)
    assert second[0] == Stored(first[0].id, new=False)
