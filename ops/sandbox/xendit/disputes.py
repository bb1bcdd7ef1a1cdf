"""Disputes: what the payer's bank took back."""

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call
from ops.sandbox.stage.provider import LeverError
from ops.sandbox.xendit import views
from ops.sandbox.xendit.account import Account
from ops.sandbox.xendit.channels import CHANNELS
from ops.sandbox.xendit.objects import Charge, Dispute, named, now


class Disputes:
    """Everything about chargebacks."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def listed(self, call: Call) -> Answer:
        """GET /v1/disputes?payment_id=, newest first."""
        wanted = call.query.get("payment_id")
        found = [
            views.dispute(one, self._account.charge(one.charge).channel)
            for one in reversed(self._account.disputes.values())
            if wanted in (None, one.payment)
        ]
        return json_answer(200, {"data": found, "pagination": {"has_more": False}})

    def lose(self, charge: Charge, amount: int) -> None:
        """Take money of a charge back (ISO minor units)."""
        payment = charge.payment
        taken = sum(
            one.amount for one in self._account.disputes.values() if one.charge == charge.id
        )
        if payment is None or not CHANNELS[charge.channel].disputes:
            raise LeverError("There is nothing that a bank could take back.")
        if not 0 < amount <= payment.captured - taken:
            raise LeverError("That is more than was collected.")
        at = now()
        dispute = Dispute(
            id=named("mi-dspt"),
            charge=charge.id,
            payment=payment.id,
            reference=charge.reference,
            amount=amount,
            currency=charge.currency,
            status="LOST",
            created=at,
            updated=at,
        )
        self._account.write_dispute(dispute, charge)
