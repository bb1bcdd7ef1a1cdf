"""Calm: nothing goes wrong any more; the sweep alone has to bring everything to its end."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from domain.commands import Command
from tests.model.ledger import Held, Transfer
from tests.model.merchant import Merchant
from tests.model.world import ENDINGS, World
from tests.stage import run

#: Rounds until everything has ended; a resolution takes a dozen, and there are a few of them.
ROUNDS: Final = 600


def settle(world: World, merchant: Merchant) -> None:
    """Bring everything to its end. Raises `AssertionError` if it has none."""
    finish(world)
    for process in world.processes:
        process.draining = False
    run_on(world)
    for bank in world.banks:
        bank.finish()
        # Reconciliation, or a webhook at last: whatever changed behind our back is told once more.
        things: list[Held | Transfer] = [*bank.ledger.charges, *bank.ledger.transfers]
        for number, thing in enumerate(things):
            world.hint(bank, 10_000 + number, f"{thing.reference} {thing.id}".encode())
    run_on(world)
    merchant.repeat()
    run_on(world)


def finish(world: World) -> None:
    """Let every task come to its end; nothing stops them any more but each other."""
    for _ in range(ROUNDS):
        ready = world.ready()
        if not ready:
            break
        world.go_on(ready[0])
    assert not world.scheduler.tasks, "they wait for each other"


def run_on(world: World, until: datetime | None = None) -> None:
    """Let time pass from one due row to the next; whom nobody tells, the sweep finds."""
    for _ in range(ROUNDS):
        while world.queue:
            _work(world, *world.queue.pop(0))
        at = world.next_time()
        if at is None or (until is not None and at > until):
            return
        world.clock.advance(max(0.0, (at - world.clock.now()).total_seconds()))
        world.sweep()
    raise AssertionError("law 2: it never ends")


def _work(world: World, command: Command, id_: UUID) -> None:
    world.note(lambda: f"in calm: {command.value} {id_.int:x}")
    try:
        run(command, id_, world.processes[0].runtime)
    except ENDINGS as ending:
        said = repr(ending)
        world.note(lambda: f"it ends with {said}")
