"""Whoever asks at the same time: nothing goes back, out, or into the books twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from domain.attempt import Operation, State
from domain.errors import KeyInFlight, NotFound
from domain.idempotency import Recorded
from domain.money import CURRENCIES, Money
from domain.payment import Mode, Status
from domain.refund import RefundKind, rebalanced
from domain.review import Decision
from ops.store.work.session import StaleWrite
from tests.store.books import a_case, a_payment, an_attempt, asked_back, new_refund, paid
from tests.store.conftest import MERCHANT, Books

pytestmark = pytest.mark.services
Value = TypeVar("Value")
MANY = 50


def at_once(deed: Callable[[int], Value], many: int = MANY) -> list[Value]:
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(deed, range(many)))


def test_fifty_refunds_at_once_never_pass_what_was_captured(books: Books) -> None:
    payment, charge = paid(books)

    def ask(_: int) -> bool:
        refund = new_refund(books, payment, charge, money=Money(70, CURRENCIES["USD"]))
        with books.store.begin() as work:
            held = work.lock_payment(payment)
            if held.refundable < refund.money.minor:
                return False
            work.add_refund(refund)
            work.save_payment(rebalanced(held, None, refund))
            return True

    assert sum(at_once(ask)) == 14  # 980 of 1000
    (sums,) = books.sql(
        "SELECT amount_refund_pending AS pending, (SELECT sum(amount)::int FROM refunds) AS asked"
        "  FROM payments"
    )
    assert sums == {"pending": 980, "asked": 980}


def test_fifty_that_do_not_ask_what_is_left_are_stopped_by_the_database(books: Books) -> None:
    payment, charge = paid(books)

    def ask(_: int) -> bool:
        try:
            asked_back(books, payment, charge)
        except IntegrityError as error:
            return "more is asked back than is left" not in str(error)
        return True

    assert sum(at_once(ask)) == 2  # 800 of 1000
    assert books.sql("SELECT count(*) AS n FROM refunds") == [{"n": 2}]


def test_of_many_captures_and_voids_one_begins(books: Books) -> None:
    payment = a_payment(books, Status.AUTHORIZED, amount_authorized=1000)

    def begin(n: int) -> bool:
        operation = Operation.VOID if n % 2 else Operation.CAPTURE
        try:
            an_attempt(books, operation, State.SENDING, payment_id=payment, number=n)
        except IntegrityError:
            return False
        return True

    assert sum(at_once(begin)) == 1


def test_late_money_is_given_back_once_and_the_others_hear_it(books: Books) -> None:
    payment, charge = paid(books)

    def give_back(_: int) -> bool:
        with books.store.begin() as work:
            return work.add_refund(new_refund(books, payment, charge, kind=RefundKind.LATE))

    assert sum(at_once(give_back)) == 1
    (row,) = books.sql("SELECT amount_refund_pending FROM payments")
    assert row == {"amount_refund_pending": 0}


def test_a_question_is_asked_once_and_answered_once(books: Books) -> None:
    payment = a_payment(books)

    def ask(_: int) -> bool:
        with books.store.begin() as work:
            return work.open_case(a_case(payment, books.new_id()))

    def decide(n: int) -> bool:
        decision = Decision.APPROVED if n % 2 else Decision.REJECTED
        with books.store.begin() as work:
            cases = work.open_cases(payment)
            decided = [
                work.decide_case(
                    replace(case, decision=decision, decided_by=str(n), decided_at=work.now)
                )
                for case in cases
            ]
            return any(decided)

    assert sum(at_once(ask)) == 1
    assert sum(at_once(decide)) == 1


def test_one_wins_the_key_and_the_others_get_its_answer(books: Books) -> None:
    def ask(n: int) -> tuple[bool, bytes]:
        answer = Recorded(b"the same request", 202, f"answer {n}".encode())
        with books.store.begin() as work:
            known = work.win_key(MERCHANT, Mode.TEST, "k", answer.fingerprint)
            if known is not None:
                return False, known.recorded.body
            work.record_key(MERCHANT, Mode.TEST, "k", books.new_id(), answer)
            return True, answer.body

    answers = at_once(ask)
    assert sum(won for won, _ in answers) == 1
    assert len({body for _, body in answers}) == 1
    (row,) = books.sql("SELECT status, expires_at > now() + '29 d' AS kept FROM idempotency_keys")
    assert row == {"status": 202, "kept": True}


def test_a_key_whose_winner_gives_up_is_free_again(books: Books) -> None:
    def refused() -> None:
        with books.store.begin() as work:
            assert work.win_key(MERCHANT, Mode.TEST, "k", b"f") is None
            work.lock_payment(books.new_id())

    with pytest.raises(NotFound):
        refused()
    with books.store.begin() as work:
        assert work.win_key(MERCHANT, Mode.TEST, "k", b"g") is None
        work.record_key(MERCHANT, Mode.TEST, "k", MERCHANT, Recorded(b"g", 202, b"{}"))
    with books.store.begin() as work:
        known = work.win_key(MERCHANT, Mode.TEST, "k", b"g")
        assert known is not None
        assert (known.recorded, known.resource_id) == (Recorded(b"g", 202, b"{}"), MERCHANT)
        assert work.win_key(MERCHANT, Mode.LIVE, "k", b"g") is None  # another mode, another key
        work.record_key(MERCHANT, Mode.LIVE, "k", MERCHANT, Recorded(b"g", 409, b"no"))


def test_a_key_that_is_being_written_for_too_long_is_in_flight(books: Books) -> None:
    with psycopg.connect(books.url) as slow:
        slow.execute(
            "INSERT INTO idempotency_keys (merchant_id, mode, key, fingerprint, status, body,"
            " resource_id, expires_at) VALUES (%s, 'test', 'k', '', 202, '', %s, now())",
            (MERCHANT, MERCHANT),
        )
        with pytest.raises(KeyInFlight), books.store.begin() as work:
            work.win_key(MERCHANT, Mode.TEST, "k", b"f")
        slow.rollback()


def test_a_key_whose_wait_ends_with_its_statement_is_in_flight_too(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.store.work.keys.KEY_WAIT_MS", 60_000)

    def win_within(ms: int) -> None:
        with books.store.begin() as work:
            work._db.exec_driver_sql(f"SET LOCAL statement_timeout = {ms}")
            work.win_key(MERCHANT, Mode.TEST, "k", b"f")

    with psycopg.connect(books.url) as slow:
        slow.execute(
            "INSERT INTO idempotency_keys (merchant_id, mode, key, fingerprint, status, body,"
            " resource_id, expires_at) VALUES (%s, 'test', 'k', '', 202, '', %s, now())",
            (MERCHANT, MERCHANT),
        )
        with pytest.raises(KeyInFlight):
            win_within(200)
        slow.rollback()


def test_a_key_that_was_won_must_be_answered_and_its_answer_stays(books: Books) -> None:
    with pytest.raises(StaleWrite, match="not answered"), books.store.begin() as work:
        work.win_key(MERCHANT, Mode.TEST, "k", b"f")
    assert books.sql("SELECT * FROM idempotency_keys") == []
    answer = Recorded(b"f", 202, b"{}")
    with pytest.raises(StaleWrite), books.store.begin() as work:
        work.record_key(MERCHANT, Mode.TEST, "k", MERCHANT, answer)
    with books.store.begin() as work:
        work.win_key(MERCHANT, Mode.TEST, "k", b"f")
        with pytest.raises(KeyInFlight):
            work.win_key(MERCHANT, Mode.TEST, "k", b"f")
        work.record_key(MERCHANT, Mode.TEST, "k", MERCHANT, answer)
    with pytest.raises(StaleWrite), books.store.begin() as work:
        work.record_key(MERCHANT, Mode.TEST, "k", MERCHANT, replace(answer, status=409))


def test_only_the_wait_for_a_key_is_bounded_more_tightly(books: Books) -> None:
    with books.store.begin() as work:
        before = work._db.exec_driver_sql("SHOW lock_timeout").scalar_one()
        work.win_key(MERCHANT, Mode.TEST, "k", b"f")
        work.record_key(MERCHANT, Mode.TEST, "k", MERCHANT, Recorded(b"f", 202, b"{}"))
        assert work._db.exec_driver_sql("SHOW lock_timeout").scalar_one() == before != "2s"
