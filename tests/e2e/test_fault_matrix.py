"""Every operation meets every fault that can strike it, and our books equal the ledgers after all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count

import pytest

from tests.e2e import ledgers
from tests.e2e.fault_cells import CELLS, Cell, Seen, wanted
from tests.e2e.system import Json, System, a_system, eventually
from tests.e2e.test_payers import press

pytestmark = pytest.mark.e2e

SETTINGS = {
    # No hold ends while it waits here for its turn; those that are to end have their time moved.
    "HOLD_S": "3600",
    # Long enough for every fault that passes, so that what is parked is what nobody can know.
    "RESOLVE_SCHEDULE_S": "1,1,1,2,2,2,3,3",
    # Half of all charges here fail by design; a breaker would send the next cell elsewhere.
    "BREAKER_MIN_CALLS": "1000000",
}
#: How long one cell may hold up its lane.
TURN_S = 12.0
#: A resolution schedule, and what goes before it.
ALL_OVER_S = 30.0

#: What runs after one another at one gateway, because a scripted fault strikes whoever comes first.
#: Voids come last: until then only holds that have ended by themselves are cancelled.
LANES = "capture", "capture_part approval", "refund", "refund_part reversal", "detach"
LAST_LANES = "void", "expiry"
#: After these the same kind of request is sent again, and the next cell's fault must not meet it.
REPEATED = frozenset(
    {"soft_decline", "drop_before_charge", "hang_before_charge", "rate_limited", "unavailable"}
)
#: Their 500 is kept under the key, so they are asked about for longest; nothing but a gate would
#: strike those requests, so they come after the gates.
KEPT = frozenset({"server_error", "charge_then_500"})

#: How many orders may be on their way at once. Half of a worker's threads may wait for one gateway;
#: what comes then goes to the next one, and a fault that hangs holds a thread for a deadline.
AT_ONCE = 6
#: How often something is made that a machine that others keep busy sends elsewhere.
TAKES = 3

_serial = count(1)


def post(system: System, path: str, body: Json, *statuses: int) -> Json:
    answer = system.call("POST", path, body)
    assert answer.status in (statuses or (202,)), (path, body, answer.status, answer.data)
    return dict(answer.json())


def a_payment(system: System, gateway: str, amount: int, **fields: object) -> str:
    card = {"type": "card", "token": f"tok_fault_{next(_serial)}"}
    body = {"amount": amount, "currency": "USD", "payment_method": card}
    body |= {"provider_preference": gateway} | fields
    return str(post(system, "/v1/payments", body)["id"])


def prepared(system: System, cell: Cell) -> str:
    """Bring a payment or a saved card to where the operation starts from; return its id. A payment
    that went elsewhere, because its call came late, is left alone."""
    for _ in range(TAKES):
        id_ = begun(system, cell)
        tried = system.sql(
            "SELECT gateway_id, state FROM payment_attempts WHERE payment_id = %s", [_key(id_)]
        )
        if cell.name == "detach" or [one["gateway_id"] for one in tried] == [
            cell.operation.gateway
        ]:
            return id_
    raise AssertionError(f"{cell} has nothing to begin with: {tried}")


def begun(system: System, cell: Cell) -> str:
    """Make what the operation is about, wherever it goes."""
    operation = cell.operation
    match cell.name:
        case "approval":  # of a method that can be held, and whose payer nobody can challenge
            paypal = {"type": "paypal", "token": f"pp_fault_{next(_serial)}"}
            id_ = a_payment(system, operation.gateway, operation.whole, payment_method=paypal)
            press(system, system.settled(id_, "requires_action")["next_action"]["url"], "approve")
            system.settled(id_, "in_review")
        case "detach":
            customer = post(system, "/v1/customers", {"external_id": cell.token}, 201)["id"]
            card = {"type": "card", "token": cell.token, "card": {"last4": "4242"}}
            saved = card | {"customer_id": customer, "gateway_id": operation.gateway}
            return str(post(system, "/v1/payment-methods", saved, 201)["id"])
        case "refund" | "refund_part" | "reversal":
            id_ = a_payment(system, operation.gateway, operation.whole)
            system.settled(id_, "captured")
        case _:
            id_ = a_payment(system, operation.gateway, operation.whole, capture_method="manual")
            system.settled(id_, "authorized")
    return id_


def act(system: System, cell: Cell, id_: str) -> None:
    """Ask for the operation that is to meet the fault."""
    if cell.name == "detach":
        assert system.call("DELETE", f"/v1/payment-methods/{id_}").status == 204
    elif cell.name == "expiry":
        assert expired(system, [id_]) == {id_}
    else:
        part = {} if cell.operation.part is None else {"amount": cell.operation.part}
        why = {"reason": "matrix"} if cell.operation.kind == "refund" else {}
        post(system, cell.operation.path.format(id_), part | why)


def expired(system: System, ids: Iterable[str]) -> set[str]:
    """Move the time at which holds end to now; return those of which it was moved.

    Whoever waits for it needs a machine on which every hold has had its turn before that.
    """
    rows = system.sql(
        "UPDATE payments SET next_run_at = clock_timestamp(), wake_at = clock_timestamp()"
        " WHERE id = ANY(%s::uuid[]) AND status = 'authorized' AND next_command = 'void_payment'"
        " RETURNING id",
        [[_key(id_) for id_ in ids]],
    )
    return {f"pay_{row['id'].hex}" for row in rows}


def bring_along(system: System, cell: Cell) -> str:
    """Order new money, or a payout, that brings its fault along; return its id."""
    gateway, amount = cell.operation.gateway, cell.operation.whole
    fault = {} if cell.fault == "refuse" else {"metadata": {"sandbox": f"{gateway}:{cell.fault}"}}
    if cell.name == "payout":
        account = {"type": "bank_account", "token": f"ba_fault_{next(_serial)}"}
        body = {"user_id": "u-1", "amount": amount, "currency": "USD", "destination": account}
        return str(post(system, "/v1/withdrawals", body | fault)["id"])
    method = "manual" if cell.name == "hold" else "automatic"
    id_ = a_payment(system, gateway, amount, capture_method=method, **fault)
    if cell.fault == "three_ds":
        press(system, system.settled(id_, "requires_action")["next_action"]["url"], "approve")
    return id_


def brought_along(system: System, cell: Cell) -> str:
    """Order it until its first call was sent where its fault is; a crowded machine may send none in
    time. Return the id of the last order: if that went elsewhere, too, its test tells."""
    for _ in range(TAKES):
        id_ = ledgers.left(system, bring_along(system, cell))
        first = system.sql(
            "SELECT gateway_id, proof FROM payment_attempts"
            " WHERE %s::uuid IN (payment_id, payout_id) ORDER BY number LIMIT 1",
            [_key(id_)],
        )[0]
        if first["gateway_id"] == cell.operation.gateway and first["proof"] != "never_sent":
            break
    return id_


def run_lane(system: System, names: str) -> dict[Cell, str]:
    """Let cells meet their scripted faults one after another; the next is prepared meanwhile."""
    lane = [cell for cell in CELLS if cell.name in names.split() and cell.fault != "refuse"]
    lane.sort(key=lambda cell: (cell.fault in KEPT, cell.fault in REPEATED))
    ids: dict[Cell, str] = {}
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(prepared, system, lane[0])
        for cell, following in zip(lane, [*lane[1:], None], strict=True):
            ids[cell] = coming.result()
            if following is not None:
                coming = ahead.submit(prepared, system, following)
            _strike(system, cell, ids[cell])
            if cell.fault in REPEATED:
                _until_over(system, {cell: ids[cell]}, TURN_S)
    return ids


def _strike(system: System, cell: Cell, id_: str) -> None:
    gateway, kind = cell.operation.gateway, cell.operation.kind
    system.fault(gateway, cell.fault, on=kind, count=1)
    act(system, cell, id_)
    eventually(
        lambda: not ledgers.armed(system, gateway, kind), 15, lambda: f"{cell} was never met"
    )


def _until_over(
    system: System,
    ids: Mapping[Cell, str],
    within_s: float,
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Wait until each of these is as it should be; if not, the tests of the cells tell."""
    right = {cell: wanted(cell) for cell in ids}

    def look() -> bool:
        meanwhile()
        return seen(system, ids) == right

    with suppress(AssertionError):
        eventually(look, within_s)


