"""What tests of the flows are built from: payments, attempts, webhooks, and a stage to run them on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from domain.attempt import Attempt, Operation, State
from domain.commands import Command
from domain.due import Due
from domain.facts import Movement, Transaction
from domain.fraud.features import NO_HISTORY, Velocity
from domain.means import Card, Method
from domain.money import CURRENCIES, Money
from domain.payment import Mode, Payment, Status
from domain.policy import Policy
from domain.webhook import Notice
from ops.store.memory.store import MemoryStore
from tests.scripted import HARD, SOFT, Board, Scripted, Windows, a_gateway, held, meanwhile, paid
from tests.stage import BOOT_S, NOON, NOTICE, PAYMENT, Clock, Stage, add_notice, run

__all__ = [
    "ATTEMPT",
    "BOOT_S",
    "HARD",
    "MERCHANT",
    "NOON",
    "NOTICE",
    "OWNER",
    "PAYMENT",
    "SOFT",
    "Clock",
    "Scripted",
    "Stage",
    "a_gateway",
    "a_notice",
    "a_payment",
    "a_runtime",
    "an_attempt",
    "held",
    "meanwhile",
    "paid",
    "run",
    "usd",
]

MERCHANT = UUID(int=1)
ATTEMPT = UUID(int=3)
OWNER = 11


def usd(minor: int = 5_000) -> Money:
    return Money(minor, CURRENCIES["USD"])


def a_payment(**changes: Any) -> Payment:
    """A payment that has been screened and is due for its charge."""
    quiet = Payment(
        id=PAYMENT,
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        money=usd(),
        status=Status.PENDING,
        method=Method("card", "tok_secret", Card(fingerprint="fp", exp_month=12, exp_year=2030)),
        created_at=NOON,
        expires_at=NOON + timedelta(minutes=30),
        due=Due(NOON),
        next_command=Command.CHARGE,
        request_id="req-1",
    )
    return replace(quiet, **changes)


def an_attempt(payment: Payment | None = None, **changes: Any) -> Attempt:
    """A charge attempt as the flow writes it down at noon, before its first byte."""
    payment = payment or a_payment()
    quiet = Attempt(
        id=ATTEMPT,
        payment_id=payment.id,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        operation=Operation.CHARGE,
        number=1,
        gateway_id="one",
        adapter_version=1,
        money=payment.money,
        state=State.SENDING,
        request=b"the exact bytes",
        send_before=NOON + timedelta(seconds=2),
        deadline_at=NOON + timedelta(seconds=12),
        key_window_ends=NOON + timedelta(hours=24),
        created_at=NOON,
        due=Due(NOON + timedelta(seconds=17)),
        request_id=payment.request_id,
    )
    return replace(quiet, **changes)


def a_notice(**changes: Any) -> Notice:
    """A webhook that speaks of `ATTEMPT` by our reference."""
    quiet = Notice(
        id=NOTICE,
        gateway_id="one",
        dedupe_key="evt_1",
        body=ATTEMPT.hex.encode(),
        received_at=NOON,
        last_copy_at=NOON,
        due=Due(NOON),
    )
    return replace(quiet, **changes)


def a_runtime(
    *gateways: Scripted,
    holding: Payment | Iterable[Payment] = (),
    attempts: Iterable[Attempt] = (),
    notices: Iterable[Notice] = (),
    policy: Policy | None = None,
    history: Velocity | None = NO_HISTORY,
    draining: Callable[[], bool] = lambda: False,
    lives: Callable[[int], bool] = lambda owner: True,
    clock: Clock | None = None,
) -> Stage:
    """A runtime with these gateways, in this order of priority, and these rows in its books."""
    clock, woken = clock or Clock(), list[tuple[Command, UUID]]()
    rows = [
        replace(g.row, routes=tuple(replace(r, priority=n) for r in g.row.routes))
        for n, g in enumerate(gateways)
    ]
    memory = MemoryStore(clock.now, rows, lives=lives)
    board, windows = Board({gateway.row.id: gateway for gateway in gateways}), Windows(history)

    def outside() -> None:
        assert not memory.in_transaction, "a provider was called inside a transaction"

    for gateway in gateways:
        gateway.before_call = outside
    ids = count(0x100)
    stage = Stage(
        store=memory,
        gateways=board,
        velocity=windows,
        policy=policy or Policy(),
        owner=OWNER,
        new_id=lambda: UUID(int=next(ids)),
        monotonic=clock.monotonic,
        draw=lambda: 0.5,
        wake=lambda command, id_, request_id: woken.append((command, id_)),
        draining=draining,
        memory=memory,
        board=board,
        windows=windows,
        clock=clock,
        woken=woken,
    )
    _fill(memory, [holding] if isinstance(holding, Payment) else holding, attempts, notices)
    return stage


def _fill(
    memory: MemoryStore,
    payments: Iterable[Payment],
    attempts: Iterable[Attempt],
    notices: Iterable[Notice],
) -> None:
    with memory.begin() as work:
        for payment in payments:
            work.books.add_payment(payment)
        for attempt in attempts:
            work.insert_attempt(attempt)
            if attempt.state in (State.CAPTURED, State.AUTHORIZED):
                moved = Movement.SALE if attempt.state is State.CAPTURED else Movement.AUTHORIZATION
                provider_id = attempt.provider_id or "ch"
                work.add_transaction(
                    Transaction(
                        attempt.payment_id,
                        attempt.id,
                        moved,
                        attempt.money,
                        attempt.gateway_id,
                        provider_id,
                        attempt.money.minor,
                    )
                )
    for one in notices:
        add_notice(memory, one)
