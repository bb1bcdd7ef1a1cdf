"""What the database refuses by itself, whatever the code does."""

from __future__ import annotations

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import DBAPIError

from domain.attempt import HARMLESS, State
from domain.payment import MOVES, Status
from ops.migrate import downgrade, migrate
from ops.migrations.versions import names
from ops.store import tables
from tests.store.books import a_charge, a_payment
from tests.store.conftest import Books

pytestmark = pytest.mark.services
MOVED = """
INSERT INTO transactions (id, payment_id, attempt_id, type, amount, total, currency, gateway_id,
                          provider_id)
VALUES (:id, :p, :a, 'sale', :amount, :total, 'USD', 'one', 'x')
"""


def test_the_migrations_build_exactly_the_tables_of_the_code(books: Books) -> None:
    with books.engine.connect() as db:
        assert compare_metadata(MigrationContext.configure(db), tables.metadata) == []


def test_migrating_twice_changes_nothing_and_down_and_up_again_works(books: Books) -> None:
    at = migrate(books.url)
    downgrade(books.url, "base")
    assert books.sql("SELECT to_regclass('payments') AS gone") == [{"gone": None}]
    assert migrate(books.url) == migrate(books.url) == at == names()[-1]


@pytest.mark.parametrize("start", Status)
def test_only_the_legal_moves_are_possible(books: Books, start: Status) -> None:
    for end in Status:
        id_ = a_payment(books, status=start)
        captured = ", amount_authorized = amount, amount_captured = amount"
        move = f"UPDATE payments SET status = '{end}'{captured} WHERE id = :id"
        if end is start or end in MOVES[start]:
            books.sql(move, id=id_)
        else:
            with pytest.raises(DBAPIError, match="illegal move"):
                books.sql(move, id=id_)


@pytest.mark.parametrize("column", ["amount = 1", "currency = 'EUR'", "mode = 'live'"])
def test_what_was_asked_for_never_changes(books: Books, column: str) -> None:
    id_ = a_payment(books)
    with pytest.raises(DBAPIError, match="never changes"):
        books.sql(f"UPDATE payments SET {column} WHERE id = :id", id=id_)


@pytest.mark.parametrize(
    "sums",
    [
        "amount_captured = 1",
        "amount_authorized = amount + 1",
        "amount_authorized = 10, amount_captured = 10, amount_refunded = 11",
        "amount_authorized = 10, amount_captured = 10, amount_reversed = 11",
        "amount_refunded = -1",
        "amount_refund_pending = -1",
        "amount_reversed = -1",
    ],
)
def test_sums_that_cannot_be_are_refused(books: Books, sums: str) -> None:
    id_ = a_payment(books)
    with pytest.raises(DBAPIError, match="payments_sums"):
        books.sql(f"UPDATE payments SET {sums} WHERE id = :id", id=id_)


@pytest.mark.parametrize("state", State)
def test_law_1_a_second_charge_needs_the_first_proven_harmless(books: Books, state: State) -> None:
    id_ = a_payment(books)
    a_charge(books, id_, state=state, number=1)
    if state in HARMLESS:
        a_charge(books, id_, state=State.SENDING, number=2)
    else:
        with pytest.raises(DBAPIError, match="payment_attempts_one_open_charge"):
            a_charge(books, id_, state=State.SENDING, number=2)


def test_a_harmless_state_needs_its_proof(books: Books) -> None:
    with pytest.raises(DBAPIError, match="payment_attempts_proof"):
        a_charge(books, a_payment(books), state=State.DECLINED, proof=None)


def test_an_intent_never_changes(books: Books) -> None:
    attempt = a_charge(books, a_payment(books), state=State.SENDING)
    for change in ("amount = 1", "request = ''", "gateway_id = 'two'", "number = 9"):
        with pytest.raises(DBAPIError, match="an intent never changes"):
            books.sql(f"UPDATE payment_attempts SET {change} WHERE id = :id", id=attempt)


