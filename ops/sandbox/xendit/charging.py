"""Payment requests and payments: the endpoints."""

import secrets
from datetime import UTC, datetime

import msgspec

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call
from ops.sandbox.stage.faults import Fault
from ops.sandbox.times import epoch_s
from ops.sandbox.xendit import views
from ops.sandbox.xendit.account import Account
from ops.sandbox.xendit.channels import CARDS, CHANNELS, COUNTRIES, Channel, Flow
from ops.sandbox.xendit.errors import invalid, refused, unfit, unknown, wrong_state
from ops.sandbox.xendit.lifecycle import NEVER_AGAIN, Lifecycle
from ops.sandbox.xendit.numbers import CURRENCIES, least
from ops.sandbox.xendit.objects import Action, Charge, Payment, named, now
from ops.sandbox.xendit.reading import (
    CardProperties,
    Empty,
    NewCapture,
    NewRequest,
    PageProperties,
    PhoneProperties,
    ShownProperties,
    Simulation,
    amount_of,
    body_of,
    properties,
)
from ops.sandbox.xendit.tokens import ADVISED, BLOCKED, EXPIRED, LINKED, NEVER_ASKED, is_known

#: How long a channel's page waits, where the request does not say.
PAGE_S = 86_400.0
WEB = "WEB_URL"


