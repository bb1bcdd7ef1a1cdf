"""Stripe: every operation on money there, each under a key of ours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from domain.attempt import Attempt, Operation
from domain.money import CURRENCIES, Money
from domain.outcome import (
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Prepared,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from domain.ports import Budget, Declaration, Promise
from domain.reconcile import Window
from domain.reconcile_books import Listed
from domain.task import Task
from domain.vaulted import Detachment
from domain.webhook import Hint
from workers.gateways import Setup, Unusable
from workers.gateways.reading import parsed, seconds
from workers.gateways.stripe.answers import (
    GATEWAY_FAULTS,
    answered,
    denied,
    is_documented,
    is_elsewhere,
    read,
    restated,
    unmade,
)
from workers.gateways.stripe.currencies import EXPONENTS
from workers.gateways.stripe.intents import (
    captured,
    collected,
    confirmed,
    made,
    released,
    settled,
    uncollected,
    unconfirmed,
)
from workers.gateways.stripe.line import Line
from workers.gateways.stripe.listing import listed, listing
from workers.gateways.stripe.lookups import Lookups, target
from workers.gateways.stripe.notices import hinted
from workers.gateways.stripe.orders import paid_out, refunded
from workers.gateways.stripe.requests import (
    ADAPTER_VERSION,
    METHODS,
    Stored,
    composed,
    owned,
    return_url,
)
from workers.gateways.stripe.shapes import Intent, Intents, Method, Payout, Refund
from workers.gateways.wire import NeverSent

PROVIDER: Final = "stripe"

#: The provider forgets a key after a day.
KEY_WINDOW_S: Final = 86_400.0
#: How late a new intent may show in the search: a minute as a rule, an hour in an outage.
SEARCH_LAG_S: Final = 3_600.0

#: Forgetting a token moves no money; an outcome wants some, so it is none of this.
NO_MONEY: Final = Money(0, CURRENCIES["USD"])


class Stripe:
    """One account at Stripe. A charge is made first and confirmed second, so that its id is known
    before its money moves; everything else is one call."""

    def __init__(self, setup: Setup) -> None:
        """Credentials: `secret_key`. Settings: `key_window_s`, `search_lag_s`,
        `lists_are_authoritative`, `return_url`, `api_version`, `ca_file`. Raises `Unusable`."""
        self._line = Line(setup)
        self._lookups = Lookups(self._line, setup.alarm)
        self._back = return_url(setup.settings)
        self.declaration = Declaration(
            provider=PROVIDER,
            adapter_version=ADAPTER_VERSION,
            promises=_promises(setup),
            can_void=True,
            can_3ds=True,
            methods=METHODS,
            currencies=EXPONENTS,
            listing=listing(seconds(setup.settings, "search_lag_s", SEARCH_LAG_S)),
        )

    def compose(self, task: Task, reference: str) -> bytes | None:
        """Return the exact request; None where this provider has no words for it."""
        return composed(task, reference, self._back)

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Make the intent; or confirm it, once its id is known."""
        stored = parsed(attempt.request, Stored)
        if stored is None:
            return UNREADABLE
        if attempt.provider_id is None:
            reply = self._line.create(stored.create, attempt.key("a"), budget)
            if (older := restated(stored.create, reply)) is not None:
                reply = self._line.create(older, attempt.key("c"), budget)
            return answered(reply, Intent, lambda intent: made(intent, attempt))
        intent_id = attempt.provider_id
        reply = self._line.confirm(intent_id, stored.confirm, attempt.key("b"), budget)
        if (older := restated(stored.confirm, reply)) is not None:
            reply = self._line.confirm(intent_id, older, attempt.key("d"), budget)
        return answered(
            reply,
            Intent,
            lambda intent: confirmed(intent, attempt),
            lambda status, problem: unconfirmed(status, problem, attempt),
        )

    def cancel(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Cancel a charge, then read it back: what is read counts, whatever the cancel answered."""
        provider_id = attempt.provider_id
        if provider_id is None:
            found = self._lookups.lookup(attempt, budget)
            match found:
                case Prepared() | Pending() | RequiresAction() | Succeeded(captured=False):
                    provider_id = found.provider_id
                case NotFound():
                    return Unknown("there is nothing yet that could be cancelled")
                case _:
                    return found
        self._line.cancel(provider_id, _asked_anew(attempt), budget)
        return self._lookups.charge(provider_id, attempt, budget)

    def capture(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Collect from the hold. Where the provider says that there is none, the intent tells."""
        params = parsed(attempt.request, dict[str, Any])
        if params is None:
            return UNREADABLE
        reply = self._line.capture(target(attempt), params, attempt.key(), budget)
        if is_elsewhere(reply):
            return settled(self._lookups.of_target(collected, attempt, budget))
        return answered(reply, Intent, lambda intent: captured(intent, attempt), uncollected)

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Let go of the hold, then read the intent back: what is read counts. Only where that says
        nothing new does it matter how the request itself was refused."""
        reply = self._line.cancel(target(attempt), _asked_anew(attempt), budget)
        refused = unmade(reply)
        if isinstance(reply, NeverSent):
            return refused
        found = self._lookups.of_target(released, attempt, budget)
        if not isinstance(found, NotFound | Unknown):
            return found
        return settled(found) if isinstance(refused, Unknown) else refused

    def refund(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Give money back, under the attempt's key."""
        params = parsed(attempt.request, dict[str, Any])
        if params is None:
            return UNREADABLE
        whole = params | {"payment_intent": target(attempt)}
        reply = self._line.refund(whole, attempt.key(), budget)
        return answered(reply, Refund, lambda refund: refunded(refund, attempt), denied)

    def payout(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Send money out, under the attempt's key."""
        params = parsed(attempt.request, dict[str, Any])
        if params is None:
            return UNREADABLE
        reply = self._line.pay_out(params, attempt.key(), budget)
        return answered(reply, Payout, lambda payout: paid_out(payout, attempt), denied)

    def detach(self, detachment: Detachment, budget: Budget) -> Outcome:
        """Have a token forgotten. The outcome names our row, because the token is a secret.

        One that belongs to nobody cannot be used again, and cannot be detached either: it is
        forgotten already.
        """
        _, token = owned(detachment.token)

        def forgotten(method: Method) -> Outcome:
            if method.id == token and method.customer is None:
                return Succeeded(detachment.id.hex, NO_MONEY)
            return Unknown("another token was forgotten, or none")

        reply = self._line.detach(token, detachment.key, budget)
        outcome = answered(reply, Method, forgotten)
        if isinstance(outcome, NotCharged) and outcome.request_wrong:
            method = read(self._line.method(token, budget), Method)
            return outcome if isinstance(method, Unknown) else forgotten(method)
        return outcome

    def probe(self, budget: Budget) -> bool:
        """Whether the provider answers as documented, be it with a refusal."""
        return is_documented(self._line.some_intent(budget), Intents)

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read what became of the attempt."""
        return self._lookups.lookup(attempt, budget)

    def list_movements(self, window: Window, following: str | None, budget: Budget) -> Listed:
        """Read one page of what was made in a window."""
        return listed(self._line, window, following, budget)

    def read_notice(self, body: bytes) -> Hint | None:
        """Return which object an event speaks of; None: unreadable."""
        return hinted(body)

    def at_fault(self, refusal: NotCharged) -> bool:
        """Whether another request would have been refused too; causes begin with the status."""
        return refusal.cause.partition(" ")[0] in GATEWAY_FAULTS

    def close(self) -> None:
        """Let go of idle connections."""
        self._line.close()


#: What is stored is what `compose` wrote; if it is not, nothing is sent.
UNREADABLE: Final = NotCharged(
    Proof.NEVER_SENT, "the stored request cannot be read", request_wrong=True
)


def _promises(setup: Setup) -> dict[Operation, Promise]:
    """Return what the provider promises. What is read by its id is read as it is; whether a list is
    complete at once is not documented, and the search is late."""
    window = seconds(setup.settings, "key_window_s", KEY_WINDOW_S)
    lag = seconds(setup.settings, "search_lag_s", SEARCH_LAG_S)
    listed = setup.settings.get("lists_are_authoritative", False)
    if not isinstance(listed, bool):
        raise Unusable("lists_are_authoritative is true or false")
    by_id = Promise(window, authoritative=True)
    by_list = Promise(window, authoritative=listed, visibility_lag=timedelta(0) if listed else lag)
    return {
        Operation.CHARGE: Promise(window, visibility_lag=lag, split=True),
        Operation.CAPTURE: by_id,
        Operation.VOID: by_id,
        Operation.REFUND: by_list,
        Operation.PAYOUT: by_list,
    }


def _asked_anew(attempt: Attempt) -> str:
    """Return the key of this round's cancel.

    A key keeps the first answer, also a failed one: under one key a saved 500 would come back for
    as long as the key lives, while the hold stands. To cancel twice is to cancel once, so every
    round of resolving may ask anew; within one round the number, and so the key, is the same.
    """
    return attempt.key(f"v{attempt.polls}")
