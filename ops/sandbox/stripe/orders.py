"""Refunds, payouts and disputes of the simulated Stripe."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call
from ops.sandbox.stage.faults import Fault
from ops.sandbox.stage.lines import Kind
from ops.sandbox.stage.provider import LeverError
from ops.sandbox.stage.stage import Stage
from ops.sandbox.stripe.cards import BEHAVIOURS, FAILING_ACCOUNTS
from ops.sandbox.stripe.coins import STEP, currency, divisible
from ops.sandbox.stripe.errors import invalid, missing, refused
from ops.sandbox.stripe.forms import Rule, checked, integer, metadata, parsed, text, word
from ops.sandbox.stripe.holdings import Holdings, fresh, now
from ops.sandbox.stripe.objects import Dispute, Intent, Payout, Refund, shown

_REFUND: dict[str, Rule] = {
    "amount": integer,
    "charge": text(255),
    "payment_intent": text(255),
    "metadata": metadata,
    "reason": word("duplicate", "fraudulent", "requested_by_customer"),
}
_PAYOUT: dict[str, Rule] = {
    "amount": integer,
    "currency": currency,
    "description": text(1000),
    "destination": text(255),
    "metadata": metadata,
    "method": word("standard", "instant"),
    "source_type": word("bank_account", "card", "fpx"),
    "statement_descriptor": text(22),
}
#: What `stage.later` is asked for.
SUCCEEDS, FAILS, PAID, COMES_BACK = "succeeds", "fails", "paid", "comes_back"
#: The default account of one that has named none.
DEFAULT_ACCOUNT = "ba_default"
#: Disputes that have taken money.
TAKING = ("needs_response", "under_review", "lost")


class Orders:
    """The handlers of /v1/refunds and /v1/payouts, and what banks do to them and to charges."""

    def __init__(self, stage: Stage, held: Holdings) -> None:
        self._stage, self._held = stage, held

    # Refunds

    def refund(self, call: Call) -> Answer:
        """POST /v1/refunds."""
        params = checked(parsed(call.body.decode()), _REFUND)
        intent = self._charged(params)
        call.about(object_id=intent.id)
        assert intent.charge is not None
        left = intent.amount_received - intent.charge.amount_refunded
        amount = params.get("amount", left)
        if self._taken(intent):
            raise refused("This charge has been charged back.", "charge_disputed")
        if not left:
            raise refused("The charge has already been refunded.", "charge_already_refunded")
        divisible(amount, intent.currency)
        if amount > left:
            raise invalid("The refund is more than what is left of the charge.", "amount")
        decision = call.decides(Fault.HARD_DECLINE, Fault.LATER, Fault.LATER_DECLINE)
        if call.decides(Fault.WRONG_AMOUNT):
            amount -= STEP.get(intent.currency, 1)
        return json_answer(200, shown(self.give_back(intent, amount, params, decision)))

    def give_back(
        self,
        intent: Intent,
        amount: int,
        params: Mapping[str, Any],
        decision: Fault | None = None,
    ) -> Refund:
        """Make a refund: at once, pending, or refused, as the decision or the card says."""
        assert intent.charge is not None
        card = BEHAVIOURS[intent.card].refund
        refund = Refund(
            id=fresh("re"),
            created=now(),
            amount=amount,
            currency=intent.currency,
            status="pending",
            payment_intent=intent.id,
            charge=intent.charge.id,
            metadata=params.get("metadata", {}),
            reason=params.get("reason"),
        )
        if decision is Fault.HARD_DECLINE:
            refund = replace(refund, status="failed", failure_reason="declined")
            self._held.keep("refund.declined", refund)
            self._held.tell("refund.failed", refund)
            return refund
        self._counted(refund, amount)
        if decision is not None or card == "pending":
            self._held.keep("refund.pending", refund)
            self._held.tell("refund.created", refund)
            self._stage.later(FAILS if decision is Fault.LATER_DECLINE else SUCCEEDS, refund.id)
            return refund
        self._held.tell("refund.created", replace(refund, status="succeeded"))
        refund = self._succeeded(refund)
        if card == "fails":
            self._stage.later(FAILS, refund.id)
        return refund

    def decide_refund(self, refund: Refund, *, succeeds: bool) -> None:
        """Decide a refund, or undo one that had succeeded."""
        if refund.status == "pending" and succeeds:
            self._succeeded(refund)
        elif refund.status in ("pending", "succeeded") and not succeeds:
            back = refund.status == "succeeded"
            failed = replace(refund, status="failed", failure_reason="lost_or_stolen_card")
            kind = Kind.REFUND_FAILED if back else "refund.declined"
            self._held.keep(kind, failed, refund.amount if back else 0)
            self._counted(refund, -refund.amount)
            self._held.tell("refund.failed", failed)
        else:
            raise LeverError(f"A refund that is {refund.status} is decided.")

    def _succeeded(self, refund: Refund) -> Refund:
        after = self._held.keep(Kind.REFUND, replace(refund, status="succeeded"), refund.amount)
        self._held.tell_of_charge("charge.refunded", self._held.intents[refund.payment_intent])
        self._held.tell("refund.updated", after)
        return after

    def _counted(self, refund: Refund, amount: int) -> None:
        intent = self._held.intents[refund.payment_intent]
        assert intent.charge is not None
        refunded = intent.charge.amount_refunded + amount
        charge = replace(intent.charge, amount_refunded=refunded)
        self._held.keep("charge.refunds", replace(intent, charge=charge))

    def _charged(self, params: Mapping[str, Any]) -> Intent:
        """Return the intent whose money is to go back."""
        if ("payment_intent" in params) == ("charge" in params):
            message = "One of these is required: payment_intent, charge."
            raise invalid(message, "payment_intent", "parameter_missing")
        if (id_ := params.get("payment_intent")) is not None:
            intent = self._held.intents.get(id_)
        else:
            id_ = params["charge"]
            found = (i for i in self._held.intents.values() if i.charge and i.charge.id == id_)
            intent = next(found, None)
        if intent is None:
            raise missing("payment_intent", id_, "payment_intent", in_path=False)
        if intent.status != "succeeded":
            message = f"This PaymentIntent ({intent.id}) has no successful charge to refund."
            raise invalid(message, "payment_intent")
        return intent

    # Payouts

    def pay_out(self, call: Call) -> Answer:
        """POST /v1/payouts, to an external account of the account's own."""
        params = checked(parsed(call.body.decode()), _PAYOUT, "amount", "currency")
        destination = params.get("destination", DEFAULT_ACCOUNT)
        instant = params.get("method", "standard") == "instant"
        divisible(params["amount"], params["currency"], out=True)
        if not destination.startswith(("ba_", "card_")):
            raise missing("external account", destination, "destination", in_path=False)
        if destination.startswith("card_") and not instant:
            raise invalid("A payout to a card has to be instant.", "method")
        if destination.startswith("ba_") and instant:
            message = "Instant payouts to this account are not supported."
            raise refused(message, "instant_payouts_unsupported", "method")
        decision = call.decision
        if decision is Fault.SOFT_DECLINE:
            message = "You have insufficient funds in your Stripe account for this payout."
            raise refused(message, "balance_insufficient")
        if decision is Fault.HARD_DECLINE:
            raise refused("This account cannot be used for payouts.", "bank_account_unusable")
        more = STEP.get(params["currency"], 1) if decision is Fault.WRONG_AMOUNT else 0
        payout = Payout(
            id=fresh("po"),
            created=now(),
            amount=params["amount"] + more,
            currency=params["currency"],
            status="pending",
            destination=destination,
            method=params.get("method", "standard"),
            metadata=params.get("metadata", {}),
            description=params.get("description"),
        )
        call.about(object_id=payout.id)
        self._held.keep("payout.begun", payout)
        self._held.tell("payout.created", payout)
        self._stage.later(PAID, payout.id)
        if decision is Fault.PAYOUT_RETURNED or destination in FAILING_ACCOUNTS:
            self._stage.later(COMES_BACK, payout.id, 2 * self._stage.settings.async_delay_s)
        return json_answer(200, shown(payout))

    def cancel_payout(self, call: Call) -> Answer:
        """POST /v1/payouts/{id}/cancel: only while it is pending."""
        checked(parsed(call.body.decode()), {})
        payout = self._held.payouts.get(call.names["id"])
        if payout is None:
            raise missing("payout", call.names["id"], "payout")
        if payout.status != "pending":
            raise refused("Only a pending payout can be canceled.")
        ended = self._held.keep("payout.canceled", replace(payout, status="canceled"))
        self._held.tell("payout.canceled", ended)
        return json_answer(200, shown(ended))

    def decide_payout(self, payout: Payout, *, succeeds: bool) -> None:
        """Have a payout that is under way arrive, or fail."""
        if payout.status not in ("pending", "in_transit"):
            raise LeverError(f"A payout that is {payout.status} is decided.")
        if succeeds:
            self._held.keep(Kind.PAYOUT, paid := replace(payout, status="paid"), payout.amount)
            self._held.tell("payout.paid", paid)
        else:
            self._failed(payout, "payout.failed", "could_not_process")

    def return_payout(self, payout: Payout) -> None:
        """Have a payout come back that was paid: it shows as failed from then on."""
        if payout.status != "paid":
            raise LeverError("Only a payout that was paid comes back.")
        code = FAILING_ACCOUNTS.get(payout.destination, "account_closed")
        self._failed(payout, Kind.PAYOUT_RETURNED, code)

    def _failed(self, payout: Payout, kind: str, code: str) -> None:
        back = payout.amount if kind == Kind.PAYOUT_RETURNED else 0
        failed = replace(payout, status="failed", failure_code=code)
        self._held.keep(kind, failed, back)
        self._held.tell("payout.failed", failed)

    # Disputes

    def dispute(self, intent: Intent, amount: int, reason: str) -> Dispute:
        """Have the payer's bank ask for money back; an inquiry takes none yet."""
        charge, inquiry = intent.charge, reason == "inquiry"
        if charge is None or intent.status != "succeeded":
            raise LeverError("Only collected money can be charged back.")
        if not 0 < amount <= intent.amount_received - self._taken(intent):
            raise LeverError("That is more than what is left of the charge.")
        dispute = Dispute(
            id=fresh("du"),
            created=now(),
            amount=amount,
            currency=intent.currency,
            status="warning_needs_response" if inquiry else "needs_response",
            reason="fraudulent" if inquiry else reason,
            payment_intent=intent.id,
            charge=charge.id,
        )
        disputed = replace(intent, charge=replace(charge, disputed=True))
        self._held.keep("charge.disputed", disputed)
        kind = "inquiry" if inquiry else Kind.CHARGEBACK
        self._held.keep(kind, dispute, 0 if inquiry else amount)
        self._held.tell("charge.dispute.created", dispute)
        if not inquiry:
            self._held.tell("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def close_dispute(self, dispute: Dispute, *, won: bool) -> None:
        """Have a dispute be decided; with one that was won its money comes back."""
        if dispute.status not in ("needs_response", "under_review"):
            raise LeverError(f"A dispute that is {dispute.status} is closed.")
        closed = replace(dispute, status="won" if won else "lost")
        self._held.keep("dispute.won" if won else "dispute.lost", closed)
        self._held.tell("charge.dispute.closed", closed)

    def _taken(self, intent: Intent) -> int:
        disputes = self._held.disputes.values()
        ours = [one for one in disputes if one.payment_intent == intent.id]
        return sum(one.amount for one in ours if one.status in TAKING)
