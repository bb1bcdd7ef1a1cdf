"""The adapter of the soapbank protocol: every operation on money there, and how to ask about it."""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import Final

from domain.attempt import Attempt, Operation
from domain.outcome import (
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Prepared,
    Proof,
    Succeeded,
    Unknown,
)
from domain.ports import Budget, Declaration, Promise, Resolution
from domain.reconcile import Window
from domain.reconcile_books import Listed
from domain.task import Task
from domain.vaulted import Detachment
from domain.webhook import Hint
from workers.gateways import Setup
from workers.gateways.reading import seconds
from workers.gateways.soapbank.answers import (
    GATEWAY_FAULTS,
    VALIDATION,
    answered,
    is_documented,
    refused,
)
from workers.gateways.soapbank.charges import captured, collected, released, said, settled
from workers.gateways.soapbank.envelopes import Faulted, notice
from workers.gateways.soapbank.line import Line
from workers.gateways.soapbank.listing import listed, listing
from workers.gateways.soapbank.lookups import BY_REFERENCE, Lookups
from workers.gateways.soapbank.orders import paid_out, refunded
from workers.gateways.soapbank.requests import (
    ADAPTER_VERSION,
    APPROVE,
    AUTHORISE,
    CANCEL,
    CAPTURE,
    FIRST,
    PAYOUT,
    REFUND,
    SALE,
    SECOND,
    TOKENS,
    approving,
    asking,
    cancelling,
    composed,
    making,
)
from workers.gateways.soapbank.shapes import ShownCharge, ShownPayout, ShownRefund, notified
from workers.gateways.wire import NeverSent

PROVIDER: Final = "soapbank"

KEY_WINDOW_S: Final = 72 * 3600.0
#: A look-up sees what was answered before.
VISIBILITY_LAG_S: Final = 0.0

#: Nobody's reference: what a probe asks for.
NOBODY: Final = "probe"


class SoapBank:
    """One account at a bank. A charge is one call; a payout is created, then approved. The request's
    id, which is in its body, makes a replay harmless."""

    def __init__(self, setup: Setup) -> None:
        """Credentials: `key_id`, `secret`. Settings: `path`, `key_window_s`, `visibility_lag_s`,
        `ca_file`. Raises `Unusable`."""
        self._line = Line(setup)
        self._lookups = Lookups(self._line, setup.alarm)
        key_window = seconds(setup.settings, "key_window_s", KEY_WINDOW_S)
        lag = seconds(setup.settings, "visibility_lag_s", VISIBILITY_LAG_S)
        self.declaration = Declaration(
            provider=PROVIDER,
            adapter_version=ADAPTER_VERSION,
            promises=MappingProxyType(
                {operation: _promise(operation, key_window, lag) for operation in Operation}
            ),
            can_void=True,
            can_3ds=False,
            methods=frozenset(TOKENS),
            listing=listing(lag),
        )

    def compose(self, task: Task, reference: str) -> bytes | None:
        """Return the exact request; None where the protocol has no words for it."""
        return composed(task, reference)

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Send the stored request, which carries the attempt's key."""
        operation = SALE if attempt.captures else AUTHORISE
        heard = self._line.post(operation, attempt.request, budget, attempt)
        return answered(heard, attempt.key(FIRST), ShownCharge, lambda shown: said(shown, attempt))

    def cancel(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Cancel a charge, then read it back: what is read counts, whatever the cancel answered."""
        provider_id = attempt.provider_id
        if provider_id is None:
            found = self._lookups.lookup(attempt, budget)
            match found:
                case Pending() | Succeeded(captured=False):
                    provider_id = found.provider_id
                case NotFound():
                    return Unknown("there is nothing yet that could be cancelled")
                case _:
                    return found
        body = cancelling(provider_id, attempt)
        if body is not None:
            self._line.post(CANCEL, body, budget, attempt)
        return self._lookups.charge(provider_id, attempt, budget)

    def capture(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Collect from the hold. Where the bank says that it cannot be, the charge tells why; if
        that stands as it was, the request itself is wrong."""
        heard = self._line.post(CAPTURE, attempt.request, budget, attempt)
        if isinstance(heard, Faulted) and heard.code == VALIDATION:
            found = self._lookups.of_target(collected, attempt, budget)
            return refused(heard) if isinstance(found, NotFound) else found
        return answered(
            heard, attempt.key(FIRST), ShownCharge, lambda shown: captured(shown, attempt)
        )

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Let go of the hold, then read the charge back: what is read counts. Only where that says
        nothing new does it matter how the request itself was refused."""
        heard = self._line.post(CANCEL, attempt.request, budget, attempt)
        if isinstance(heard, NeverSent):
            return refused(heard)
        found = self._lookups.of_target(released, attempt, budget)
        if not isinstance(found, NotFound | Unknown):
            return found
        if isinstance(heard, Faulted):
            refusal = refused(heard)
            return settled(found) if isinstance(refusal, Unknown) else refusal
        return settled(found)

    def refund(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Give money back, under the attempt's key."""
        heard = self._line.post(REFUND, attempt.request, budget, attempt)
        return answered(
            heard, attempt.key(FIRST), ShownRefund, lambda shown: refunded(shown, attempt)
        )

    def payout(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Create the payout, which moves nothing; once its id is stored, approve it. Where the bank
        says that it cannot be, the payout tells why: somebody else may have approved it."""
        if attempt.provider_id is None:
            step, operation, body = FIRST, PAYOUT, making(attempt.request)
        else:
            step, operation = SECOND, APPROVE
            body = approving(attempt.request, attempt.provider_id)
        heard = self._line.post(operation, body, budget, attempt)
        if step == SECOND and isinstance(heard, Faulted) and heard.code == VALIDATION:
            found = self._lookups.lookup(attempt, budget)
            return refused(heard) if isinstance(found, NotFound | Prepared) else found
        return answered(
            heard, attempt.key(step), ShownPayout, lambda shown: paid_out(shown, attempt)
        )

    def detach(self, detachment: Detachment, budget: Budget) -> Outcome:
        """Nothing is sent: a bank of this protocol cannot be asked to forget a token."""
        cause = "there is no operation that forgets a token"
        return NotCharged(Proof.NEVER_SENT, cause, request_wrong=True)

    def probe(self, budget: Budget) -> bool:
        """Whether the bank answers as documented, be it with a fault."""
        body = asking(BY_REFERENCE, NOBODY)
        assert body is not None
        return is_documented(self._line.ask(body, budget))

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read what became of the attempt."""
        return self._lookups.lookup(attempt, budget)

    def list_movements(self, window: Window, following: str | None, budget: Budget) -> Listed:
        """Read one page of the account's statement."""
        return listed(self._line, window, following, budget)

    def read_notice(self, body: bytes) -> Hint | None:
        """Return which object a callback speaks of; None: unreadable."""
        fields = notice(body)
        told = None if fields is None else notified(fields)
        return None if told is None else Hint(told.reference or None, told.bank_id, told.status)

    def at_fault(self, refusal: NotCharged) -> bool:
        """Whether another request would have been refused too; the cause is the fault's code."""
        return refusal.cause in GATEWAY_FAULTS

    def close(self) -> None:
        """Let go of idle connections."""
        self._line.close()


def _promise(operation: Operation, key_window: timedelta, lag: timedelta) -> Promise:
    return Promise(
        key_window=key_window,
        resolution=Resolution.LOOKUP_FIRST,
        authoritative=True,
        visibility_lag=lag,
        split=operation is Operation.PAYOUT,
    )
