"""Matching: every planted discrepancy is found and named, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.attempt import Operation, State
from domain.facts import Movement
from domain.money import CURRENCIES, Money
from domain.payment import Mode
from domain.reconcile import (
    Compared,
    Difference,
    Entry,
    Finding,
    Scope,
    Stands,
    Window,
)
from domain.reconcile_compare import compare
from domain.reconcile_ours import Move, Moved, Ours, Tried, ours_of

DAY = datetime(2026, 3, 31, tzinfo=UTC)
NEXT = DAY + timedelta(days=1)
NOW = NEXT + timedelta(hours=6)
WINDOW = Window(DAY, NEXT)
SCOPE = Scope(Window(DAY - timedelta(hours=1), NEXT), WINDOW, frozenset(Move), NOW)

#: What an attempt leaves behind when all goes well.
SHAPES: dict[str, tuple[Operation, State, bool, tuple[Movement, ...]]] = {
    "sale": (Operation.CHARGE, State.CAPTURED, True, (Movement.SALE,)),
    "capture": (Operation.CHARGE, State.CAPTURED, False, (Movement.CAPTURE,)),
    "chargeback": (
        Operation.CHARGE,
        State.REVERSED,
        True,
        (Movement.SALE, Movement.CHARGEBACK),
    ),
    "refund": (Operation.REFUND, State.SUCCEEDED, True, (Movement.REFUND,)),
    "lost refund": (
        Operation.REFUND,
        State.RETURNED,
        True,
        (Movement.REFUND, Movement.REFUND_FAILURE),
    ),
    "payout": (Operation.PAYOUT, State.SUCCEEDED, True, (Movement.PAYOUT,)),
    "lost payout": (
        Operation.PAYOUT,
        State.RETURNED,
        True,
        (Movement.PAYOUT, Movement.PAYOUT_FAILURE),
    ),
}


def usd(minor: int) -> Money:
    return Money(minor, CURRENCIES["USD"])


def tried(number: int, shape: str = "sale", **changes: Any) -> Tried:
    operation, state, captures, movements = SHAPES[shape]
    sent = DAY + timedelta(minutes=number % 1_000, hours=1)
    quiet = Tried(
        attempt_id=UUID(int=number),
        operation=operation,
        state=state,
        money=usd(1_000 + number),
        captures=captures,
        sent_at=sent,
        deadline_at=sent + timedelta(seconds=12),
        provider_id=f"id_{number}",
        payment_id=None if operation is Operation.PAYOUT else UUID(int=number),
        refund_id=UUID(int=number) if operation is Operation.REFUND else None,
        payout_id=UUID(int=number) if operation is Operation.PAYOUT else None,
        merchant_id=UUID(int=1),
        mode=Mode.TEST,
        moved=tuple(Moved(kind, 1_000 + number, sent + timedelta(seconds=1)) for kind in movements),
    )
    return replace(quiet, **changes)


def unknown(number: int) -> Tried:
    """A charge whose answer was lost, and with it the provider's id."""
    return tried(number, state=State.UNKNOWN, provider_id=None, moved=())


def listed(ours: Ours, **changes: Any) -> Entry:
    """The line that a provider has for one of ours."""
    at = ours.moved_at or ours.sent_at
    quiet = Entry(
        ours.move,
        ours.provider_id or f"id_{ours.tried.attempt_id.int}",
        ours.money,
        at,
        reference=ours.reference,
    )
    return replace(quiet, **changes)


def found(entries: list[Entry], ours: list[Ours], scope: Scope = SCOPE) -> list[Finding]:
    return list(compare(entries, ours, scope).findings)


#: How a line of the list is spoilt, and what that must be called; None: the line is gone.
Spoil = Callable[[Entry], Entry | None]
SPOILS: dict[Difference, Spoil] = {
    Difference.AMOUNT: lambda line: replace(line, money=usd(line.money.minor + 1)),
    Difference.CURRENCY: lambda line: replace(
        line, money=Money(line.money.minor, CURRENCIES["EUR"])
    ),
    Difference.STATUS: lambda line: replace(line, stands=Stands.PENDING),
    Difference.MISSING_THERE: lambda line: None,
}


