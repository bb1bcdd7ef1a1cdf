"""The books: what the flows read and write in one transaction; time is the database's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from domain.attempt import Attempt
from domain.due import Lease
from domain.events import Told
from domain.facts import Fact, Transaction
from domain.fraud.score import Assessment
from domain.idempotency import Claimed, Recorded
from domain.payment import Mode, Payment
from domain.payout import Payout
from domain.refund import Refund
from domain.review import Case
from domain.routing import GatewayRow
from domain.schemes import Tries, Watched
from domain.vaulted import Detachment
from domain.webhook import Hint, Notice

Row = TypeVar("Row", Payment, Attempt, Notice, Refund, Payout, Detachment)


@dataclass(frozen=True, slots=True)
class Claim(Generic[Row]):
    """A row that is ours to act on until the lease ends; `starts` counts this start too."""

    row: Row
    lease: Lease
    starts: int


class Work(Protocol):
    """One open transaction on the books. Leaving it normally commits, an exception rolls back."""

    @property
    def now(self) -> datetime:
        """The database's clock when the transaction began."""

    def claim_payment(self, id_: UUID, owner: int, lease_s: float) -> Claim[Payment] | None:
        """Take a due, unleased payment; None when somebody else has it or nothing is due."""

    def claim_attempt(self, id_: UUID, owner: int, lease_s: float) -> Claim[Attempt] | None:
        """Take a due, unleased attempt."""

    def claim_notice(self, id_: UUID, owner: int, lease_s: float) -> Claim[Notice] | None:
        """Take a due, unleased webhook."""

    def claim_refund(self, id_: UUID, owner: int, lease_s: float) -> Claim[Refund] | None:
        """Take a due, unleased refund."""

    def claim_payout(self, id_: UUID, owner: int, lease_s: float) -> Claim[Payout] | None:
        """Take a due, unleased payout."""

    def claim_detachment(self, id_: UUID, owner: int, lease_s: float) -> Claim[Detachment] | None:
        """Take a deleted payment method that its provider still has to forget."""

    def payment(self, id_: UUID) -> Payment:
        """Read a payment without holding it."""

    def lock_payment(self, id_: UUID) -> Payment:
        """Read a payment and hold its row until the transaction ends: facts are applied under it."""

    def save_payment(self, payment: Payment, lease: Lease | None = None) -> Payment:
        """Write a payment, one version on. With a lease: only while it is ours (`LeaseLost`), and
        it ends here; without one, somebody else's lease stays as it is."""

    def release(self, payment_id: UUID, lease: Lease) -> None:
        """End our lease and change nothing else; nothing happens if it is no longer ours."""

    def attempts(self, payment_id: UUID) -> Sequence[Attempt]:
        """Every attempt of a payment, oldest first."""

    def attempt(self, id_: UUID) -> Attempt | None:
        """One attempt."""

    def find_attempt(self, gateway_id: str, hint: Hint) -> Attempt | None:
        """The attempt that a webhook speaks of, by our reference or the provider's id."""

    def begin_attempt(
        self,
        attempt: Attempt,
        lease: Lease,
        lease_s: float,
        skipped: Mapping[str, str],
        screened: Payment | None = None,
    ) -> Payment | None:
        """Insert the attempt and move its payment to `processing`, if that is still allowed.

        One statement guards it: our lease, a chargeable status, no cancel asked for. The lease is
        renewed to `lease_s`; `skipped` says why other gateways were passed over. `screened`: what
        its screening made of the payment is written too, if its version is still this one. None:
        not allowed any more, nothing was written.
        """

    def card_tries(self, watch: Watched) -> Tries:
        """What the tries of a card have come to.

        The card is held until the transaction ends: of two that try it at the same moment, the
        second counts the first. Call it before any row is locked.
        """

    def payout_attempts(self, payout_id: UUID) -> Sequence[Attempt]:
        """Every attempt of a payout, oldest first."""

    def add_attempt(self, attempt: Attempt) -> None:
        """Insert an attempt of anything but a charge, under the lock of its payment or payout.

        The database refuses a second open one of the same operation.
        """

    def save_attempt(self, attempt: Attempt) -> None:
        """Write an attempt; its lease, if any, ends here."""

    def add_fact(self, fact: Fact) -> None:
        """Append what a provider told us."""

    def add_transaction(self, transaction: Transaction) -> None:
        """Append a money movement; the same movement of one attempt is written once."""

    def add_assessment(self, payment_id: UUID, assessment: Assessment) -> None:
        """Store the one fraud decision of a payment."""

    def add_refund(self, refund: Refund) -> bool:
        """Insert a refund. False: the late money of this charge is being given back already."""

    def refund(self, id_: UUID) -> Refund | None:
        """One refund; read under its payment's lock where it is decided on."""

    def refunds(self, payment_id: UUID) -> Sequence[Refund]:
        """Every refund of a payment, oldest first."""

    def save_refund(self, refund: Refund, lease: Lease | None = None) -> Refund:
        """Write a refund, one version on; a lease as in `save_payment`."""

    def add_payout(self, payout: Payout) -> None:
        """Insert a payout."""

    def lock_payout(self, id_: UUID) -> Payout:
        """Read a payout and hold its row until the transaction ends."""

    def save_payout(self, payout: Payout, lease: Lease | None = None) -> Payout:
        """Write a payout, one version on; a lease as in `save_payment`."""

    def open_case(self, case: Case) -> bool:
        """Insert a review case. False: one of its kind is open for this payment already."""

    def open_cases(self, payment_id: UUID) -> Sequence[Case]:
        """The payment's undecided cases, oldest first; read under its lock."""

    def decide_case(self, case: Case) -> bool:
        """Write a decision. False: somebody else has decided it."""

    def save_detachment(self, detachment: Detachment, lease: Lease) -> None:
        """Write what became of a deleted payment method; the lease ends here."""

    def win_key(
        self, merchant_id: UUID, mode: Mode, key: str, fingerprint: bytes
    ) -> Claimed | None:
        """Insert an idempotency key that nobody used. None: it is ours, and `record_key` must follow
        in this transaction. Else the recorded answer; another one's commit is waited for
        (`KeyInFlight` if that takes too long)."""

    def record_key(
        self, merchant_id: UUID, mode: Mode, key: str, resource_id: UUID, answer: Recorded
    ) -> None:
        """Write the answer that the key gives from now on."""

    def save_notice(self, notice: Notice) -> None:
        """Write a webhook's state; its lease ends here. A copy that came meanwhile re-arms it."""

    def discard_notice(self, id_: UUID) -> None:
        """Delete a webhook whose sender is not who it says; nothing happens to a proven one."""

    def gateways(self) -> Sequence[GatewayRow]:
        """The configured gateways with their routes and any person's override."""

    def tell(self, *told: Told) -> None:
        """Append audit entries and events."""


class Interrupted(Exception):
    """The database undid a transaction for the sake of another one, or its session ended: what was
    written then may be there or not. Running it again is right where twice is like once."""


class Store(Protocol):
    """The books."""

    def begin(self) -> AbstractContextManager[Work]:
        """Open a transaction. Leaving it may raise `Interrupted`."""
