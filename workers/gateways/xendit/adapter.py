"""Xendit: every operation on money there, and how to ask what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from domain.attempt import Attempt, Operation
from domain.money import CURRENCIES, Money
from domain.outcome import (
    Declined,
    Hardness,
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
from domain.ports import Budget, Declaration, Promise, Resolution
from domain.reconcile import Window
from domain.reconcile_books import Listed
from domain.task import Task
from domain.vaulted import Detachment
from domain.webhook import Hint
from workers.gateways import Setup
from workers.gateways.wire import NeverSent
from workers.gateways.xendit.amounts import COUNTRIES, EXPONENTS
from workers.gateways.xendit.answers import (
    GATEWAY_FAULTS,
    answered,
    in_wrong_state,
    is_documented,
    read,
    unmade,
)
from workers.gateways.xendit.charges import Seen, captured, collected, released, settled
from workers.gateways.xendit.line import (
    PAYMENTS,
    PAYOUTS,
    REFUNDS,
    REQUESTS,
    TOKENS,
    Line,
    at,
    target,
)
from workers.gateways.xendit.listing import listed, listing
from workers.gateways.xendit.lookups import Lookups
from workers.gateways.xendit.notices import read_notice
from workers.gateways.xendit.orders import paid_out, refunded
from workers.gateways.xendit.requests import ADAPTER_VERSION, CARDS, composed
from workers.gateways.xendit.settings import Terms
from workers.gateways.xendit.shapes import (
    ShownPayment,
    ShownPayout,
    ShownRefund,
    ShownRequest,
    ShownToken,
)

PROVIDER: Final = "xendit"

#: A hold lives that long. There is one capture of it and one end: a repetition changes nothing.
HOLD_LIFE: Final = timedelta(days=7)
#: Nobody's id: what a probe asks for.
NOBODY: Final = "pr-00000000-0000-0000-0000-000000000000"
#: A token that cannot be used any more.
FORGOTTEN: Final = frozenset({"CANCELED", "EXPIRED", "FAILED"})
#: Forgetting a token moves no money; an outcome wants some, so it is none of this.
NO_MONEY: Final = Money(0, CURRENCIES["USD"])


class Xendit:
    """One account at Xendit. A charge has no key there: sent twice, it could be paid twice, so it
    is sent once, and what became of it is asked for by id."""

    def __init__(self, setup: Setup) -> None:
        """Settings: see `settings.Terms`, and `ca_file`. Raises `Unusable`."""
        terms = Terms.of(setup.settings)
        self._terms = terms
        self._line = Line(setup, terms.api_version)
        self._lookups = Lookups(self._line, terms, setup.alarm)
        self.declaration = Declaration(
            provider=PROVIDER,
            adapter_version=ADAPTER_VERSION,
            promises=_promises(terms),
            can_void=True,
            can_3ds=True,
            methods=frozenset({"card", "wallet", "bank_transfer"}),
            currencies=_currencies(terms),
            listing=listing(terms.transactions_lag),
        )

    def compose(self, task: Task, reference: str) -> bytes | None:
        """Return the exact request; None where Xendit has no words for it."""
        return composed(task, reference, self._terms)

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Make the payment request, which charges a card at once. A 409 says that one with our
        reference is there: `Unknown`, like everything that does not show the request."""
        reply = self._line.post(REQUESTS, attempt.request, budget, attempt)
        return answered(reply, ShownRequest, lambda shown: self._charged(shown, attempt, budget))

    def cancel(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Cancel a charge, then read it back: what is read counts, whatever the cancel answered."""
        if attempt.provider_id is None:
            found = self._lookups.charge(attempt, budget)
            match found:
                case Pending() | RequiresAction() | Succeeded(captured=False):
                    attempt = replace(attempt, provider_id=found.provider_id)
                case NotFound():
                    return Unknown("there is nothing yet that could be cancelled")
                case _:
                    return found
        assert attempt.provider_id is not None
        seen = self._lookups.seen(attempt.provider_id, attempt, budget)
        if isinstance(seen, Unknown):
            return seen
        path = _cancel_path(seen, self._lookups.says(seen, attempt))
        if path is not None:
            self._line.post(path, b"{}", budget, attempt)
        return settled(self._lookups.charge(attempt, budget))

    def capture(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Collect from the hold, whose payment is read first. Where Xendit says that there is none,
        the charge tells."""
        held = self._held(attempt, budget)
        if isinstance(held, NotCharged):
            return held
        path = f"{at(PAYMENTS, held)}/capture"
        reply = self._line.post(path, attempt.request, budget, attempt)
        if in_wrong_state(reply):
            return settled(self._lookups.of_target(collected, attempt, budget))
        return answered(reply, ShownPayment, lambda shown: captured(shown, attempt))

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Let go of the hold, then read the charge back: what is read counts. Only where that says
        nothing new does it matter how the request itself was refused."""
        held = self._held(attempt, budget)
        if isinstance(held, NotCharged):
            return held
        path = f"{at(PAYMENTS, held)}/cancel"
        reply = self._line.post(path, attempt.request, budget, attempt)
        refused = unmade(reply)
        if isinstance(reply, NeverSent):
            return refused
        found = self._lookups.of_target(released, attempt, budget)
        if not isinstance(found, NotFound | Unknown):
            return found
        return settled(found) if isinstance(refused, Unknown) else refused

    def refund(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Give money back, under the attempt's key."""
        reply = self._line.post(REFUNDS, attempt.request, budget, attempt, attempt.key())
        return answered(reply, ShownRefund, lambda shown: refunded(shown, attempt))

    def payout(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Send money out, under the attempt's key."""
        reply = self._line.post(PAYOUTS, attempt.request, budget, attempt, attempt.key())
        return answered(reply, ShownPayout, lambda shown: paid_out(shown, attempt))

    def detach(self, detachment: Detachment, budget: Budget) -> Outcome:
        """Have a token forgotten. A second time is refused there, and reading it says why. The
        outcome names our row, because the token is a secret."""

        def forgotten(shown: ShownToken) -> Outcome:
            if shown.status in FORGOTTEN and shown.payment_token_id == detachment.token:
                return Succeeded(detachment.id.hex, NO_MONEY)
            return Unknown("another token was forgotten, or none")

        path = at(TOKENS, detachment.token)
        reply = self._line.post(f"{path}/cancel", b"{}", budget, detachment)
        outcome = answered(reply, ShownToken, forgotten)
        if not isinstance(outcome, Declined):
            return outcome
        shown = read(self._line.get(path, budget, detachment), ShownToken)
        return Unknown("it cannot be read") if isinstance(shown, Unknown) else forgotten(shown)

    def probe(self, budget: Budget) -> bool:
        """Whether Xendit answers as documented, be it with a refusal."""
        return is_documented(self._line.get(at(REQUESTS, NOBODY), budget))

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read what became of the attempt."""
        return self._lookups.lookup(attempt, budget)

    def list_movements(self, window: Window, following: str | None, budget: Budget) -> Listed:
        """Read one page of the account's transactions."""
        return listed(self._line, window, following, budget)

    def read_notice(self, body: bytes) -> Hint | None:
        """Return which object an event speaks of; None: unreadable."""
        return read_notice(body)

    def at_fault(self, refusal: NotCharged) -> bool:
        """Whether another request would have been refused too; causes begin with the error code."""
        return refusal.cause.partition(" ")[0] in GATEWAY_FAULTS

    def close(self) -> None:
        """Let go of idle connections."""
        self._line.close()

    def _charged(self, shown: ShownRequest, attempt: Attempt, budget: Budget) -> Outcome:
        """Return what a new payment request says. What the card network advises after a "no" is told
        by its payment, and outweighs everything: whoever tries again nonetheless is fined."""
        outcome = self._lookups.says(Seen(shown), attempt)
        soft = isinstance(outcome, Declined) and outcome.hardness is Hardness.SOFT
        if not soft or shown.channel_code != CARDS or shown.latest_payment_id is None:
            return outcome
        payment = self._lookups.payment(shown.latest_payment_id, attempt, budget)
        if isinstance(payment, Unknown):
            return outcome
        return self._lookups.says(Seen(shown, payment), attempt)

    def _held(self, attempt: Attempt, budget: Budget) -> str | NotCharged:
        """Return the id of the payment that holds the money, which the charge names."""
        seen = self._lookups.seen(target(attempt), attempt, budget)
        if isinstance(seen, Unknown):
            return NotCharged(Proof.NEVER_SENT, f"{seen.cause}, and the charge was not read")
        if seen.payment is None:
            return NotCharged(Proof.NEVER_SENT, "the charge has no payment yet")
        return seen.payment.payment_id


def _cancel_path(seen: Seen, outcome: Outcome) -> str | None:
    """Return what is to be cancelled of a charge: its hold, or the request itself."""
    match outcome:
        case Succeeded(captured=False) if seen.payment is not None:
            return f"{at(PAYMENTS, seen.payment.payment_id)}/cancel"
        case Pending() | RequiresAction():
            return f"{at(REQUESTS, seen.request.payment_request_id)}/cancel"
        case _:
            return None


def _promises(terms: Terms) -> Mapping[Operation, Promise]:
    """Return what Xendit promises. Its lists are not documented to show what was made just now."""
    once = Promise(HOLD_LIFE, Resolution.LOOKUP_FIRST, authoritative=True)
    return MappingProxyType(
        {
            Operation.CHARGE: Promise(timedelta(0), Resolution.LOOKUP_ONLY),
            Operation.CAPTURE: once,
            Operation.VOID: once,
            Operation.REFUND: Promise(terms.refund_key_window),
            Operation.PAYOUT: Promise(terms.payout_key_window),
        }
    )


def _currencies(terms: Terms) -> Mapping[str, int]:
    """Return the currencies of Xendit's countries; with a country of its own, an account can charge
    cards in the others."""
    return MappingProxyType(
        {
            code: exponent
            for code, exponent in EXPONENTS.items()
            if code in COUNTRIES or terms.country is not None
        }
    )
