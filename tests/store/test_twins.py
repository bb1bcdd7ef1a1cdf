"""The books in memory answer as PostgreSQL does, whatever is asked of them, and in any order."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from domain.attempt import HARMLESS, Attempt, Operation, State
from domain.books import Store, Work
from domain.due import NEVER, Due, Reason
from domain.errors import IllegalMove, KeyInFlight, LeaseLost, NotFound
from domain.idempotency import Recorded
from domain.money import CURRENCIES, Money
from domain.outcome import Proof
from domain.payment import NOTED, Mode, Payment, Status
from domain.payout import Destination, Payout, PayoutStatus
from domain.refund import Refund, RefundKind, RefundStatus, rebalanced
from domain.review import Case, CaseKind, Decision
from domain.routing import GatewayRow
from ops.store import rows, tables
from ops.store.memory.laws import LawBroken
from ops.store.memory.store import MemoryStore
from ops.store.work.session import StaleWrite
from tests.store.books import checkout_payment
from tests.store.conftest import MERCHANT, Books

pytestmark = pytest.mark.services
STEPS = 250
SEEDS = (1, random.SystemRandom().randrange(10**9))
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
USD = CURRENCIES["USD"]
#: What both may raise besides; whatever PostgreSQL itself refuses is a broken law.
REFUSALS = (StaleWrite, LeaseLost, NotFound, KeyInFlight, IllegalMove)

Deed = Callable[[Work], object]


@dataclass(slots=True)
class World:
    """Two kinds of books with the same rows, and what happened to them so far."""

    dice: random.Random
    stores: tuple[Store, Store]
    payments: list[UUID]
    ids: count[int]
    made: list[UUID]
    cases: list[Case]

    def new(self) -> UUID:
        self.made.append(UUID(int=next(self.ids)))
        return self.made[-1]

    def any(self) -> UUID:
        """Some id that is there, or was refused, or is another thing's."""
        return self.dice.choice([*self.made[-40:], *self.payments])

    def read(self, read: Callable[[Work], Any]) -> Any:
        with self.stores[1].begin() as work:
            return read(work)


def a_world(books: Books, seed: int) -> World:
    gateways = [GatewayRow(id_, "sandbox", Mode.TEST, ()) for id_ in ("one", "two")]
    # Nobody holds an owner's lock here, so a lease is free at once in both.
    memory = MemoryStore(lambda: datetime.now(UTC), gateways, lives=lambda owner: False)
    held: dict[str, Any] = {"amount_authorized": 1000, "gateway_id": "one"}
    taken = held | {"amount_captured": 1000}
    ids: list[UUID] = []
    for status, money in ((Status.CAPTURED, taken), (Status.AUTHORIZED, held), (Status.FAILED, {})):
        state = {Status.CAPTURED: State.CAPTURED, Status.AUTHORIZED: State.AUTHORIZED}
        payment: Payment = replace(
            checkout_payment(books), status=status, created_at=LONG_AGO, due=NEVER, **money
        )
        charge = _attempt(UUID(int=1000 + len(ids)), payment.id, Operation.CHARGE, 1)
        charge = replace(charge, state=state.get(status, State.LATE_SUCCESS), provider_id="ch")
        with books.engine.begin() as db:
            values = rows.payment_insert(payment, books.vault)
            update = rows.payment_update(payment, books.vault, LONG_AGO) | {"version": 1}
            db.execute(insert(tables.payments).values(values | update))
        with books.store.begin() as work:
            work._insert(charge)
        with memory.begin() as twin:
            twin.books.add_payment(payment)
            twin.insert_attempt(charge)
        ids.append(payment.id)
    made = [UUID(int=1000 + n) for n in range(3)]
    return World(random.Random(seed), (books.store, memory), ids, count(2000), made, [])


