"""Settle: a person's word about a parked row, applied as a provider's would be, on evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from domain.attempt import Attempt, Operation
from domain.books import Work
from domain.due import NEVER, Reason
from domain.errors import IllegalMove
from domain.events import Actor, Entry, Event, Told, payment_told
from domain.facts import OPEN, Fact, Source, disputed, is_open
from domain.findings import Found, outcome_of
from domain.flows.consequences import close_cases
from domain.flows.learn import record
from domain.flows.waiting import Target, go_on, read_again, target_of
from domain.ids import Kind, public
from domain.operation_events import case_told, payout_told, refund_told
from domain.payment import Failure, Payment, Status
from domain.payout import Payout, PayoutStatus
from domain.ports import Runtime
from domain.refund import Refund, RefundStatus, rebalanced
from domain.requests import forced, held
from domain.review import CaseKind, Decision
from domain.settling import EXPECTED, OURS, PAYMENTS, PAYOUTS, REFUNDS, Word

#: A payment may be ended by hand with these.
_ENDS = {
    Word.FAILED: Status.FAILED,
    Word.CANCELLED: Status.CANCELLED,
    Word.EXPIRED: Status.EXPIRED,
}
_BY_HAND = Failure("ended_by_operator", "an operator has given it up")


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one or two people say of one parked row, and what they rely on."""

    kind: Kind
    id: UUID
    found: Found
    #: A line of a statement, a provider's ticket: whatever others can check.
    evidence: str
    #: Their names: one, or two where the sum is large.
    by: tuple[str, ...]

    @property
    def who(self) -> str:
        """The names as the audit has them."""
        return "+".join(self.by)


def settle(work: Work, said: Settlement, runtime: Runtime) -> Target:
    """Apply what a person says; returns the row and those around it as they are then.

    The word becomes a fact about an attempt and is applied as any other: money that comes too late
    goes back, sums are kept, and things go on by themselves from there. Raises `IllegalMove` where
    the word cannot be said, or where the same question would be open again afterwards.
    """
    found = target_of(work, said.kind, said.id)
    word = said.found.word
    if word is Word.STANDS:
        _stands(work, found)
    elif said.kind is Kind.ATTEMPT:
        assert found.attempt is not None
        _by_fact(work, found, found.attempt, said, runtime)
    elif said.kind is Kind.PAYMENT:
        _payment(work, found, said, runtime)
    elif said.kind is Kind.REFUND:
        _refund(work, found, said, runtime)
    else:
        _payout(work, found, said, runtime)
    work.tell(_told(found, said))
    go_on(work, found)
    return read_again(work, found)


def _by_fact(
    work: Work, found: Target, attempt: Attempt, said: Settlement, runtime: Runtime
) -> None:
    """Take the question back, then let the person's word be heard like a provider's."""
    outcome = outcome_of(said.found, attempt)
    if attempt.due.parked is not None:
        work.save_attempt(replace(attempt, due=NEVER))
    _unpark_orders(work, found, attempt)
    fact = Fact(attempt.id, Source.PERSON, outcome)
    record(work, fact, attempt, runtime)
    after = work.attempt(attempt.id)
    assert after is not None
    asked = after.due.parked
    if asked is not None and asked.reason in (Reason.AMOUNT_MISMATCH, Reason.CONTRADICTION):
        raise IllegalMove(
            f"the same question would be open again: {asked.reason}",
            fix="another of its attempts, or its review in /v1/reviews, has to be settled first",
        )
    if after.state not in EXPECTED[attempt.operation, said.found.word]:
        raise IllegalMove(
            f"it would stay {after.state}: what is known of it is not undone by {said.found.word}",
            fix="say what stands, or what the provider did afterwards",
        )
    _decide_cases(work, attempt, said)


def _unpark_orders(work: Work, found: Target, attempt: Attempt) -> None:
    """The rows that wait for the same answer wait no longer; the fact says when they run."""
    answered = disputed(attempt.due) and not any(
        disputed(other.due) for other in found.attempts if other.id != attempt.id
    )
    for row in (found.payment, found.refund, found.payout):
        if row is None or row.due.parked is None:
            continue
        if row is not found.row and not (answered and disputed(row.due)):
            continue
        match row:
            case Payment():
                work.save_payment(replace(row, due=NEVER))
            case Refund():
                work.save_refund(replace(row, due=NEVER))
            case Payout():
                work.save_payout(replace(row, due=NEVER))


def _payment(work: Work, found: Target, said: Settlement, runtime: Runtime) -> None:
    payment, word = found.payment, said.found.word
    assert payment is not None
    _require(word, payment.status in PAYMENTS.get(word, ()), f"payment that is {payment.status}")
    if disputed(payment.due):
        raise IllegalMove(
            "it waits for what is found out about its attempt",
            fix="settle the attempt (att_...) that is parked for the same reason",
        )
    charges = [a for a in found.attempts if a.operation is Operation.CHARGE]
    if word in _ENDS:
        ended = forced(payment, charges, _ENDS[word], _BY_HAND.reason)
        saved = work.save_payment(ended)
        work.tell(payment_told(payment, saved, Actor.OPERATOR, said.who))
        close_cases(work, saved)
        return
    charge = next((a for a in charges if is_open(a) or held(a)), None)
    if charge is None:
        raise IllegalMove("no charge of it is open", fix="retry it, or say how it ends")
    _by_fact(work, found, charge, said, runtime)


