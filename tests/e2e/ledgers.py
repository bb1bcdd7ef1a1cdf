"""Our books beside the ledgers of a running system, by the parts of the verdict that fit a test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from ops.harness.verdict.audited import broken_chain, unaudited
from ops.harness.verdict.books import read_books
from ops.harness.verdict.doubles import repeated
from ops.harness.verdict.standing import standing
from ops.harness.verdict.sums import wrong_sums
from ops.store.engine import open_engine
from tests.e2e.ledger_lines import lines, of_ledgers

if TYPE_CHECKING:
    from tests.e2e.system import System


def books_agree(system: System, within_s: float = 15) -> None:
    """Assert that our books and the simulators' ledgers tell the same story.

    The ledgers are ahead for as long as a webhook is under way, so it may take `within_s`.
    """
    from tests.e2e.system import eventually

    found: list[str] = []

    def same() -> bool:
        found[:] = differences(system)
        return not found

    eventually(same, within_s, lambda: "\n".join(found[:20]))


def differences(system: System) -> list[str]:
    """Return every way in which our books and the ledgers disagree, in words. What is parked is
    no excuse here: a test knows what it has asked for."""
    theirs = of_ledgers(system)
    with _engine(system) as engine, engine.connect() as db:
        books = read_books(db, all_facts=False)
    return [str(one) for one in (*wrong_sums(books, theirs), *repeated(theirs))]


def armed(system: System, gateway: str, kind: str | None) -> bool:
    """Return whether a scripted fault still waits for a request of this kind."""
    rules = system.admin("GET", gateway, "/faults")["data"]
    return any(rule["on"] == kind and rule["count"] for rule in rules)


def force(system: System, payment: str, status: str) -> None:
    """Let the provider put the first charge of a payment into another state."""
    (charge, *_) = system.sql(
        "SELECT gateway_id, provider_id FROM payment_attempts WHERE payment_id = %s"
        " ORDER BY number",
        [payment],
    )
    body = {"payment": charge["provider_id"], "status": status}
    system.admin("POST", charge["gateway_id"], "/settle", body)


def detached(system: System, gateway: str) -> Counter[str]:
    """Return how often a gateway was told to forget each token."""
    ledger = lines(system.folder / f"{gateway}.jsonl")
    return Counter(line.token for line in ledger if line.kind == "detach")


def endings(system: System, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what our books say became of payments, payouts and saved methods, by id.

    A payment with a refund has the refund's status; `parked` is why a person is asked, `sums` what
    was captured, promised back, refunded and taken back (minor units).
    """
    rows = system.sql(
        "SELECT p.id, coalesce(r.status, p.status) AS status, p.gateway_id,"
        " coalesce(p.parked_reason, r.parked_reason, (SELECT min(a.parked_reason)"
        "  FROM payment_attempts a WHERE a.payment_id = p.id)) AS parked,"
        " ARRAY[p.amount_captured, p.amount_refund_pending, p.amount_refunded,"
        "  p.amount_reversed] AS sums"
        " FROM payments p LEFT JOIN refunds r ON r.payment_id = p.id AND r.kind <> 'late'"
        " WHERE p.id = ANY(%s::uuid[]) UNION ALL"
        " SELECT p.id, p.status, p.gateway_id, coalesce(p.parked_reason,"
        "  (SELECT min(a.parked_reason) FROM payment_attempts a WHERE a.payout_id = p.id)), NULL"
        " FROM payouts p WHERE p.id = ANY(%s::uuid[]) UNION ALL"
        " SELECT id, CASE WHEN token IS NULL THEN 'forgotten' ELSE 'kept' END, gateway_id,"
        "  parked_reason, NULL FROM payment_methods WHERE id = ANY(%s::uuid[])",
        [ids, ids, ids],
    )
    return {row["id"].hex: row for row in rows}


def unsent(system: System, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return which of these have an attempt that was proven never sent; of saved methods, those
    that somebody tried to have forgotten."""
    return system.sql(
        "SELECT DISTINCT coalesce(a.payment_id, a.payout_id) AS id FROM attempt_facts f"
        " JOIN payment_attempts a ON a.id = f.attempt_id WHERE f.told ->> 'proof' = 'never_sent'"
        " AND coalesce(a.payment_id, a.payout_id) = ANY(%s::uuid[]) UNION ALL"
        " SELECT id FROM payment_methods WHERE starts > 0 AND id = ANY(%s::uuid[])",
        [ids, ids],
    )


def left(system: System, id_: str) -> str:
    """Wait until no call for this payment or payout is on its way; return its id."""
    from tests.e2e.system import eventually

    def calls() -> list[str]:
        rows = system.sql(
            "SELECT state FROM payment_attempts WHERE %s::uuid IN (payment_id, payout_id)",
            [id_.partition("_")[2]],
        )
        return [row["state"] for row in rows]

    eventually(lambda: (found := calls()) and "sending" not in found, 15, lambda: str(calls()))
    return id_


def stuck(system: System) -> list[str]:
    """Return what is neither over, nor due, nor parked, nor waits for an attempt that is (law 2)."""
    with _engine(system) as engine, engine.connect() as db:
        books = read_books(db, all_facts=False)
    return [str(one) for one in standing(books, (), {}).lost]


def audit_holds(system: System) -> None:
    """Assert that every move has its audit entry, in a chain in which nothing was changed."""
    with _engine(system) as engine:
        broken = list(broken_chain(engine, system.stack.settings.secrets.audit))
        with engine.connect() as db:
            broken += unaudited(db, None)
    assert broken == [], "\n".join(map(str, broken[:20]))


@contextmanager
def _engine(system: System) -> Iterator[Engine]:
    engine = open_engine(system.stack.settings.database_url, "verdict", 2)
    try:
        yield engine
    finally:
        engine.dispose()
