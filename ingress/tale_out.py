"""Tales, outwards: one payment's story for its merchant, as one list in order of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from domain.attempt import Operation
from domain.events import Actor
from domain.refund import RefundKind
from ingress.tale_attempts import attempts, facts
from ingress.tale_entries import RANK, Entry, amount_of, columns, key_of, parked, written
from ops.store.tale import Tale

#: A payment has a few dozen entries; one that has more has been retried for days.
MOST_TOLD: Final = 500

_ASKED: Final[Mapping[str, str]] = {
    RefundKind.REFUND: "A refund of {amount} was asked for.",
    RefundKind.REVERSAL: "The payment is being undone: {amount} goes back.",
    RefundKind.LATE: "{amount} came too late for the payment and goes back.",
}


def timeline_json(tale: Tale) -> dict[str, Any]:
    """Return the story, oldest first; `is_cut`: there is more than is told."""
    entries = entries_of(tale)
    return {
        "payment_id": tale.payment["id"],
        "object": "timeline",
        "data": [entry.shown() for entry in entries[:MOST_TOLD]],
        "is_cut": len(entries) > MOST_TOLD,
    }


def entries_of(tale: Tale) -> list[Entry]:
    """Return everything that happened, in order of time."""
    found = [
        *_payment(tale),
        *attempts(tale),
        *facts(tale),
        *_webhooks(tale),
        *_money(tale),
        *_refunds(tale),
        *_reviews(tale),
        *_audit(tale),
    ]
    return sorted(found, key=lambda entry: (entry.at, RANK[entry.type]))


def _payment(tale: Tale) -> Iterator[Entry]:
    row = tale.payment
    created = next((one for one in tale.audit if one["action"] == "payment.created"), None)
    yield Entry(
        row["created_at"],
        "payment.accepted",
        Actor.MERCHANT,
        f"A payment of {amount_of(row)} by {row['method_type']} was accepted.",
        columns(row, "amount", "currency", "order_id", "method_type", "preference", "request_id"),
        key_of(created["actor_id"]) if created else None,
    )
    if (check := tale.fraud) is not None:
        factors = [factor["name"] for factor in check["factors"]]
        yield Entry(
            check["created_at"],
            "screening.decided",
            Actor.WORKER,
            f"Screening decided {check['decision']}: score {check['score']},"
            f" {check['risk_level']} risk.",
            columns(check, "score", "risk_level", "decision", "reason") | {"factors": factors},
        )
    yield from _routing(tale)
    if row["cancel_requested_at"] is not None:
        at = row["cancel_requested_at"]
        said = "The merchant asked to cancel it."
        yield Entry(at, "payment.cancel_requested", Actor.MERCHANT, said)
    if row["parked_at"] is not None:
        yield parked(row, "payment.parked", "The payment")


def _routing(tale: Tale) -> Iterator[Entry]:
    """Tell which gateway the last run took, and why not the others: kept is the last run only."""
    charges = [row for row in tale.attempts if row["operation"] == Operation.CHARGE]
    skipped = dict(tale.payment["skipped"])
    if not charges and not skipped:
        return
    last = charges[-1] if charges else None
    chose = f"{last['gateway_id']} was chosen" if last else "No gateway could be used yet"
    passed = "; ".join(f"{id_} was passed over: {why}" for id_, why in skipped.items())
    yield Entry(
        last["created_at"] if last else tale.payment["created_at"],
        "routing.chosen",
        Actor.WORKER,
        f"{chose}; {passed}." if passed else f"{chose}.",
        {"gateway": last and last["gateway_id"], "skipped": skipped}
        | columns(tale.payment, "preference"),
    )


def _webhooks(tale: Tale) -> Iterator[Entry]:
    for row in tale.webhooks:
        told = {"webhook_id": row["id"], "gateway": row["gateway_id"]}
        told |= columns(row, "attempt_id", "copies", "status")
        sent = f"{row['gateway_id']} sent a webhook"
        yield Entry(row["received_at"], "webhook.received", Actor.PROVIDER, f"{sent}.", told)
        if row["status"] == "processed" and row["read_began_at"] is not None:
            said = f"A webhook of {row['gateway_id']} was processed: its object was read again."
            yield Entry(row["read_began_at"], "webhook.processed", Actor.WORKER, said, told)


def _money(tale: Tale) -> Iterator[Entry]:
    for row in tale.transactions:
        told = {"transaction_id": row["id"], "gateway": row["gateway_id"]}
        yield Entry(
            row["created_at"],
            "money.moved",
            Actor.PROVIDER,
            f"{amount_of(row)} moved at {row['gateway_id']}: {row['type']}.",
            told | columns(row, "type", "amount", "currency", "attempt_id", "refund_id"),
        )


def _refunds(tale: Tale) -> Iterator[Entry]:
    for row in tale.refunds:
        told = {"refund_id": row["id"], **columns(row, "kind", "amount", "currency", "status")}
        key = key_of(row["requested_by"])
        yield Entry(
            row["created_at"],
            "refund.asked",
            Actor.MERCHANT if key else Actor.WORKER,
            _ASKED[row["kind"]].format(amount=amount_of(row)),
            told,
            key,
        )
        if row["processed_at"] is not None:
            tries = [one["id"] for one in tale.attempts if one["refund_id"] == row["id"]]
            yield Entry(
                written(row["processed_at"], tale, *tries),
                "refund.ended",
                Actor.WORKER,
                f"The refund of {amount_of(row)} ended as {row['status']}.",
                told | columns(row, "failure_code"),
            )
        if row["parked_at"] is not None:
            yield parked(row, "refund.parked", f"The refund of {amount_of(row)}")


def _reviews(tale: Tale) -> Iterator[Entry]:
    for row in tale.cases:
        told = columns(row, "kind", "reason", "attempt_id", "found_amount", "found_currency")
        said = f"A person must decide ({row['kind']}): {row['reason']}."
        yield Entry(row["opened_at"], "review.opened", Actor.WORKER, said, told)
        if row["decided_at"] is not None:
            key = key_of(row["decided_by"])
            yield Entry(
                row["decided_at"],
                "review.decided",
                Actor.MERCHANT if key else Actor.OPERATOR,
                f"The review ended as {row['decision']}.",
                told | columns(row, "decision"),
                key,
            )


#: What operators wrote down for one another: the evidence of a settlement may name anybody.
OURS_ALONE: Final = frozenset({"evidence"})


def _audit(tale: Tale) -> Iterator[Entry]:
    for row in tale.audit:
        told = {"entry": row["id"], **columns(row, "action", "entity_id", "before")}
        told["after"] = {
            name: said for name, said in row["after"].items() if name not in OURS_ALONE
        }
        seal = f"sealed as {row['sealed_as']}" if row["sealed_as"] else "to be sealed"
        yield Entry(
            row["created_at"],
            "audit.recorded",
            Actor(row["actor"]),
            f"The audit recorded {row['action']} ({seal}).",
            told | columns(row, "sealed_as", "request_id"),
            key_of(row["actor_id"]),
        )
