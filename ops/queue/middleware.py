"""What surrounds each run of an actor, one concern per class.

An exception in an actor is logged by dramatiq's worker, once, as an error with its traceback; it
goes through our log configuration like every library's line. Without the Retries middleware the
message is then acknowledged, and the row says when to try again.

Signals, as the dramatiq command handles them: SIGTERM or SIGINT at the main process becomes one
SIGTERM for each child. A child notices within a second, calls `before_worker_shutdown`, lets runs
end, puts prefetched messages back and exits; it waits `--worker-shutdown-timeout` for the runs
(default ten minutes: pass the drain limit) and as long again for the consumers. A second SIGTERM
kills at once, so signal the main process only, and once. One child that dies on its own takes the
others down with it, and the command ends with 1: a supervisor starts it again.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

from dramatiq import Actor, Broker, Middleware, Worker
from dramatiq.broker import MessageProxy
from structlog.contextvars import bind_contextvars, clear_contextvars

from domain.commands import Command
from domain.errors import LeaseLost
from domain.ids import Kind, public
from ops.telemetry import exposition, logs, metrics

#: Commands whose row is the payment itself, which is what logs call the transaction.
PAYMENT_COMMANDS: Final = frozenset({Command.SCREEN, Command.CHARGE})


class RequestContext(Middleware):
    """Puts the message's request id and its row on every line of the run."""

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        bind_contextvars(**_context(message))

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any | None = None,
        exception: BaseException | None = None,
    ) -> None:
        clear_contextvars()


class Runs(Middleware):
    """Counts and times each run, and writes its one line."""

    def __init__(self) -> None:
        self._started = threading.local()  # a run stays on its worker's thread

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        self._started.at = time.monotonic()

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any | None = None,
        exception: BaseException | None = None,
    ) -> None:
        took_s = time.monotonic() - self._started.at
        match exception:
            case None:
                status = "ok"
            case LeaseLost():
                status = "lease_lost"
            case _:
                status = "crashed"
        metrics.ACTOR_RUNS.labels(message.actor_name, status).inc()
        metrics.ACTOR_SECONDS.labels(message.actor_name).observe(took_s)
        logs.operation(message.actor_name, status=status, duration_ms=took_s * 1_000)


class SilentLease(Middleware):
    """A lost lease is no error: another worker has the row. Dramatiq then writes an info line."""

    @property
    def actor_options(self) -> set[str]:
        return {"throws"}

    def before_declare_actor(self, broker: Broker, actor: Actor[..., Any]) -> None:
        actor.options.setdefault("throws", LeaseLost)


class Draining(Middleware):
    """Tells flows that this process is about to stop, so that they begin nothing new."""

    def __init__(self) -> None:
        self._told = threading.Event()

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        self._told.set()

    def draining(self) -> bool:
        """Whether the process has been told to stop."""
        return self._told.is_set()


class Exposed(Middleware):
    """Has `fork` serve the metrics of all worker processes, in one more process of the command.

    Dramatiq passes it on by module and name, calls it there without arguments and ends it with the
    others: it is a function of a module, reads its settings itself, and ends with
    `exposition.serve_until_killed`. None: nobody serves them.
    """

    def __init__(self, fork: Callable[[], int] | None) -> None:
        self._fork = fork

    @property
    def forks(self) -> list[Callable[[], int]]:
        return [self._fork] if self._fork else []

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        exposition.mark_dead(os.getpid())


def around_actors(draining: Draining, fork: Callable[[], int] | None = None) -> list[Middleware]:
    """Return the middleware of a worker; for `fork` see `Exposed`.

    `before` hooks run in this order and `after` hooks in the opposite one, so the context is there
    for all that the others write.
    """
    return [RequestContext(), Runs(), SilentLease(), draining, Exposed(fork)]


def _context(message: MessageProxy) -> dict[str, str]:
    row_id = str(message.args[0]) if message.args else ""
    context = {"actor": message.actor_name, "row_id": row_id}
    if request_id := message.options.get("request_id"):
        context["request_id"] = str(request_id)
    if message.actor_name in PAYMENT_COMMANDS:
        with suppress(ValueError):  # not an id: the actor itself is going to say so
            context["transaction_id"] = public(Kind.PAYMENT, UUID(row_id))
    return context
