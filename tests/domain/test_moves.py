"""The life of a payment: the same table in the code, in the database and in the design."""

from __future__ import annotations

from importlib import import_module

import pytest

from domain.attempt import BLOCKING, HARMLESS, State
from domain.errors import IllegalMove
from domain.payment import CHARGEABLE, FINAL, INACTIVE, MOVES, Failure, Status
from tests.builders import a_payment

#: The published table, spelled out by hand: the base moves, then those that were added.
PUBLISHED = """
pending > in_review processing cancelled expired failed
in_review > processing cancelled failed
processing > requires_action authorized captured failed cancelled expired
requires_action > processing authorized captured failed cancelled expired
authorized > captured cancelled expired failed
captured > partially_refunded refunded
partially_refunded > partially_refunded refunded

processing > in_review
requires_action > in_review
authorized > in_review
in_review > authorized captured processing cancelled failed expired
refunded > captured partially_refunded
partially_refunded > captured partially_refunded
captured > reversed
partially_refunded > reversed
refunded > reversed
"""


def moves(table: str) -> set[tuple[Status, Status]]:
    found = set()
    for line in filter(None, table.splitlines()):
        start, _, ends = line.partition(">")
        found |= {(Status(start.strip()), Status(end)) for end in ends.split()}
    return found


OURS = {(start, end) for start, ends in MOVES.items() for end in ends}


def test_the_moves_are_the_published_ones() -> None:
    assert moves(PUBLISHED) == OURS


def test_the_database_allows_exactly_the_same_moves() -> None:
    guards = import_module("ops.migrations.versions.0002_guards")
    theirs = {
        (Status(start), Status(end))
        for start, end in (move.split(">") for move in guards.MOVES.split())
    }

    # A trigger sees no move where the status stays what it is.
    assert theirs == {(start, end) for start, end in OURS if start is not end}


@pytest.mark.parametrize("start", Status)
@pytest.mark.parametrize("end", Status)
def test_a_payment_makes_legal_moves_only(start: Status, end: Status) -> None:
    payment = a_payment(status=start)

    if end is start or (start, end) in OURS:
        assert payment.moved(end).status is end
    else:
        with pytest.raises(IllegalMove, match=f"from {start} to {end}"):
            payment.moved(end)


def test_without_money_the_end_is_the_end() -> None:
    for status in (Status.FAILED, Status.CANCELLED, Status.EXPIRED, Status.REVERSED):
        assert not MOVES[status]


def test_a_payment_goes_on_from_every_status_that_is_not_final() -> None:
    for status in Status:
        assert a_payment(status=status).final is (status in FINAL)
        if status not in FINAL:
            assert MOVES[status] & FINAL


def test_a_payment_is_charged_only_where_it_can_become_processing() -> None:
    assert {Status.PENDING, Status.PROCESSING} == CHARGEABLE
    assert INACTIVE < FINAL
    assert not CHARGEABLE & FINAL


def test_an_ended_payment_is_due_no_more_and_keeps_its_reason() -> None:
    failure = Failure("declined", "the payment was declined")
    waiting = a_payment(status=Status.PROCESSING, action_url="https://pay.example")

    ended = waiting.ended(Status.FAILED, failure)

    assert (ended.status, ended.failure, ended.action_url) == (Status.FAILED, failure, None)
    assert ended.due.next_run_at is None


def test_the_states_of_an_attempt_block_or_are_harmless() -> None:
    assert set(BLOCKING) | set(HARMLESS) == set(State)
    assert {
        State.SENDING,
        State.PENDING,
        State.REQUIRES_ACTION,
        State.UNKNOWN,
        State.AUTHORIZED,
        State.CAPTURED,
        State.SUCCEEDED,
        State.REVERSED,
        State.RETURNED,
    } == set(BLOCKING)


def test_secrets_stay_out_of_repr() -> None:
    shown = repr(a_payment(action_url="https://pay.example/secret"))

    assert "secret" not in shown
