"""Request: what a merchant asks of a payment, written down once per key with its answer (law 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never
from uuid import UUID

from domain.attempt import Attempt, Operation, State
from domain.books import Store, Work
from domain.commands import Command
from domain.due import Due
from domain.errors import NotFound
from domain.events import Actor, Entry, Event, Told, payment_told
from domain.facts import is_open
from domain.flows.consequences import close_cases
from domain.flows.review import decide
from domain.idempotency import Recorded
from domain.ids import Kind, public
from domain.operation_events import refund_told
from domain.payment import Mode, Payment, Status
from domain.refund import Refund, RefundKind, RefundStatus, rebalanced
from domain.requests import (
    Sight,
    Verb,
    authorized,
    cancelled,
    captured,
    is_asked,
    refundable,
)
from domain.review import CaseKind, Decision

#: What is answered: the status and the body, from the payment and the refund as they are then.
Render = Callable[[Payment, Refund | None, Sight], tuple[int, bytes]]
Wakes = list[tuple[Command, UUID]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request about one payment."""

    verb: Verb
    payment_id: UUID
    merchant_id: UUID
    mode: Mode
    #: Who: `key:...` for a merchant's API key.
    actor_id: str
    key: str
    fingerprint: bytes
    request_id: str
    amount: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """What answering needs besides the books."""

    store: Store
    new_id: Callable[[], UUID]
    wake: Callable[[Command, UUID, str], None]
    render: Render
    refund_window: timedelta


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say; `replayed` marks the answer of an earlier request with this key."""

    recorded: Recorded
    #: The refund it made, else the payment it is about.
    resource_id: UUID
    replayed: bool


@dataclass(frozen=True, slots=True)
class Done:
    """What a request has changed."""

    payment: Payment
    refund: Refund | None = None
    wakes: Sequence[tuple[Command, UUID]] = ()


def request(asked: Asked, desk: Desk) -> Answer:
    """Carry a request out, or give the answer that its key was given before.

    Raises the refusals of `domain.requests`, and `NotFound` also for another merchant's payment; a
    refusal is not recorded, so the same key may be used again once the payment allows it.
    """
    with desk.store.begin() as work:
        known = work.win_key(asked.merchant_id, asked.mode, asked.key, asked.fingerprint)
        if known is not None:
            recorded = known.recorded.replayed_for(asked.fingerprint)
            return Answer(recorded, known.resource_id, replayed=True)
        payment = owned(work, asked.payment_id, asked.merchant_id, asked.mode)
        sight = _sight(work, payment, desk)
        done = _do(work, payment, asked, desk, sight)
        status, body = desk.render(done.payment, done.refund, sight)
        recorded = Recorded(asked.fingerprint, status, body)
        resource = done.refund.id if done.refund else payment.id
        work.record_key(asked.merchant_id, asked.mode, asked.key, resource, recorded)
    for command, id_ in done.wakes:
        desk.wake(command, id_, asked.request_id)
    return Answer(recorded, resource, replayed=False)


def owned(work: Work, id_: UUID, merchant_id: UUID, mode: Mode) -> Payment:
    """Lock and return the merchant's payment. Whose it is is read before: a stranger never waits for
    the owner's lock, and so does not learn that there is anything to wait for (law 15)."""
    payment = work.payment(id_)
    if payment.merchant_id != merchant_id or payment.mode is not mode:
        raise NotFound("payment")
    return work.lock_payment(id_)


def _sight(work: Work, payment: Payment, desk: Desk) -> Sight:
    cases = work.open_cases(payment.id) if is_asked(payment) else ()
    mismatch = next((case for case in cases if case.kind is CaseKind.MISMATCH), None)
    return Sight(work.now, desk.refund_window, mismatch)


