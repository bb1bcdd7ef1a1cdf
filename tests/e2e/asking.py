"""Asking at once: requests that are released together, and what the simulators booked for them."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from urllib3 import BaseHTTPResponse

from tests.e2e.hostile_tenants import refused
from tests.e2e.system import Json, System, eventually

#: A racer that is not at the start by then has died, and the others must not wait for it.
START_S = 60.0
#: Hundreds of refunds on two slow cores are through by then.
QUIET_S = 60.0

#: The kinds of ledger lines that move money or let go of it; the others are history.
MOVES = frozenset({"charge", "capture", "cancel", "refund", "refund.failed", "payout"})

#: What a request that lost a race may be answered. Clients are built on these codes.
REFUSALS = {
    "illegal_state": 409,
    "operation_in_flight": 409,
    "amount_exceeds_refundable": 422,
    "idempotency_key_reused": 422,
}


@dataclass(frozen=True, slots=True)
class Ask:
    """One POST of the demo merchant."""

    path: str
    body: Json
    key: str


@dataclass(frozen=True, slots=True)
class Moved:
    """One move in a simulator's ledger; `name` is our reference of the refund, where it is one."""

    kind: str
    amount: int
    name: str | None = None


def at_once(system: System, rounds: Sequence[Sequence[Ask]]) -> list[list[BaseHTTPResponse]]:
    """Send each round's requests in the same moment, a thread for each; one round after another.

    Returns the answers in the order of the requests. Every round has as many requests.
    """
    start = threading.Barrier(len(rounds[0]), timeout=START_S)

    def race(lane: Sequence[Ask]) -> list[BaseHTTPResponse]:
        answers = []
        try:
            for ask in lane:
                start.wait()
                answers.append(system.call("POST", ask.path, ask.body, key=ask.key))
        except BaseException:
            start.abort()
            raise
        return answers

    with ThreadPoolExecutor(len(rounds[0])) as pool:
        running = [pool.submit(race, lane) for lane in zip(*rounds, strict=True)]
    for run in running:  # who was only left waiting by another's failure explains nothing
        with suppress(threading.BrokenBarrierError):
            run.result()
    return [list(answers) for answers in zip(*(run.result() for run in running), strict=True)]


def lost(answer: BaseHTTPResponse) -> str:
    """Assert that a refusal is complete, and that it says what to do now; return its code."""
    code = str(answer.json()["code"])
    assert code in REFUSALS, (answer.status, answer.data)
    problem = refused(answer, REFUSALS[code], code)
    if code == "operation_in_flight":
        assert int(answer.headers["Retry-After"]) >= 1
    elif code == "illegal_state":
        assert isinstance(problem["allowed_operations"], list), problem
    assert problem["fix"], problem
    return code


def moves(system: System) -> dict[str, list[Moved]]:
    """Return what every simulator moved, by the reference of the payment or payout."""
    found: dict[str, list[Moved]] = defaultdict(list)
    for gateway in system.stack.sandboxes:
        text = (system.folder / f"{gateway}.jsonl").read_text()
        for line in text[: text.rfind("\n") + 1].splitlines():  # the last one may be half written
            entry = json.loads(line)
            if entry["kind"] in MOVES:
                move = Moved(entry["kind"], entry["amount"], entry.get("refund_reference"))
                found[entry["reference"]].append(move)
    return found


def moves_of(system: System, ids: Sequence[str], column: str) -> dict[str, list[Moved]]:
    """Return what was moved at any gateway for each of these payments or payouts.

    `column` is `payment_id` or `payout_id`.
    """
    theirs = moves(system)
    found: dict[str, list[Moved]] = {id_: [] for id_ in ids}
    attempts = system.sql(
        f"SELECT id, {column} AS owner FROM payment_attempts WHERE {column} = ANY(%s::uuid[])",
        [[id_.partition("_")[2] for id_ in ids]],
    )
    named = {id_.partition("_")[2]: id_ for id_ in ids}
    for attempt in attempts:
        found[named[attempt["owner"].hex]] += theirs.get(attempt["id"].hex, [])
    return found


def quiet(system: System, ids: Sequence[str]) -> None:
    """Wait until nothing about these payments is under way any more, and nothing is parked."""
    asked = [[id_[4:] for id_ in ids]]

    def unfinished() -> list[Json]:
        return system.sql(
            "SELECT p.id, p.status, p.amount_refund_pending, a.operation, a.state, a.cause"
            " FROM payments p LEFT JOIN payment_attempts a ON a.payment_id = p.id"
            " AND (a.state IN ('sending', 'pending', 'requires_action', 'unknown')"
            "  OR a.parked_at IS NOT NULL)"
            " WHERE p.id = ANY(%s::uuid[]) AND (a.id IS NOT NULL OR p.amount_refund_pending > 0"
            "  OR p.parked_at IS NOT NULL OR p.next_run_at <= now())",
            asked,
        )

    eventually(lambda: not unfinished(), QUIET_S, lambda: str(unfinished()[:5]))


def agreed(system: System, ids: Sequence[str]) -> list[Json]:
    """Assert that payments, transactions and ledgers tell the same to the unit; return payments."""
    quiet(system, ids)
    theirs = moves_of(system, ids, "payment_id")
    booked = system.sql(
        "SELECT payment_id, type, sum(amount)::bigint AS amount, count(*) AS n FROM transactions"
        " WHERE payment_id = ANY(%s::uuid[]) GROUP BY 1, 2",
        [[id_[4:] for id_ in ids]],
    )
    ours = {(f"pay_{row['payment_id'].hex}", row["type"]): row for row in booked}
    payments = []
    for id_ in ids:
        payment, lines = system.payment(id_), theirs[id_]
        taken = [line.amount for line in lines if line.kind in ("charge", "capture")]
        back = [line for line in lines if line.kind == "refund"]
        let_go = [line for line in lines if line.kind == "cancel"]
        assert len(lines) == len(taken) + len(back) + len(let_go), lines
        assert len(taken) + len(let_go) <= 1, lines
        assert len({line.name for line in back}) == len(back), lines
        money = sum(taken), sum(line.amount for line in back)
        assert money == (payment["amount_captured"], payment["amount_refunded"]), payment
        assert money[1] <= money[0] <= payment["amount_authorized"] or let_go, payment
        for kinds, count, amount in (
            (("sale", "capture"), len(taken), money[0]),
            (("refund", "reversal"), len(back), money[1]),
            (("void",), len(let_go), len(let_go) * payment["amount"]),
        ):
            rows = [ours[id_, kind] for kind in kinds if (id_, kind) in ours]
            assert sum(row["n"] for row in rows) == count, (payment, rows, lines)
            assert sum(row["amount"] for row in rows) == amount, (payment, rows, lines)
        payments.append(payment)
    return payments