def test_an_attempt_is_confirmed_once_and_only_then_gets_other_times(books: Books) -> None:
    attempt = a_charge(books, a_payment(books), state=State.SENDING)
    change = "UPDATE payment_attempts SET {} WHERE id = :id"
    times = "send_before = send_before + interval '1 s', deadline_at = deadline_at"
    for refused in (times, f"confirming = true, {times}", "confirming = false"):
        with pytest.raises(DBAPIError, match="its times never change"):
            books.sql(change.format(refused), id=attempt)

    split = a_charge(books, a_payment(books), state=State.SENDING, confirming=False)
    with pytest.raises(DBAPIError, match="its times never change"):
        books.sql(change.format(times), id=split)
    books.sql(change.format(f"confirming = true, {times}"), id=split)
    with pytest.raises(DBAPIError, match="its times never change"):
        books.sql(change.format(f"confirming = true, {times}"), id=split)


def test_law_15_a_test_payment_cannot_use_a_live_gateway(books: Books) -> None:
    books.sql(
        "INSERT INTO gateways (id, provider, mode, base_url, credentials, webhook_scheme,"
        " webhook_secrets) VALUES ('live', 'sandbox', 'live', '', '', '{}', '')"
    )
    with pytest.raises(DBAPIError, match="payment_attempts_gateway"):
        a_charge(books, a_payment(books), state=State.SENDING, gateway="live")


@pytest.mark.parametrize("change", ["provider = 'stripe'", "mode = 'live'", "id = 'other'"])
def test_another_account_is_another_gateway(books: Books, change: str) -> None:
    with pytest.raises(DBAPIError, match="another account is another gateway"):
        books.sql(f"UPDATE gateways SET {change} WHERE id = 'one'")


def test_a_gateway_with_attempts_cannot_be_removed(books: Books) -> None:
    a_charge(books, a_payment(books), state=State.SENDING)
    books.sql("DELETE FROM gateway_routes WHERE gateway_id = 'one'")
    with pytest.raises(DBAPIError, match="foreign key"):
        books.sql("DELETE FROM gateways WHERE id = 'one'")


@pytest.mark.parametrize(
    "deed", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"]
)
@pytest.mark.parametrize(
    ("table", "column"),
    [("audit_logs", "action"), ("attempt_facts", "source"), ("transactions", "type")],
)
def test_history_is_append_only(books: Books, deed: str, table: str, column: str) -> None:
    attempt = a_charge(books, payment := a_payment(books), state=State.CAPTURED)
    books.sql(
        "INSERT INTO audit_logs (actor, actor_id, action, entity, entity_id, before, after, request_id)"
        " VALUES ('worker', 'w', 'a', 'e', 'i', '{}', '{}', '')"
    )
    books.sql(
        "INSERT INTO attempt_facts (attempt_id, source, outcome, told) VALUES (:a, 's', 'o', '{}')",
        a=attempt,
    )
    books.sql(MOVED, id=books.new_id(), p=payment, a=attempt, amount=1, total=1)
    with pytest.raises(DBAPIError, match="append-only"):
        books.sql(deed.format(table, column))


def test_the_same_movement_of_one_attempt_is_one_transaction(books: Books) -> None:
    attempt = a_charge(books, payment := a_payment(books), state=State.CAPTURED)
    said = {"p": payment, "a": attempt}
    books.sql(MOVED, id=books.new_id(), amount=1, total=1, **said)
    books.sql(MOVED, id=books.new_id(), amount=1, total=2, **said)  # it has grown
    with pytest.raises(DBAPIError) as refusal:
        books.sql(MOVED, id=books.new_id(), amount=1, total=1, **said)
    assert isinstance(refusal.value.orig, psycopg.errors.UniqueViolation)


def test_nothing_is_parked_without_a_reason_and_an_owner(books: Books) -> None:
    id_ = a_payment(books)
    with pytest.raises(DBAPIError, match="payments_parked"):
        books.sql(
            "UPDATE payments SET parked_at = now(), next_run_at = NULL WHERE id = :id", id=id_
        )
