"""The books in memory, whose users are stopped, killed and cut off around every transaction."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from domain.books import Interrupted
from ops.store.memory.locks import Deadlock, Party
from ops.store.memory.store import MemoryStore, MemoryWork
from tests.model.bank import Bank

if TYPE_CHECKING:
    from tests.model.world import World

#: Between two statements there is not as much to see as around a call.
#: A row of these is what a statement holds; what else it takes, it takes in one go.
TABLES: Final = frozenset(
    {"payments", "payment_attempts", "refunds", "payouts", "webhook_events", "review_cases"}
)
STATEMENT: Final = "inside a transaction"
STATEMENTS: Final = 0.2
BEGIN: Final = "before a transaction"
COMMIT: Final = "before a commit"
COMMITTED: Final = "after a commit"


class Stopping(MemoryStore):
    """The books in memory; whoever uses them may be stopped around and inside of a transaction."""

    def __init__(self, world: World, banks: Sequence[Bank]) -> None:
        super().__init__(
            world.clock.now,
            [bank.row for bank in banks],
            lives=world.lives,
            waits=world.wait,
            whose=lambda: world.scheduler.running,
        )
        self._world = world
        locks = self._truth.locks
        take = locks.take

        def stepped(party: Party, what: Hashable, mode: int) -> None:
            known = party.held.get(what, 0)
            take(party, what, mode)
            whole = world.sweeping or not isinstance(what, tuple) or what[0] not in TABLES
            if known < mode and not whole:
                world.pause(STATEMENT, STATEMENTS)

        locks.take = stepped  # type: ignore[method-assign]

    @contextmanager
    def begin(self) -> Iterator[MemoryWork]:
        """Open a transaction."""
        world = self._world
        if world.sweeping:
            with super().begin() as work:
                yield work
            return
        world.pause(BEGIN)
        try:
            with super().begin() as work:
                yield work
                world.cut_off(COMMIT)
        except Deadlock as error:
            raise Interrupted from error
        world.watch.committed()
        world.cut_off(COMMITTED)
        world.pause(COMMITTED)
