"""What happens to money at the simulated Stripe once a payment is confirmed."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ops.sandbox.stage.calls import Refused
from ops.sandbox.stage.faults import Fault
from ops.sandbox.stage.lines import Kind
from ops.sandbox.stage.provider import LeverError
from ops.sandbox.stage.stage import Stage
from ops.sandbox.stripe.cards import BEHAVIOURS, PAYPAL
from ops.sandbox.stripe.coins import STEP
from ops.sandbox.stripe.errors import CARD, REQUEST, error
from ops.sandbox.stripe.holdings import Holdings, fresh, now
from ops.sandbox.stripe.methods import Methods, of_error
from ops.sandbox.stripe.objects import Charge, Intent, shown

#: How long a card holds money, and PayPal, renewed once; then the provider lets go of it.
HOLD_S, PAYPAL_HOLD_S = 7 * 86_400.0, 20 * 86_400.0
#: What `stage.later` is asked for.
SUCCEEDS, DECLINES, LAPSES, DISPUTED = "succeeds", "declines", "lapses", "disputed"

INSUFFICIENT = {
    "code": "card_declined",
    "decline_code": "insufficient_funds",
    "advice_code": "try_again_later",
}
STOLEN = {"code": "card_declined", "decline_code": "stolen_card", "advice_code": "do_not_try_again"}
#: The same two where PayPal refuses.
UNFUNDED = {"code": "payment_method_provider_decline", "decline_code": "insufficient_funds"}
FRAUDULENT = {"code": "payment_method_provider_decline", "decline_code": "fraudulent"}
UNAUTHENTICATED = {"code": "payment_intent_authentication_failure"}
AUTHENTICATE = {"code": "authentication_required", "decline_code": "authentication_required"}


class Payments:
    """The life of an intent from its confirmation on."""

    def __init__(self, stage: Stage, held: Holdings, methods: Methods) -> None:
        self._stage, self._held, self._methods = stage, held, methods

    def confirm(self, intent: Intent, decision: Fault | None, *, off_session: bool) -> Intent:
        """Take or hold the money, ask the payer, or refuse; a scripted decision overrules the
        card. A decline is raised, as the 402 that it is."""
        match decision:
            case Fault.SOFT_DECLINE:
                raise self.declined(intent, _soft(intent))
            case Fault.HARD_DECLINE:
                raise self.declined(intent, FRAUDULENT if intent.card == PAYPAL else STOLEN)
            case Fault.LATER | Fault.LATER_DECLINE:
                what = SUCCEEDS if decision is Fault.LATER else DECLINES
                self._stage.later(what, intent.id)
                after = self._held.keep("processing", replace(intent, status="processing"))
                self._held.tell("payment_intent.processing", after)
                return after
            case Fault.WRONG_AMOUNT:
                more = intent.amount + STEP.get(intent.currency, 1)
                return self.move(replace(intent, amount=more))
            case Fault.CHARGEBACK:
                self._stage.later(DISPUTED, intent.id)
                return self.move(intent)
            case _ if decision is Fault.ASKS or self._asks(intent):
                if off_session:
                    raise self.declined(intent, AUTHENTICATE)
                return self._ask(intent)
            case _:
                return self.move(intent)

    def move(self, intent: Intent) -> Intent:
        """Take or hold the money, unless the card says no, which is raised."""
        card = BEHAVIOURS[intent.card]
        if card.code:
            codes = {
                "code": card.code,
                "decline_code": card.decline_code,
                "advice_code": card.advice_code,
            }
            raise self.declined(intent, {name: said for name, said in codes.items() if said})
        return self.take(intent)

    def take(self, intent: Intent) -> Intent:
        """Take or hold the money."""
        self._methods.charged(intent.payment_method)
        charge = Charge(id=fresh("ch"), created=now(), amount=intent.amount, status="succeeded")
        ready = replace(intent, charge=charge, action_url=None, last_error=None)
        if intent.capture_method == "manual":
            held = replace(ready, status="requires_capture", amount_capturable=intent.amount)
            self._held.keep(Kind.AUTHORIZATION, held, intent.amount)
            hold_s = PAYPAL_HOLD_S if held.card == PAYPAL else HOLD_S
            self._stage.later(LAPSES, held.id, hold_s)
            self._held.tell("payment_intent.amount_capturable_updated", held)
            return held
        charge = replace(charge, amount_captured=intent.amount)
        paid = replace(ready, status="succeeded", amount_received=intent.amount, charge=charge)
        self._held.keep(Kind.SALE, paid, intent.amount)
        self._told_of_money("charge.succeeded", paid)
        return paid

    def capture(self, intent: Intent, amount: int) -> Intent:
        """Collect a part of what is held, and let go of the rest."""
        assert intent.charge is not None, "a hold without a charge"
        charge = replace(intent.charge, amount_captured=amount)
        paid = replace(
            intent, status="succeeded", amount_received=amount, amount_capturable=0, charge=charge
        )
        self._held.keep(Kind.CAPTURE, paid, amount)
        self._told_of_money("charge.captured", paid)
        return paid

    def cancel(self, intent: Intent, reason: str | None) -> Intent:
        """End an intent, and let go of what it holds."""
        held = intent.status == "requires_capture"
        ended = replace(
            intent,
            status="canceled",
            canceled_at=now(),
            cancellation_reason=reason,
            amount_capturable=0,
            action_url=None,
        )
        self._held.keep(Kind.VOID if held else "canceled", ended, intent.amount if held else 0)
        self._held.tell("payment_intent.canceled", ended)
        return ended

    def declined(self, intent: Intent, codes: Mapping[str, str]) -> Refused:
        """Note a decline, and return it as an error."""
        after = self.refuse(intent, codes)
        assert after.last_error is not None, "a decline without an error"
        said = {name: value for name, value in after.last_error.items() if name != "type"}
        message = said.pop("message")
        type_ = after.last_error["type"]
        return Refused(error(402, type_, message, payment_intent=shown(after), **said))

    def refuse(self, intent: Intent, codes: Mapping[str, str]) -> Intent:
        """Have an intent be declined; another payment method could be tried with it."""
        charge = Charge(
            id=fresh("ch"),
            created=now(),
            amount=intent.amount,
            status="failed",
            failure_code=codes["code"],
        )
        paypal = intent.card == PAYPAL
        said: dict[str, Any] = {
            "type": REQUEST if paypal else CARD,
            "message": "The payment was declined." if paypal else "Your card was declined.",
            "charge": charge.id,
            "payment_method": of_error(intent.payment_method, intent.card),
        }
        after = replace(
            intent,
            status="requires_payment_method",
            payment_method=None,
            charge=charge,
            action_url=None,
            last_error=said | dict(codes),
        )
        self._held.keep("declined", after)
        self._held.tell("payment_intent.payment_failed", after)
        return after

    def answered(self, intent: Intent, *, approves: bool) -> Intent:
        """Take the payer's decision on the page of their bank, or of PayPal."""
        if intent.status != "requires_action":
            raise LeverError("This payment does not wait for its payer.")
        if not approves:
            return self.refuse(intent, UNAUTHENTICATED)
        try:
            return self.move(intent)
        except Refused:
            return self._held.intents[intent.id]

    def settle(self, intent: Intent, to: str) -> None:
        """Force an intent into another status."""
        undecided = intent.status in ("processing", "requires_action", "requires_confirmation")
        holding = intent.status == "requires_capture"
        match to:
            case "captured" if undecided:
                self.take(replace(intent, capture_method="automatic"))
            case "captured" if holding:
                self.capture(intent, intent.amount_capturable)
            case "authorized" if undecided:
                self.take(replace(intent, capture_method="manual"))
            case "declined" if undecided:
                self.refuse(intent, _soft(intent))
            case "canceled" if undecided or holding:
                self.cancel(intent, "requested_by_customer")
            case "expired" if undecided or holding:
                self.cancel(intent, "expired")
            case _:
                raise LeverError(f"A payment that is {intent.status} cannot become {to}.")

    def due(self, what: str, intent: Intent) -> None:
        """Take what was decided later, if nothing else has happened since."""
        if what == LAPSES and intent.status == "requires_capture":
            self.cancel(intent, "expired")
        elif what in (SUCCEEDS, DECLINES) and intent.status == "processing":
            self.take(intent) if what == SUCCEEDS else self.refuse(intent, _soft(intent))

    def _asks(self, intent: Intent) -> bool:
        """Whether the payer must agree: to their bank, or to PayPal, if they never did before."""
        if intent.card == PAYPAL:
            return not self._methods.is_saved(intent.payment_method)
        wanted = intent.three_ds != "automatic"
        asks = BEHAVIOURS[intent.card].three_ds
        return asks == "required" or (asks == "optional" and wanted)

    def _ask(self, intent: Intent) -> Intent:
        """Send the payer to their bank; without a way back that is a script in the shop's page."""
        door = "authorize" if intent.card == PAYPAL else "3ds"
        page = f"{self._stage.public_url}/{door}/{intent.id}/{intent.secret}"
        url = page if intent.return_url else ""
        asked = replace(intent, status="requires_action", action_url=url)
        self._held.keep("asked", asked)
        self._held.tell("payment_intent.requires_action", asked)
        return asked

    def _told_of_money(self, of_charge: str, intent: Intent) -> None:
        self._held.tell_of_charge(of_charge, intent)
        self._held.tell("payment_intent.succeeded", intent)
        if BEHAVIOURS[intent.card].dispute:
            self._stage.later(DISPUTED, intent.id)


def _soft(intent: Intent) -> Mapping[str, str]:
    return UNFUNDED if intent.card == PAYPAL else INSUFFICIENT