@settings(max_examples=80, deadline=None)
@given(
    shapes=st.lists(st.sampled_from(sorted(SHAPES)), max_size=25),
    plants=st.lists(st.sampled_from([None, None, *Difference]), min_size=60, max_size=60),
    named=st.booleans(),
    shuffle=st.integers(0, 10**6),
)
def test_what_is_planted_is_found_and_nothing_else(
    shapes: list[str], plants: list[Difference | None], named: bool, shuffle: int
) -> None:
    ours = [one for n, shape in enumerate(shapes, 1) for one in ours_of(tried(n, shape))]
    lines: list[Entry] = []
    wanted: set[tuple[str, Difference]] = set()
    for one, plant in zip(ours, plants, strict=False):
        line = listed(one, reference=one.reference if named else None)
        subject = f"{line.move}:{line.provider_id}"
        if plant is Difference.MISSING_HERE:
            stranger = replace(line, provider_id=f"strange_{line.provider_id}", reference=None)
            lines += [line, stranger]
            wanted.add((f"{line.move}:{stranger.provider_id}", plant))
        elif plant is None:
            lines.append(line)
        else:
            spoilt = SPOILS[plant](line)
            lines += [] if spoilt is None else [spoilt]
            wanted.add((subject, plant))
    Random(shuffle).shuffle(lines)

    compared = compare(lines, ours, SCOPE)

    assert {finding.key for finding in compared.findings} == wanted
    assert len(compared.findings) == len(wanted)
    assert not compared.agreed & {subject for subject, kind in wanted}
    assert not compared.uncovered


@settings(max_examples=30, deadline=None)
@given(shapes=st.lists(st.sampled_from(sorted(SHAPES)), max_size=20), twice=st.booleans())
def test_books_that_agree_have_no_findings_whatever_the_pages(
    shapes: list[str], twice: bool
) -> None:
    ours = [one for n, shape in enumerate(shapes, 1) for one in ours_of(tried(n, shape))]
    lines = [listed(one, line=f"l{n}") for n, one in enumerate(ours)]

    compared = compare(lines + lines * twice, ours, SCOPE)

    assert compared.findings == ()
    assert compared.agreed >= {f"{one.move}:{one.provider_id}" for one in ours}


def test_a_second_object_under_one_reference_is_money_that_we_do_not_know() -> None:
    (charge,) = ours_of(tried(1))
    twin = listed(charge, provider_id="id_twin")

    (double,) = found([listed(charge), twin], [charge])

    assert (double.difference, double.subject) == (Difference.MISSING_HERE, "charge:id_twin")
    assert "another object under the reference" in double.reason
    assert not double.asks


def test_a_lost_answer_is_asked_about_and_matched_by_our_reference() -> None:
    (lost,) = ours_of(unknown(1))

    (finding,) = found([listed(lost)], [lost])

    assert (finding.difference, finding.asks) == (Difference.STATUS, True)


def test_a_lost_answer_of_another_amount_is_called_by_its_amount_and_asked_about() -> None:
    (lost,) = ours_of(unknown(1))

    (finding,) = found([listed(lost, money=usd(7))], [lost])

    assert (finding.difference, finding.asks) == (Difference.AMOUNT, True)


def test_what_is_not_known_and_not_listed_is_asked_about_and_what_is_known_is_not() -> None:
    (lost,) = ours_of(unknown(1))
    (paid,) = ours_of(tried(2))

    finding, certain = found([], [lost, paid])

    assert (finding.difference, finding.asks) == (Difference.MISSING_THERE, True)
    assert (certain.difference, certain.asks) == (Difference.MISSING_THERE, False)
    assert "we do not know whether it moved" in finding.reason


@pytest.mark.parametrize(
    ("state", "stands", "differs"),
    [
        (State.AUTHORIZED, Stands.HELD, False),
        (State.LATE_SUCCESS, Stands.HELD, False),
        (State.AUTHORIZED, Stands.FAILED, True),
        (State.VOIDED, Stands.HELD, True),
        (State.UNKNOWN, Stands.HELD, True),
        (State.PENDING, Stands.PENDING, False),
        (State.REQUIRES_ACTION, Stands.PENDING, False),
        (State.UNKNOWN, Stands.PENDING, True),
        (State.DECLINED, Stands.PENDING, True),
        (State.DECLINED, Stands.FAILED, False),
        (State.NOT_CHARGED, Stands.FAILED, False),
        (State.PENDING, Stands.FAILED, True),
        (State.NOT_CHARGED, Stands.MOVED, True),
        (State.DECLINED, Stands.MOVED, True),
    ],
)
def test_what_has_not_moved_here_is_compared_by_how_it_stands_there(
    state: State, stands: Stands, differs: bool
) -> None:
    (ours,) = ours_of(tried(1, state=state, moved=()))

    findings = found([listed(ours, stands=stands)], [ours])

    assert [(f.difference, f.asks) for f in findings] == [(Difference.STATUS, True)] * differs


def test_a_refund_that_came_back_agrees_with_one_that_failed_there() -> None:
    (refund, _) = ours_of(tried(1, "lost refund"))

    assert found([listed(refund, stands=Stands.FAILED)], [refund]) == []


