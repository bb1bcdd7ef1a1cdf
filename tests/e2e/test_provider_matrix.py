"""Every operation meets every fault at every provider, and our books equal all ledgers after all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import pytest

from tests.e2e import ledgers
from tests.e2e.living import a_payment
from tests.e2e.provider_cells import CELLS, Cell, Seen, wanted
from tests.e2e.provider_driver import Driver
from tests.e2e.system import System, a_system

pytestmark = pytest.mark.e2e

SETTINGS = {
    # Long enough for every fault that passes, so that what is parked is what nobody can know.
    "RESOLVE_SCHEDULE_S": "1,1,1,2,2,2,3,3",
    # Half of all calls here fail by design; a breaker would send the next cell elsewhere.
    "BREAKER_MIN_CALLS": "1000000",
}
#: A resolution schedule, and what goes before it.
ALL_OVER_S = 45.0


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Start a system of its own: its simulators are told to fail all the time."""
    with a_system(tmp_path_factory.mktemp("providers"), **SETTINGS) as started:
        yield started


def in_turns() -> list[Cell]:
    """Return the cells so that their gateways take turns: whoever comes when half of a worker's
    threads wait for one gateway goes elsewhere."""
    before: Counter[str] = Counter()
    turns: dict[Cell, int] = {}
    for cell in CELLS:
        turns[cell] = before[cell.gateway]
        before[cell.gateway] += 1
    return sorted(CELLS, key=turns.__getitem__)


@pytest.fixture(scope="module")
def ended(system: System) -> Mapping[Cell, Seen]:
    """Let every cell meet its fault; return what became of each."""
    driver = Driver(system)
    # What is asked about for longest goes first; a shut door would strike everybody, so it is last.
    open_ = sorted(in_turns(), key=lambda cell: cell.wanted != "unresolved")
    ids = driver.run([cell for cell in open_ if cell.fault != "refuse"])
    ids |= driver.run_at_shut_doors([cell for cell in CELLS if cell.fault == "refuse"])
    driver.until_over(ids, ALL_OVER_S)
    return driver.seen(ids)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_every_operation_ends_in_the_right_state_after_every_fault(
    ended: Mapping[Cell, Seen], cell: Cell
) -> None:
    assert ended[cell] == wanted(cell)


@pytest.mark.usefixtures("ended")
def test_after_all_faults_our_books_equal_all_ledgers_and_nothing_is_stuck(system: System) -> None:
    ledgers.books_agree(system)
    assert ledgers.stuck(system) == []
    ledgers.audit_holds(system)


@pytest.mark.usefixtures("ended")
def test_what_a_bank_denies_after_it_had_settled_was_captured_and_taken_back(
    system: System,
) -> None:
    card = {"type": "card", "token": "tok_denied_late"}
    id_ = a_payment(system, 1_500_000, currency="IDR", country="ID", payment_method=card)
    system.settled(id_, "captured")
    (charge,) = system.sql(
        "SELECT provider_id, gateway_id FROM payment_attempts WHERE payment_id = %s", [id_[4:]]
    )

    system.admin("POST", charge["gateway_id"], f"/transactions/{charge['provider_id']}/deny")

    assert charge["gateway_id"] == "midtrans-id"
    reversed_ = system.settled(id_, "reversed")
    assert reversed_["amount_captured"] == 1_500_000
    ledgers.books_agree(system)
