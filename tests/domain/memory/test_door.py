"""The door's side in memory: each request is answered exactly as PostgreSQL's books would."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.checkout import Checkout
from domain.commands import Command
from domain.due import NEVER, Due, Reason
from domain.errors import KeyReused
from domain.flows.notice import notice
from domain.means import Method
from domain.payment import Mode, Payment, Status
from domain.people import Asker
from ops.store.accept import Accepted, Answer, Ask, Terms
from ops.store.inbox import Came, Stored
from ops.store.memory.door import MemoryAcceptance, MemoryInbox, MemoryReads
from ops.store.memory.laws import LawBroken
from ops.store.reads import KeyRow
from ops.store.wanted import PaymentsWanted
from tests.builders import (
    MERCHANT,
    NOON,
    PAYMENT,
    Scripted,
    Stage,
    a_payment,
    a_runtime,
    an_attempt,
    paid,
)

STRANGER = UUID(int=77)


def answered(payment: Payment) -> bytes:
    return f"{payment.id.hex} {payment.created_at.isoformat()}".encode()


def conflict(request_id: str, active: UUID | None, order_id: str) -> bytes:
    return f"{order_id} is active: {active.hex if active else None}".encode()


TERMS = Terms(timedelta(minutes=30), timedelta(days=30), answered, conflict)


def an_ask(id_: int, key: str, amount: int = 100, order_id: str | None = None, **more: Any) -> Ask:
    checkout = Checkout(amount, "USD", Method("card", "tok"), order_id=order_id)
    fields: dict[str, Any] = {
        "merchant_id": MERCHANT,
        "mode": Mode.TEST,
        "key": key,
        "key_id": "k",
        "checkout": checkout,
        "fingerprint": checkout.fingerprint(),
        "request_id": "req",
        "payment_id": UUID(int=id_),
    }
    return Ask(**(fields | more))


def accept(stage: Stage, *asks: Ask) -> list[Answer]:
    return asyncio.run(MemoryAcceptance(stage.memory, TERMS)(asks))


def accepted(answers: Sequence[Answer]) -> list[Accepted]:
    found = [answer for answer in answers if isinstance(answer, Accepted)]
    assert len(found) == len(answers)
    return found


def store(stage: Stage, *came: Came) -> list[Stored | Exception]:
    return asyncio.run(MemoryInbox(stage.memory)(came))


def a_webhook(id_: int, key: str = "evt_1", **changes: Any) -> Came:
    return replace(Came(UUID(int=id_), "one", key, b"ch_1", "req"), **changes)


def test_a_batch_creates_each_payment_due_for_screening_and_tells_it() -> None:
    stage = a_runtime()

    answers = accepted(accept(stage, *(an_ask(n, f"key-{n}") for n in (12, 10, 11))))

    assert [answer.payment_id.int for answer in answers] == [12, 10, 11]
    assert {(a.recorded.status, a.replayed) for a in answers} == {(202, False)}
    assert stage.actions() == ["payment.created"] * 3
    payment = stage.payment(UUID(int=10))
    assert (payment.status, payment.next_command) == (Status.PENDING, Command.SCREEN)
    assert answers[1].recorded.body == answered(payment)


def test_law_7_the_same_key_gives_the_same_bytes_within_a_batch_and_after_it() -> None:
    stage = a_runtime()

    one, two = accepted(accept(stage, an_ask(10, "k"), an_ask(11, "k")))
    stage.clock.advance(5)
    (three,) = accepted(accept(stage, an_ask(12, "k")))

    assert one.recorded == two.recorded == three.recorded
    assert {one.payment_id, two.payment_id, three.payment_id} == {UUID(int=10)}
    assert [one.replayed, two.replayed, three.replayed] == [False, True, True]
    assert len(stage.memory.books.payments) == 1


def test_law_7_another_body_under_the_key_is_refused_and_leaves_nothing() -> None:
    stage = a_runtime()

    one, two = accept(stage, an_ask(10, "k", 100), an_ask(11, "k", 200))
    (three,) = accept(stage, an_ask(12, "k", 300))

    assert isinstance(one, Accepted)
    assert isinstance(two, KeyReused)
    assert isinstance(three, KeyReused)
    assert len(stage.memory.books.payments) == 1


def test_one_key_means_something_else_in_another_mode_or_for_another_merchant() -> None:
    stage = a_runtime()
    asks = [
        an_ask(10, "k"),
        an_ask(11, "k", mode=Mode.LIVE),
        an_ask(12, "k", merchant_id=STRANGER),
    ]

    assert [answer.payment_id.int for answer in accepted(accept(stage, *asks))] == [10, 11, 12]


def test_an_active_order_refuses_a_second_payment_and_records_the_refusal() -> None:
    stage = a_runtime()
    accept(stage, an_ask(10, "k1", order_id="o"))

    (refused,) = accepted(accept(stage, an_ask(11, "k2", order_id="o")))
    (again,) = accepted(accept(stage, an_ask(12, "k2", order_id="o")))

    assert refused.recorded.status == again.recorded.status == 409
    assert refused.recorded.body == again.recorded.body == conflict("", UUID(int=10), "o")
    assert [refused.replayed, again.replayed] == [False, True]
    assert stage.actions() == ["payment.created"]


def test_of_two_payments_of_one_order_in_a_batch_one_is_refused() -> None:
    stage = a_runtime()

    late, early = accepted(
        accept(stage, an_ask(12, "a", order_id="o"), an_ask(10, "b", order_id="o"))
    )

    assert (early.recorded.status, late.recorded.status) == (202, 409)
    assert late.recorded.body == conflict("", UUID(int=10), "o")


def test_an_order_is_free_again_after_its_payment_has_ended_without_money() -> None:
    stage = a_runtime()
    accept(stage, an_ask(10, "k1", order_id="o"))
    ended = stage.payment(UUID(int=10)).ended(Status.CANCELLED)
    stage.change(lambda work: work.save_payment(ended))

    (second,) = accepted(accept(stage, an_ask(11, "k2", order_id="o")))

    assert second.recorded.status == 202


def test_an_accepted_payment_goes_its_whole_way() -> None:
    stage = a_runtime(Scripted("one", paid))
    accept(stage, an_ask(10, "k"))

    stage.run_due()

    assert stage.payment(UUID(int=10)).status is Status.CAPTURED


def test_a_webhook_is_stored_once_and_due_at_once() -> None:
    stage = a_runtime(Scripted("one"))

    stored = store(stage, a_webhook(20), a_webhook(21), a_webhook(22, "evt_2"))

    assert stored == [
        Stored(UUID(int=20), new=True),
        Stored(UUID(int=20), new=False),
        Stored(UUID(int=22), new=True),
    ]
    assert stage.notice(UUID(int=20)).due == Due(NOON)
    assert stage.notice(UUID(int=20)).body == b"ch_1"
    assert stage.memory.books.copies.get(UUID(int=20)) == 2


def test_law_8_a_copy_after_the_read_re_arms_the_row() -> None:
    waiting = an_attempt(provider_id="ch_1")
    payment = a_payment(status=Status.PROCESSING)
    stage = a_runtime(Scripted("one", lookups=[paid]), holding=payment, attempts=[waiting])
    store(stage, a_webhook(20))
    notice(UUID(int=20), stage)
    assert stage.notice(UUID(int=20)).due == NEVER

    stage.clock.advance(3)
    assert store(stage, a_webhook(21)) == [Stored(UUID(int=20), new=False)]

    assert stage.notice(UUID(int=20)).due == Due(stage.clock.now())
    assert stage.notice(UUID(int=20)).last_copy_at == stage.clock.now()


def test_a_copy_of_a_parked_webhook_leaves_it_to_its_person() -> None:
    stage = a_runtime(Scripted("one"))
    store(stage, a_webhook(20))
    parked = stage.notice(UUID(int=20)).due.park(NOON, Reason.UNREADABLE)
    held = replace(stage.notice(UUID(int=20)), due=parked)
    stage.change(lambda work: work.save_notice(held))

    store(stage, a_webhook(21))

    assert stage.notice(UUID(int=20)).due == parked


def test_a_webhook_of_an_unknown_gateway_is_refused() -> None:
    with pytest.raises(LawBroken, match="gateway"):
        store(a_runtime(), a_webhook(20))


def reads(stage: Stage, *keys: KeyRow) -> MemoryReads:
    return MemoryReads(stage.memory, keys)


@pytest.mark.parametrize(
    ("merchant", "mode", "seen"),
    [(MERCHANT, Mode.TEST, True), (STRANGER, Mode.TEST, False), (MERCHANT, Mode.LIVE, False)],
)
def test_law_15_everything_is_read_by_its_owner_only(
    merchant: UUID, mode: Mode, seen: bool
) -> None:
    payment = a_payment(status=Status.PROCESSING)
    stage = a_runtime(Scripted("one"), holding=payment, attempts=[an_attempt()])
    door = reads(stage)

    async def read() -> tuple[Any, ...]:
        return (
            await door.payment(PAYMENT, merchant, mode),
            await door.version(PAYMENT, merchant, mode),
            list(await door.attempts(PAYMENT, merchant, mode)),
            list(await door.page(Asker(merchant, mode, ""), PaymentsWanted(), limit=10)),
        )

    everything = (payment, 1, [an_attempt()], [payment])
    assert asyncio.run(read()) == (everything if seen else (None, None, [], []))


def test_pages_are_newest_first_from_the_cursor_on() -> None:
    many = [a_payment(id=UUID(int=n), order_id=f"o-{n % 2}{n}") for n in range(10, 20)]
    failed = replace(many[3], status=Status.FAILED)
    stage = a_runtime(holding=[*many[:3], failed, *many[4:]])

    def page(**asked: Any) -> list[int]:
        limit, before = asked.pop("limit", 100), asked.pop("before", None)
        wanted, owner = PaymentsWanted(**asked), Asker(MERCHANT, Mode.TEST, "")
        found = asyncio.run(reads(stage).page(owner, wanted, limit=limit, before=before))
        return [payment.id.int for payment in found]

    assert page() == list(range(19, 9, -1))
    assert page(limit=3) == [19, 18, 17]
    assert page(limit=3, before=UUID(int=17)) == [16, 15, 14]
    assert page(statuses=(Status.FAILED,)) == [13]
    assert page(order_id="o-014") == [14]
    assert page(order_id="o-014", statuses=(Status.FAILED,)) == []


def test_a_key_is_found_by_its_public_id() -> None:
    row = KeyRow(
        "k1", MERCHANT, Mode.TEST, b"mac", frozenset({"payments:write"}), None, None, True, 100, ()
    )
    door = reads(a_runtime(), row)

    assert asyncio.run(door.key("k1")) == row
    assert asyncio.run(door.key("k2")) is None
    asyncio.run(door.ping())
