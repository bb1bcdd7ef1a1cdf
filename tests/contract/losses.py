"""The ways in which an answer is lost, what has happened by then, and what a look-up then owes us."""

from __future__ import annotations

from domain.attempt import Attempt, Operation
from domain.flows.send import send
from domain.outcome import Lookup, NotFound, Outcome, Prepared, RequiresAction, Unknown
from domain.ports import Budget
from tests.contract.deeds import Deed, begun, made
from tests.contract.made import IMPATIENCE_S, within
from tests.contract.rigs import Finds, Rig, Scenario, Step, Ways

#: Faults after which the answer is lost, and whether the operation was carried out by then.
LOST = {
    Scenario.DROPS_BEFORE: False,
    Scenario.DROPS_AFTER: True,
    Scenario.FAILS_BEFORE: False,
    Scenario.FAILS_AFTER: True,
    Scenario.GARBAGE_AFTER: True,
    Scenario.HANGS_BEFORE: False,
    Scenario.HANGS_AFTER: True,
    Scenario.DRIPS_AFTER: True,
}
#: Some providers keep these under the key, so that a replay only brings them again.
FAILURES = frozenset({Scenario.FAILS_BEFORE, Scenario.FAILS_AFTER})
#: These take as long as they are waited for.
HANGS = frozenset({Scenario.HANGS_BEFORE, Scenario.HANGS_AFTER, Scenario.DRIPS_AFTER})
#: What is read, captured or voided by the charge's id is always found: see `Ways.finds`.
_OWN = frozenset({Operation.CHARGE, Operation.REFUND, Operation.PAYOUT})


def patience(scenario: Scenario) -> Budget:
    return within(IMPATIENCE_S) if scenario in HANGS else within()


def is_kept(ways: Ways, scenario: Scenario, operation: Operation) -> bool:
    """Whether a repetition under the key only brings this failure again."""
    return scenario in FAILURES and operation in ways.keeps_failures


def finds(ways: Ways, attempt: Attempt) -> Finds:
    """Return what a look-up of this attempt is worth."""
    if attempt.operation not in _OWN or attempt.provider_id is not None:
        return Finds.AT_ONCE
    return ways.finds[attempt.operation]


def is_silence(ways: Ways, attempt: Attempt, found: Lookup) -> bool:
    """Whether a look-up may say this although there is something."""
    silent = isinstance(found, NotFound | Unknown)
    return silent and finds(ways, attempt) is not Finds.AT_ONCE


def is_absence(ways: Ways, attempt: Attempt, found: Lookup) -> bool:
    """Whether a look-up may say this where there is nothing."""
    return found == NotFound() or is_silence(ways, attempt, found)


def is_made(found: Lookup, ways: Ways) -> bool:
    """Whether this says that the object of a split operation is there, and has moved nothing."""
    return isinstance(found, Prepared | RequiresAction if ways.asks_always else Prepared)


def struck(rig: Rig, deed: Deed, step: Step, scenario: Scenario) -> tuple[Attempt, Outcome]:
    """Have the answer to one call be lost, and return the attempt and what the call came to."""
    attempt = made(rig, deed)
    if step is Step.MOVE:
        attempt = begun(rig, attempt)
    rig.plays(scenario, deed.operation, step)
    return attempt, send(rig.adapter, attempt, patience(scenario))
