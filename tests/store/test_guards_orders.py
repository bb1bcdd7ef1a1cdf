"""What the database refuses of refunds, payouts, reviews and operations, whatever the code does."""

from __future__ import annotations

from importlib import import_module

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError

from domain.attempt import HARMLESS, Operation, State
from domain.payment import Status
from domain.payout import PAYOUT_MOVES, PayoutStatus
from domain.refund import REFUND_MOVES, RefundKind, RefundStatus
from ops.store import order_rows, tables
from tests.store.books import (
    a_case,
    a_charge,
    a_payment,
    a_payout,
    an_attempt,
    asked_back,
    new_refund,
    paid,
)
from tests.store.conftest import Books

pytestmark = pytest.mark.services
GUARDS = import_module("ops.migrations.versions.0006_life_guards")


def past_the_sums(books: Books, statement: str, **values: object) -> None:
    """Change a refund without its payment: only the moves themselves are looked at."""
    books.sql("ALTER TABLE refunds DISABLE TRIGGER refunds_add_up")
    try:
        books.sql(statement, **values)
    finally:
        books.sql("ALTER TABLE refunds ENABLE TRIGGER refunds_add_up")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [(GUARDS.REFUND_MOVES, REFUND_MOVES), (GUARDS.PAYOUT_MOVES, PAYOUT_MOVES)],
    ids=["refund", "payout"],
)
def test_the_database_allows_exactly_the_same_moves(
    theirs: str, ours: dict[object, frozenset[object]]
) -> None:
    assert set(theirs.split()) == {f"{start}>{end}" for start in ours for end in ours[start]}


@pytest.mark.parametrize("start", RefundStatus)
def test_a_refund_makes_legal_moves_only(books: Books, start: RefundStatus) -> None:
    move = "UPDATE refunds SET status = :end WHERE id = :id"
    for end in RefundStatus:
        payment, charge = paid(books)
        values = order_rows.refund_insert(
            new_refund(books, payment, charge, status=start, kind=RefundKind.LATE)
        )
        with books.engine.begin() as db:
            db.execute(insert(tables.refunds).values(values))
        if end is start or end in REFUND_MOVES[start]:
            books.sql(move, id=values["id"], end=end.value)
        else:
            with pytest.raises(DBAPIError, match="illegal move"):
                books.sql(move, id=values["id"], end=end.value)


@pytest.mark.parametrize("start", PayoutStatus)
def test_a_payout_makes_legal_moves_only(books: Books, start: PayoutStatus) -> None:
    move = "UPDATE payouts SET status = :end WHERE id = :id"
    for end in PayoutStatus:
        payout = a_payout(books, status=start)
        if end is start or end in PAYOUT_MOVES[start]:
            books.sql(move, id=payout.id, end=end.value)
        else:
            with pytest.raises(DBAPIError, match="illegal move"):
                books.sql(move, id=payout.id, end=end.value)


@pytest.mark.parametrize(
    "change",
    ["amount = 1", "currency = 'EUR'", "kind = 'late'", "mode = 'live'", "gateway_id = 'two'",
     "reason = 'x'", "requested_by = 'x'", "created_at = now()"],
)  # fmt: skip
def test_what_was_asked_of_a_refund_never_changes(books: Books, change: str) -> None:
    refund = asked_back(books, *paid(books))
    with pytest.raises(DBAPIError, match="never changes"):
        books.sql(f"UPDATE refunds SET {change} WHERE id = :id", id=refund.id)


@pytest.mark.parametrize(
    "change",
    ["amount = 1", "currency = 'EUR'", "mode = 'live'", "destination = ''", "reference = 'x'",
     "destination_type = 'x'", "expires_at = now()"],
)  # fmt: skip
def test_what_was_asked_of_a_payout_never_changes(books: Books, change: str) -> None:
    payout = a_payout(books)
    with pytest.raises(DBAPIError, match="never changes"):
        books.sql(f"UPDATE payouts SET {change} WHERE id = :id", id=payout.id)


@pytest.mark.parametrize(
    "change",
    ["refund_id = gen_random_uuid()", "payout_id = gen_random_uuid()", "target = 'x'",
     "captures = false", "merchant_id = gen_random_uuid()"],
)  # fmt: skip
def test_what_an_attempt_is_for_never_changes(books: Books, change: str) -> None:
    attempt = a_charge(books, a_payment(books), state=State.SENDING)
    with pytest.raises(DBAPIError, match="an intent never changes"):
        books.sql(f"UPDATE payment_attempts SET {change} WHERE id = :id", id=attempt)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("second", [Operation.CAPTURE, Operation.VOID])
