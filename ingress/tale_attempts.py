"""Tales of attempts: what was tried, what providers told of it, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from domain.events import Actor
from domain.facts import Source
from ingress.tale_entries import Entry, amount_of, columns, parked, written
from ops.store.tale import Row, Tale

_HEARD: Final[Mapping[str, str]] = {
    Source.ANSWER: "{gateway} answered",
    Source.REPLAY: "{gateway} answered when it was sent again",
    Source.LOOKUP: "a look-up at {gateway} found",
    Source.WEBHOOK: "after a webhook {gateway} was read again and said",
    Source.VOID: "{gateway} was asked to void it and said",
    Source.RECOVERY: "the worker stopped before it knew",
    Source.OPERATION: "another operation at {gateway} told",
    Source.PERSON: "an operator has found out with {gateway}",
}
_TELLERS: Final[Mapping[str, Actor]] = {
    Source.RECOVERY: Actor.WORKER,
    Source.PERSON: Actor.OPERATOR,
}
_SAID: Final[Mapping[str, str]] = {
    "Succeeded": "it succeeded",
    "Pending": "it is being worked on",
    "Prepared": "it was prepared, and no money was asked for yet",
    "RequiresAction": "the payer must act first",
    "Declined": "it was declined",
    "NotCharged": "no money moved",
    "TakenBack": "the money was taken back",
    "Returned": "the money came back",
    "Unknown": "what became of it is not known",
}


def attempts(tale: Tale) -> Iterator[Entry]:
    """Yield when each was written down, how it ended, and whether it waits for a person."""
    for row in tale.attempts:
        name, about = _attempt(row), columns(row, "operation", "number", "refund_id")
        told = {"attempt_id": row["id"], "gateway": row["gateway_id"], **about}
        yield Entry(
            row["created_at"],
            "attempt.begun",
            Actor.WORKER,
            f"{name} of {amount_of(row)} at {row['gateway_id']} was written down to be sent.",
            told | columns(row, "amount", "currency"),
        )
        if row["finished_at"] is not None:
            proof = f"; no money moved, proof: {row['proof']}" if row["proof"] else ""
            yield Entry(
                written(row["finished_at"], tale, row["id"]),
                "attempt.ended",
                Actor.WORKER,
                f"{name} ended as {row['state']}{proof}.",
                told | columns(row, "state", "proof", "code", "cause", "provider_id"),
            )
        if row["parked_at"] is not None:
            yield parked(row, "attempt.parked", name)


def facts(tale: Tale) -> Iterator[Entry]:
    """Yield what was told of each, and by what."""
    rows = {row["id"]: row for row in tale.attempts}
    for fact in tale.facts:
        if (row := rows.get(fact["attempt_id"])) is None:
            continue  # its attempt lies beyond the bound of what is read
        heard = _HEARD[fact["source"]].format(gateway=row["gateway_id"])
        said = _SAID.get(fact["outcome"], fact["outcome"])
        yield Entry(
            fact["observed_at"],
            "fact.told",
            _TELLERS.get(fact["source"], Actor.PROVIDER),
            f"{_attempt(row)}: {heard}: {said}.",
            {"attempt_id": row["id"], **columns(fact, "source", "outcome"), **fact["told"]},
        )


def _attempt(row: Row) -> str:
    return f"{row['operation'].capitalize()} {row['number']}"
