"""The trail: what was told, in order, leads from each row's birth to where it stands (I4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from domain.attempt import KNOWLEDGE, State
from domain.ids import Kind, public
from domain.payment import MOVES, Status
from tests.model.world import World

#: What an entry calls the state of what it is about.
_WORDS: Final = {"payment": "status", "attempt": "state", "refund": "status", "payout": "status"}


def judge_trail(world: World) -> None:
    """Follow every row's audit entries. Raises `AssertionError` where one is missing."""
    now: dict[str, str] = {}
    for told in world.store.books.told:
        entry = told.entry
        word = _WORDS.get(entry.entity)
        if word is None or word not in entry.after:
            continue
        was, name = entry.before.get(word), entry.entity_id
        is_ = str(entry.after[word])
        if was is not None and name in now:
            assert now[name] == was, f"I4: {name} was {now[name]}, and its entry says {was}"
        if was is not None and entry.entity == "payment":
            _legal(name, Status(str(was)), Status(is_))
        if was is not None and entry.entity == "attempt":
            _grows(name, State(str(was)), State(is_))
        now[name] = is_
    for name, stands in _rows(world):
        assert now.get(name, stands) == stands, f"I4: {name} is {stands}, its trail {now[name]}"


def _legal(name: str, was: Status, is_: Status) -> None:
    assert is_ is was or is_ in MOVES[was], f"I4: {name} went from {was} to {is_}"


def _grows(name: str, was: State, is_: State) -> None:
    assert KNOWLEDGE[is_] >= KNOWLEDGE[was], f"I4: {name} went back from {was} to {is_}"


def _rows(world: World) -> Iterator[tuple[str, str]]:
    books = world.store.books
    for payment in books.payments:
        yield public(Kind.PAYMENT, payment.row.id), payment.row.status.value
    for attempt in books.attempts:
        yield public(Kind.ATTEMPT, attempt.row.id), attempt.row.state.value
    for refund in books.refunds:
        yield public(Kind.REFUND, refund.row.id), refund.row.status.value
    for payout in books.payouts:
        yield public(Kind.PAYOUT, payout.row.id), payout.row.status.value
