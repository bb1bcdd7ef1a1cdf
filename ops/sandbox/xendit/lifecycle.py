"""The life of a charge: what a payer, a channel, time or an operator makes of it."""

from typing import Any

import msgspec

from ops.sandbox.stage.faults import Fault
from ops.sandbox.stage.lines import Kind
from ops.sandbox.xendit.account import Account
from ops.sandbox.xendit.channels import FAILING, FAILING_IN_VIETNAM
from ops.sandbox.xendit.numbers import CURRENCIES, least
from ops.sandbox.xendit.objects import Charge, Payment, named, now

#: How long a hold lives.
HOLD_S = 7 * 86_400.0
#: The cards whose issuer never wants to see this charge again say so by this advice.
NEVER_AGAIN = "03"
DECISIONS = {
    Fault.SOFT_DECLINE: "DECLINED_BY_ISSUER",
    Fault.HARD_DECLINE: "STOLEN_CARD",
}
#: Statuses of a request that is not decided.
OPEN = ("REQUIRES_ACTION", "PENDING", "ACCEPTING_PAYMENTS")


class Lifecycle:
    """Moves charges, and writes them down."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._stage = account.stage

    def carry_out(self, charge: Charge, advice: str | None = None) -> Charge:
        """Charge what needs nobody's approval, or has it. What is scripted outweighs the test
        numbers."""
        decision = charge.decision
        if decision in (Fault.SOFT_DECLINE, Fault.HARD_DECLINE):
            return self.fail(charge, DECISIONS[Fault(decision)])
        if advice is not None:
            return self.fail(charge, "DECLINED_BY_ISSUER", advice)
        if charge.channel == "CARDS" and decision is None and (code := failing(charge)):
            return self.fail(charge, code)
        if decision in (Fault.LATER, Fault.LATER_DECLINE):
            self._stage.later("paid" if decision == Fault.LATER else "declined", charge.id)
            return self.pend(charge)
        if decision == Fault.WRONG_AMOUNT:
            more = charge.amount + least(charge.currency)
            charge = msgspec.structs.replace(charge, amount=more)
        if charge.manual:
            return self.hold(charge)
        paid = self.pay(charge)
        if decision == Fault.CHARGEBACK:
            self._stage.later("charged back", charge.id)
        return paid

    def ask(self, charge: Charge) -> Charge:
        """Wait for the payer, as long as the channel does."""
        waits = msgspec.structs.replace(charge, status="REQUIRES_ACTION")
        return self._account.write_charge("requested", waits)

    def pend(self, charge: Charge) -> Charge:
        """Wait for the channel."""
        made = _payment(charge, "PENDING")
        waits = msgspec.structs.replace(charge, status="PENDING", actions=(), payment=made)
        return self._account.write_charge("pending", waits)

    def hold(self, charge: Charge) -> Charge:
        """Hold the money."""
        made = _payment(charge, "AUTHORIZED")
        held = msgspec.structs.replace(charge, status="AUTHORIZED", actions=(), payment=made)
        self._stage.later("hold over", charge.id, HOLD_S)
        return self._account.write_charge(Kind.AUTHORIZATION, held, event="payment.authorization")

    def pay(self, charge: Charge, *, late: bool = False) -> Charge:
        """Take the money; a late payment leaves its request as it ended."""
        made = _payment(charge, "SUCCEEDED")
        made = msgspec.structs.replace(made, captured=charge.amount, capture_id=named("cptr"))
        status = charge.status if late else "SUCCEEDED"
        code = charge.failure_code if late else None
        paid = msgspec.structs.replace(
            charge, status=status, failure_code=code, actions=(), payment=made
        )
        return self._account.write_charge(Kind.SALE, paid, event="payment.capture")

    def fail(self, charge: Charge, code: str, advice: str | None = None) -> Charge:
        """End it without money."""
        made = _payment(charge, "FAILED", failure_code=code, advice=advice)
        failed = msgspec.structs.replace(
            charge, status="FAILED", failure_code=code, actions=(), payment=made
        )
        return self._account.write_charge("failed", failed, event="payment.failure")

    def cancel(self, charge: Charge) -> Charge:
        """End a request that nobody has paid."""
        return self._account.write_charge("canceled", _unpaid(charge, "CANCELED"))

    def expire(self, charge: Charge) -> Charge:
        """End a request whose time is over."""
        expired = _unpaid(charge, "EXPIRED")
        return self._account.write_charge("expired", expired, event="payment_request.expiry")

    def collect(self, charge: Charge, amount: int) -> Charge:
        """Collect from a hold; what is left of it is let go of."""
        assert charge.payment is not None
        made = msgspec.structs.replace(
            charge.payment,
            status="SUCCEEDED",
            captured=amount,
            capture_id=named("cptr"),
            updated=now(),
        )
        paid = msgspec.structs.replace(charge, status="SUCCEEDED", payment=made)
        return self._account.write_charge(Kind.CAPTURE, paid, amount, event="payment.capture")

    def release(self, charge: Charge, status: str) -> Charge:
        """Let go of a hold: CANCELED by its owner, EXPIRED by time."""
        assert charge.payment is not None
        made = msgspec.structs.replace(charge.payment, status=status, updated=now())
        gone = msgspec.structs.replace(charge, status=status, payment=made)
        event = "payment.expiry" if status == "EXPIRED" else None
        return self._account.write_charge(Kind.VOID, gone, event=event)

    def due(self, what: str, charge: Charge) -> None:
        """Let time pass, unless the charge has gone another way."""
        match what:
            case "paid" if charge.status == "PENDING":
                self.hold(charge) if charge.manual else self.pay(charge)
            case "declined" if charge.status == "PENDING":
                self.fail(charge, "DECLINED_BY_ISSUER")
            case "over" if charge.status in OPEN:
                self.expire(charge)
            case "hold over" if charge.status == "AUTHORIZED":
                self.release(charge, "EXPIRED")
            case "simulated" if charge.status == "REQUIRES_ACTION":
                self.pay(charge)
            case _:
                pass


def failing(charge: Charge) -> str | None:
    """Return the failure that the amount of a card's charge stands for."""
    digits = CURRENCIES[charge.currency][0]
    whole, rest = divmod(charge.amount, 10**digits)
    numbers = FAILING_IN_VIETNAM if charge.currency == "VND" else FAILING
    return None if rest else numbers.get(whole)


def _unpaid(charge: Charge, status: str) -> Charge:
    """End a request, with what the channel was working on."""
    made = charge.payment
    if made is not None:
        made = msgspec.structs.replace(made, status=status, updated=now())
    return msgspec.structs.replace(charge, status=status, actions=(), payment=made)


def _payment(charge: Charge, status: str, **more: Any) -> Payment:
    at = now()
    if charge.payment is not None:
        known = msgspec.structs.replace(charge.payment, amount=charge.amount, updated=at)
        return msgspec.structs.replace(known, status=status, **more)
    return Payment(
        id=named("py"), status=status, amount=charge.amount, created=at, updated=at, **more
    )
