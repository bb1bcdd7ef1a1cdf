"""What the dramatiq command runs in a test: our workers, and a gateway that kills them."""

from __future__ import annotations

import os
from dataclasses import replace

from domain.ports import Runtime
from domain.task import Charge, Task
from tests.scripted import Board, Scripted, paid
from workers import main

#: The description of a payment that no worker survives.
POISON = "poison"
#: Starts of a row before it is parked.
MAX_STARTS = 2


class Deadly(Scripted):
    """A gateway whose request cannot be written for a poisonous payment: the process aborts."""

    def compose(self, task: Task, reference: str) -> bytes | None:
        if isinstance(task, Charge) and task.payment.description == POISON:
            os.abort()
        return super().compose(task, reference)


def around(runtime: Runtime) -> Runtime:
    """Put the deadly gateway where the configured ones are."""
    policy = replace(runtime.policy, max_starts=MAX_STARTS)
    return replace(runtime, gateways=Board({"one": Deadly("one", paid)}), policy=policy)


def setup() -> None:
    """Compose a worker process."""
    main.setup(around=around)
