"""What every adapter makes of its provider's list: exactly what the provider's own books have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from domain.attempt import Attempt, Operation
from domain.outcome import Pending, Succeeded
from domain.reconcile import Entry, Stands, Window
from domain.reconcile_books import Page, Unlisted
from domain.reconcile_ours import Move
from tests.contract.cases import only
from tests.contract.conftest import RIGS
from tests.contract.deeds import Deed, carried, charged, held, made, minor
from tests.contract.made import a_capture, within
from tests.contract.rigs import Rig, Scenario
from workers.gateways import Lists

#: What each provider's list shows, written from its documents; who is not in here has no list.
SHOWS: Final[Mapping[str, frozenset[Move]]] = {
    "paypal": frozenset(Move) - {Move.REFUND_FAILURE},
    "sandbox": frozenset(Move),
    "soapbank": frozenset(Move),
    "stripe": frozenset({Move.CHARGE, Move.CHARGEBACK, Move.REFUND, Move.PAYOUT}),
    "xendit": frozenset({Move.CHARGE, Move.CHARGEBACK, Move.REFUND, Move.PAYOUT}),
}
#: Whose list shows what moved, and nothing else: neither holds nor what was refused.
ONLY_MONEY: Final = frozenset({"paypal", "sandbox", "soapbank", "xendit"})
#: How many lines an adapter asks for at once; where the provider says how many, its own number.
PAGES: Final[Mapping[str, str]] = {
    "paypal": "workers.gateways.paypal.listing.PAGE",
    "sandbox": "workers.gateways.sandbox_listing.PAGE",
    "soapbank": "",
    "stripe": "workers.gateways.stripe.line.PAGE",
    "xendit": "workers.gateways.xendit.listing.PAGE",
}
MOST_PAGES: Final = 200

lists = only(lambda ways: ways.provider in SHOWS)


def everything(rig: Rig, window: Window) -> Iterator[Entry]:
    """Read a window to its last page."""
    adapter = rig.adapter
    assert isinstance(adapter, Lists)
    following: str | None = None
    for _ in range(MOST_PAGES):
        page = adapter.list_movements(window, following, within())
        assert isinstance(page, Page), page
        yield from page.entries
        following = page.following
        if following is None:
            return
    raise AssertionError("the list has no end")


def now() -> datetime:
    return datetime.now(UTC)


def since(began: datetime) -> Window:
    return Window(began - timedelta(seconds=2), now() + timedelta(minutes=1))


def paid_out(rig: Rig) -> Attempt:
    payout, outcome = carried(rig, made(rig, Deed.PAYOUT))
    if isinstance(outcome, Pending):
        rig.decides_payout(outcome.provider_id, succeeds=True)
    return payout


def given_back(rig: Rig) -> Attempt:
    refund, outcome = carried(rig, made(rig, Deed.REFUND))
    if isinstance(outcome, Pending):
        rig.decides_refund(outcome.provider_id, succeeds=True)
    return refund


def about(entries: list[Entry], attempt: Attempt) -> list[Entry]:
    """The lines about one attempt, by its name or by its id."""
    move = Move(attempt.operation.value)
    return [
        one
        for one in entries
        if one.move is move
        and (one.reference == attempt.reference or one.provider_id == attempt.provider_id)
    ]


def test_a_list_is_declared_where_there_is_one(rig: Rig) -> None:
    shows, listing = SHOWS.get(rig.ways.provider), rig.adapter.declaration.listing

    assert (listing.moves if listing else None) == shows
    assert isinstance(rig.adapter, Lists) is (shows is not None)
    assert set(SHOWS) <= set(RIGS)


@lists
def test_what_moved_is_listed_once_with_our_name_and_to_the_unit(rig: Rig) -> None:
    began = now()
    moved = [charged(rig)]
    if rig.ways.can(Operation.REFUND):
        moved.append(given_back(rig))
    if rig.ways.can(Operation.PAYOUT):
        moved.append(paid_out(rig))

    entries = list(everything(rig, since(began)))

    for attempt in moved:
        lines = about(entries, attempt)
        assert [(one.money, one.stands) for one in lines] == [(attempt.money, Stands.MOVED)]
        assert len(lines) == rig.done(attempt) == 1
        assert lines[0].reference in (attempt.reference, None)
        assert began - timedelta(seconds=5) <= lines[0].at <= now() + timedelta(seconds=5)
    counts = Counter((one.move, one.provider_id, one.line) for one in entries)
    assert set(counts.values()) == {1}


@lists
def test_a_charge_whose_answer_was_lost_is_found_by_our_name_and_can_be_asked_about(
    rig: Rig,
) -> None:
    began = now()
    charge = charged(rig)

    (named,) = (one for one in everything(rig, since(began)) if one.reference == charge.reference)

    assert named.money == charge.money
    found = rig.adapter.lookup(replace(charge, provider_id=named.provider_id), within())
    assert isinstance(found, Succeeded), found
    assert (found.provider_id, found.money) == (charge.provider_id, charge.money)


@only(lambda ways: ways.provider in SHOWS and ways.can(Operation.CAPTURE))
def test_a_hold_is_no_money_until_it_is_collected(rig: Rig) -> None:
    began = now()
    hold = held(rig)

    before = about(list(everything(rig, since(began))), hold)
    assert [one.stands for one in before] == (
        [] if rig.ways.provider in ONLY_MONEY else [Stands.HELD]
    )
    part = minor(rig.ways, 1000) if rig.ways.captures_in_part else None
    capture, outcome = carried(rig, a_capture(rig.adapter, hold, part))
    assert isinstance(outcome, Succeeded), outcome

    (after,) = about(list(everything(rig, since(began))), hold)
    assert (after.stands, after.money) == (Stands.MOVED, capture.money)


@only(lambda ways: ways.provider in SHOWS and ways.charges_back)
def test_a_chargeback_is_a_line_of_its_own(rig: Rig) -> None:
    began = now()
    charge = charged(rig)
    assert charge.provider_id is not None
    rig.charges_back(charge.provider_id, charge.money.minor)

    entries = list(everything(rig, since(began)))

    (back,) = (
        one
        for one in entries
        if one.move is Move.CHARGEBACK
        and (one.provider_id == charge.provider_id or one.reference == charge.reference)
    )
    assert back.money == charge.money
    assert len(about(entries, charge)) == 1


@only(lambda ways: ways.provider in SHOWS and ways.plays(Scenario.HARD_DECLINE, Operation.CHARGE))
def test_what_was_refused_is_never_listed_as_money(rig: Rig) -> None:
    began = now()
    rig.plays(Scenario.HARD_DECLINE)
    attempt, _ = carried(rig, made(rig, Deed.SALE))

    stands = [one.stands for one in about(list(everything(rig, since(began))), attempt)]

    assert set(stands) <= {Stands.FAILED}


@lists
def test_only_the_window_is_listed(rig: Rig) -> None:
    charge = charged(rig)
    later = Window(now() + timedelta(hours=1), now() + timedelta(hours=2))
    earlier = Window(now() - timedelta(hours=2), now() - timedelta(hours=1))

    for window in (later, earlier):
        assert about(list(everything(rig, window)), charge) == []


@only(lambda ways: bool(PAGES.get(ways.provider)))
def test_pages_follow_one_another_without_a_gap(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    began = now()
    charges = [charged(rig) for _ in range(5)]
    whole = list(everything(rig, since(began)))
    monkeypatch.setattr(PAGES[rig.ways.provider], 2)

    paged = list(everything(rig, since(began)))

    assert paged == whole
    assert all(len(about(paged, charge)) == 1 for charge in charges)


@lists
def test_a_list_that_cannot_be_read_says_nothing(rig: Rig) -> None:
    window = since(now())
    stranger = rig.stranger()
    assert isinstance(stranger, Lists)
    refused = stranger.list_movements(window, None, within())
    stranger.close()
    assert isinstance(rig.adapter, Lists)
    rig.fails_next_read()

    failed = rig.adapter.list_movements(window, None, within())

    assert isinstance(refused, Unlisted)
    assert isinstance(failed, Unlisted)
