"""The seam of the queue: wake-ups and runs that say which boundary they cross."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias
from uuid import UUID

from dramatiq import Actor, Broker, Middleware
from dramatiq.broker import MessageProxy

from domain.commands import Command
from tests.crash.cells import Boundary, When
from tests.crash.failpoint import Failpoint

Wake: TypeAlias = Callable[[Command, UUID, str], None]
Announce: TypeAlias = Callable[[Sequence[tuple[Command, UUID, str]]], Awaitable[object]]


def watched_wake(wake: Wake, failpoint: Failpoint) -> Wake:
    """Return what wakes a worker for one row, and says so."""

    def watched(command: Command, id_: UUID, request_id: str) -> None:
        failpoint.reach(Boundary.B3, When.BEFORE)
        wake(command, id_, request_id)
        failpoint.reach(Boundary.B3, When.AFTER)

    return watched


def watched_announce(announce: Announce, failpoint: Failpoint) -> Announce:
    """Return the same for a batch."""

    async def watched(wakes: Sequence[tuple[Command, UUID, str]]) -> object:
        failpoint.reach(Boundary.B3, When.BEFORE)
        sent = await announce(wakes)
        failpoint.reach(Boundary.B3, When.AFTER)
        return sent

    return watched


class WatchedRuns(Middleware):
    """Stands around each run of an actor, from the fetched message to its acknowledgement."""

    def __init__(self, failpoint: Failpoint) -> None:
        self._failpoint = failpoint

    def before_declare_actor(self, broker: Broker, actor: Actor[..., Any]) -> None:
        run = actor.fn

        def watched(*args: Any) -> Any:
            if self._failpoint.here:
                self._failpoint.reach(Boundary.B5, When.AFTER)
            return run(*args)

        actor.fn = watched

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        self._failpoint.enter(Command(message.actor_name))
        if self._failpoint.here:
            self._failpoint.reach(Boundary.B5, When.BEFORE)

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any | None = None,
        exception: BaseException | None = None,
    ) -> None:
        self._failpoint.leave()

    def before_ack(self, broker: Broker, message: MessageProxy) -> None:
        if self._failpoint.means(message.actor_name):
            self._failpoint.reach(Boundary.B13, When.BEFORE)

    def after_ack(self, broker: Broker, message: MessageProxy) -> None:
        if self._failpoint.means(message.actor_name):
            self._failpoint.reach(Boundary.B13, When.AFTER)
            self._failpoint.over()