def run_at_a_shut_door(system: System, gateway: str) -> dict[Cell, str]:
    """Close one gateway's port for the cells that go there, until each has met that."""
    shut = [cell for cell in CELLS if (cell.fault, cell.operation.gateway) == ("refuse", gateway)]
    ids = {cell: prepared(system, cell) for cell in shut if cell.operation.kind}
    system.fault(gateway, "refuse")
    for cell, id_ in ids.items():
        act(system, cell, id_)
    ids |= {cell: bring_along(system, cell) for cell in shut if not cell.operation.kind}
    keys = [_key(id_) for id_ in ids.values()]
    eventually(lambda: len(ledgers.unsent(system, keys)) == len(ids), 20)
    system.no_faults()
    return ids


def seen(system: System, ids: Mapping[Cell, str]) -> dict[Cell, Seen]:
    """Read what became of the cells."""
    rows = ledgers.endings(system, [_key(id_) for id_ in ids.values()])
    forgotten = ledgers.detached(system, "sandbox-b")
    return {cell: _seen(cell, rows[_key(id_)], forgotten[cell.token]) for cell, id_ in ids.items()}


def _seen(cell: Cell, row: Json, forgotten: int) -> Seen:
    word = str(row["parked"] or row["status"]).removeprefix("amount_")
    if word == "forgotten" and forgotten != 1:
        return f"forgotten by us, {forgotten} times by the provider", None
    if cell.operation.kind is None and word in ("captured", "expired", "succeeded"):
        word += "@" + str(row["gateway_id"]).removeprefix("sandbox-")
    return word, row["sums"] and tuple(row["sums"])


