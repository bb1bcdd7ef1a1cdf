"""The sandbox provider: every operation on money there, and how to ask what became of it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from domain.attempt import Attempt, Operation
from domain.money import CURRENCIES, Money
from domain.outcome import (
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    RequiresAction,
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
from workers.gateways.reading import parsed, seconds
from workers.gateways.sandbox_answers import (
    GATEWAY_FAULTS,
    answered,
    in_wrong_state,
    is_documented,
    unmade,
)
from workers.gateways.sandbox_charges import (
    captured,
    collected,
    declined,
    released,
    said,
    settled,
    uncollected,
    unreleased,
)
from workers.gateways.sandbox_line import METHODS, PAYMENTS, PAYOUTS, Line, at, target
from workers.gateways.sandbox_listing import listed, listing
from workers.gateways.sandbox_lookups import Lookups
from workers.gateways.sandbox_orders import paid_out, refunded, unpaid, unrefunded
from workers.gateways.sandbox_requests import ADAPTER_VERSION, composed
from workers.gateways.sandbox_shapes import (
    Detached,
    Event,
    Named,
    Payments,
    ShownPayment,
    ShownPayout,
    ShownRefund,
)
from workers.gateways.wire import NeverSent

PROVIDER: Final = "sandbox"

KEY_WINDOW_S: Final = 86_400.0
#: How late a new object may show in the search by reference.
VISIBILITY_LAG_S: Final = 2.0

#: Nobody's reference: what a probe searches for.
NOBODY: Final = "probe"
#: Forgetting a token moves no money; an outcome wants some, so it is none of this.
NO_MONEY: Final = Money(0, CURRENCIES["USD"])


class Sandbox:
    """One account at the sandbox provider. One call does each thing; its key, or the provider's
    own rules, make a replay harmless."""

    def __init__(self, setup: Setup) -> None:
        """Settings: `key_window_s`, `visibility_lag_s`, `ca_file`. Raises `Unusable`."""
        self._line = Line(setup)
        self._lookups = Lookups(self._line, setup.alarm)
        self.declaration = Declaration(
            provider=PROVIDER,
            adapter_version=ADAPTER_VERSION,
            promises=MappingProxyType(dict.fromkeys(Operation, _promise(setup))),
            can_void=True,
            can_3ds=True,
            listing=listing(seconds(setup.settings, "visibility_lag_s", VISIBILITY_LAG_S)),
        )

    def compose(self, task: Task, reference: str) -> bytes | None:
        """Return the exact request; None where this provider has no words for it."""
        return composed(task, reference)

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Send the stored request under the attempt's key."""
        reply = self._line.post(PAYMENTS, attempt.key(), attempt.request, budget, attempt)
        return answered(
            reply,
            201,
            ShownPayment,
            lambda shown: said(shown, attempt),
            lambda problem: declined(problem, attempt),
        )

    def cancel(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Cancel a charge, then read it back: what is read counts, whatever the cancel answered."""
        provider_id = attempt.provider_id
        if provider_id is None:
            found = self._lookups.lookup(attempt, budget)
            match found:
                case Pending() | RequiresAction() | Succeeded(captured=False):
                    provider_id = found.provider_id
                case NotFound():
                    return Unknown("there is nothing yet that could be cancelled")
                case _:
                    return found
        path = at(PAYMENTS, provider_id)
        self._line.post(f"{path}/cancel", _asked_anew(attempt), b"{}", budget, attempt)
        return self._lookups.charge(provider_id, attempt, budget)

    def capture(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Collect from the hold. Where the provider says that there is none, the charge tells."""
        path = f"{target(attempt)}/capture"
        reply = self._line.post(path, attempt.key(), attempt.request, budget, attempt)
        if in_wrong_state(reply):
            return settled(self._lookups.of_target(collected, attempt, budget))
        return answered(
            reply,
            200,
            ShownPayment,
            lambda shown: captured(shown, attempt),
            lambda problem: uncollected(problem, attempt),
        )

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Let go of the hold, then read the charge back: what is read counts. Only where that says
        nothing new does it matter how the request itself was refused."""
        path = f"{target(attempt)}/cancel"
        reply = self._line.post(path, _asked_anew(attempt), attempt.request, budget, attempt)
        refused = unmade(reply, lambda problem: unreleased(problem, attempt))
        if isinstance(reply, NeverSent):
            return refused
        found = self._lookups.of_target(released, attempt, budget)
        if not isinstance(found, NotFound | Unknown):
            return found
        return settled(found) if isinstance(refused, Unknown) else refused

    def refund(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Give money back, under the attempt's key."""
        path = f"{target(attempt)}/refunds"
        reply = self._line.post(path, attempt.key(), attempt.request, budget, attempt)
        return answered(
            reply,
            201,
            ShownRefund,
            lambda shown: refunded(shown, attempt),
            lambda problem: unrefunded(problem, attempt),
        )

    def payout(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Send money out, under the attempt's key."""
        reply = self._line.post(PAYOUTS, attempt.key(), attempt.request, budget, attempt)
        return answered(
            reply,
            201,
            ShownPayout,
            lambda shown: paid_out(shown, attempt),
            lambda problem: unpaid(problem, attempt),
        )

    def detach(self, detachment: Detachment, budget: Budget) -> Outcome:
        """Have a token forgotten. The outcome names our row, because the token is a secret."""

        def forgotten(shown: Detached) -> Outcome:
            if shown.detached and shown.token == detachment.token:
                return Succeeded(detachment.id.hex, NO_MONEY)
            return Unknown("another token was forgotten, or none")

        path = f"{at(METHODS, detachment.token)}/detach"
        reply = self._line.post(path, detachment.key, b"{}", budget, detachment)
        return answered(reply, 200, Detached, forgotten, lambda problem: Unknown(problem.code))

    def probe(self, budget: Budget) -> bool:
        """Whether the provider answers as documented, be it with a refusal."""
        return is_documented(self._line.get(f"{PAYMENTS}?reference={NOBODY}", budget), Payments)

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read what became of the attempt."""
        return self._lookups.lookup(attempt, budget)

    def list_movements(self, window: Window, following: str | None, budget: Budget) -> Listed:
        """Read one page of the account's statement."""
        return listed(self._line, window, following, budget)

    def read_notice(self, body: bytes) -> Hint | None:
        """Return which object an event speaks of; None: unreadable. A refund's event shows its
        payment as well, so the event's own type says which of them has changed."""
        event = parsed(body, Event)
        if event is None:
            return None
        family = event.type.partition(".")[0]
        kind = family if family in ("refund", "payout") else "payment"
        named = parsed(bytes(event.data.get(kind, b"")), Named)
        return None if named is None else Hint(named.reference, named.id, event.type)

    def at_fault(self, refusal: NotCharged) -> bool:
        """Whether another request would have been refused too; causes begin with the error type."""
        return refusal.cause.partition(" ")[0] in GATEWAY_FAULTS

    def close(self) -> None:
        """Let go of idle connections."""
        self._line.close()


def _promise(setup: Setup) -> Promise:
    """Return what the provider promises, about every operation alike: one call does it, under a key,
    and the search by reference shows what is there."""
    return Promise(
        key_window=seconds(setup.settings, "key_window_s", KEY_WINDOW_S),
        resolution=Resolution.LOOKUP_FIRST,
        authoritative=True,
        visibility_lag=seconds(setup.settings, "visibility_lag_s", VISIBILITY_LAG_S),
    )


def _asked_anew(attempt: Attempt) -> str:
    """Return the key of this round's cancel.

    A key keeps the first answer, also a failed one: under one key a saved 500, or a "no" of the
    day before, would come back for as long as the key lives, while the hold stands. To cancel twice
    is to cancel once, so unlike a charge a cancel needs no key to be safe, and every round of
    resolving may ask anew; within one round the number, and so the key, is the same.
    """
    return attempt.key(f"v{attempt.polls}")
