"""The simulators' ledgers beside our books: the same money, to the unit, and each movement once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ops.store.engine import open_engine
from ops.store.ledger import seal, verify
from tests.e2e.ledger_lines import Movement, lines, of_ledgers

if TYPE_CHECKING:
    from tests.e2e.system import System

#: What each kind of transaction in our books is called here.
_OURS = {
    "sale": "taken",
    "capture": "taken",
    "authorization": "held",
    "void": "released",
    "refund": "refunded",
    "reversal": "refunded",
    "refund_failure": "refund_undone",
    "chargeback": "charged_back",
    "payout": "paid_out",
    "payout_failure": "payout_undone",
}
#: What came back there looks like what never arrived.
_SHOW_THE_END = frozenset({"stripe-eu", "midtrans-id"})
#: These happen at most once under one reference, whatever their amounts.
_ONCE = frozenset({"taken", "held", "released", "refunded", "paid_out"})


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
    """Return every way in which our books and the ledgers disagree, in words."""
    theirs, ours = of_ledgers(system), of_books(system)
    theirs -= _unheard(theirs, ours)
    wrong = [f"only in the ledger: {n} x {one}" for one, n in sorted((theirs - ours).items())]
    wrong += [f"only in our books: {n} x {one}" for one, n in sorted((ours - theirs).items())]
    times = Counter({(m.gateway, m.reference, m.kind): 0 for m in theirs if m.kind in _ONCE})
    for one, n in theirs.items():
        if one.kind in _ONCE:
            times[one.gateway, one.reference, one.kind] += n
    wrong += [f"{n} times: {what}" for what, n in sorted(times.items()) if n > 1]
    return wrong + _unbalanced(system, theirs)


def _unheard(theirs: Counter[Movement], ours: Counter[Movement]) -> Counter[Movement]:
    """Return the payouts that arrived and came back between two looks, where only the end shows."""
    found: Counter[Movement] = Counter()
    for sent, n in theirs.items():
        back = replace(sent, kind="payout_undone")
        unheard = sent not in ours and back not in ours
        if sent.kind == "paid_out" and sent.gateway in _SHOW_THE_END and unheard:
            found[sent] = found[back] = min(n, theirs[back])
    return found


def of_books(system: System) -> Counter[Movement]:
    """Return every movement in our books: transactions, and money that a person has to judge.

    Money that does not match is not booked, but what the provider said of it is kept as a fact.
    """
    booked = system.sql("SELECT gateway_id, attempt_id, type, amount, currency FROM transactions")
    found = Counter(
        Movement(
            row["gateway_id"],
            row["attempt_id"].hex,
            _OURS[row["type"]],
            row["amount"],
            row["currency"].strip(),
        )
        for row in booked
    )
    disputed: set[Movement] = set()  # a capture and its charge may both tell of the same money
    for row in _disputed(system):
        kind = {"refund": "refunded", "payout": "paid_out"}.get(row["operation"], "taken")
        if kind == "taken" and not row["told"]["captured"]:
            kind = "held"
        told = row["told"]
        amount, currency = told["amount"], told["currency"]
        disputed.add(Movement(row["gateway_id"], row["reference"].hex, kind, amount, currency))
    found.update(disputed)
    return found


def _disputed(system: System) -> list[dict[str, Any]]:
    """Return the attempts whose money does not match, with the first word about it.

    A capture's money is found under the reference of its charge.
    """
    return system.sql(
        "SELECT DISTINCT ON (a.id) a.id, a.operation, a.gateway_id, f.told,"
        " coalesce(c.id, a.id) AS reference"
        " FROM payment_attempts a JOIN attempt_facts f ON f.attempt_id = a.id"
        " LEFT JOIN payment_attempts c ON a.operation = 'capture' AND c.operation = 'charge'"
        "  AND c.payment_id = a.payment_id AND c.provider_id = a.target"
        " WHERE a.parked_reason = 'amount_mismatch' AND f.outcome = 'Succeeded'"
        "  AND (f.told ->> 'amount')::bigint <> a.amount"
        " ORDER BY a.id, f.id"
    )


def _unbalanced(system: System, theirs: Counter[Movement]) -> list[str]:
    """Return the payments, refunds and payouts whose own sums are not what the ledgers add up to."""
    open_questions = {row["reference"].hex for row in _disputed(system)}
    net: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one, n in theirs.items():
        if one.reference not in open_questions:
            net[one.reference][one.kind] += n * one.amount
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in system.sql(
        "SELECT a.id, a.payment_id, a.refund_id, a.payout_id, a.state, r.kind"
        " FROM payment_attempts a LEFT JOIN refunds r ON r.id = a.refund_id"
    ):
        mine = net[row["id"].hex]
        back = mine["refunded"] - mine["refund_undone"]
        if row["refund_id"]:
            sums[row["refund_id"].hex]["moved"] += back
        if row["payout_id"]:
            sums[row["payout_id"].hex]["moved"] += mine["paid_out"] - mine["payout_undone"]
        elif row["kind"] != "late" and row["state"] != "late_success":
            of_payment = sums[row["payment_id"].hex]
            of_payment["captured"] += mine["taken"] - mine["forced_back"]
            of_payment["reversed"] += mine["charged_back"]
            of_payment["refunded"] += back
    return [*_wrong_payments(system, sums), *_wrong_orders(system, sums)]


def _wrong_payments(system: System, sums: Mapping[str, Counter[str]]) -> Iterator[str]:
    for row in system.sql(
        "SELECT id, status, amount_captured AS captured, amount_refunded AS refunded,"
        " amount_reversed AS reversed FROM payments"
    ):
        theirs = sums.get(row["id"].hex, Counter())
        parts = ("captured", "refunded", "reversed")
        if any(row[part] != theirs[part] for part in parts):
            yield f"payment {row}: the ledgers add up to {dict(theirs)}"


def _wrong_orders(system: System, sums: Mapping[str, Counter[str]]) -> Iterator[str]:
    for row in system.sql(
        # Late money that was only held goes back by a void, which moves nothing.
        "SELECT id, status, amount, 'refund' AS what FROM refunds r WHERE NOT EXISTS ("
        " SELECT 1 FROM payment_attempts a WHERE a.refund_id = r.id AND a.operation = 'void')"
        " UNION ALL SELECT id, status, amount, 'payout' FROM payouts"
    ):
        wanted = row["amount"] if row["status"] == "succeeded" else 0
        moved = sums.get(row["id"].hex, Counter())["moved"]
        if moved != wanted:
            yield f"{row['what']} {row}: the ledgers say {moved}"


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
    return Counter(line["token"] for line in ledger if line["kind"] == "detach")


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


_OPEN = "('sending', 'unknown', 'pending', 'requires_action')"


def stuck(system: System) -> list[dict[str, Any]]:
    """Return what is neither over, nor due, nor parked, nor waits for an attempt that is (law 2)."""
    idle = "{0}.next_run_at IS NULL AND {0}.parked_at IS NULL AND {0}.lease_until IS NULL"
    waits = (
        " AND NOT EXISTS (SELECT 1 FROM payment_attempts a WHERE a.{0}_id = t.id"
        " AND (a.next_run_at IS NOT NULL OR a.parked_at IS NOT NULL))"
    )
    final = (
        "('captured', 'partially_refunded', 'refunded', 'reversed', 'failed', 'cancelled',"
        " 'expired')"
    )
    return system.sql(
        f"SELECT 'payment' AS what, id, status FROM payments t WHERE status NOT IN {final}"
        f" AND {idle.format('t')}" + waits.format("payment") + f" UNION ALL"
        f" SELECT 'refund', id, status FROM refunds t WHERE status IN ('pending', 'processing')"
        f" AND {idle.format('t')}" + waits.format("refund") + f" UNION ALL"
        f" SELECT 'payout', id, status FROM payouts t WHERE status IN ('pending', 'processing')"
        f" AND {idle.format('t')}" + waits.format("payout") + f" UNION ALL"
        f" SELECT 'attempt', id, state FROM payment_attempts t WHERE state IN {_OPEN}"
        f" AND {idle.format('t')} UNION ALL"
        f" SELECT 'webhook', id, status FROM webhook_events t WHERE status <> 'processed'"
        f" AND {idle.format('t')}"
    )


def audit_holds(system: System) -> None:
    """Assert that every audit entry is sealed into a chain in which nothing was changed."""
    settings = system.stack.settings
    engine = open_engine(settings.database_url, "verdict", 2)
    try:
        while seal(engine, settings.secrets.audit, everything=True):
            continue
        verdict = verify(engine, settings.secrets.audit)
    finally:
        engine.dispose()
    assert verdict.broken is None, verdict
    assert verdict.entries > 0
