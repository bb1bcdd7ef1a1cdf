"""Force: an operator ends a payment by hand; a legal move, on proof, with a reason, audited."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.books import Store
from domain.events import Actor, Entry, Event, Told, payment_told
from domain.flows.consequences import close_cases
from domain.flows.request import owned
from domain.ids import Kind, public
from domain.payment import Mode, Payment, Status
from domain.requests import forced


@dataclass(frozen=True, slots=True)
class Force:
    """What an operator wants of one payment of one merchant, and why."""

    payment_id: UUID
    merchant_id: UUID
    mode: Mode
    to: Status
    reason: str
    #: Who: `key:...` for an API key with the `ops` scope.
    actor_id: str
    request_id: str


def force(wanted: Force, store: Store) -> Payment:
    """Return the payment in its new status; asking for the status it has changes nothing.

    Raises `NotFound` (also for another merchant's), `IllegalMove`, and `OperationInFlight` while a
    charge may still move money.
    """
    with store.begin() as work:
        payment = owned(work, wanted.payment_id, wanted.merchant_id, wanted.mode)
        if payment.status is wanted.to:
            return payment
        after = forced(payment, work.attempts(payment.id), wanted.to, wanted.reason)
        saved = work.save_payment(after)
        work.tell(payment_told(payment, saved, Actor.OPERATOR, wanted.actor_id))
        work.tell(_why(saved, wanted))
        close_cases(work, saved)
    return saved


def _why(payment: Payment, wanted: Force) -> Told:
    name, action = public(Kind.PAYMENT, payment.id), "payment.forced"
    said: dict[str, object] = {"status": payment.status.value, "reason": wanted.reason}
    ids = (payment.merchant_id, payment.mode)
    actor = (Actor.OPERATOR, wanted.actor_id)
    entry = Entry(*actor, action, "payment", name, *ids, {}, said, wanted.request_id)
    return Told(entry, Event(action, "payment", name, said, *ids, wanted.request_id))
