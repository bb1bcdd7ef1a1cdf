"""Accepting in batches answers every request as if it had come alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from domain.checkout import Checkout
from domain.errors import KeyInFlight, KeyReused
from domain.means import Address, Method
from domain.payment import CaptureMethod, Mode, Payment
from ops.store.accept import (
    LOCK_TIMEOUT_MS,
    TIME_KNOWN_S,
    Acceptance,
    Accepted,
    Answer,
    Ask,
    Pool,
    Terms,
)
from tests.store.conftest import MERCHANT, Books

pytestmark = pytest.mark.services
T = TypeVar("T")


def conflict(request_id: str, active: UUID | None, order_id: str) -> bytes:
    return f"{order_id} is active: {active.hex if active else None}".encode()


def answered(payment: Payment) -> bytes:
    return f"{payment.id.hex} {payment.created_at.isoformat()}".encode()


TERMS = Terms(timedelta(minutes=30), timedelta(days=30), answered, conflict)


def with_pool(books: Books, use: Callable[[Pool], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        options = f"-c lock_timeout={LOCK_TIMEOUT_MS}"
        async with AsyncConnectionPool(
            books.url, min_size=1, max_size=8, kwargs={"options": options}, open=False
        ) as pool:
            return await use(pool)

    return asyncio.run(run())


def with_door(books: Books, use: Callable[[Acceptance], Coroutine[Any, Any, T]]) -> T:
    return with_pool(books, lambda pool: use(Acceptance(pool, books.vault, TERMS)))


def an_ask(
    books: Books, key: str, amount: int = 100, order_id: str | None = None, **more: Any
) -> Ask:
    checkout = Checkout(amount, "USD", Method("card", "tok_secret"), order_id=order_id)
    fields: dict[str, Any] = {
        "merchant_id": MERCHANT,
        "mode": Mode.TEST,
        "key": key,
        "key_id": "k",
        "checkout": checkout,
        "fingerprint": checkout.fingerprint(),
        "request_id": "req",
        "payment_id": books.new_id(),
    }
    return Ask(**(fields | more))


def accept(books: Books, *asks: Ask) -> list[Answer]:
    return with_door(books, lambda door: door(list(asks)))


def test_a_batch_creates_each_payment_with_its_audit_entry_and_event(books: Books) -> None:
    asks = [an_ask(books, f"key-{n}", 100 + n) for n in range(20)]

    answers = accept(books, *asks)

    assert all(isinstance(a, Accepted) and not a.replayed for a in answers)
    assert [a.payment_id for a in answers if isinstance(a, Accepted)] == [
        a.payment_id for a in asks
    ]
    counts = books.sql(
        "SELECT (SELECT count(*) FROM payments) AS p, (SELECT count(*) FROM audit_logs) AS a,"
        " (SELECT count(*) FROM outbox_events) AS o, (SELECT count(*) FROM idempotency_keys) AS k"
    )
    assert counts == [{"p": 20, "a": 20, "o": 20, "k": 20}]


def test_the_time_is_what_was_told_and_has_passed_and_asked_for_anew_after_a_while(
    books: Books,
) -> None:
    clock_s = [0.0]

    async def at_times(pool: Pool) -> None:
        door = Acceptance(pool, books.vault, TERMS, monotonic=lambda: clock_s[0])
        for clock_s[0] in (0.0, 0.9 * TIME_KNOWN_S, 100.0, 100.0, 200.0):
            await door([an_ask(books, f"at-{clock_s[0]}-{books.new_id()}")])

    with_pool(books, at_times)

    found = books.sql(
        "SELECT p.created_at > a.created_at AS ahead FROM payments p"
        " JOIN audit_logs a ON a.entity_id = 'pay_' || replace(p.id::text, '-', '')"
        " ORDER BY p.id"
    )
    ahead = [row["ahead"] for row in found]
    assert ahead == [False, True, False, False, False], "only our clock has run on, and only once"


def test_the_same_key_gives_the_same_bytes_within_a_batch_and_after_it(books: Books) -> None:
    first, again = an_ask(books, "same"), an_ask(books, "same")
    one, two = accept(books, first, again)
    (three,) = accept(books, an_ask(books, "same"))

    bodies = {a.recorded.body for a in (one, two, three) if isinstance(a, Accepted)}
    assert len(bodies) == 1
    assert [isinstance(a, Accepted) and a.replayed for a in (one, two, three)] == [
        False,
        True,
        True,
    ]


def test_another_body_under_the_key_is_refused_and_leaves_nothing(books: Books) -> None:
    one, two = accept(books, an_ask(books, "k", 100), an_ask(books, "k", 200))
    (three,) = accept(books, an_ask(books, "k", 300))

    assert isinstance(one, Accepted)
    assert isinstance(two, KeyReused)
    assert isinstance(three, KeyReused)
    assert books.sql("SELECT amount FROM payments") == [{"amount": 100}]


def test_one_key_means_something_else_in_live_mode(books: Books) -> None:
    one, two = accept(books, an_ask(books, "k"), an_ask(books, "k", mode=Mode.LIVE))

    assert isinstance(one, Accepted)
    assert isinstance(two, Accepted)
    assert one.payment_id != two.payment_id


def test_an_active_order_refuses_a_second_payment_and_records_the_refusal(books: Books) -> None:
    first = an_ask(books, "k1", order_id="o-1")
    accept(books, first)
    rival = an_ask(books, "k2", order_id="o-1")
    (refused,) = accept(books, rival)
    (again,) = accept(books, an_ask(books, "k2", order_id="o-1"))

    assert isinstance(refused, Accepted)
    assert isinstance(again, Accepted)
    assert refused.recorded.status == again.recorded.status == 409
    assert refused.recorded.body == f"o-1 is active: {first.payment_id.hex}".encode()
    assert again.replayed
    assert again.recorded.body == refused.recorded.body


def test_two_payments_of_one_order_in_one_batch_are_one_payment_and_one_refusal(
    books: Books,
) -> None:
    asks = [an_ask(books, f"k{n}", order_id="o") for n in range(2)]
    answers = accept(books, *asks)

    statuses = sorted(a.recorded.status for a in answers if isinstance(a, Accepted))
    assert statuses == [202, 409]
    assert books.sql("SELECT count(*) AS n FROM payments") == [{"n": 1}]


def test_an_order_is_free_again_after_its_payment_has_failed(books: Books) -> None:
    accept(books, an_ask(books, "k1", order_id="o"))
    books.sql("UPDATE payments SET status = 'failed', next_run_at = NULL")
    (second,) = accept(books, an_ask(books, "k2", order_id="o"))

    assert isinstance(second, Accepted)
    assert second.recorded.status == 202


def test_one_bad_row_is_answered_alone(books: Books) -> None:
    stranger = an_ask(books, "bad", merchant_id=books.new_id())  # no such merchant: a foreign key
    answers = accept(books, an_ask(books, "a"), stranger, an_ask(books, "b"))

    assert isinstance(answers[0], Accepted)
    assert isinstance(answers[1], psycopg.errors.ForeignKeyViolation)
    assert isinstance(answers[2], Accepted)
    assert books.sql("SELECT count(*) AS n FROM idempotency_keys") == [{"n": 2}]


def test_a_duplicate_waits_for_the_first_commit_and_gets_its_answer(books: Books) -> None:
    async def race(door: Acceptance) -> list[list[Answer]]:
        return await asyncio.gather(*(door([an_ask(books, "raced")]) for _ in range(8)))

    answers = [batch[0] for batch in with_door(books, race)]

    assert len({a.recorded.body for a in answers if isinstance(a, Accepted)}) == 1
    assert sum(isinstance(a, Accepted) and not a.replayed for a in answers) == 1


def test_a_key_that_is_being_written_for_too_long_is_a_409_and_spoils_nobody_else(
    books: Books,
) -> None:
    with psycopg.connect(books.url) as slow:
        slow.execute(
            "INSERT INTO idempotency_keys (merchant_id, mode, key, fingerprint, status, body,"
            " resource_id, expires_at) VALUES (%s, 'test', 'held', '', 202, '', %s, now())",
            (MERCHANT, books.new_id()),
        )
        held, free = accept(books, an_ask(books, "held"), an_ask(books, "free"))
        slow.rollback()

    assert isinstance(held, KeyInFlight)
    assert isinstance(free, Accepted)


def test_a_lost_answer_to_commit_is_looked_up_before_anybody_is_told(books: Books) -> None:
    """The server commits, the connection dies before we hear of it: what is written counts."""
    ask = an_ask(books, "lost")

    async def lose(door: Acceptance) -> Sequence[Answer]:
        real = door._transaction

        async def cut(asks: Sequence[Ask]) -> Any:
            await real(asks)
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        door._transaction = cut  # type: ignore[method-assign]
        return await door([ask, an_ask(books, "lost", 999)])

    mine, other = with_door(books, lose)

    assert isinstance(mine, Accepted)
    assert mine.payment_id == ask.payment_id
    assert not mine.replayed
    assert isinstance(other, KeyReused)


def test_a_checkout_that_waits_for_its_merchant_is_no_job_before_it_expires(books: Books) -> None:
    customer, method = books.new_id(), books.new_id()
    books.sql(
        "INSERT INTO customers (id, merchant_id, mode) VALUES (:c, :m, 'test')",
        c=customer, m=MERCHANT,
    )  # fmt: skip
    books.sql(
        "INSERT INTO payment_methods (id, customer_id, merchant_id, mode, type, token, request_id)"
        " VALUES (:p, :c, :m, 'test', 'card', '', '')",
        p=method, c=customer, m=MERCHANT,
    )  # fmt: skip
    asked = Checkout(
        100, "USD", Method("card", "tok", None, "Ms Secret"), capture_method=CaptureMethod.MANUAL,
        confirm=False, kind="deposit", customer_id=customer, method_id=method,
        billing=Address("1 Secret Street"),
    )  # fmt: skip
    ask = an_ask(books, "k", checkout=asked)
    stranger = an_ask(books, "s", checkout=replace(asked, customer_id=books.new_id()))

    accepted, refused = accept(books, ask, stranger)

    assert isinstance(accepted, Accepted)
    assert isinstance(refused, psycopg.errors.ForeignKeyViolation)
    assert books.sql(
        "SELECT kind, capture_method, confirmed, customer_id, method_id,"
        " next_run_at = expires_at AND wake_at = expires_at AS sleeps FROM payments"
    ) == [
        {"kind": "deposit", "capture_method": "manual", "confirmed": False, "sleeps": True,
         "customer_id": customer, "method_id": method}
    ]  # fmt: skip
    with books.store.begin() as work:
        payment = work.payment(ask.payment_id)
        assert work.claim_payment(ask.payment_id, 1, 30) is None
    assert (payment.billing, payment.method.holder_name) == (asked.billing, "Ms Secret")


def test_nothing_secret_is_in_the_rows(books: Books) -> None:
    accept(books, an_ask(books, "k"))
    dump = str(books.sql("SELECT p.*, k.* FROM payments p, idempotency_keys k"))

    assert "tok_secret" not in dump
