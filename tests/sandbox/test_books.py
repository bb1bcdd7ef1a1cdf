"""Random lives of payments, refunds and payouts: sound books, which the ledger alone rebuilds."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.sandbox.books import Books
from ops.sandbox.courses import Course
from ops.sandbox.entries import Delivered, Entry, Event, GivenUp, Key, Move
from ops.sandbox.ledger import Ledger
from ops.sandbox.payments import lifecycle as payments
from ops.sandbox.payments.lifecycle import Opening, Order, Terms
from ops.sandbox.payments.payment import Payment
from ops.sandbox.payouts import lifecycle as payouts
from ops.sandbox.payouts.lifecycle import PayoutOrder
from ops.sandbox.refunds import lifecycle as refunds
from ops.sandbox.refusals import TooMuchError, WrongStateError
from ops.sandbox.settlements import Settlements
from ops.sandbox.settling import FORCED, force

NOW_S = 1_800_000_000.0
TERMS = Terms(async_delay_s=1.0, authorization_life_s=3600.0)
#: The documented signs, written down a second time on purpose.
SIGNS = {
    "charge": 1,
    "capture": 1,
    "refund": -1,
    "refund.failed": 1,
    "chargeback": -1,
    "reverse": -1,
    "payout": -1,
    "payout.returned": 1,
}


def a_course(dice: random.Random, code: str) -> Course:
    return Course(
        later=dice.random() < 0.3,
        verdict=dice.choice([None, None, code]),
        off=dice.choice([0, 0, 1]),
    )


def an_opening(dice: random.Random) -> list[Move]:
    order = Order(
        reference=f"r{dice.randrange(5)}",
        amount=dice.randrange(1, 1000),
        currency="USD",
        capture=dice.random() < 0.5,
        source="card",
        token="tok",
        expires_at=None,
        authorization_expires_at=None,
        return_url=None,
        description=None,
        metadata={},
    )
    opening = Opening(a_course(dice, "stolen_card"), needs_action=dice.random() < 0.3)
    return payments.create(order, opening, NOW_S, TERMS)


def a_payout(dice: random.Random) -> list[Move]:
    order = PayoutOrder(f"r{dice.randrange(5)}", dice.randrange(1, 1000), "USD", "card", None, {})
    course = a_course(dice, "account_closed")
    return payouts.create(order, course, NOW_S, 1.0, returns=False, webhook_faults=())


def of_a_payment(dice: random.Random, books: Books) -> list[Move]:
    payment = books.payments[dice.choice(list(books.payments))]
    amount = dice.choice([None, dice.randrange(1, 1200)])
    match dice.randrange(6):
        case 0:
            return payments.capture(payment, amount, a_course(dice, "stolen_card"), NOW_S, TERMS)
        case 1:
            return payments.cancel(payment, NOW_S)
        case 2:
            course = a_course(dice, "account_closed")
            return refunds.refund(payment, amount, "back", None, course, NOW_S, 1.0)
        case 3 if payment.status in ("processing", "requires_action"):
            return payments.decide(payment, NOW_S, TERMS)
        case 4 if dice.random() < 0.3:
            return payments.charge_back(payment, amount, None, NOW_S)
        case _:
            return [force(payment, dice.choice(FORCED), NOW_S, TERMS)]


def of_a_refund(dice: random.Random, books: Books) -> list[Move]:
    refund = books.refunds[dice.choice(list(books.refunds))]
    if dice.random() < 0.5:
        return refunds.succeed(refund, NOW_S)
    return refunds.fail(refund, None, NOW_S)


def of_a_payout(dice: random.Random, books: Books) -> list[Move]:
    payout = books.payouts[dice.choice(list(books.payouts))]
    match dice.randrange(3):
        case 0:
            return payouts.pay(payout, NOW_S)
        case 1:
            return payouts.fail(payout, None, NOW_S)
        case _:
            return payouts.give_back(payout, None, NOW_S)


def a_step(dice: random.Random, books: Books) -> list[Move]:
    steps: list[Callable[[], list[Move]]] = [lambda: an_opening(dice), lambda: a_payout(dice)]
    if books.payments:
        steps += [lambda: of_a_payment(dice, books)] * 4
    if books.refunds:
        steps += [lambda: of_a_refund(dice, books)]
    if books.payouts:
        steps += [lambda: of_a_payout(dice, books)]
    return dice.choice(steps)()


def assert_sound(books: Books, payment: Payment) -> None:
    mine = [one for one in books.refunds.values() if one.payment == payment.id]
    assert payment.amount_refunded == sum(one.succeeded for one in mine)
    assert payment.amount_refund_pending == sum(one.pending for one in mine)
    assert payment.amount_charged_back <= payment.amount_captured
    if not payment.amount_charged_back:  # a bank does not ask what was refunded before
        assert payment.amount_refunded + payment.amount_refund_pending <= payment.amount_captured
        holds = payment.status in ("captured", "partially_refunded")
        assert holds == (payment.held > 0)
    if payment.capture_pending:
        assert payment.status == "processing"


@pytest.mark.parametrize("seed", range(5))
def test_the_ledger_alone_rebuilds_the_same_books(tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")
    dice = random.Random(seed)
    books, money, refused = Books(), Counter[str](), 0
    path = tmp_path / "ledger.jsonl"

    async def live() -> None:
        nonlocal refused
        ledger = Ledger(path, durable=False)
        for _ in range(800):
            try:
                moves = a_step(dice, books)
            except (WrongStateError, TooMuchError):
                refused += 1
                continue
            for move in moves:
                before = books.payments.get(move.payment)
                books.apply(move)
                if move.payment:
                    after = books.payments[move.payment]
                    assert before is None or after.version == before.version + 1
                    assert_sound(books, after)
                sign = SIGNS.get(str(type(move).__struct_config__.tag), 0)
                money[move.reference] += sign * move.amount
            if moves:
                ledger.append(moves)
        await ledger.close()

    asyncio.run(live())
    assert 100 < refused < 700

    replayed, settlements = Books(), Settlements()

    def visit(entry: Entry) -> None:
        assert not isinstance(entry, Event | Delivered | GivenUp | Key)
        replayed.apply(entry)
        settlements.note(entry)

    again = Ledger(path)
    assert again.replay(visit) == 0
    assert replayed == books
    listed = Counter[str]()
    lines, more = settlements.page(again, 0, 10_000)
    for line in lines:
        listed[line["reference"]] += line["amount"]
    assert not more
    assert +listed == +money
    assert -listed == -money
    for reference, tally in books.tallies.items():
        came = tally.captured + tally.refund_failed + tally.payout_returned
        went = tally.refunded + tally.charged_back + tally.reversed + tally.paid_out
        assert came - went == money[reference]
    asyncio.run(again.close())
