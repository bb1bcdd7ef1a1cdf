"""Jobs: which gateway a row is about is known before anybody works on it."""

from __future__ import annotations

import pytest

from domain.attempt import State
from domain.commands import Command
from domain.payment import Status
from ops.store.jobs import TABLES, gateway_of
from tests.store.books import a_charge, a_payment
from tests.store.conftest import Books

pytestmark = pytest.mark.services


def test_the_gateway_of_a_row_is_where_its_money_is(books: Books) -> None:
    held = a_payment(books, Status.AUTHORIZED, gateway_id="two", amount_authorized=1_000)
    charge = a_charge(books, held, state=State.AUTHORIZED, gateway="two")

    assert gateway_of(books.engine, Command.CAPTURE, held) == "two"
    assert gateway_of(books.engine, Command.VOID, held) == "two"
    assert gateway_of(books.engine, Command.RESOLVE, charge) == "two"


@pytest.mark.parametrize("command", sorted(set(Command) - set(TABLES)))
def test_what_chooses_a_gateway_itself_or_calls_none_is_about_none(
    books: Books, command: Command
) -> None:
    held = a_payment(books, Status.AUTHORIZED, gateway_id="two", amount_authorized=1_000)

    assert gateway_of(books.engine, command, held) is None


@pytest.mark.parametrize("command", sorted(TABLES))
def test_a_row_that_is_not_there_is_about_no_gateway(books: Books, command: Command) -> None:
    assert gateway_of(books.engine, command, books.new_id()) is None
