"""Actors: one per command, a few lines each; what comes next, and when, is on the row."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import dramatiq
from dramatiq import Broker

from domain.commands import Command
from domain.flows.capture import capture
from domain.flows.charge import charge
from domain.flows.detach import detach
from domain.flows.notice import Prove, notice, unproven
from domain.flows.payout import payout
from domain.flows.refund import refund
from domain.flows.resolve import resolve
from domain.flows.screen import screen
from domain.flows.void import void
from domain.ports import Runtime


def declare(
    broker: Broker,
    runtime: Runtime,
    seal: Callable[[bool], int],
    publish: Callable[[], int],
    probe: Callable[[], int],
    prove: Prove = unproven,
) -> None:
    """Declare every command's actor on `broker`. Retries are rows, so none is asked for here."""

    def actor(command: Command, run: Callable[[str], None]) -> None:
        declared = dramatiq.actor(broker=broker, actor_name=command.value, queue_name=command.queue)
        declared(run)

    actor(Command.SCREEN, lambda id_: screen(UUID(id_), runtime))
    actor(Command.CHARGE, lambda id_: charge(UUID(id_), runtime))
    actor(Command.CAPTURE, lambda id_: capture(UUID(id_), runtime))
    actor(Command.VOID, lambda id_: void(UUID(id_), runtime))
    actor(Command.REFUND, lambda id_: refund(UUID(id_), runtime))
    actor(Command.PAYOUT, lambda id_: payout(UUID(id_), runtime))
    actor(Command.DETACH, lambda id_: detach(UUID(id_), runtime))
    actor(Command.PROBE, lambda _: _until_empty(probe))
    actor(Command.RESOLVE, lambda id_: resolve(UUID(id_), runtime))
    actor(Command.NOTICE, lambda id_: notice(UUID(id_), runtime, prove))
    actor(Command.SEAL, lambda scope: _until_empty(lambda: seal(scope == "all")))
    actor(Command.PUBLISH, lambda _: _until_empty(publish))


#: Batches per message: the next tick brings another message, so one never runs for long.
MAX_BATCHES = 20


def _until_empty(step: Callable[[], int]) -> None:
    for _ in range(MAX_BATCHES):
        if step() == 0:
            return
