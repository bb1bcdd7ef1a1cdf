"""Charges: taken or held, collected, let go of, taken back."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from ops.sandbox.soapbank.courses import HARD_CARD, SOFT, Course, of_token, scripted
from ops.sandbox.soapbank.objects import Charge, Status
from ops.sandbox.soapbank.rules import Order, invalid, no_such
from ops.sandbox.soapbank.shelf import Shelf, new_id
from ops.sandbox.stage.calls import Call
from ops.sandbox.stage.faults import Fault
from ops.sandbox.stage.lines import Kind
from ops.sandbox.stage.provider import LeverError
from ops.sandbox.stage.stage import Stage

#: What a charge waits for.
DECIDED, TAKEN_BACK = "charge.decided", "charge.taken_back"

_ANY = (
    Fault.SOFT_DECLINE,
    Fault.HARD_DECLINE,
    Fault.LATER,
    Fault.LATER_DECLINE,
    Fault.WRONG_AMOUNT,
)
_SETTLED = (Status.SETTLED, Status.REFUNDED, Status.REVERSED)
_OPEN = (Status.PENDING, Status.AUTHORISED)


@dataclass(frozen=True)
class Charges:
    """The bank's charges."""

    stage: Stage
    shelf: Shelf

    def make(self, order: Order, call: Call) -> Charge:
        """Sale, Authorise: take the money, or hold it."""
        course = scripted(
            call.decides(*_ANY, Fault.CHARGEBACK),
            hard=HARD_CARD,
            off_by=1,
            otherwise=of_token(order["Token"]),
        )
        charge = Charge(
            id=new_id(Charge),
            reference=order["Reference"],
            amount=order.minor + course.off_by,
            currency=order["Currency"],
            status=Status.PENDING,
            holds=order.operation == "Authorise",
        )
        if course.later:
            return self._undecided(charge, course, "charge.pending")
        if course.reason:
            return self._rejected(charge, course.reason)
        charge = self._taken(charge)
        if course.comes_back and not charge.holds:
            self.stage.later(TAKEN_BACK, charge.id)
        return charge

    def capture(self, order: Order, call: Call) -> Charge:
        """Collect from a hold, once; the rest of it is let go of."""
        charge = self.found(order)
        if charge.status is not Status.AUTHORISED:
            raise invalid(f"A charge that is {charge.status} cannot be captured.", "BankId")
        if order["Currency"] != charge.currency or order.minor > charge.authorised:
            raise invalid("That is more, or other money, than is held.", "Amount")
        course = scripted(call.decides(*_ANY), hard=HARD_CARD, off_by=-1, otherwise=Course())
        wanted = replace(charge, reason="", capturing=order.minor + course.off_by)
        if course.later:
            return self._undecided(wanted, course, "capture.pending")
        if course.reason == SOFT:  # the hold stands
            refused = replace(charge, reason=course.reason)
            self.shelf.put("capture.rejected", refused)
            return refused
        return self._rejected(wanted, course.reason) if course.reason else self._taken(wanted)

    def cancel(self, order: Order, _: Call) -> Charge:
        """Let go of a hold, or of a charge that is undecided. To do so twice is to do it once."""
        charge = self.found(order)
        if charge.status is Status.CANCELLED:
            return charge
        if charge.status not in _OPEN or charge.capturing:
            raise invalid(f"A charge that is {charge.status} cannot be cancelled.", "BankId")
        return self._cancelled(charge)

    def found(self, order: Order) -> Charge:
        """Return the charge that an order is about."""
        charge = self.shelf.find(order["BankId"], Charge)
        if charge is None:
            raise no_such("charge")
        return charge

    def settle(self, id_: str, to: str) -> None:
        """Force a charge into one of the stage's fates."""
        charge = self._forced(id_)
        match to:
            case "captured" if charge.status in _OPEN:
                wanted = charge.capturing or charge.authorised
                self._taken(replace(charge, holds=False, capturing=wanted))
            case "authorized" if charge.status is Status.PENDING and not charge.authorised:
                self._taken(replace(charge, holds=True))
            case "declined" if charge.status in _OPEN:
                self._rejected(charge, SOFT)
            case "canceled" if charge.status in _OPEN:
                self._cancelled(charge)
            case _:
                raise LeverError(f"The charge is {charge.status} and cannot become {to}.")

    def charge_back(self, id_: str, minor: int) -> None:
        """Have the payer's bank take money back."""
        charge = self._forced(id_)
        if charge.status not in _SETTLED or charge.reversed + minor > charge.settled:
            raise LeverError(f"The charge is {charge.status}; so much was not settled.")
        after = replace(charge, status=Status.REVERSED, reversed=charge.reversed + minor)
        self.shelf.put(Kind.CHARGEBACK, after, minor)

    def due(self, what: str, id_: str) -> None:
        """Decide what was undecided, unless it has gone another way since."""
        charge = self._forced(id_)
        if what == TAKEN_BACK:
            if charge.left:
                self.charge_back(id_, charge.left)
        elif charge.status is Status.PENDING:
            _ = self._rejected(charge, charge.ends) if charge.ends else self._taken(charge)

    def _undecided(self, charge: Charge, course: Course, kind: str) -> Charge:
        after = replace(charge, status=Status.PENDING, ends=course.reason)
        self.shelf.put(kind, after)
        self.stage.later(DECIDED, charge.id)
        return after

    def _taken(self, charge: Charge) -> Charge:
        """The money is there: collected of a hold, held, or taken at once."""
        if charge.authorised:
            kind, moved = Kind.CAPTURE, charge.capturing
            after = replace(charge, status=Status.SETTLED, settled=moved, capturing=0)
        elif charge.holds:
            kind, moved = Kind.AUTHORIZATION, charge.amount
            after = replace(charge, status=Status.AUTHORISED, authorised=moved)
        else:
            kind, moved = Kind.SALE, charge.amount
            after = replace(charge, status=Status.SETTLED, settled=moved)
        self.shelf.put(kind, after, moved)
        return after

    def _rejected(self, charge: Charge, reason: str) -> Charge:
        """The issuer said no; a hold ends with it."""
        after = replace(charge, status=Status.REJECTED, reason=reason, capturing=0)
        self._over(after, "charge.rejected")
        return after

    def _cancelled(self, charge: Charge) -> Charge:
        after = replace(charge, status=Status.CANCELLED, reason="", capturing=0)
        self._over(after, "charge.cancelled")
        return after

    def _over(self, charge: Charge, otherwise: str) -> None:
        self.shelf.put(Kind.VOID if charge.authorised else otherwise, charge, charge.authorised)

    def _forced(self, id_: str) -> Charge:
        charge = self.shelf.find(id_, Charge)
        if charge is None:
            raise LeverError("There is no such charge.")
        return charge