def _do(work: Work, payment: Payment, asked: Asked, desk: Desk, sight: Sight) -> Done:
    match asked.verb:
        case Verb.AUTHORIZE:
            after = _saved(work, payment, authorized(payment, sight), asked)
            return Done(after, wakes=[(Command.SCREEN, payment.id)])
        case Verb.CAPTURE:
            after = _saved(work, payment, captured(payment, asked.amount, sight), asked)
            return Done(after, wakes=[(Command.CAPTURE, payment.id)])
        case Verb.CANCEL:
            return _cancel(work, payment, asked, sight)
        case Verb.REVERSE if payment.status in (Status.AUTHORIZED, Status.CANCELLED):
            return _cancel(work, payment, asked, sight)
        case Verb.REFUND | Verb.REVERSE:
            return _refund(work, payment, asked, desk, sight)
        case Verb.APPROVE:
            return _decided(work, payment, Decision.APPROVED, asked, desk, sight)
        case Verb.REJECT:
            return _decided(work, payment, Decision.REJECTED, asked, desk, sight)
        case _:
            assert_never(asked.verb)


def _decided(
    work: Work, payment: Payment, decision: Decision, asked: Asked, desk: Desk, sight: Sight
) -> Done:
    by, note = asked.actor_id, asked.reason
    return Done(*decide(work, payment, decision, by, note, sight, desk.new_id))


def _cancel(work: Work, payment: Payment, asked: Asked, sight: Sight) -> Done:
    attempts = work.attempts(payment.id)
    after = cancelled(payment, attempts, sight)
    if after == payment:
        return Done(payment)
    after = _saved(work, payment, after, asked)
    if after.final:
        close_cases(work, after)
        return Done(after)
    if after.next_command is Command.VOID and after.due.next_run_at is not None:
        return Done(after, wakes=[(Command.VOID, payment.id)])
    hurried: Wakes = []
    for attempt in attempts:
        if attempt.operation is Operation.CHARGE and is_open(attempt) and not attempt.due.parked:
            work.save_attempt(replace(attempt, due=attempt.due.at(work.now)))
            hurried.append((Command.RESOLVE, attempt.id))
    return Done(after, wakes=hurried)


def _refund(work: Work, payment: Payment, asked: Asked, desk: Desk, sight: Sight) -> Done:
    money = refundable(payment, asked.verb, asked.amount, sight)
    charge = _charge(work.attempts(payment.id))
    refund = Refund(
        id=desk.new_id(),
        payment_id=payment.id,
        charge_id=charge.id,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        money=money,
        kind=RefundKind.REVERSAL if asked.verb is Verb.REVERSE else RefundKind.REFUND,
        status=RefundStatus.PENDING,
        reason=asked.reason,
        requested_by=asked.actor_id,
        gateway_id=charge.gateway_id,
        created_at=work.now,
        due=Due(work.now),
        request_id=asked.request_id,
    )
    work.add_refund(refund)
    after = work.save_payment(rebalanced(payment, None, refund))
    work.tell(refund_told(None, refund, Actor.MERCHANT, asked.actor_id))
    return Done(after, refund, [(Command.REFUND, refund.id)])


def _charge(attempts: Sequence[Attempt]) -> Attempt:
    return next(
        a for a in attempts if a.operation is Operation.CHARGE and a.state is State.CAPTURED
    )


def _saved(work: Work, before: Payment, after: Payment, asked: Asked) -> Payment:
    saved = work.save_payment(after)
    if after.status is not before.status:
        work.tell(payment_told(before, saved, Actor.MERCHANT, asked.actor_id))
    else:
        work.tell(_asked_told(saved, asked))
    return saved


def _asked_told(payment: Payment, asked: Asked) -> Told:
    """A wish that changes no status yet is told as well: the timeline shows who asked."""
    name = public(Kind.PAYMENT, payment.id)
    action = f"payment.{asked.verb}_requested"
    facts: dict[str, object] = {"status": payment.status.value}
    if payment.capture_amount is not None:
        facts["capture_amount"] = payment.capture_amount
    ids = (payment.merchant_id, payment.mode)
    actor = (Actor.MERCHANT, asked.actor_id)
    entry = Entry(*actor, action, "payment", name, *ids, {}, facts, asked.request_id)
    return Told(entry, Event(action, "payment", name, facts, *ids, asked.request_id))