def test_law_1_a_hold_has_one_open_capture_or_void(
    books: Books, state: State, second: Operation
) -> None:
    payment = a_payment(books, Status.AUTHORIZED, amount_authorized=1000)
    an_attempt(books, Operation.CAPTURE, state, payment_id=payment)
    if state in HARMLESS:
        an_attempt(books, second, State.SENDING, payment_id=payment, number=2)
    else:
        with pytest.raises(DBAPIError, match="payment_attempts_one_open_hold"):
            an_attempt(books, second, State.SENDING, payment_id=payment, number=2)


@pytest.mark.parametrize("state", State)
def test_law_1_a_refund_has_one_open_attempt(books: Books, state: State) -> None:
    payment, charge = paid(books)
    refund = asked_back(books, payment, charge)
    owner = {"payment_id": payment, "refund_id": refund.id}
    an_attempt(books, Operation.VOID, state, **owner)
    if state in HARMLESS:
        an_attempt(books, Operation.REFUND, State.SENDING, **owner)
    else:
        with pytest.raises(DBAPIError, match="payment_attempts_one_open_refund"):
            an_attempt(books, Operation.REFUND, State.SENDING, **owner)
    # Another refund of the payment has a place of its own, and so has the payment's hold.
    other = asked_back(books, payment, charge)
    more = {"payment_id": payment, "refund_id": other.id, "number": 7}
    an_attempt(books, Operation.REFUND, State.SENDING, **more)


@pytest.mark.parametrize("state", State)
def test_law_1_a_payout_has_one_open_attempt(books: Books, state: State) -> None:
    payout = a_payout(books)
    an_attempt(books, Operation.PAYOUT, state, payout_id=payout.id)
    if state in HARMLESS:
        an_attempt(books, Operation.PAYOUT, State.SENDING, payout_id=payout.id, number=2)
    else:
        with pytest.raises(DBAPIError, match="payment_attempts_one_open_payout"):
            an_attempt(books, Operation.PAYOUT, State.SENDING, payout_id=payout.id, number=2)


def test_a_number_is_given_once_per_operation_and_per_payout(books: Books) -> None:
    payment, payout = a_payment(books), a_payout(books)
    an_attempt(books, Operation.CAPTURE, State.DECLINED, payment_id=payment)
    an_attempt(books, Operation.VOID, State.DECLINED, payment_id=payment)
    with pytest.raises(DBAPIError, match="payment_attempts_number"):
        an_attempt(books, Operation.CAPTURE, State.DECLINED, payment_id=payment)
    an_attempt(books, Operation.PAYOUT, State.DECLINED, payout_id=payout.id)
    with pytest.raises(DBAPIError, match="payment_attempts_payout_number"):
        an_attempt(books, Operation.PAYOUT, State.DECLINED, payout_id=payout.id)


def test_an_attempt_belongs_to_exactly_one_thing(books: Books) -> None:
    (payment, charge), payout = paid(books), a_payout(books)
    refund = asked_back(books, payment, charge)
    wrong: list[tuple[Operation, dict[str, object]]] = [
        (Operation.CAPTURE, {}),
        (Operation.PAYOUT, {}),
        (Operation.PAYOUT, {"payment_id": payment}),
        (Operation.PAYOUT, {"payment_id": payment, "payout_id": payout.id}),
        (Operation.CAPTURE, {"payout_id": payout.id}),
        (Operation.REFUND, {"payment_id": payment}),
        (Operation.CAPTURE, {"payment_id": payment, "refund_id": refund.id}),
        (Operation.PAYOUT, {"payout_id": payout.id, "refund_id": refund.id}),
    ]
    for operation, owner in wrong:
        with pytest.raises(DBAPIError, match="payment_attempts_root"):
            an_attempt(books, operation, State.SENDING, **owner)


def test_law_15_nothing_refers_to_anybody_elses(books: Books) -> None:
    (payment, charge), (other, _), payout = paid(books), paid(books), a_payout(books)
    refund = asked_back(books, payment, charge)
    stranger = {"merchant_id": books.new_id()}
    live = {"mode": "live"}
    for wrong, law in (
        ({"payment_id": other, "refund_id": refund.id}, "payment_attempts_refund"),
        ({"payment_id": payment, "refund_id": refund.id, **stranger}, "payment_attempts_payment"),
        ({"payment_id": payment, "refund_id": refund.id, **live}, "payment_attempts_"),
    ):
        with pytest.raises(DBAPIError, match=law):
            an_attempt(books, Operation.REFUND, State.SENDING, **wrong)
    with pytest.raises(DBAPIError, match="payment_attempts_payout"):
        an_attempt(books, Operation.PAYOUT, State.SENDING, payout_id=payout.id, **stranger)
    for alien, law in ((stranger, "refunds_payment"), (live, "refunds_")):
        values = order_rows.refund_insert(new_refund(books, payment, charge)) | alien
        with pytest.raises(DBAPIError, match=law), books.engine.begin() as db:
            db.execute(insert(tables.refunds).values(values))
    with pytest.raises(DBAPIError, match="payouts_gateway"):
        a_payout(books, gateway_id="nowhere")


