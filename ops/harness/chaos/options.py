"""Options: how much, how long, which seed; and what a short run leaves out."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ops.harness.sabotage import SABOTAGES

#: What two cores take with everything beside it: seven simulators, two servers, and us.
PER_MINUTE: Final = 300
SHORT_PAYMENTS: Final = 400
SHORT_MINUTES: Final = 0.75
#: A planted bug shows within the first dozens of lost answers.
SABOTAGED_PAYMENTS: Final = 60
SABOTAGED_MINUTES: Final = 0.15


@dataclass(frozen=True, slots=True)
class Options:
    """One run. The seed decides orders, faults, and what is destroyed when."""

    payments: int
    seed: int
    #: How long orders arrive and things are destroyed.
    storm_s: float
    sabotage: str | None
    #: Where the run keeps its servers, logs, ledgers and `chaos.json`. None: a new temporary one.
    folder: Path | None

    @property
    def calm(self) -> bool:
        """Whether only answers are lost: a planted bug is to be seen by itself."""
        return self.sabotage is not None


def parsed(words: Sequence[str]) -> Options:
    """Read the command line; exits with a usage message where it cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.harness.chaos",
        description="Run the real programs under fire and judge them by the providers' ledgers. "
        "Exit code 0: nothing lost, doubled, unaudited or stuck.",
    )
    parser.add_argument("--payments", type=int, help="orders to place (default 10000)")
    parser.add_argument("--minutes", type=float, help="how long the storm lasts")
    parser.add_argument("--seed", type=int, help="replays a run's schedule; printed by each run")
    parser.add_argument("--short", action="store_true", help="about two minutes, for every change")
    parser.add_argument(
        "--sabotage", choices=sorted(SABOTAGES), help="plant a bug: the verdict must find it"
    )
    parser.add_argument("--folder", type=Path, help="keep everything there")
    given = parser.parse_args(words)
    payments, minutes = 10_000, None
    if given.short:
        payments, minutes = SHORT_PAYMENTS, SHORT_MINUTES
    if given.sabotage:
        payments, minutes = SABOTAGED_PAYMENTS, SABOTAGED_MINUTES
    payments = given.payments or payments
    minutes = given.minutes or minutes or payments / PER_MINUTE
    seed = secrets.randbelow(2**32) if given.seed is None else given.seed
    return Options(
        payments=payments,
        seed=seed,
        storm_s=minutes * 60,
        sabotage=given.sabotage,
        folder=given.folder,
    )