class Charging:
    """Everything about charges."""

    def __init__(self, account: Account, *, skips_3ds: bool) -> None:
        self._account = account
        self._stage = account.stage
        self._skips_3ds = skips_3ds
        self.life = Lifecycle(account)

    def make(self, call: Call) -> Answer:
        """POST /v3/payment_requests: nothing protects a repetition, but that a card's reference is
        unique."""
        new = body_of(call.body, NewRequest)
        call.about(new.reference_id)
        channel = self._channel(new)
        said = self._said(new, channel)
        charge = self._charge(new, channel, said)
        if channel is CARDS and new.reference_id in self._account.card_references:
            raise refused(409, "DUPLICATE_ERROR", "reference_id was used before")
        decision = call.decision
        charge = msgspec.structs.replace(charge, decision=decision)
        call.about(new.reference_id, charge.id)
        if decision == Fault.ASKS or self._asks(new, channel, said):
            kept = None if decision == Fault.ASKS else decision
            asks = msgspec.structs.replace(charge, decision=kept, actions=self._actions(charge))
            self._stage.later("over", charge.id, _lives_s(said))
            return json_answer(201, views.request(self.life.ask(asks)))
        advice = NEVER_AGAIN if new.payment_token_id == ADVISED else None
        return json_answer(201, views.request(self.life.carry_out(charge, advice)))

    def show(self, call: Call) -> Answer:
        """GET /v3/payment_requests/{id}."""
        return json_answer(200, views.request(self._named(call)))

    def listed(self, call: Call) -> Answer:
        """GET /v3/payment_requests?reference_id=: where it was switched on."""
        reference = call.query.get("reference_id")
        if not reference:
            raise invalid("reference_id is required")
        found = [one for one in self._account.charges.values() if one.reference == reference]
        shown = [views.request(charge) for charge in found]
        return json_answer(200, {"data": shown, "has_more": False})

    def cancel(self, call: Call) -> Answer:
        """POST /v3/payment_requests/{id}/cancel: only while the payer has to act."""
        body_of(call.body, Empty)
        charge = self._named(call)
        if charge.status == "REQUIRES_ACTION":
            return json_answer(200, views.request(self.life.cancel(charge)))
        if charge.status in ("PENDING", "AUTHORIZED"):
            raise wrong_state(charge.status)
        raise refused(400, "INACTIVE_PAYMENT_REQUEST", "Payment request is already inactive")

    def simulate(self, call: Call) -> Answer:
        """POST /v3/payment_requests/{id}/simulate: the payer pays to the number or by the code."""
        paid = body_of(call.body, Simulation)
        charge = self._named(call)
        if amount_of(paid.amount, charge.currency) != charge.amount:
            raise unfit("amount is not what was requested")
        self._stage.later("simulated", charge.id, 0.0)
        return json_answer(200, {"status": "PENDING", "message": "It is being processed"})

    def show_payment(self, call: Call) -> Answer:
        """GET /v3/payments/{id}."""
        return json_answer(200, views.payment(*self._paid(call)))

    def capture(self, call: Call) -> Answer:
        """POST /v3/payments/{id}/capture: once, in whole or in part."""
        wanted = body_of(call.body, NewCapture)
        charge, payment = self._paid(call)
        amount = amount_of(wanted.capture_amount, charge.currency)
        if payment.status != "AUTHORIZED":
            raise wrong_state(payment.status)
        if amount > payment.amount:
            raise refused(400, "CAPTURE_AMOUNT_EXCEEDED", "more than was authorized")
        if call.decision == Fault.WRONG_AMOUNT:
            amount -= least(charge.currency)
        after = self.life.collect(charge, amount)
        assert after.payment is not None
        return json_answer(200, views.payment(after, after.payment))

    def release(self, call: Call) -> Answer:
        """POST /v3/payments/{id}/cancel: only a hold."""
        body_of(call.body, Empty)
        charge, payment = self._paid(call)
        if payment.status != "AUTHORIZED":
            raise wrong_state(payment.status)
        after = self.life.release(charge, "CANCELED")
        assert after.payment is not None
        return json_answer(200, views.payment(after, after.payment))

    def _named(self, call: Call) -> Charge:
        charge = self._account.charge(call.names["id"])
        call.about(charge.reference, charge.id)
        return charge

    def _paid(self, call: Call) -> tuple[Charge, Payment]:
        charge = self._account.charge_of(call.names["id"])
        call.about(charge.reference, charge.id)
        assert charge.payment is not None
        return charge, charge.payment

    def _channel(self, new: NewRequest) -> Channel:
        """Return the channel that the token or the request names, or refuse."""
        token = new.payment_token_id
        if (token is None) == (new.channel_code is None):
            raise invalid("one of channel_code and payment_token_id is required")
        if token is None:
            channel = CHANNELS.get(new.channel_code or "")
            if channel is None or channel is CARDS:
                raise unfit("channel_code is not supported without card details")
            return channel
        if not is_known(token):
            raise unknown()
        if token in self._account.forgotten:
            raise refused(400, "INVALID_TOKEN", "The payment token has been canceled")
        if token == EXPIRED:
            raise refused(400, "CARD_EXPIRED", "The card has expired")
        if token == BLOCKED:
            raise refused(400, "BLOCKED_TOKEN", "The payment token was rejected by the channel")
        return CHANNELS["DANA"] if token == LINKED else CARDS

    def _said(
        self, new: NewRequest, channel: Channel
    ) -> CardProperties | PageProperties | PhoneProperties | ShownProperties:
        match channel.flow:
            case Flow.CARD:
                card = properties(new.channel_properties, CardProperties)
                if card.skip_three_ds and not self._skips_3ds:
                    raise refused(403, "SKIP_3DS_FORBIDDEN", "3DS may not be skipped")
                return card
            case Flow.REDIRECT:
                return properties(new.channel_properties, PageProperties)
            case Flow.PHONE:
                return properties(new.channel_properties, PhoneProperties)
            case Flow.NUMBER | Flow.CODE:
                shown = properties(new.channel_properties, ShownProperties)
                if shown.expires_at is not None and _seconds_left(shown.expires_at) <= 0:
                    raise invalid("channel_properties.expires_at is in the future")
                return shown

    def _charge(self, new: NewRequest, channel: Channel, said: object) -> Charge:
        if new.type != "PAY" or new.capture_method not in ("AUTOMATIC", "MANUAL"):
            raise invalid("type and capture_method are one of their words")
        amount = amount_of(new.request_amount, new.currency)
        if COUNTRIES.get(new.currency, new.country) != new.country:
            raise unfit("currency is not that of the country")
        if channel.currency not in (None, new.currency):
            raise unfit("the channel has another currency")
        if new.capture_method == "MANUAL" and channel is not CARDS:
            raise unfit("capture_method MANUAL is for cards")
        whole = amount / 10 ** CURRENCIES[new.currency][0]
        if not channel.least <= whole <= channel.most:
            raise unfit(f"amount is between {channel.least} and {channel.most}")
        at = now()
        return Charge(
            id=named("pr"),
            reference=new.reference_id,
            amount=amount,
            currency=new.currency,
            country=new.country,
            manual=new.capture_method == "MANUAL",
            channel=channel.code,
            token=new.payment_token_id,
            status="PENDING",
            properties={
                name: value
                for name, value in msgspec.structs.asdict(said).items()  # type: ignore[arg-type]
                if value is not None
            },
            description=new.description,
            metadata=dict(new.metadata) if new.metadata is not None else None,
            created=at,
            updated=at,
        )

    def _asks(self, new: NewRequest, channel: Channel, said: object) -> bool:
        """Whether the payer has to do something first."""
        if channel is not CARDS:
            return new.payment_token_id is None
        assert isinstance(said, CardProperties)
        return not said.skip_three_ds and new.payment_token_id not in NEVER_ASKED

    def _actions(self, charge: Charge) -> tuple[Action, ...]:
        match CHANNELS[charge.channel].flow:
            case Flow.CARD | Flow.REDIRECT:
                url = f"{self._stage.public_url}/checkout/{charge.id}"
                return (Action("REDIRECT_CUSTOMER", WEB, url),)
            case Flow.PHONE:
                return ()
            case Flow.NUMBER:
                number = "3816" + str(secrets.randbelow(10**9)).rjust(9, "0")
                return (Action("PRESENT_TO_CUSTOMER", "VIRTUAL_ACCOUNT_NUMBER", number),)
            case Flow.CODE:
                text = f"00020101021226590013ID.CO.PAYLINK{charge.id}5303360"
                return (Action("PRESENT_TO_CUSTOMER", "QR_STRING", text),)


def _lives_s(said: object) -> float:
    expires = getattr(said, "expires_at", None)
    return PAGE_S if expires is None else max(0.0, _seconds_left(expires))


def _seconds_left(text: str) -> float:
    try:
        return epoch_s(text) - datetime.now(UTC).timestamp()
    except ValueError as error:
        raise invalid("channel_properties.expires_at is an ISO 8601 time") from error