def _attempt(id_: UUID, payment: UUID | None, operation: Operation, number: int) -> Attempt:
    return Attempt(
        id=id_, payment_id=payment, merchant_id=MERCHANT, mode=Mode.TEST, operation=operation,
        number=number, gateway_id="one", adapter_version=1, money=Money(1000, USD),
        state=State.SENDING, request=b"{}", send_before=LONG_AGO, deadline_at=LONG_AGO,
        key_window_ends=LONG_AGO, created_at=LONG_AGO, due=NEVER, request_id="r",
    )  # fmt: skip


def ask_refund(world: World) -> Deed:
    dice, payment = world.dice, world.dice.choice(world.payments)
    refund = Refund(
        id=world.new(), payment_id=payment, charge_id=world.any(), merchant_id=MERCHANT,
        mode=Mode.TEST, money=Money(dice.choice([1, 200, 600]), USD),
        kind=dice.choice(list(RefundKind)), status=RefundStatus.PENDING, reason="",
        requested_by="k", gateway_id=dice.choice(["one", "nowhere"]), created_at=LONG_AGO,
        due=Due(LONG_AGO),
    )  # fmt: skip
    if dice.random() < 0.8:  # mostly one that fits
        place = world.payments.index(payment)
        refund = replace(refund, charge_id=world.made[place], gateway_id="one")
    adds_up = dice.random() < 0.9

    def deed(work: Work) -> object:
        held = work.lock_payment(payment)
        added = work.add_refund(refund)
        if added and adds_up:
            work.save_payment(rebalanced(held, None, refund))
        return added

    return deed


def move_refund(world: World) -> Deed:
    payment = world.dice.choice(world.payments)
    known = world.read(lambda work: work.refunds(payment))
    if not known:
        return ask_refund(world)
    before: Refund = world.dice.choice(known)
    after = replace(before, status=world.dice.choice(list(RefundStatus)))
    stale = world.dice.random() < 0.1

    def deed(work: Work) -> object:
        held = work.lock_payment(payment)
        paid = rebalanced(held, before, after)
        if paid != held:
            work.save_payment(paid)
        return work.save_refund(replace(after, version=after.version - stale))

    return deed


def add_attempt(world: World) -> Deed:
    dice = world.dice
    operation = dice.choice([o for o in Operation if o is not Operation.CHARGE])
    owner = world.any() if dice.random() < 0.3 else dice.choice(world.payments)
    attempt = _attempt(world.new(), owner, operation, dice.randrange(1, 9))
    if operation is Operation.PAYOUT and dice.random() < 0.9:
        attempt = replace(attempt, payment_id=None, payout_id=world.any())
    if operation in (Operation.REFUND, Operation.VOID) and dice.random() < 0.7:
        attempt = replace(attempt, refund_id=world.any())
    attempt = _in(attempt, dice.choice(list(State)), dice)
    return lambda work: work.add_attempt(attempt)


def move_attempt(world: World) -> Deed:
    known = world.read(lambda work: work.attempt(world.any()))
    if known is None:
        return add_attempt(world)
    moved = _in(known, world.dice.choice(list(State)), world.dice)
    return lambda work: work.save_attempt(moved)


def _in(attempt: Attempt, state: State, dice: random.Random) -> Attempt:
    proven = state in HARMLESS and dice.random() < 0.9
    return replace(attempt, state=state, proof=Proof.READ_BACK if proven else None)


def take_back(world: World) -> Deed:
    id_, dice = world.dice.choice(world.payments), world.dice
    change: dict[str, Any] = dice.choice(
        [{"amount_reversed": dice.choice([-1, 0, 300, 1001])}, {"capture_amount": 1001},
         {"status": dice.choice(list(Status))}, {"ending": Status.CAPTURED},
         {"amount_refund_pending": 1}, {"runs": dice.randrange(9)}],
    )  # fmt: skip
    return lambda work: work.save_payment(replace(work.lock_payment(id_), **change))


def pay_out(world: World) -> Deed:
    payout = Payout(
        id=world.new(), merchant_id=MERCHANT, mode=Mode.TEST, money=Money(5, USD),
        status=PayoutStatus.PENDING, destination=Destination("bank", "ba"), created_at=LONG_AGO,
        expires_at=LONG_AGO + timedelta(days=1), due=Due(LONG_AGO),
        gateway_id=world.dice.choice([None, "one", "nowhere"]),
    )  # fmt: skip
    return lambda work: work.add_payout(payout)


