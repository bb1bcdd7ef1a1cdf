"""What a fact about a charge makes of its attempt and its payment; any order ends alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from domain.attempt import KNOWLEDGE, SETTLED_BY_REVIEW, Attempt, State, state_of
from domain.commands import Command
from domain.due import Reason
from domain.events import Told, attempt_told, payment_told
from domain.evidence import MONEY, adopted, contradicts, explained, is_ours, mismatched, movements
from domain.evidence import seen as remembered
from domain.facts import (
    Applied,
    Fact,
    Source,
    Terms,
    at,
    disputed,
    is_parked,
    named,
    park,
    poll_at,
    proven,
    readied,
    teller,
)
from domain.outcome import Outcome, RequiresAction, TakenBack
from domain.payment import CaptureMethod, Payment, Review, Status

#: The statuses in which money that arrives is the payment's own (law 9).
ADOPTABLE = frozenset(
    {
        Status.PENDING,
        Status.PROCESSING,
        Status.REQUIRES_ACTION,
        Status.IN_REVIEW,
        Status.AUTHORIZED,
    }
)


def apply(
    fact: Fact,
    payment: Payment,
    attempt: Attempt,
    *,
    another_blocks: bool,
    now: datetime,
    terms: Terms,
) -> Applied:
    """Return what `fact` makes of its payment and its charge.

    `another_blocks`: another charge of this payment may still move money, or has.
    """
    if mismatched(fact, payment, attempt):
        if attempt.code == SETTLED_BY_REVIEW:
            return Applied(payment, attempt)
        return _held_up(fact, payment, attempt, now)
    outcome = proven(fact, attempt)
    adoptable = payment.status in ADOPTABLE and not another_blocks
    state = state_of(outcome)
    if state is State.AUTHORIZED and attempt.held and attempt.released:
        return Applied(payment, attempt)  # read before the hold was let go of: it is not held again
    riddle = contradicts(state, attempt) and fact.source is not Source.PERSON
    if state in MONEY and not (adoptable or adopted(attempt)):
        state = State.LATE_SUCCESS
    seen = remembered(named(attempt, outcome), outcome)
    news = KNOWLEDGE[state] > KNOWLEDGE[attempt.state]
    if news:
        seen = explained(replace(seen, state=state), outcome)
    after = _after(state, outcome, payment, attempt, seen, news, adoptable, riddle, now, terms)
    seen = _scheduled(state, seen, attempt, after, news, riddle, now, terms)
    seen = readied(fact, seen, now)
    if seen == attempt and after == payment:
        return Applied(payment, attempt)
    moves = movements(payment, seen, outcome)
    return Applied(after, seen, _told(fact, payment, after, attempt, seen), moves)


def _after(
    state: State,
    outcome: Outcome,
    payment: Payment,
    before: Attempt,
    attempt: Attempt,
    news: bool,
    adoptable: bool,
    riddle: bool,
    now: datetime,
    terms: Terms,
) -> Payment:
    """Return the payment as this fact leaves it."""
    match state:
        case State.LATE_SUCCESS:
            return payment  # its money goes back by a refund of its own
        case State.AUTHORIZED:
            if not adoptable:
                return payment
            if riddle:
                return _reviewed(payment, disputed(before.due))
            if news or (attempt.released and not before.held):
                return _holding(payment, attempt, now, terms)
            return payment
        case State.CAPTURED | State.REVERSED:
            if not adopted(attempt):
                return payment
            taken = outcome.taken.minor if isinstance(outcome, TakenBack) else 0
            return _paid(payment, attempt, taken, now)
        case State.VOIDED | State.EXPIRED | State.DECLINED | State.NOT_CHARGED:
            if not news or not adoptable:
                return payment
            if riddle or is_parked(before.due, Reason.CONTRADICTION):
                return _reviewed(payment, disputed(before.due))
            return _let_go(payment, now) if before.held else _freed(payment, now)
        case State.PENDING | State.REQUIRES_ACTION | State.UNKNOWN:
            return _waiting(payment, outcome, now) if news else payment
        case State.SENDING:  # prepared: what follows is sent by whoever has the attempt
            return payment
        case State.SUCCEEDED | State.RETURNED:
            raise AssertionError(f"no charge comes to {state}")
        case _:
            assert_never(state)


def _waiting(payment: Payment, outcome: Outcome, now: datetime) -> Payment:
    """The provider works on it, or the payer; until then the payment only expires."""
    if payment.final:
        return payment
    if isinstance(outcome, RequiresAction):
        asked = payment.moved(Status.REQUIRES_ACTION)
        payment = replace(asked, action_url=outcome.url, action_shown=outcome.shown)
    return _woken(payment, payment.expires_at) if now < payment.expires_at else payment


def _scheduled(
    state: State,
    seen: Attempt,
    before: Attempt,
    payment: Payment,
    news: bool,
    riddle: bool,
    now: datetime,
    terms: Terms,
) -> Attempt:
    """Return the attempt with what happens to it next, if this fact changes that."""
    if news:
        if state in (State.PENDING, State.REQUIRES_ACTION, State.UNKNOWN):
            seen = replace(seen, due=at(seen.due, poll_at(terms.resolve, 0, now)))
        else:
            parked = is_parked(before.due, Reason.CONTRADICTION)
            due = before.due if parked else at(seen.due, None)
            seen = replace(seen, due=due, finished_at=now)
    if riddle and not is_parked(seen.due, Reason.CONTRADICTION):
        seen = replace(seen, due=park(seen.due, now, Reason.CONTRADICTION))
    overdrawn = payment.amount_captured < (
        payment.amount_refunded + payment.amount_refund_pending + payment.amount_reversed
    )
    if overdrawn and state is State.REVERSED and seen.due.parked is None:
        seen = replace(seen, due=park(seen.due, now, Reason.OVERDRAWN))
    return seen


def _holding(payment: Payment, attempt: Attempt, now: datetime, terms: Terms) -> Payment:
    """The money is held: collected at once, when the merchant says so, or when a person does."""
    review = payment.review is Review.OPEN
    hold_ends = now + timedelta(seconds=terms.hold_s)
    payment = replace(
        payment.moved(Status.IN_REVIEW if review else Status.AUTHORIZED),
        amount_authorized=attempt.money.minor,
        gateway_id=attempt.gateway_id,
        action_url=None,
        authorized_at=payment.authorized_at or now,
        authorization_expires_at=hold_ends,
    )
    if attempt.released:
        return _let_go(payment, now)
    if payment.ending or payment.cancel_requested_at:
        return _woken(payment, now, Command.VOID)
    if review:
        waits = min(hold_ends, now + timedelta(seconds=terms.review_s))
        return _woken(payment, waits, Command.VOID)
    wanted = payment.capture_amount
    if payment.capture_method is CaptureMethod.AUTOMATIC and wanted is None:
        wanted = attempt.money.minor
    if wanted is None:
        return _woken(payment, hold_ends, Command.VOID)
    return _woken(replace(payment, capture_amount=wanted, runs=0), now, Command.CAPTURE)


def _paid(payment: Payment, attempt: Attempt, taken: int, now: datetime) -> Payment:
    """The money is collected; or was, and has been taken back."""
    if payment.status in ADOPTABLE:
        payment = replace(
            payment.moved(Status.CAPTURED),
            amount_authorized=attempt.money.minor,
            authorized_at=payment.authorized_at or now,
            captured_at=now,
            gateway_id=attempt.gateway_id,
            action_url=None,
            due=payment.due.at(None),
        )
    return replace(
        payment,
        amount_captured=attempt.captured,
        amount_reversed=max(payment.amount_reversed, taken),
    ).resettled()


def _let_go(payment: Payment, now: datetime) -> Payment:
    """Nothing is held any more: the payment ends, as soon as somebody looks at it."""
    to = Status.IN_REVIEW if payment.status is Status.IN_REVIEW else Status.AUTHORIZED
    return _woken(replace(payment.moved(to), amount_authorized=0), now, Command.VOID)


def _freed(payment: Payment, now: datetime) -> Payment:
    """The attempt is out of the way: the charge goes on, unless a person decides about it."""
    if payment.status is Status.IN_REVIEW:
        return payment
    if payment.status is Status.REQUIRES_ACTION:
        payment = payment.moved(Status.PROCESSING)
    return _woken(replace(payment, action_url=None), now)


def _reviewed(payment: Payment, asked: bool) -> Payment:
    """Money was said to be held, and not to be: nobody charges again before a person has looked.
    Without one, what may be held is let go when the payment expires."""
    held = replace(
        payment.moved(Status.IN_REVIEW),
        amount_authorized=0,
        gateway_id=None,
        action_url=None,
        authorized_at=None,
        authorization_expires_at=None,
        capture_amount=None,
    )
    return held if asked else _woken(held, payment.expires_at, Command.VOID)


def _woken(payment: Payment, when: datetime, command: Command = Command.CHARGE) -> Payment:
    return payment if disputed(payment.due) else payment.wakes(command, when)


def _held_up(fact: Fact, payment: Payment, attempt: Attempt, now: datetime) -> Applied:
    """Money that is not the money we asked for moves nothing here: a person decides."""
    if disputed(attempt.due):
        return Applied(payment, attempt)
    known = named(attempt, fact.outcome) if is_ours(fact.outcome, attempt) else attempt
    held = replace(
        known,
        state=State.UNKNOWN if attempt.state is State.SENDING else attempt.state,
        due=attempt.due.park(now, Reason.AMOUNT_MISMATCH),
    )
    if not payment.final:
        payment = replace(payment, due=payment.due.park(now, Reason.AMOUNT_MISMATCH))
    return Applied(payment, held, (attempt_told(attempt, held, teller(fact), fact.source),))


def _told(
    fact: Fact, before: Payment, after: Payment, old: Attempt, new: Attempt
) -> tuple[Told, ...]:
    attempt = attempt_told(old, new, teller(fact), fact.source)
    if after.status is before.status:
        return (attempt,)
    return attempt, payment_told(before, after, teller(fact), fact.source)
