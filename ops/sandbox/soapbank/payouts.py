"""Payouts: created first, which moves nothing; approved, sent, and perhaps returned."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from ops.sandbox.soapbank.courses import HARD_ACCOUNT, of_token, scripted
from ops.sandbox.soapbank.objects import Payout, Status
from ops.sandbox.soapbank.rules import Order, invalid, no_such
from ops.sandbox.soapbank.shelf import Shelf, new_id
from ops.sandbox.stage.calls import Call
from ops.sandbox.stage.faults import Fault
from ops.sandbox.stage.lines import Kind
from ops.sandbox.stage.provider import LeverError
from ops.sandbox.stage.stage import Stage

#: What a payout waits for.
SENT, SENT_TO_RETURN, RETURNED = "payout.sent", "payout.sent_to_return", "payout.returned"
#: The payee's account is closed, or does not exist.
NO_ACCOUNT = "14"

_ANY = (
    Fault.SOFT_DECLINE,
    Fault.HARD_DECLINE,
    Fault.WRONG_AMOUNT,
    Fault.PAYOUT_RETURNED,
)


@dataclass(frozen=True)
class Payouts:
    """The bank's payouts."""

    stage: Stage
    shelf: Shelf

    def make(self, order: Order, _: Call) -> Payout:
        """Payout: write it down. Whoever never approves it has paid nothing."""
        payout = Payout(
            id=new_id(Payout),
            reference=order["Reference"],
            amount=order.minor,
            currency=order["Currency"],
            status=Status.CREATED,
            course=order["Token"][4:],  # what stands for the account in it, for test accounts
        )
        self.shelf.put("payout.created", payout)
        return payout

    def approve(self, order: Order, call: Call) -> Payout:
        """ApprovePayout: the money leaves. It does so once, whoever asks."""
        payout = self.shelf.find(order["BankId"], Payout)
        if payout is None:
            raise no_such("payout")
        if payout.status is not Status.CREATED:
            raise invalid(f"A payout that is {payout.status} cannot be approved.", "BankId")
        course = scripted(
            call.decides(*_ANY), hard=HARD_ACCOUNT, off_by=1, otherwise=of_token(payout.course)
        )
        if course.reason:
            return self._rejected(payout, course.reason)
        approved = replace(payout, status=Status.APPROVED, amount=payout.amount + course.off_by)
        self.shelf.put("payout.begun", approved, approved.amount)
        self.stage.later(SENT_TO_RETURN if course.comes_back else SENT, payout.id)
        return approved

    def decide(self, id_: str, *, succeeds: bool) -> None:
        """Have an approved payout arrive, or fail on its way."""
        payout = self._forced(id_)
        if payout.status is not Status.APPROVED:
            raise LeverError(f"The payout is {payout.status}.")
        if succeeds:
            self.shelf.put(Kind.PAYOUT, replace(payout, status=Status.SENT), payout.amount)
        else:
            self._rejected(payout, NO_ACCOUNT)

    def come_back(self, id_: str) -> None:
        """Have a payout that was sent come back."""
        payout = self._forced(id_)
        if payout.status is not Status.SENT:
            raise LeverError(f"The payout is {payout.status}.")
        after = replace(payout, status=Status.RETURNED, reason=NO_ACCOUNT)
        self.shelf.put(Kind.PAYOUT_RETURNED, after, payout.amount)

    def due(self, what: str, id_: str) -> None:
        """Send, or return, unless it has gone another way since."""
        payout = self._forced(id_)
        if what == RETURNED and payout.status is Status.SENT:
            self.come_back(id_)
        elif what in (SENT, SENT_TO_RETURN) and payout.status is Status.APPROVED:
            self.decide(id_, succeeds=True)
            if what == SENT_TO_RETURN:
                self.stage.later(RETURNED, id_)

    def _rejected(self, payout: Payout, reason: str) -> Payout:
        after = replace(payout, status=Status.REJECTED, reason=reason)
        self.shelf.put("payout.rejected", after)
        return after

    def _forced(self, id_: str) -> Payout:
        payout = self.shelf.find(id_, Payout)
        if payout is None:
            raise LeverError("There is no such payout.")
        return payout
