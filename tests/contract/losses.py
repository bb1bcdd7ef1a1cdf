"""The ways in which an answer is lost, and what has happened at the provider by then."""

from __future__ import annotations

from dataclasses import replace

from domain.attempt import Attempt
from domain.outcome import Lookup, Pending, RequiresAction, Succeeded
from domain.payment import Payment
from domain.ports import Budget
from tests.contract.made import IMPATIENCE_S, a_hold, an_attempt, within
from tests.contract.rigs import Rig, Scenario

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
#: These keep the failed answer under the key, so that a replay only brings it again.
KEPT_FAILURES = {Scenario.FAILS_BEFORE, Scenario.FAILS_AFTER}
#: These take as long as they are waited for.
HANGS = {Scenario.HANGS_BEFORE, Scenario.HANGS_AFTER, Scenario.DRIPS_AFTER}


def patience(scenario: Scenario) -> Budget:
    return within(IMPATIENCE_S) if scenario in HANGS else within()


def id_of(found: Lookup) -> str:
    assert isinstance(found, Succeeded | Pending | RequiresAction), found
    return found.provider_id


def charged(rig: Rig, payment: Payment | None = None) -> Attempt:
    """Return a charge whose money was taken, or is held, with the provider's id."""
    attempt = an_attempt(rig.adapter, payment)
    outcome = rig.adapter.charge(attempt, within())
    assert isinstance(outcome, Succeeded), outcome
    return replace(attempt, provider_id=outcome.provider_id)


def held(rig: Rig, amount: int = 1250, currency: str = "EUR") -> Attempt:
    return charged(rig, a_hold(amount, currency))
