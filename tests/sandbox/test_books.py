"""Random lives of payments: the books stay sound, and the ledger alone rebuilds them."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from ops.sandbox import operations
from ops.sandbox.entries import Delivered, Entry, Event, GivenUp, Key, Move
from ops.sandbox.ledger import Ledger
from ops.sandbox.operations import Course, Order, TooMuchError, WrongStateError
from ops.sandbox.payments import Books, Payment, refund_json
from ops.sandbox.settling import FORCED, force

NOW_S = 1_800_000_000.0
TAKEN = {"charge", "capture"}


def an_opening(dice: random.Random) -> list[Move]:
    order = Order(
        reference=f"r{dice.randrange(5)}",
        amount=dice.randrange(1, 1000),
        currency="USD",
        capture=dice.random() < 0.5,
        expires_at=None,
        return_url=None,
        description=None,
        metadata={},
    )
    course = Course(
        needs_action=dice.random() < 0.3,
        settles_later=dice.random() < 0.3,
        verdict=dice.choice([None, None, "stolen_card"]),
        extra=dice.choice([0, 0, 1]),
    )
    return operations.create(order, course, NOW_S, 1.0)


def a_step(dice: random.Random, payment: Payment) -> list[Move]:
    amount = dice.choice([None, dice.randrange(1, 1200)])
    match dice.randrange(5):
        case 0:
            return [operations.capture(payment, amount, NOW_S)]
        case 1:
            return operations.cancel(payment, NOW_S)
        case 2:
            return [operations.refund(payment, amount, None, None, NOW_S)]
        case 3 if payment.status in ("processing", "requires_action"):
            return operations.decide(payment, NOW_S)
        case _:
            return [force(payment, dice.choice(FORCED), NOW_S)]


def shown_refunds(books: Books) -> dict[str, Any]:
    return {number: refund_json(line) for number, line in books.refunds.items()}


def assert_sound(before: Payment | None, after: Payment) -> None:
    assert 0 <= after.amount_refunded <= after.amount_captured
    holds = after.status in ("captured", "partially_refunded")
    assert holds == (after.refundable > 0)
    assert before is None or after.version == before.version + 1


@pytest.mark.parametrize("seed", range(5))
def test_the_ledger_alone_rebuilds_the_same_books(tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")
    dice = random.Random(seed)
    books, money = Books(), dict.fromkeys(range(5), 0)
    path = tmp_path / "ledger.jsonl"

    async def live() -> None:
        ledger = Ledger(path, durable=False)
        for _ in range(600):
            known = list(books.payments)
            before = books.payments[dice.choice(known)] if known and dice.random() < 0.8 else None
            try:
                moves = an_opening(dice) if before is None else a_step(dice, before)
            except (WrongStateError, TooMuchError):
                continue
            for move in moves:
                was = books.payments.get(move.payment)
                assert_sound(was, books.apply(move))
                kind = type(move).__struct_config__.tag
                sign = 1 if kind in TAKEN else -1 if kind in ("refund", "reverse") else 0
                money[int(move.reference[1:])] += sign * move.amount
            if moves:
                ledger.append(moves)
        await ledger.close()

    asyncio.run(live())

    replayed = Books()

    def visit(entry: Entry) -> None:
        assert not isinstance(entry, Event | Delivered | GivenUp | Key)
        replayed.apply(entry)

    again = Ledger(path)
    assert again.replay(visit) == 0
    assert replayed.payments == books.payments
    assert replayed.tallies == books.tallies
    assert replayed.by_reference == books.by_reference
    assert shown_refunds(replayed) == shown_refunds(books)
    for number, expected in money.items():
        tally = books.tallies[f"r{number}"]
        assert tally.captured - tally.refunded - tally.reversed == expected
        held = sum(books.payments[one].refundable for one in books.by_reference[f"r{number}"])
        assert held == expected
    asyncio.run(again.close())