def test_the_parts_of_a_chargeback_are_added_up_and_a_part_alone_is_no_discrepancy() -> None:
    _, back = ours_of(tried(1, "chargeback"))
    whole = back.money.minor
    parts = [
        listed(back, money=usd(whole - 300), line="a"),
        listed(back, money=usd(300), line="b"),
    ]

    assert found(parts, [back]) == []
    assert found(parts[:1], [back]) == []
    (more,) = found([*parts, listed(back, money=usd(1), line="c")], [back])
    assert (more.difference, more.asks) == (Difference.AMOUNT, True)


@pytest.mark.parametrize(
    ("shape", "whole", "back"),
    [
        ("sale", Move.CHARGE, Move.CHARGEBACK),
        ("refund", Move.REFUND, Move.REFUND_FAILURE),
        ("payout", Move.PAYOUT, Move.PAYOUT_FAILURE),
    ],
)
@pytest.mark.parametrize("named", [True, False], ids=["by name", "by id"])
def test_money_that_came_back_unheard_is_asked_about(
    shape: str, whole: Move, back: Move, named: bool
) -> None:
    (ours,) = ours_of(tried(1, shape))
    assert ours.move is whole
    line = listed(ours, move=back, reference=ours.reference if named else None)
    if named:
        line = replace(line, provider_id="another")

    (finding,) = found([listed(ours), line], [ours])

    assert (finding.difference, finding.move) == (Difference.MISSING_HERE, back)
    assert (finding.ours, finding.asks) == (ours, True)


def test_any_part_of_a_hold_may_have_been_collected_but_no_more() -> None:
    (hold,) = ours_of(tried(1, "capture", state=State.AUTHORIZED, moved=()))

    (less,) = found([listed(hold, money=usd(5))], [hold])
    (more,) = found([listed(hold, money=usd(10**6))], [hold])

    assert (less.difference, less.asks) == (Difference.STATUS, True)
    assert (more.difference, more.asks) == (Difference.AMOUNT, True)


def test_refunds_that_a_provider_names_by_their_charge_are_told_apart() -> None:
    three = [ours_of(tried(n, "refund", provider_id="charge_1"))[0] for n in (1, 2, 3)]
    lines = [listed(one, reference=None) for one in reversed(three)]

    assert found(lines, three) == []
    (spoilt,) = found([*lines[:2], replace(lines[2], money=usd(9))], three)
    assert spoilt.difference is Difference.AMOUNT


def test_what_moved_after_the_lag_began_is_not_missed_yet() -> None:
    (charge,) = ours_of(tried(1))
    assert charge.moved_at is not None
    early = replace(SCOPE, judged=Window(DAY, charge.moved_at))

    assert compare([], [charge], early) == Compared(recent=1)
    assert [f.difference for f in found([], [charge])] == [Difference.MISSING_THERE]


def test_what_the_list_does_not_show_is_not_missed_on_it() -> None:
    (_, back) = ours_of(tried(1, "lost payout"))

    assert found([], [back], replace(SCOPE, moves=frozenset({Move.PAYOUT}))) == []


def test_what_was_sent_before_the_list_begins_is_left_to_a_question() -> None:
    (late,) = ours_of(tried(1, sent_at=DAY - timedelta(days=3)))

    compared = compare([], [late], SCOPE)

    assert (compared.findings, compared.uncovered) == ((), (late,))


def test_an_attempt_under_way_is_left_to_its_sender() -> None:
    sending = tried(1, state=State.SENDING, moved=(), provider_id=None)
    (ours,) = ours_of(replace(sending, deadline_at=NOW + timedelta(seconds=1)))
    (stale,) = ours_of(replace(sending, deadline_at=NOW - timedelta(seconds=1)))

    assert found([listed(ours)], [ours]) == []
    assert found([], [ours]) == []
    assert [f.asks for f in found([listed(stale)], [stale])] == [True]


def test_lines_about_nobody_without_money_are_nothing() -> None:
    (charge,) = ours_of(tried(1))
    lines = [listed(charge, stands=stands) for stands in (Stands.PENDING, Stands.FAILED)]

    assert found(lines, []) == []


def test_captures_and_voids_are_their_charges() -> None:
    for operation in (Operation.CAPTURE, Operation.VOID):
        assert ours_of(tried(1, operation=operation, moved=())) == ()


def test_a_window_is_cut_to_what_the_provider_takes() -> None:
    pieces = Window(DAY, DAY + timedelta(days=70)).pieces(timedelta(days=31))

    assert [(p.until - p.since).days for p in pieces] == [31, 31, 8]
    assert pieces[0].until == pieces[1].since