@pytest.mark.parametrize("wrong", ["another payment's", "no charge", "another currency"])
def test_a_refund_is_of_a_charge_of_its_payment(books: Books, wrong: str) -> None:
    (payment, charge), (_, theirs) = paid(books), paid(books)
    capture = an_attempt(books, Operation.CAPTURE, State.SUCCEEDED, payment_id=payment)
    charge_id = {"another payment's": theirs, "no charge": capture}.get(wrong, charge)
    currency = "EUR" if wrong == "another currency" else "USD"
    refund = new_refund(books, payment, charge_id)
    values = order_rows.refund_insert(refund) | {"currency": currency}
    with pytest.raises(DBAPIError, match="not of a charge"), books.engine.begin() as db:
        db.execute(insert(tables.refunds).values(values))


def test_law_6_a_request_never_asks_back_more_than_is_left(books: Books) -> None:
    payment, charge = paid(books)
    books.sql(
        "UPDATE payments SET status = 'reversed', amount_reversed = 700 WHERE id = :id", id=payment
    )
    with pytest.raises(DBAPIError, match="more is asked back than is left"):
        asked_back(books, payment, charge)  # 400 of the 300 that are left
    assert books.sql("SELECT * FROM refunds") == []


def test_law_6_a_providers_word_may_pass_the_sum(books: Books) -> None:
    payment, charge = paid(books)
    asked_back(books, payment, charge)
    books.sql(
        "UPDATE payments SET status = 'reversed', amount_reversed = 1000 WHERE id = :id", id=payment
    )
    (row,) = books.sql("SELECT amount_refund_pending, amount_reversed FROM payments")
    assert row == {"amount_refund_pending": 400, "amount_reversed": 1000}


def test_refunds_and_their_payments_sums_add_up_at_every_commit(books: Books) -> None:
    payment, charge = paid(books)
    refund = asked_back(books, payment, charge)
    for change in (
        "UPDATE refunds SET status = 'failed' WHERE id = :id",
        "UPDATE payments SET amount_refund_pending = 399 WHERE id = :p",
        "UPDATE payments SET amount_refund_pending = 0, amount_refunded = 400 WHERE id = :p",
    ):
        with pytest.raises(DBAPIError, match="do not add up"):
            books.sql(change, id=refund.id, p=payment)
    with pytest.raises(DBAPIError, match="do not add up"), books.store.begin() as work:
        work.add_refund(new_refund(books, payment, charge))
    past_the_sums(books, "UPDATE refunds SET status = 'failed' WHERE id = :id", id=refund.id)
    books.sql("UPDATE payments SET amount_refund_pending = 0 WHERE id = :p", p=payment)


def test_law_9_late_money_of_a_charge_goes_back_once(books: Books) -> None:
    payment, charge = paid(books)
    asked_back(books, payment, charge, kind=RefundKind.LATE)
    values = order_rows.refund_insert(new_refund(books, payment, charge, kind=RefundKind.LATE))
    with pytest.raises(DBAPIError, match="refunds_late_once"), books.engine.begin() as db:
        db.execute(insert(tables.refunds).values(values))


def test_a_case_is_open_once_per_kind_and_a_decision_is_final(books: Books) -> None:
    payment, id_ = a_payment(books), books.new_id()
    with books.store.begin() as work:
        assert work.open_case(a_case(payment, id_))
    columns = "payment_id, kind, reason, opened_at"
    again = f"INSERT INTO review_cases (id, {columns}) SELECT :new, {columns} FROM review_cases"
    with pytest.raises(DBAPIError, match="review_cases_one_open"):
        books.sql(again, new=books.new_id())
    with pytest.raises(DBAPIError, match="review_cases_decided"):
        books.sql("UPDATE review_cases SET decision = 'approved'")
    with pytest.raises(DBAPIError, match="a question never changes"):
        books.sql("UPDATE review_cases SET found_held = true")
    decide = "UPDATE review_cases SET decision = :said, decided_by = 'x', decided_at = now()"
    books.sql(decide, said="approved")
    with pytest.raises(DBAPIError, match="a decision is final"):
        books.sql(decide, said="rejected")
