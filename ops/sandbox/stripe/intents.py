"""PaymentIntents of the simulated Stripe: made, confirmed, captured, cancelled."""

import secrets
from datetime import date
from typing import Any

from msgspec.structs import replace

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call
from ops.sandbox.stage.faults import Fault
from ops.sandbox.stripe.cards import PAYPAL
from ops.sandbox.stripe.coins import BY_PAYPAL, STEP, chargeable, currency, divisible
from ops.sandbox.stripe.errors import invalid, missing, refused
from ops.sandbox.stripe.forms import (
    Rule,
    boolean,
    checked,
    fields,
    integer,
    metadata,
    parsed,
    text,
    unknown_parameter,
    url,
    word,
    words,
)
from ops.sandbox.stripe.holdings import API_VERSION, Holdings, fresh, now
from ops.sandbox.stripe.lists import expanded
from ops.sandbox.stripe.methods import DATA, Methods
from ops.sandbox.stripe.objects import Intent, Method, shown
from ops.sandbox.stripe.payments import Payments

_3DS = word("automatic", "any", "challenge")
_PAYPAL = {
    "capture_method": word("manual"),
    "preferred_locale": text(5),
    "reference": text(127),
}
_OPTIONS = fields({"card": fields({"request_three_d_secure": _3DS}), PAYPAL: fields(_PAYPAL)})
_ON_CONFIRM: dict[str, Rule] = {
    "payment_method": text(255),
    "payment_method_data": DATA,
    "payment_method_options": _OPTIONS,
    "return_url": url,
    "off_session": boolean,
    "receipt_email": text(512),
    "setup_future_usage": word("on_session", "off_session"),
    "error_on_requires_action": boolean,
    "use_stripe_sdk": boolean,
}
_ON_CREATE: dict[str, Rule] = _ON_CONFIRM | {
    "amount": integer,
    "currency": currency,
    "allowed_payment_method_types": words,
    "payment_method_types": words,
    "automatic_payment_methods": fields(
        {"enabled": boolean, "allow_redirects": word("always", "never")}
    ),
    "capture_method": word("automatic", "automatic_async", "manual"),
    "confirm": boolean,
    "confirmation_method": word("automatic", "manual"),
    "customer": text(255),
    "description": text(1000),
    "metadata": metadata,
    "statement_descriptor": text(22),
    "statement_descriptor_suffix": text(22),
}
_ON_CAPTURE: dict[str, Rule] = {
    "amount_to_capture": integer,
    "final_capture": boolean,
    "metadata": metadata,
    "statement_descriptor": text(22),
    "statement_descriptor_suffix": text(22),
}
_REASONS = word("duplicate", "fraudulent", "requested_by_customer", "abandoned")

#: Only with confirm=true may a new intent be given these.
_WITH_CONFIRM = ("return_url", "off_session", "error_on_requires_action")
#: Since when the types of payment methods have their new name, and when the old one ended.
_NEW_NAME, _OLD_NAME_ENDS = date(2026, 7, 29), date(2026, 9, 30)
_CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
)
#: What says which method is to be charged.
_NAMING = frozenset({"payment_method", "payment_method_data"})
_CONFIRMABLE = ("requires_confirmation", "requires_payment_method")


