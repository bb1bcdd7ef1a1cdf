"""Xendit's memory: what it says, when asked, has become of an attempt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar, assert_never
from urllib.parse import quote

from domain.attempt import Attempt, Operation
from domain.outcome import Lookup, NotFound, Outcome, Unknown
from domain.ports import Budget
from workers.gateways import DOUBLES, Alarm
from workers.gateways.reading import parsed
from workers.gateways.wire import Answer, Reply
from workers.gateways.xendit.answers import kind, read
from workers.gateways.xendit.charges import Seen, collected, released, said
from workers.gateways.xendit.line import (
    DISPUTES,
    PAYMENTS,
    PAYOUTS,
    REFUNDS,
    REQUESTS,
    Line,
    at,
    target,
)
from workers.gateways.xendit.orders import paid_out, refunded
from workers.gateways.xendit.searches import weighed
from workers.gateways.xendit.settings import Terms
from workers.gateways.xendit.shapes import (
    Dispute,
    Disputes,
    Payouts,
    Refunds,
    Requests,
    ShownPayment,
    ShownPayout,
    ShownRefund,
    ShownRequest,
)

_log = logging.getLogger(__name__)

S = TypeVar("S")
Told = TypeVar("Told", bound=Lookup)

#: The channels whose payers can take money back through their bank. What an answer calls a channel
#: may be anything, also what no set can be asked for.
DISPUTABLE: Final = ("CARDS", "QRIS")
#: An account that may not ask for disputes has none to tell: the payments are right without.
NO_DISPUTES: Final = frozenset({403, 404})
#: What a payment's id begins with: a list names a charge by the payment that it led to.
PAYMENT: Final = "py-"
#: Refunds on a page, and pages of one charge: more refunds of one charge are a person's affair.
PAGE: Final = 50
PAGES: Final = 4


@dataclass(frozen=True, slots=True)
class Lookups:
    """Reads at one account. Nothing here moves money."""

    line: Line
    terms: Terms
    alarm: Alarm

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read what became of the attempt: a capture or a void by its charge, everything else by
        Xendit's id, or by our reference where we have no id."""
        match attempt.operation:
            case Operation.CHARGE:
                return self.charge(attempt, budget)
            case Operation.CAPTURE:
                return self.of_target(collected, attempt, budget)
            case Operation.VOID:
                return self.of_target(released, attempt, budget)
            case Operation.REFUND:
                return self._refund(attempt, budget)
            case Operation.PAYOUT:
                return self._payout(attempt, budget)
            case _:
                assert_never(attempt.operation)

    def charge(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read a charge, with what the payer's bank has taken back of it."""
        id_ = attempt.provider_id
        if id_ is None:
            found = self._searched(attempt, budget)
            if not isinstance(found, str):
                return found
            id_ = found
        if id_.startswith(PAYMENT):
            payment = self.payment(id_, attempt, budget)
            if isinstance(payment, Unknown):
                return payment
            id_ = payment.payment_request_id
        seen = self.seen(id_, attempt, budget, disputes=self.terms.disputes)
        return seen if isinstance(seen, Unknown) else self.says(seen, attempt)

    def says(self, seen: Seen, attempt: Attempt) -> Outcome:
        """Return what a charge says of itself."""
        return said(seen, attempt, self.terms.instructions_url)

    def of_target(
        self, says: Callable[[Seen, Attempt], Told], attempt: Attempt, budget: Budget
    ) -> Told | Unknown:
        """Read the charge that the attempt captures or voids."""
        seen = self.seen(target(attempt), attempt, budget)
        return seen if isinstance(seen, Unknown) else says(seen, attempt)

    def seen(
        self, id_: str, attempt: Attempt, budget: Budget, *, disputes: bool = False
    ) -> Seen | Unknown:
        """Read the charge with this id: its request, the last payment made for it, and on demand
        the disputes about that. What Xendit named before and does not know now is a riddle."""
        reply = self.line.get(at(REQUESTS, id_), budget, attempt)
        request = read(reply, ShownRequest)
        if isinstance(request, Unknown):
            return request
        if request.payment_request_id != id_:
            return Unknown(f"{request.payment_request_id} is not the charge that was asked about")
        settled = self._settled(reply, request.updated)
        if request.latest_payment_id is None:
            return Seen(request, settled=settled)
        payment = self.payment(request.latest_payment_id, attempt, budget)
        if isinstance(payment, Unknown):
            return payment
        about: Sequence[Dispute] | Unknown = ()
        if disputes and payment.status == "SUCCEEDED" and request.channel_code in DISPUTABLE:
            about = self._disputes(payment.payment_id, attempt, budget)
        if isinstance(about, Unknown):
            return about
        return Seen(request, payment, settled, about)

    def payment(self, id_: str, attempt: Attempt, budget: Budget) -> ShownPayment | Unknown:
        """Read one payment."""
        return read(self.line.get(at(PAYMENTS, id_), budget, attempt), ShownPayment)

    def _disputes(
        self, payment_id: str, attempt: Attempt, budget: Budget
    ) -> Sequence[Dispute] | Unknown:
        path = f"{DISPUTES}?payment_id={quote(payment_id, safe='')}"
        reply = self.line.get(path, budget, attempt)
        if isinstance(reply, Answer) and reply.status in NO_DISPUTES and kind(reply) is not None:
            return ()
        found = read(reply, Disputes)
        if isinstance(found, Unknown):
            return found
        return [dispute for dispute in found.data if dispute.payment_id == payment_id]

    def _searched(self, attempt: Attempt, budget: Budget) -> str | Lookup:
        """Return the id of the charge under our reference, where listing is switched on."""
        if not self.terms.list_by_reference:
            return NotFound()
        path = f"{REQUESTS}?reference_id={attempt.reference}"
        found = _listed(self.line.get(path, budget, attempt), ShownRequest, Requests)
        if isinstance(found, Unknown):
            return found
        ours = [request for request in found if request.reference_id == attempt.reference]
        if not ours:
            return NotFound()
        best, moved = weighed(ours, lambda request: self.says(Seen(request), attempt))
        self._counted(moved, attempt)
        return best.payment_request_id

    def _refund(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read a refund by its id, else among all the refunds of its charge."""
        if attempt.provider_id is not None:
            path = at(REFUNDS, attempt.provider_id)
            shown = read(self.line.get(path, budget, attempt), ShownRefund)
            return shown if isinstance(shown, Unknown) else refunded(shown, attempt)
        found: list[ShownRefund] = []
        query = f"{REFUNDS}?payment_request_id={quote(target(attempt), safe='')}&limit={PAGE}"
        path = query
        for _ in range(PAGES):
            page = read(self.line.get(path, budget, attempt), Refunds)
            if isinstance(page, Unknown):
                return page
            found += page.data
            if not page.has_more or not page.data:
                return self._weighed(found, refunded, attempt)
            path = f"{query}&after_id={quote(page.data[-1].id, safe='')}"
        return Unknown(f"more than {PAGES * PAGE} refunds of one charge")

    def _payout(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read a payout by its id, else by our reference."""
        if attempt.provider_id is not None:
            path = at(PAYOUTS, attempt.provider_id)
            shown = read(self.line.get(path, budget, attempt), ShownPayout)
            return shown if isinstance(shown, Unknown) else paid_out(shown, attempt)
        path = f"{PAYOUTS}?reference_id={attempt.reference}"
        found = _listed(self.line.get(path, budget, attempt), ShownPayout, Payouts)
        return found if isinstance(found, Unknown) else self._weighed(found, paid_out, attempt)

    def _weighed(
        self,
        found: Sequence[S],
        says: Callable[[S, Attempt], Outcome],
        attempt: Attempt,
    ) -> Lookup:
        """Return what counts of the orders under our reference. More than one that moved money is
        told to people."""
        ours = [one for one in found if getattr(one, "reference_id", None) == attempt.reference]
        if not ours:
            return NotFound()
        best, moved = weighed(ours, lambda one: says(one, attempt))
        self._counted(moved, attempt)
        return says(best, attempt)

    def _counted(self, moved: int, attempt: Attempt) -> None:
        if moved > 1:
            _log.error("%d objects under reference %s moved money", moved, attempt.reference)
            self.alarm(DOUBLES[attempt.operation], attempt.reference)

    def _settled(self, reply: Reply, updated: object) -> bool:
        """Whether an object has not changed for so long that a failure is one, by Xendit's clock."""
        if not isinstance(reply, Answer) or not isinstance(updated, str):
            return False
        try:
            now = parsedate_to_datetime(reply.headers.get("date", ""))
            return now - datetime.fromisoformat(updated) >= self.terms.doubt
        except (TypeError, ValueError, OverflowError):  # no date, or one without its zone
            return False


def _listed(reply: Reply, one: type[S], page: type[Requests] | type[Payouts]) -> list[S] | Unknown:
    """Return what a search answered: a bare list, as the reference shows it, or a page of one."""
    if isinstance(reply, Answer) and reply.status == 200:
        bare = parsed(reply.body, list[one])  # type: ignore[valid-type]
        if bare is not None:
            return bare
    found = read(reply, page)
    return found if isinstance(found, Unknown) else list(found.data)  # type: ignore[arg-type]
