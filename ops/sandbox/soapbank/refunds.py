"""Refunds: money of a charge on its way back, each an object of its own."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from ops.sandbox.soapbank.charges import Charges
from ops.sandbox.soapbank.courses import HARD_ACCOUNT, Course, scripted
from ops.sandbox.soapbank.objects import Charge, Refund, Status
from ops.sandbox.soapbank.rules import Order, invalid
from ops.sandbox.soapbank.shelf import Shelf, new_id
from ops.sandbox.stage.calls import Call
from ops.sandbox.stage.faults import Fault
from ops.sandbox.stage.lines import Kind
from ops.sandbox.stage.provider import LeverError
from ops.sandbox.stage.stage import Stage

#: What a refund waits for.
DECIDED = "refund.decided"
#: The account that the money was to go back to is closed, or does not exist.
NO_ACCOUNT = "14"

_ANY = (
    Fault.SOFT_DECLINE,
    Fault.HARD_DECLINE,
    Fault.LATER,
    Fault.LATER_DECLINE,
    Fault.WRONG_AMOUNT,
)


@dataclass(frozen=True)
class Refunds:
    """The bank's refunds."""

    stage: Stage
    shelf: Shelf
    charges: Charges

    def make(self, order: Order, call: Call) -> Refund:
        """Refund: give money of a settled charge back."""
        charge = self.charges.found(order)
        if order["Currency"] != charge.currency or order.minor > charge.left:
            raise invalid("That is more, or other money, than can be given back.", "Amount")
        course = scripted(call.decides(*_ANY), hard=HARD_ACCOUNT, off_by=-1, otherwise=Course())
        refund = Refund(
            id=new_id(Refund),
            reference=order["Reference"],
            charge=charge.id,
            amount=order.minor + course.off_by,
            currency=charge.currency,
            status=Status.PENDING,
        )
        if course.later:
            refund = replace(refund, ends=course.reason)
            self.shelf.put("refund.pending", refund)
            self._sums(charge, refunding=charge.refunding + refund.amount)
            self.stage.later(DECIDED, refund.id)
            return refund
        if course.reason:
            refused = replace(refund, status=Status.REJECTED, reason=course.reason)
            self.shelf.put("refund.rejected", refused)
            return refused
        return self._given_back(refund)

    def all(self, id_: str) -> None:
        """Have an operator of the bank refund all that is left of a charge."""
        charge = self.shelf.find(id_, Charge)
        if charge is None or not charge.left:
            raise LeverError("There is nothing to give back.")
        self._given_back(
            Refund(
                id=new_id(Refund),
                reference="",
                charge=charge.id,
                amount=charge.left,
                currency=charge.currency,
                status=Status.PENDING,
            )
        )

    def decide(self, id_: str, *, succeeds: bool) -> None:
        """Decide an undecided refund, or fail one that had succeeded."""
        refund = self.shelf.find(id_, Refund)
        if refund is None:
            raise LeverError("There is no such refund.")
        match refund.status, succeeds:
            case Status.PENDING, True:
                self._promise_ends(refund)
                self._given_back(refund)
            case Status.PENDING, False:
                self._promise_ends(refund)
                self._failed(refund, "refund.rejected", 0)
            case Status.REFUNDED, False:
                charge = self._charge(refund)
                self._failed(refund, Kind.REFUND_FAILED, refund.amount)
                self._sums(charge, refunded=charge.refunded - refund.amount)
            case _:
                raise LeverError(f"The refund is {refund.status}.")

    def due(self, _: str, id_: str) -> None:
        """Decide what was undecided, unless an operator has since."""
        refund = self.shelf.find(id_, Refund)
        if refund is not None and refund.status is Status.PENDING:
            self.decide(id_, succeeds=not refund.ends)

    def _given_back(self, refund: Refund) -> Refund:
        after = replace(refund, status=Status.REFUNDED)
        self.shelf.put(Kind.REFUND, after, refund.amount)
        charge = self._charge(refund)
        self._sums(charge, refunded=charge.refunded + refund.amount)
        return after

    def _failed(self, refund: Refund, kind: str, moved: int) -> None:
        after = replace(refund, status=Status.REJECTED, reason=NO_ACCOUNT)
        self.shelf.put(kind, after, moved)

    def _promise_ends(self, refund: Refund) -> None:
        charge = self._charge(refund)
        self._sums(charge, refunding=charge.refunding - refund.amount)

    def _sums(
        self, charge: Charge, *, refunded: int | None = None, refunding: int | None = None
    ) -> None:
        """Keep a charge with other sums, and with the status that follows from them."""
        refunded = charge.refunded if refunded is None else refunded
        refunding = charge.refunding if refunding is None else refunding
        status = charge.status
        if status is not Status.REVERSED:
            status = Status.REFUNDED if refunded >= charge.settled else Status.SETTLED
        after = replace(charge, status=status, refunded=refunded, refunding=refunding)
        self.shelf.put("charge.sums", after)

    def _charge(self, refund: Refund) -> Charge:
        charge = self.shelf.find(refund.charge, Charge)
        assert charge is not None
        return charge