class Intents:
    """The handlers of /v1/payment_intents."""

    def __init__(self, held: Holdings, methods: Methods, payments: Payments) -> None:
        self._held, self._methods, self._payments = held, methods, payments

    def create(self, call: Call) -> Answer:
        """POST /v1/payment_intents."""
        given = parsed(call.body.decode())
        _versioned(given, call)
        params = checked(given, _ON_CREATE, "amount", "currency")
        types = _types(params)
        chargeable(params["amount"], params["currency"])
        if not params.get("confirm"):
            for name in _WITH_CONFIRM:
                if name in params:
                    raise invalid(f"{name} can only be set when confirm is true.", name)
        customer = params.get("customer")
        method = self._method(params, customer, types)
        if params.get("confirm") and method is not None:
            _can_return(method, params, None)
        intent = Intent(
            id=fresh("pi"),
            created=now(),
            amount=params["amount"],
            currency=params["currency"],
            status="requires_confirmation" if method else "requires_payment_method",
            capture_method=params.get("capture_method", "automatic_async"),
            secret=secrets.token_hex(12),
            metadata=params.get("metadata", {}),
            types=types,
            payment_method=method.id if method else None,
            card=method.card if method else "",
            customer=customer,
            description=params.get("description"),
            three_ds=_three_ds(params, "automatic"),
        )
        self._about(call, self._held.keep("made", intent))
        self._held.tell("payment_intent.created", intent)
        if params.get("confirm"):
            rest = {name: params[name] for name in params.keys() - _NAMING}
            intent = self._confirmed(intent, rest, call)
        return json_answer(200, shown(intent, expand=expanded(given, "latest_charge")))

    def retrieve(self, call: Call) -> Answer:
        """GET /v1/payment_intents/{id}."""
        given = parsed(call.request.query)
        checked(given, {"client_secret": text(255)})
        whole = expanded(given, "latest_charge")
        return json_answer(200, shown(self.found(call), expand=whole))

    def confirm(self, call: Call) -> Answer:
        """POST /v1/payment_intents/{id}/confirm."""
        given = parsed(call.body.decode())
        params = checked(given, _ON_CONFIRM)
        intent = self._confirmed(self.found(call), params, call)
        return json_answer(200, shown(intent, expand=expanded(given, "latest_charge")))

    def capture(self, call: Call) -> Answer:
        """POST /v1/payment_intents/{id}/capture. What is not captured is let go of."""
        given = parsed(call.body.decode())
        params = checked(given, _ON_CAPTURE)
        intent = self.found(call)
        if intent.status != "requires_capture":
            raise _unexpected(intent, "captured")
        amount = params.get("amount_to_capture", intent.amount_capturable)
        divisible(amount, intent.currency)
        if amount > intent.amount_capturable:
            message = "The amount_to_capture is more than can be captured."
            raise invalid(message, "amount_to_capture", "amount_too_large")
        if call.decides(Fault.WRONG_AMOUNT):
            amount -= STEP.get(intent.currency, 1)
        after = self._payments.capture(intent, amount)
        return json_answer(200, shown(after, expand=expanded(given, "latest_charge")))

    def cancel(self, call: Call) -> Answer:
        """POST /v1/payment_intents/{id}/cancel."""
        params = checked(parsed(call.body.decode()), {"cancellation_reason": _REASONS})
        intent = self.found(call)
        if intent.status not in _CANCELABLE:
            raise _unexpected(intent, "canceled")
        reason = params.get("cancellation_reason")
        return json_answer(200, shown(self._payments.cancel(intent, reason)))

    def found(self, call: Call) -> Intent:
        """Return the intent that the path names."""
        intent = self._held.intents.get(call.names["id"])
        if intent is None:
            raise missing("payment_intent", call.names["id"], "intent")
        self._about(call, intent)
        return intent

    def _confirmed(self, intent: Intent, params: dict[str, Any], call: Call) -> Intent:
        if intent.status not in _CONFIRMABLE:
            raise _unexpected(intent, "confirmed")
        method = self._held.methods.get(intent.payment_method or "")
        if intent.payment_method is None or _NAMING & params.keys():
            method = self._method(params, intent.customer, intent.types)
        if method is None:
            message = "This PaymentIntent needs a payment method to be confirmed."
            raise refused(message, "payment_intent_unexpected_state")
        _can_return(method, params, intent.return_url)
        self._methods.usable(method.id)
        intent = replace(
            intent,
            payment_method=method.id,
            card=method.card,
            return_url=params.get("return_url", intent.return_url),
            three_ds=_three_ds(params, intent.three_ds),
            last_error=None,
        )
        off_session = params.get("off_session", False)
        return self._payments.confirm(intent, call.decision, off_session=off_session)

    def _method(
        self, params: dict[str, Any], customer: str | None, types: tuple[str, ...]
    ) -> Method | None:
        """Return the method that the parameters name or describe; None: they do neither."""
        token, data = params.get("payment_method"), params.get("payment_method_data")
        if token is not None and data is not None:
            message = "payment_method and payment_method_data cannot be given together."
            raise invalid(message, "payment_method_data", "parameters_exclusive")
        if data is not None:
            _is_of(data.get("type"), types, "payment_method_data")
            return self._methods.described(data, "payment_method_data")
        if token is None:
            return None
        method = self._methods.for_payment(token, customer)
        _is_of(method.type, types, "payment_method")
        return method

    def _about(self, call: Call, intent: Intent) -> None:
        call.about(object_id=intent.id)


def _versioned(given: dict[str, Any], call: Call) -> None:
    """Refuse the name for the types of payment methods that this version of the API has not."""
    version = call.headers.get("stripe-version", API_VERSION)
    try:
        day = date.fromisoformat(version.partition(".")[0])
    except ValueError:
        raise invalid(f"Invalid Stripe API version: {version[:40]}") from None
    if day < _NEW_NAME and "allowed_payment_method_types" in given:
        raise unknown_parameter("allowed_payment_method_types")
    if day >= _OLD_NAME_ENDS and "payment_method_types" in given:
        code = "payment_method_types_no_longer_supported"
        raise invalid("payment_method_types cannot be set any more.", "payment_method_types", code)


def _types(params: dict[str, Any]) -> tuple[str, ...]:
    """Return the types of payment methods that are allowed: where none is named, all that fit."""
    for name in ("allowed_payment_method_types", "payment_method_types"):
        if not (named := params.get(name)):
            continue
        if odd := [one for one in named if one not in ("card", PAYPAL)]:
            message = f"The payment method type {odd[0][:40]} is not activated here."
            raise invalid(message, name, "payment_intent_invalid_parameter")
        if PAYPAL in named and params["currency"] not in BY_PAYPAL:
            message = f"PayPal does not take the currency {params['currency']}."
            raise invalid(message, name, "payment_intent_invalid_parameter")
        return tuple(dict.fromkeys(named))
    redirects = params.get("automatic_payment_methods", {}).get("allow_redirects") != "never"
    return ("card", PAYPAL) if redirects and params["currency"] in BY_PAYPAL else ("card",)


def _is_of(type_: str | None, types: tuple[str, ...], param: str) -> None:
    """Refuse a method of a type that its payment does not allow."""
    if type_ is not None and type_ not in types:
        message = f"A payment method of the type {type_} is not allowed for this PaymentIntent."
        raise invalid(message, param, "payment_intent_incompatible_payment_method")


def _can_return(method: Method, params: dict[str, Any], known: str | None) -> None:
    """Refuse to send a payer to PayPal who could not come back."""
    asks = method.type == PAYPAL and method.customer is None
    if asks and not params.get("return_url", known):
        message = "A return_url is needed to confirm a payment by PayPal."
        raise invalid(message, "return_url", "parameter_missing")


def _three_ds(params: dict[str, Any], otherwise: str) -> str:
    card = params.get("payment_method_options", {}).get("card", {})
    return str(card.get("request_three_d_secure", otherwise))


def _unexpected(intent: Intent, what: str) -> Exception:
    message = f"This PaymentIntent could not be {what} because it has a status of {intent.status}."
    return refused(message, "payment_intent_unexpected_state")
