"""Replay: an attempt's facts, applied anew in their order, lead to the row as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Final, cast

from domain import outcome as outcomes
from domain.attempt import KNOWLEDGE, SETTLED_BY_REVIEW, Attempt, Operation, State, state_of
from domain.due import NEVER, Reason
from domain.evidence import seen
from domain.facts import Fact, Source, Terms, proven
from domain.money import CURRENCIES, Money
from domain.operation import learnt
from domain.outcome import Outcome, Proof
from domain.payment import Mode
from ops.harness.verdict.books import Books, Record
from ops.harness.verdict.findings import Finding

#: Money that is here, whoever it belongs to: which of these a charge comes to depends on its
#: payment, and so does a refund or payout that another one has replaced.
_MONEY: Final = frozenset(
    {State.CAPTURED, State.AUTHORIZED, State.REVERSED, State.SUCCEEDED, State.LATE_SUCCESS}
)
#: What a person decided, and what was never applied, is not for the facts to explain.
_DECIDED: Final = frozenset({Reason.AMOUNT_MISMATCH.value, Reason.CONTRADICTION.value})
_MONEY_FIELDS: Final = {"money": "amount", "captured": "captured", "taken": "taken"}


def unexplained(books: Books) -> Iterator[Finding]:
    """Yield the attempts whose state or sums do not follow from what was said of them."""
    for attempt in books.attempts.values():
        if attempt.code == SETTLED_BY_REVIEW or attempt.parked_reason in _DECIDED:
            continue
        facts = books.facts.get(attempt.id, ())
        told = _replayed(attempt, [_fact(row) for row in facts])
        wrong = _differences(attempt, told)
        if wrong:
            name = f"att_{attempt.id.hex}"
            yield Finding(name, f"{attempt.operation}, {len(facts)} facts: {'; '.join(wrong)}")


def _differences(row: Record, told: Attempt) -> list[str]:
    wrong = []
    state = State(row.state)
    # Late money stays late money, also when what was only held has been let go of since.
    late = state is State.LATE_SUCCESS and (told.state in _MONEY or told.held)
    replaced = state is State.DECLINED and told.state is State.RETURNED
    if state is not told.state and not late and not replaced:
        wrong.append(f"is {state}, by its facts {told.state}")
    if row.operation == Operation.CHARGE:
        for name in ("held", "released", "captured"):
            is_, said = getattr(row, name), getattr(told, name)
            if is_ != said:
                wrong.append(f"{name} is {is_}, by its facts {said}")
    return wrong


def _replayed(row: Record, facts: Sequence[Fact]) -> Attempt:
    attempt = _as_it_was_written(row)
    for fact in facts:
        if attempt.operation is Operation.CHARGE:
            attempt = _charge(fact, attempt)
        else:
            attempt = learnt(fact, attempt, row.created_at, Terms())
    return attempt


def _charge(fact: Fact, attempt: Attempt) -> Attempt:
    """Raise what is known of a charge; what its payment makes of it is not asked here."""
    outcome = proven(fact, attempt)
    state = state_of(outcome)
    attempt = seen(attempt, outcome)
    return replace(attempt, state=max(attempt.state, state, key=KNOWLEDGE.__getitem__))


def _as_it_was_written(row: Record) -> Attempt:
    """Return the attempt as its flow inserted it, but for what no fact changes."""
    moment = cast("datetime", row.created_at)
    return Attempt(
        id=row.id,
        payment_id=row.payment_id,
        merchant_id=row.merchant_id,
        mode=Mode(row.mode),
        operation=Operation(row.operation),
        number=row.number,
        gateway_id=row.gateway_id,
        adapter_version=0,
        money=Money(row.amount, CURRENCIES[row.currency]),
        state=State.SENDING,
        request=b"",
        send_before=moment,
        deadline_at=moment,
        key_window_ends=moment,
        created_at=moment,
        due=NEVER,
        refund_id=row.refund_id,
        payout_id=row.payout_id,
        captures=row.captures,
        confirming=row.confirming,
    )


def _fact(row: Record) -> Fact:
    return Fact(row.attempt_id, Source(row.source), _outcome(row.outcome, row.told))


def _outcome(name: str, told: Mapping[str, Any]) -> Outcome:
    """Read an outcome back from what was kept of it."""
    kind = getattr(outcomes, name)
    given: dict[str, Any] = {}
    for field in fields(kind):
        kept = _MONEY_FIELDS.get(field.name, field.name)
        if kept not in told:
            continue
        value = told[kept]
        is_money = field.name == "money" or (name == "TakenBack" and field.name in _MONEY_FIELDS)
        given[field.name] = Money(value, CURRENCIES[told["currency"]]) if is_money else value
    if "proof" in given:
        given["proof"] = Proof(given["proof"])
    if "hardness" in given:
        given["hardness"] = outcomes.Hardness(given["hardness"])
    if name == "RequiresAction":
        given["url"] = ""  # the payer's page is not kept
    return cast("Outcome", kind(**given))