def _refund(work: Work, found: Target, said: Settlement, runtime: Runtime) -> None:
    refund, payment, word = found.refund, found.payment, said.found.word
    assert refund is not None
    assert payment is not None
    _require(word, refund.status in REFUNDS.get(word, ()), f"refund that is {refund.status}")
    attempt = _latest([a for a in found.attempts if a.refund_id == refund.id])
    if word is Word.FAILED and (attempt is None or not attempt.blocks):
        ended = replace(refund, due=NEVER).moved(RefundStatus.PROCESSING)
        ended = ended.ended(RefundStatus.FAILED, work.now, _BY_HAND)
        work.save_refund(ended)
        paid = rebalanced(payment, refund, ended)
        if paid != payment:
            work.save_payment(paid)
        work.tell(refund_told(refund, ended, Actor.OPERATOR, said.who))
        return
    _by_fact(work, found, _sent(attempt), said, runtime)


def _payout(work: Work, found: Target, said: Settlement, runtime: Runtime) -> None:
    payout, word = found.payout, said.found.word
    assert payout is not None
    _require(word, payout.status in PAYOUTS.get(word, ()), f"payout that is {payout.status}")
    attempt = _latest(found.attempts)
    if word is Word.FAILED and (attempt is None or not attempt.blocks):
        ended = replace(payout, due=NEVER).moved(PayoutStatus.PROCESSING)
        ended = ended.ended(PayoutStatus.FAILED, work.now, _BY_HAND)
        work.save_payout(ended)
        work.tell(payout_told(payout, ended, Actor.OPERATOR, said.who))
        return
    _by_fact(work, found, _sent(attempt), said, runtime)


def _latest(attempts: Sequence[Attempt]) -> Attempt | None:
    """Return the attempt that an order stands for: the one that blocks, else the last."""
    blocking = [attempt for attempt in attempts if attempt.blocks]
    return next(reversed(blocking or list(attempts)), None)


def _sent(attempt: Attempt | None) -> Attempt:
    if attempt is None:
        raise IllegalMove("nothing of it was ever sent", fix="retry it, or say that it failed")
    return attempt


def _stands(work: Work, found: Target) -> None:
    """Nothing more is to be found out: the row leaves the list as it is."""
    row = found.row
    over = row.state not in OPEN if isinstance(row, Attempt) else _is_over(row)
    _require(Word.STANDS, over, "row that is not over")
    if found.payment is not None and row is not found.payment and disputed(found.payment.due):
        raise IllegalMove(
            "its payment waits for what is found out about this money",
            fix="say what became of it, or decide its review in /v1/reviews",
        )
    match row:
        case Attempt():
            work.save_attempt(replace(row, due=NEVER))
        case Payment():
            work.save_payment(replace(row, due=NEVER))
        case Refund():
            work.save_refund(replace(row, due=NEVER))
        case Payout():
            work.save_payout(replace(row, due=NEVER))


def _is_over(row: Payment | Refund | Payout) -> bool:
    return row.final if isinstance(row, Payment) else row.over


def _require(word: Word, allowed: bool, what: str) -> None:
    if not allowed:
        fix = "`paylink parked list` shows what may be said of it"
        raise IllegalMove(f"{word} cannot be said of a {what}", fix=fix)


def _decide_cases(work: Work, attempt: Attempt, said: Settlement) -> None:
    """What was asked in a review about this money is answered."""
    if attempt.payment_id is None:
        return
    payment = work.payment(attempt.payment_id)
    for case in work.open_cases(payment.id):
        if case.kind is CaseKind.FRAUD or case.attempt_id != attempt.id:
            continue
        ours = said.found.word in OURS
        decided = replace(
            case,
            decision=Decision.APPROVED if ours else Decision.REJECTED,
            decided_by="operator",  # merchants see it; the audit has the names
            decided_at=work.now,
            note="settled by evidence",
        )
        if work.decide_case(decided):
            work.tell(case_told(decided, payment, Actor.OPERATOR, said.who))


def _told(found: Target, said: Settlement) -> Told:
    """The audit keeps the evidence and the names; the event, which merchants may hear, does not."""
    row, noun = found.row, said.kind.name.lower()
    parked = row.due.parked
    assert parked is not None
    name, action = public(said.kind, said.id), f"{noun}.settled"
    state = row.state if isinstance(row, Attempt) else row.status
    before = {"parked": parked.reason.value, "state": state.value}
    heard: dict[str, object] = {"as": said.found.word.value}
    shown = heard | {"evidence": said.evidence, "amount": found.money.minor}
    shown["currency"] = found.money.currency.code
    for key, value in (("said_amount", said.found.amount), ("provider_id", said.found.provider_id)):
        if value is not None:
            shown[key] = value
    ids, request_id = (found.merchant_id, found.mode), row.request_id
    entry = Entry(Actor.OPERATOR, said.who, action, noun, name, *ids, before, shown, request_id)
    return Told(entry, Event(action, noun, name, heard, *ids, request_id))
