"""Withdraw: take an order to send money out, once per key, with the answer it is given (law 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from domain.books import Store, Work
from domain.checkout import Checkout
from domain.commands import Command
from domain.due import Due
from domain.errors import DomainError, WithdrawalRefused
from domain.events import Actor
from domain.idempotency import Recorded, fingerprint
from domain.means import Customer, Method
from domain.money import Money
from domain.operation_events import payout_told
from domain.payment import Mode
from domain.payout import Destination, Payout, PayoutStatus

#: Whether the merchant may send this out, told inside the transaction that would accept it, so that
#: a balance can be read under a lock and be held by the same commit. Returns why not; None: it may.
MayWithdraw = Callable[[Work, Payout], str | None]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a merchant asks for. The account and personal data stay out of `repr`."""

    amount: int
    currency: str
    destination: Destination
    customer: Customer
    country: str | None = None
    preference: str | None = None
    reference: str | None = None
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def fingerprint(self) -> bytes:
        """Return the canonical fingerprint: the same for every alias of the route, JSON or XML."""
        return fingerprint("withdrawal", asdict(self))

    def money(self) -> Money:
        """Return the amount. Raises `InvalidRequest` as for a checkout: money is money."""
        return Checkout(self.amount, self.currency, Method(self.destination.type)).money()


@dataclass(frozen=True, slots=True)
class Order:
    """One withdrawal as it was asked for."""

    withdrawal: Withdrawal
    merchant_id: UUID
    mode: Mode
    #: Who: `key:...` for a merchant's API key.
    actor_id: str
    key: str
    request_id: str
    #: Why it cannot be taken; what its key was answered before counts more.
    refusal: DomainError | None = None

    def payout(self, id_: UUID, now: datetime, lifetime: timedelta) -> Payout:
        """Return the payout that this order creates: pending, and due at once."""
        asked = self.withdrawal
        return Payout(
            id=id_,
            merchant_id=self.merchant_id,
            mode=self.mode,
            money=asked.money(),
            status=PayoutStatus.PENDING,
            destination=asked.destination,
            created_at=now,
            expires_at=now + lifetime,
            due=Due(now),
            country=asked.country or asked.customer.country,
            customer=asked.customer,
            preference=asked.preference,
            reference=asked.reference,
            description=asked.description,
            metadata=asked.metadata,
            request_id=self.request_id,
        )


@dataclass(frozen=True, slots=True)
class Counter:
    """What taking an order needs besides the order."""

    store: Store
    new_id: Callable[[], UUID]
    wake: Callable[[Command, UUID, str], None]
    #: The body of the 202 for a new payout.
    render: Callable[[Payout], bytes]
    lifetime: timedelta
    may_withdraw: MayWithdraw = lambda work, payout: None


@dataclass(frozen=True, slots=True)
class Taken:
    """What to say; `replayed` marks the answer of an earlier order with this key."""

    recorded: Recorded
    payout_id: UUID
    replayed: bool


def withdraw(order: Order, counter: Counter) -> Taken:
    """Write the payout down, or give the answer that its key was given before.

    Raises the order's refusal or `WithdrawalRefused`; neither is recorded, so the same key may be
    used again. Raises `KeyReused` for a key that was used for something else.
    """
    asked = order.withdrawal.fingerprint()
    with counter.store.begin() as work:
        known = work.win_key(order.merchant_id, order.mode, order.key, asked)
        if known is not None:
            return Taken(known.recorded.replayed_for(asked), known.resource_id, replayed=True)
        if order.refusal is not None:
            raise order.refusal
        payout = order.payout(counter.new_id(), work.now, counter.lifetime)
        if reason := counter.may_withdraw(work, payout):
            raise WithdrawalRefused(reason)
        work.add_payout(payout)
        work.tell(payout_told(None, payout, Actor.MERCHANT, order.actor_id))
        recorded = Recorded(asked, 202, counter.render(payout))
        work.record_key(order.merchant_id, order.mode, order.key, payout.id, recorded)
    counter.wake(Command.PAYOUT, payout.id, order.request_id)
    return Taken(recorded, payout.id, replayed=False)
