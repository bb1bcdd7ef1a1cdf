"""Refunds and payouts: the endpoints, and what becomes of them."""

import hashlib

import msgspec

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call, Refused
from ops.sandbox.stage.faults import Fault
from ops.sandbox.stage.lines import Kind
from ops.sandbox.stage.provider import LeverError
from ops.sandbox.xendit import views
from ops.sandbox.xendit.account import Account
from ops.sandbox.xendit.channels import (
    CHANNELS,
    FAILING_ACCOUNTS,
    PAYOUT_CHANNELS,
    RETURNS,
    STAYS,
)
from ops.sandbox.xendit.errors import invalid, refused, unfit, unknown, wrong_state
from ops.sandbox.xendit.numbers import least
from ops.sandbox.xendit.objects import Charge, Payout, Refund, named, now
from ops.sandbox.xendit.reading import Empty, NewPayout, NewRefund, amount_of, body_of

REASONS = ("FRAUDULENT", "DUPLICATE", "REQUESTED_BY_CUSTOMER", "CANCELLATION", "OTHERS")
#: Refunds on a page, at most.
PAGE = 100
#: How long a payout to the account of the documents stays paid before it comes back.
RETURN_S = 300.0


class Orders:
    """Everything about money that goes out."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._stage = account.stage

    # Refunds

    def refund(self, call: Call) -> Answer:
        """POST /refunds. The key is optional; without one a repetition is another refund."""
        new = body_of(call.body, NewRefund)
        charge = self._account.charge(new.payment_request_id)
        call.about(new.reference_id or "", charge.id)
        print_ = hashlib.sha256(call.body).hexdigest()
        if (saved := self._account.repeated(call, "refund", print_)) is not None:
            return saved
        refund = self._refund(new, charge)
        match call.decision:
            case Fault.LATER | Fault.LATER_DECLINE as decision:
                self._stage.later("refunded" if decision == Fault.LATER else "refused", refund.id)
                refund = self._account.write_refund("refund.begun", refund, charge)
            case Fault.SOFT_DECLINE | Fault.HARD_DECLINE:
                refund = self._fails(refund, charge)
            case Fault.WRONG_AMOUNT:
                less = refund.amount - least(refund.currency)
                refund = self._succeeds(msgspec.structs.replace(refund, amount=less), charge)
            case _:
                refund = self._succeeds(refund, charge)
        answer = json_answer(200, views.refund(refund, charge))
        return self._account.remember(call, "refund", print_, answer)

    def show_refund(self, call: Call) -> Answer:
        """GET /refunds/{id}."""
        refund = self._account.refunds.get(call.names["id"])
        if refund is None:
            raise unknown()
        call.about(refund.reference or "", refund.id)
        return json_answer(200, views.refund(refund, self._account.charge(refund.charge)))

    def list_refunds(self, call: Call) -> Answer:
        """GET /refunds?payment_request_id=, newest first, in pages."""
        wanted = call.query.get("payment_request_id", "")
        asked = call.query.get("limit", "10")
        if not (asked.isascii() and asked.isdigit() and 0 < int(asked) <= PAGE):
            raise invalid(f"limit is between 1 and {PAGE}")
        limit = int(asked)
        found = [one for one in self._account.refunds.values() if one.charge == wanted][::-1]
        if after := call.query.get("after_id"):
            ids = [one.id for one in found]
            found = found[ids.index(after) + 1 :] if after in ids else []
        shown = [views.refund(one, self._account.charge(one.charge)) for one in found[:limit]]
        return json_answer(200, {"data": shown, "has_more": len(found) > limit})

    def decide_refund(self, id_: str, *, succeeds: bool) -> None:
        """Decide a pending refund, or fail one that had succeeded."""
        refund = self._account.refunds.get(id_)
        if refund is None or (succeeds and refund.status != "PENDING"):
            raise LeverError("There is no such pending refund.")
        charge = self._account.charge(refund.charge)
        if succeeds:
            self._succeeds(refund, charge)
        elif refund.status in ("PENDING", "SUCCEEDED"):
            self._fails(refund, charge)
        else:
            raise LeverError(f"The refund is {refund.status}.")

    def give_back(self, charge: Charge) -> None:
        """Have somebody refund all that is left on the provider's own pages."""
        new = NewRefund(payment_request_id=charge.id, reason="OTHERS")
        try:
            refund = self._refund(new, charge)
        except Refused as refused_:
            raise LeverError(refused_.answer.body.decode()) from refused_
        self._succeeds(refund, charge)

    def _refund(self, new: NewRefund, charge: Charge) -> Refund:
        if new.reason not in REASONS:
            raise invalid("reason is one of its words")
        if new.currency not in (None, charge.currency):
            raise invalid("currency is not that of the payment")
        left = self._account.left(charge)
        amount = left if new.amount is None else amount_of(new.amount, charge.currency)
        if not CHANNELS[charge.channel].refunds:
            raise refused(403, "REFUND_NOT_SUPPORTED", "The channel cannot refund")
        if charge.payment is None or charge.payment.status != "SUCCEEDED":
            raise wrong_state(charge.status)
        if any(one.status == "PENDING" for one in self._account.refunds_of(charge)):
            raise refused(400, "REFUND_IN_PROGRESS", "There is a pending refund request")
        if amount > left or amount <= 0:
            raise refused(400, "REFUND_AMOUNT_EXCEEDED", "more than is left of the payment")
        at = now()
        return Refund(
            id=named("rfd"),
            charge=charge.id,
            reference=new.reference_id,
            amount=amount,
            currency=charge.currency,
            reason=new.reason,
            status="PENDING",
            metadata=dict(new.metadata) if new.metadata is not None else None,
            created=at,
            updated=at,
        )

    def _succeeds(self, refund: Refund, charge: Charge) -> Refund:
        after = msgspec.structs.replace(refund, status="SUCCEEDED")
        return self._account.write_refund(Kind.REFUND, after, charge, "refund.succeeded")

    def _fails(self, refund: Refund, charge: Charge) -> Refund:
        kind = Kind.REFUND_FAILED if refund.status == "SUCCEEDED" else "refund.declined"
        after = msgspec.structs.replace(refund, status="FAILED", failure_code="REFUND_FAILED")
        return self._account.write_refund(kind, after, charge, "refund.failed")

    # Payouts

    def pay_out(self, call: Call) -> Answer:
        """POST /v2/payouts: accepted at once, decided later."""
        if not call.headers.get("idempotency-key"):
            raise invalid("the header idempotency-key is required")
        new = body_of(call.body, NewPayout)
        call.about(new.reference_id)
        print_ = hashlib.sha256(call.body).hexdigest()
        if (saved := self._account.repeated(call, "payout", print_)) is not None:
            return saved
        payout = self._payout(new)
        decision = call.decision
        if decision == Fault.WRONG_AMOUNT:
            more = payout.amount + least(payout.currency)
            payout = msgspec.structs.replace(payout, amount=more)
        returns = payout.account == RETURNS or decision == Fault.PAYOUT_RETURNED
        payout = msgspec.structs.replace(payout, returns=returns)
        payout = self._account.write_payout("payout.begun", payout)
        call.about(payout.reference, payout.id)
        if payout.account != STAYS:
            self._stage.later("sent", payout.id)
        answer = json_answer(200, views.payout(payout))
        return self._account.remember(call, "payout", print_, answer)

    def show_payout(self, call: Call) -> Answer:
        """GET /v2/payouts/{id}."""
        payout = self._account.payouts.get(call.names["id"])
        if payout is None:
            raise unknown()
        call.about(payout.reference, payout.id)
        return json_answer(200, views.payout(payout))

    def list_payouts(self, call: Call) -> Answer:
        """GET /v2/payouts?reference_id=: a bare list."""
        reference = call.query.get("reference_id")
        if not reference:
            raise invalid("reference_id is required")
        found = [one for one in self._account.payouts.values() if one.reference == reference]
        return json_answer(200, [views.payout(one) for one in found])

    def cancel_payout(self, call: Call) -> Answer:
        """POST /v2/payouts/{id}/cancel: only before it is sent."""
        body_of(call.body, Empty)
        payout = self._account.payouts.get(call.names["id"])
        if payout is None:
            raise unknown()
        if payout.status != "ACCEPTED":
            raise wrong_state(payout.status)
        after = msgspec.structs.replace(payout, status="CANCELLED")
        return json_answer(200, views.payout(self._account.write_payout("payout.declined", after)))

    def due(self, what: str, id_: str) -> None:
        """Let time pass, unless the refund or the payout has gone another way."""
        payout, refund = self._account.payouts.get(id_), self._account.refunds.get(id_)
        if refund is not None and refund.status == "PENDING":
            self.decide_refund(id_, succeeds=what == "refunded")
        elif payout is not None and what == "sent" and payout.status in ("ACCEPTED", "REQUESTED"):
            self.decide_payout(id_, succeeds=payout.account not in FAILING_ACCOUNTS)
        elif payout is not None and what == "returned" and payout.status == "SUCCEEDED":
            self.return_payout(id_)

    def decide_payout(self, id_: str, *, succeeds: bool) -> None:
        """Decide a payout that is under way."""
        payout = self._account.payouts.get(id_)
        if payout is None or payout.status not in ("ACCEPTED", "REQUESTED"):
            raise LeverError("There is no such payout under way.")
        if succeeds:
            after = msgspec.structs.replace(payout, status="SUCCEEDED")
            self._account.write_payout(Kind.PAYOUT, after, "payout.succeeded")
            if payout.returns:
                wait_s = RETURN_S if payout.account == RETURNS else None
                self._stage.later("returned", id_, wait_s)
        else:
            code = FAILING_ACCOUNTS.get(payout.account, "REJECTED_BY_CHANNEL")
            after = msgspec.structs.replace(payout, status="FAILED", failure_code=code)
            self._account.write_payout("payout.declined", after, "payout.failed")

    def return_payout(self, id_: str) -> None:
        """Have a payout come back that was paid."""
        payout = self._account.payouts.get(id_)
        if payout is None or payout.status != "SUCCEEDED":
            raise LeverError("There is no such payout that was paid.")
        after = msgspec.structs.replace(payout, status="REVERSED")
        self._account.write_payout(Kind.PAYOUT_RETURNED, after, "payout.reversed")

    def _payout(self, new: NewPayout) -> Payout:
        currency = PAYOUT_CHANNELS.get(new.channel_code)
        if currency is None:
            raise refused(400, "CHANNEL_CODE_NOT_SUPPORTED_ERROR", "channel_code is not supported")
        if currency != new.currency:
            raise unfit("the channel has another currency")
        at = now()
        return Payout(
            id=named("disb"),
            reference=new.reference_id,
            amount=amount_of(new.amount, new.currency),
            currency=new.currency,
            channel=new.channel_code,
            account=new.channel_properties.account_number,
            holder=new.channel_properties.account_holder_name,
            status="ACCEPTED",
            description=new.description,
            metadata=dict(new.metadata) if new.metadata is not None else None,
            created=at,
            updated=at,
        )
