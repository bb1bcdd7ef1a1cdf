"""The Midtrans adapter: every operation on money there, and how to ask what became of it."""

from __future__ import annotations

from typing import Final, assert_never

from domain.attempt import Attempt, Operation, State
from domain.outcome import (
    Declined,
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from domain.ports import Budget, Declaration, Promise
from domain.task import Task
from domain.vaulted import Detachment
from domain.webhook import Hint
from workers.gateways import Setup
from workers.gateways.midtrans.account import Account, Terms
from workers.gateways.midtrans.actions import Pages
from workers.gateways.midtrans.answers import (
    USED,
    WRONG_STATE,
    Went,
    done,
    is_gateway_fault,
    strange,
)
from workers.gateways.midtrans.charges import captured, collected, released, said, settled
from workers.gateways.midtrans.iris import Iris
from workers.gateways.midtrans.line import CAPTURE, CHARGE, Line, at, target
from workers.gateways.midtrans.refunds import REFUSED, answered, refunded, unrefundable
from workers.gateways.midtrans.requests import ADAPTER_VERSION, composed
from workers.gateways.midtrans.shapes import Named, NamedPayout, Transaction
from workers.gateways.reading import parsed

PROVIDER: Final = "midtrans"
METHODS: Final = frozenset({"card", "wallet", "bank_transfer"})
#: Rupiah, of which Midtrans takes whole ones only.
CURRENCIES: Final = {"IDR": 0}
#: Notifications that tell of a refund; the newest refund of the list is the one.
REFUNDS: Final = frozenset({"refund", "partial_refund"})


class Midtrans:
    """One account at Midtrans. A charge is one call; its order_id, which is our reference, is used
    up by it, unless it ends unpaid. A payout is two: Iris makes it with one key and lets it go with
    another."""

    def __init__(self, setup: Setup) -> None:
        """Credentials: `server_key`; for payouts `iris_creator_key` and `iris_approver_key`.

        Settings: those of `account.Terms`, `iris_url`, `ca_file`. Raises `Unusable`.
        """
        self._account = account = Account.read(setup)
        self._terms = account.terms
        self._alarm = setup.alarm
        self._line = Line(account.core)
        self._pages = Pages(account.core_url, account.terms.instructions_url)
        self._iris: Iris | None = None
        if account.creator is not None and account.approver is not None:
            self._iris = Iris(account.creator, account.approver)
        self.declaration = _declaration(account.terms, pays_out=self._iris is not None)

    def compose(self, task: Task, reference: str) -> bytes | None:
        """Return the exact request; None where Midtrans has no words for it."""
        return composed(task, reference, self._terms)

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Send the stored request. An order_id that was used before was used by us: it is read.

        So is one whose token was refused, if it was sent before: the first copy may have used it.
        """
        told = done(self._line.post(CHARGE, attempt, budget), attempt.operation)
        if isinstance(told, Declined) and attempt.state is not State.SENDING:
            return _there(
                self.lookup(attempt, budget), "its token was refused, and it may still come"
            )
        if not isinstance(told, Went):
            return told
        if told.code in (USED, WRONG_STATE):
            return _there(self.lookup(attempt, budget), "it was used, and is not there")
        shown = told.transaction
        return strange(told.answer) if shown is None else said(shown, attempt, self._pages)

    def cancel(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Cancel a charge, then read it back: what is read counts, whatever the cancel answered.

        What the payer never acted on can at some channels only be expired, not cancelled. What was
        collected is left alone, although Midtrans would cancel that as well until it settles.
        """
        path = at(attempt.provider_id or attempt.reference)
        found = self.lookup(attempt, budget)
        for verb in ("cancel", "expire"):
            if not _is_open(found):
                break
            self._line.change(f"{path}/{verb}", attempt, budget)
            found = self.lookup(attempt, budget)
        return _there(found, "there is nothing yet that could be cancelled")

    def capture(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Collect from the hold. Where Midtrans says that there is none, the charge tells."""
        told = done(self._line.post(CAPTURE, attempt, budget), attempt.operation)
        if not isinstance(told, Went):
            return told
        if told.code in (USED, WRONG_STATE):
            return settled(self.lookup(attempt, budget))
        shown = told.transaction
        return strange(told.answer) if shown is None else captured(shown, attempt)

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Let go of the hold, then read the charge back: what is read counts.

        It is read before as well, because Midtrans as gladly cancels what was collected today.
        """
        before = self.lookup(attempt, budget)
        if isinstance(before, Unknown):
            return NotCharged(Proof.NEVER_SENT, before.cause)
        if not isinstance(before, NotFound):
            return before
        reply = self._line.change(f"{at(target(attempt))}/cancel", attempt, budget)
        told = done(reply, attempt.operation)
        if isinstance(told, NotCharged) and told.proof is Proof.NEVER_SENT:
            return told
        after = self.lookup(attempt, budget)
        if isinstance(after, NotFound | Unknown) and isinstance(told, NotCharged):
            return told
        return settled(after)

    def refund(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Give money back. What the answer leaves open, the transaction's list of refunds tells."""
        route = "refund/online/direct" if self._terms.refunds_online else "refund"
        reply = self._line.post(f"{at(target(attempt))}/{route}", attempt, budget)
        told = done(reply, attempt.operation)
        if not isinstance(told, Went):
            return told
        if told.code not in (USED, WRONG_STATE):
            outcome = answered(told, attempt, self._terms)
            if told.code == REFUSED or not isinstance(outcome, Unknown):
                return outcome
        shown = self._line.transaction(target(attempt), budget)
        if not isinstance(shown, Transaction):
            return Unknown("the refund could not be read back")
        found = refunded(shown, attempt, self._terms, self._alarm)
        if not isinstance(found, NotFound):
            return found
        if told.code == WRONG_STATE:
            return unrefundable(shown)
        return Unknown("the refund was answered, and is not in the list")

    def payout(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Make a payout, or let go of one that is made."""
        if self._iris is None:
            return NotCharged(Proof.NEVER_SENT, "the account has no keys for payouts")
        return self._iris.payout(attempt, budget)

    def detach(self, detachment: Detachment, budget: Budget) -> Outcome:
        """Refuse: Midtrans documents no way to have a token forgotten; a card's lives minutes."""
        return NotCharged(Proof.NEVER_SENT, "Midtrans forgets no tokens", request_wrong=True)

    def probe(self, budget: Budget) -> bool:
        """Whether Midtrans answers as documented."""
        return self._line.answers(budget)

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read what became of the attempt: a charge by its order_id, which is our reference, and
        everything else but a payout by its charge."""
        if attempt.operation is Operation.PAYOUT:
            iris = self._iris
            missing = Unknown("the account has no keys for payouts")
            return missing if iris is None else iris.lookup(attempt, budget)
        charge = attempt.operation is Operation.CHARGE
        known = attempt.provider_id if charge else target(attempt)
        shown = self._line.transaction(known or attempt.reference, budget)
        match shown:
            case Transaction():
                return self._told(shown, attempt)
            case NotFound() if known is not None:
                # What Midtrans named before and does not know now is a riddle, not an absence.
                return Unknown(f"{known} is not there any more")
            case _:
                return shown

    def read_notice(self, body: bytes) -> Hint | None:
        """Return which object a notification speaks of; None: unreadable.

        A refund's shows its transaction, so the newest of the list is what has changed.
        """
        if (named := parsed(body, Named)) is not None:
            status = named.transaction_status.lower()
            refund = named.refunds[-1] if status in REFUNDS and named.refunds else None
            key = refund.refund_key if refund else named.order_id
            reference = key if isinstance(key, str) and key else None
            return Hint(reference, named.transaction_id, status)
        if (paid := parsed(body, NamedPayout)) is not None:
            return Hint(None, paid.reference_no, f"payout.{paid.status.lower()}")
        return None

    def at_fault(self, refusal: NotCharged) -> bool:
        """Whether another request would have been refused too; causes begin with the code."""
        return is_gateway_fault(refusal)

    def close(self) -> None:
        """Let go of idle connections."""
        self._account.close()

    def _told(self, shown: Transaction, attempt: Attempt) -> Lookup:
        match attempt.operation:
            case Operation.CHARGE:
                return said(shown, attempt, self._pages)
            case Operation.CAPTURE:
                return collected(shown, attempt)
            case Operation.VOID:
                return released(shown, attempt)
            case Operation.REFUND:
                return refunded(shown, attempt, self._terms, self._alarm)
            case Operation.PAYOUT:
                raise AssertionError("Iris knows payouts")
            case _:
                assert_never(attempt.operation)


def _is_open(found: Lookup) -> bool:
    match found:
        case Pending() | RequiresAction() | Succeeded(captured=False):
            return True
        case _:
            return False


def _there(found: Lookup, otherwise: str) -> Outcome:
    """Return what was found as an outcome; that nothing was is no answer to somebody who acts."""
    return Unknown(otherwise) if isinstance(found, NotFound) else found


def _declaration(terms: Terms, *, pays_out: bool) -> Declaration:
    """Return what Midtrans promises. What was made under an order_id or a refund_key is shown under
    it for ever, so that a look-up that finds nothing, after the time in which we may send again,
    proves that nothing is. But an order_id that was cancelled or has expired unpaid can be charged
    again: there, only the windows keep a late copy out."""
    made = Promise(terms.key_window, authoritative=True, visibility_lag=terms.visibility_lag)
    promises = {
        Operation.CHARGE: made,
        Operation.CAPTURE: made,
        Operation.VOID: made,
        Operation.REFUND: Promise(
            terms.refund_key_window, authoritative=True, visibility_lag=terms.visibility_lag
        ),
    }
    if pays_out:
        promises[Operation.PAYOUT] = Promise(terms.payout_key_window, split=True)
    return Declaration(
        provider=PROVIDER,
        adapter_version=ADAPTER_VERSION,
        promises=promises,
        can_void=True,
        can_3ds=True,
        methods=METHODS,
        currencies=CURRENCIES,
    )