def _key(id_: str) -> str:
    return id_.partition("_")[2]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Start a system of its own: its simulators are told to fail all the time."""
    with a_system(tmp_path_factory.mktemp("matrix"), **SETTINGS) as started:
        yield started


def _until_holds_end(system: System, ids: Mapping[Cell, str]) -> None:
    """End the holds among these as soon as they are held, and wait for that."""
    holds = {cell: id_ for cell, id_ in ids.items() if cell.name == "hold"}
    living = set(holds.values())
    _until_over(
        system, holds, ALL_OVER_S, lambda: living.difference_update(expired(system, living))
    )


def run_matrix(system: System) -> dict[Cell, str]:
    """Let every cell meet its fault; return their ids."""
    brought = [cell for cell in CELLS if cell.operation.kind is None and cell.fault != "refuse"]
    with ThreadPoolExecutor(len(LANES)) as pool, ThreadPoolExecutor(AT_ONCE) as bringing:
        running = [pool.submit(run_lane, system, names) for names in LANES]
        ordered = bringing.map(lambda cell: brought_along(system, cell), brought)
        ids = dict(zip(brought, ordered, strict=True))
        for lane in running:
            ids |= lane.result()
        _until_holds_end(system, ids)
        for met in pool.map(lambda names: run_lane(system, names), LAST_LANES):
            ids |= met
    for gateway in system.stack.sandboxes:
        ids |= run_at_a_shut_door(system, gateway)
    _until_holds_end(system, ids)
    _until_over(system, ids, ALL_OVER_S)
    return ids


@pytest.fixture(scope="module")
def ended(system: System) -> Mapping[Cell, Seen]:
    """Run the whole matrix; return what became of every cell."""
    return seen(system, run_matrix(system))


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.name}-{cell.fault}")
def test_every_operation_ends_in_the_right_state_after_every_fault(
    ended: Mapping[Cell, Seen], cell: Cell
) -> None:
    assert ended[cell] == wanted(cell)


@pytest.mark.usefixtures("ended")
def test_after_all_faults_our_books_equal_the_ledgers_and_nothing_is_stuck(system: System) -> None:
    ledgers.books_agree(system)
    assert ledgers.stuck(system) == []
    ledgers.audit_holds(system)


#: Which fault the first charge meets, how its payment ends, and what its provider makes of it then.
#: What the provider had denied before goes back all the same, and a person hears of it.
HELD_LATE = [("three_ds", "cancelled", "authorized"), ("three_ds", "expired", "authorized")]
DENIED_BEFORE = [
    ("three_ds", "cancelled", "captured"),
    ("three_ds", "expired", "captured"),
    ("hard_decline", "failed", "captured"),
    ("hard_decline", "failed", "authorized"),
    ("soft_decline", "captured", "captured"),
    ("soft_decline", "captured", "authorized"),
]


def _paid_late(system: System, fault: str, end: str, as_: str) -> str:
    """Let a payment end, and its money come after that; return its id."""
    id_ = a_payment(system, "sandbox-a", 7_000, metadata={"sandbox": f"sandbox-a:{fault}"})
    if fault == "three_ds":
        system.settled(id_, "requires_action")
    if end == "cancelled":
        post(system, f"/v1/payments/{id_}/cancel", {})
    if end == "expired":
        ledgers.force(system, _key(id_), "expired")
    system.settled(id_, end)
    ledgers.force(system, _key(id_), as_)
    return id_


@pytest.mark.parametrize(
    "cases",
    [HELD_LATE, DENIED_BEFORE],
    ids=["held late", "denied before"],
)
def test_money_that_comes_after_the_end_goes_back_once(
    system: System, cases: list[tuple[str, str, str]]
) -> None:
    """It was cancelled, expired, declined, or paid elsewhere by then, and stays so (law 9)."""
    with ThreadPoolExecutor(len(cases)) as pool:
        ids = list(pool.map(lambda case: _paid_late(system, *case), cases))
    late = (
        "SELECT p.status AS end, r.kind, r.status, r.amount FROM payments p"
        " LEFT JOIN refunds r ON r.payment_id = p.id WHERE p.id = %s"
    )
    back = {"kind": "late", "status": "succeeded", "amount": 7_000}
    ended = [[{"end": end} | back] for _, end, _ in cases]
    eventually(lambda: [system.sql(late, [_key(id_)]) for id_ in ids] == ended, 10)
    ledgers.books_agree(system)
