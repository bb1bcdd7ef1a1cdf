"""Sabotage: planted bugs, for the harness alone; `python -m ops.harness.sabotage NAME` is a worker.

A verdict that never says no proves nothing. Each of these is a mistake that real payment systems have
made, put into the worker before it starts. Nothing of it can be switched on in the product.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection

from domain import charge_facts, operation
from domain.attempt import Attempt
from domain.events import Told
from domain.facts import Fact
from domain.facts import proven as honest
from domain.outcome import NotCharged, Outcome, Proof, Unknown
from ops.store.work import session


def failover_on_unknown() -> None:
    """Take silence for a no: go on to the next gateway after a timeout or a lost answer."""

    def proven(fact: Fact, attempt: Attempt) -> Outcome:
        outcome = honest(fact, attempt)
        if isinstance(outcome, Unknown):
            return NotCharged(Proof.READ_BACK, f"gave up: {outcome.cause}", outcome.provider_id)
        return outcome

    _replace(charge_facts, "proven", proven)
    _replace(operation, "proven", proven)


def fresh_key_on_retry() -> None:
    """Make up a new idempotency key for every call."""

    def key(_: Attempt, step: str = "a") -> str:
        return uuid4().hex + step

    _replace(Attempt, "key", key)


def forgotten_audit() -> None:
    """Write moves of payments without their audit entries, now and then."""

    def tell(db: Connection, told: Sequence[Told]) -> None:
        kept = [one for one in told if not one.entry.entity_id.endswith(("0", "1", "2", "3"))]
        remembered(db, kept)

    remembered: Callable[[Connection, Sequence[Told]], None] = vars(session)["tell"]
    _replace(session, "tell", tell)


#: By the name that the command line takes.
SABOTAGES: Final[Mapping[str, Callable[[], None]]] = {
    "failover-on-unknown": failover_on_unknown,
    "fresh-key-on-retry": fresh_key_on_retry,
    "forgotten-audit": forgotten_audit,
}


def _replace(owner: Any, name: str, by: object) -> None:
    assert hasattr(owner, name), f"there is no {name} any more: this sabotage does nothing"
    setattr(owner, name, by)


def main() -> None:
    """Plant the bug, then be the worker; dramatiq forks, so that its processes have it, too."""
    SABOTAGES[sys.argv.pop(1)]()
    runpy.run_module("workers", run_name="__main__")


if __name__ == "__main__":
    main()