def move_payout(world: World) -> Deed:
    id_, status = world.any(), world.dice.choice(list(PayoutStatus))
    return lambda work: work.save_payout(replace(work.lock_payout(id_), status=status))


def claim(world: World) -> Deed:
    id_, dice = world.any(), world.dice
    refunds, saves = dice.random() < 0.5, dice.random() < 0.5

    def deed(work: Work) -> object:
        found = work.claim_refund(id_, 7, 30) if refunds else work.claim_payout(id_, 7, 30)
        if found is None or not saves:
            return found
        due = found.row.due.park(LONG_AGO, Reason.POISON)
        if isinstance(found.row, Refund):
            return work.save_refund(replace(found.row, due=due), found.lease)
        return work.save_payout(replace(found.row, due=due), found.lease)

    return deed


def question(world: World) -> Deed:
    dice = world.dice
    if world.cases and dice.random() < 0.4:
        case = dice.choice(world.cases)
        decision = dice.choice(list(Decision))
        by = dice.choice([None, "k"])
        decided = replace(case, decision=decision, decided_by=by, decided_at=LONG_AGO)
        return lambda work: work.decide_case(decided)
    about = dice.choice([*world.payments, world.any()])
    case = Case(world.new(), about, dice.choice(list(CaseKind)), "odd", LONG_AGO)
    world.cases.append(case)
    return lambda work: work.open_case(case)


def key(world: World) -> Deed:
    name, records = f"k{world.dice.randrange(12)}", world.dice.random() < 0.8
    resource = world.new()

    def deed(work: Work) -> object:
        known = work.win_key(MERCHANT, Mode.TEST, name, b"f")
        if known is None and records:
            answer = Recorded(b"f", 202, resource.bytes)
            work.record_key(MERCHANT, Mode.TEST, name, resource, answer)
        return known

    return deed


DEEDS = (
    ask_refund, ask_refund, move_refund, move_refund, add_attempt, add_attempt, move_attempt,
    take_back, pay_out, move_payout, claim, question, key,
)  # fmt: skip


def done(store: Store, deed: Deed) -> tuple[str, object]:
    """Do it in a transaction of its own; return what came of it."""
    try:
        with store.begin() as work:
            return "done", by_one_clock(deed(work))
    except (LawBroken, IntegrityError):
        return "a law", None
    except REFUSALS as error:
        return type(error).__name__, None


def by_one_clock(found: object) -> object:
    """Each kind of books notes ends by its own clock: what is compared is that it did."""
    if not isinstance(found, Payment):
        return found
    noted: dict[str, Any] = {name: LONG_AGO for name in NOTED.values() if getattr(found, name)}
    return replace(found, **noted)


def seen(store: Store, world: World) -> list[object]:
    """Return everything that can be read."""
    with store.begin() as work:
        found: list[object] = [work.attempt(id_) for id_ in world.made]
        found += [work.refund(id_) for id_ in world.made]
        found += [list(work.payout_attempts(id_)) for id_ in world.made]
        for id_ in world.payments:
            found += [by_one_clock(work.payment(id_)), list(work.attempts(id_))]
            found += [list(work.refunds(id_)), list(work.open_cases(id_))]
        return found


@pytest.mark.parametrize("seed", SEEDS, ids=["1", "random"])
def test_both_books_answer_alike(books: Books, seed: int) -> None:
    print(f"seed {seed}")
    world = a_world(books, seed)
    refused = 0
    for step in range(STEPS):
        choose = world.dice.choice(DEEDS)
        deed = choose(world)
        theirs, ours = (done(store, deed) for store in world.stores)
        assert theirs == ours, f"seed {seed}, step {step}: {choose.__name__}"
        refused += ours[0] != "done"
    postgres, memory = (seen(store, world) for store in world.stores)
    assert postgres == memory
    assert 0 < refused < STEPS * 0.9
