"""Actors: one per command, a few lines each; what comes next, and when, is on the row."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias
from uuid import UUID

import dramatiq
from dramatiq import Broker

from domain.commands import Command
from domain.flows.capture import capture
from domain.flows.charge import charge
from domain.flows.detach import detach
from domain.flows.notice import Prove, notice, unproven
from domain.flows.pay import pay
from domain.flows.payout import payout
from domain.flows.refund import refund
from domain.flows.resolve import resolve
from domain.flows.void import void
from domain.ports import Runtime
from ops.store import ledger, outbox

#: Runs the work of a command's row, now or, if its gateway has all the threads it may have, later.
Placed: TypeAlias = Callable[[Command, UUID, Callable[[], None]], None]


def at_once(_command: Command, _row_id: UUID, work: Callable[[], None]) -> None:
    """Run everything now."""
    work()


def nowhere() -> int:
    """Reconcile nothing: there are no rolls to do it by."""
    return 0


def declare(
    broker: Broker,
    runtime: Runtime,
    seal: Callable[[bool], int],
    publish: Callable[[], int],
    probe: Callable[[], int],
    prove: Prove = unproven,
    placed: Placed = at_once,
    reconcile: Callable[[], int] = nowhere,
) -> None:
    """Declare every command's actor on `broker`. Retries are rows, so none is asked for here."""

    def actor(command: Command, run: Callable[[str], None]) -> None:
        declared = dramatiq.actor(broker=broker, actor_name=command.value, queue_name=command.queue)
        declared(run)

    def of_row(command: Command, run: Callable[[UUID], None]) -> None:
        def run_row(text: str) -> None:
            id_ = UUID(text)
            placed(command, id_, lambda: run(id_))

        actor(command, run_row)

    of_row(Command.SCREEN, lambda id_: pay(id_, runtime))
    of_row(Command.CHARGE, lambda id_: charge(id_, runtime))
    of_row(Command.CAPTURE, lambda id_: capture(id_, runtime))
    of_row(Command.VOID, lambda id_: void(id_, runtime))
    of_row(Command.REFUND, lambda id_: refund(id_, runtime))
    of_row(Command.PAYOUT, lambda id_: payout(id_, runtime))
    of_row(Command.DETACH, lambda id_: detach(id_, runtime))
    actor(Command.PROBE, lambda _: _until_empty(probe))
    of_row(Command.RESOLVE, lambda id_: resolve(id_, runtime))
    of_row(Command.NOTICE, lambda id_: notice(id_, runtime, prove))
    actor(Command.SEAL, lambda scope: _until_empty(lambda: seal(scope == "all"), ledger.BATCH))
    actor(Command.PUBLISH, lambda _: _until_empty(publish, outbox.BATCH))
    actor(Command.RECONCILE, lambda _: _until_empty(reconcile))


#: Batches per message: the next tick brings another message, so one never runs for long.
MAX_BATCHES = 20


def _until_empty(step: Callable[[], int], batch: int = 1) -> None:
    """Less than a batch was all there was: asking again costs another look at everything recent."""
    for _ in range(MAX_BATCHES):
        if step() < batch:
            return
