"""Payment methods and customers of the simulated Stripe."""

from typing import Any

from msgspec.structs import replace

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call
from ops.sandbox.stripe.cards import BEHAVIOURS, NUMBERS, PAYPAL, TEST_METHODS
from ops.sandbox.stripe.errors import invalid, missing, refused
from ops.sandbox.stripe.forms import checked, fields, integer, metadata, parsed, text, word
from ops.sandbox.stripe.holdings import Holdings, fresh, now
from ops.sandbox.stripe.objects import Customer, Method, shown, type_of

_CARD = {"number": text(19), "exp_month": integer, "exp_year": integer, "cvc": text(4)}
_MAKE = {
    "type": word("card", PAYPAL),
    "card": fields(_CARD),
    "billing_details": fields({"email": text(512), "name": text(256)}),
    "metadata": metadata,
}
#: The rule of a payment's `payment_method_data`.
DATA = fields(_MAKE)

SPENT = (
    "This PaymentMethod was used before without a Customer, or was detached from one. It may not "
    "be used again; to use one several times, attach it to a Customer first."
)


class Methods:
    """Handlers, and how a payment finds its card."""

    def __init__(self, held: Holdings) -> None:
        self._held = held

    def create(self, call: Call) -> Answer:
        """POST /v1/payment_methods."""
        params = checked(parsed(call.body.decode()), _MAKE)
        return json_answer(200, shown(self.described(params)))

    def described(self, params: dict[str, Any], within: str = "") -> Method:
        """Return the new method that parameters describe; `within` is the one they are part of."""

        def named(name: str) -> str:
            head, bracket, rest = name.partition("[")
            return f"{within}[{head}]{bracket}{rest}" if within else name

        def needed(name: str) -> Exception:
            message = f"Missing required param: {named(name)}."
            return invalid(message, named(name), "parameter_missing")

        if "type" not in params:
            raise needed("type")
        if params["type"] == PAYPAL:
            if "card" in params:
                message = "A payment method of the type paypal has no card."
                raise invalid(message, named("card"), "parameter_unknown")
            return self._new(PAYPAL)
        if "number" not in params.get("card", {}):
            raise needed("card[number]" if "card" in params else "card")
        behaviour = NUMBERS.get(params["card"]["number"].replace(" ", ""))
        if behaviour is None:
            message = "Only the card numbers of the test pages are known here."
            raise invalid(message, named("card[number]"), "incorrect_number")
        return self._new(next(name for name, one in TEST_METHODS.items() if one is behaviour))

    def retrieve(self, call: Call) -> Answer:
        """GET /v1/payment_methods/{id}."""
        return json_answer(200, shown(self._found(call.names["id"])))

    def attach(self, call: Call) -> Answer:
        """POST /v1/payment_methods/{id}/attach."""
        params = checked(parsed(call.body.decode()), {"customer": text(255)}, "customer")
        method = self._found(call.names["id"])
        if params["customer"] not in self._held.customers:
            raise missing("customer", params["customer"], "customer", in_path=False)
        if method.spent:
            raise refused(SPENT)
        if method.type == PAYPAL:
            raise refused("A PayPal account is saved by its payer's agreement, not by attaching.")
        return json_answer(200, shown(self.seed(method.id, method.card, params["customer"])))

    def detach(self, call: Call) -> Answer:
        """POST /v1/payment_methods/{id}/detach. Afterwards it is of no use to anybody."""
        checked(parsed(call.body.decode()), {})
        method = self._found(call.names["id"])
        if method.customer is None:
            raise refused("This PaymentMethod is attached to no customer: it cannot be detached.")
        gone = replace(method, customer=None, spent=True)
        return json_answer(200, shown(self._held.keep("method.detached", gone)))

    def customer(self, call: Call) -> Answer:
        """POST /v1/customers."""
        rules = {"email": text(512), "name": text(256), "metadata": metadata}
        params = checked(parsed(call.body.decode()), rules)
        made = Customer(
            id=fresh("cus"), created=now(), email=params.get("email"), name=params.get("name")
        )
        return json_answer(200, shown(self._held.keep("customer.made", made)))

    def seed(self, id_: str, card: str, customer: str) -> Method:
        """Have a method, by this very id, attached to a customer."""
        saved = Method(id=id_, created=now(), card=card, customer=customer)
        return self._held.keep("method.attached", saved)

    def for_payment(self, token: str, customer: str | None) -> Method:
        """Return the method that a payment names; a test method is a new one every time."""
        if customer is not None and customer not in self._held.customers:
            raise missing("customer", customer, "customer", in_path=False)
        method = self._found(token, in_path=False)
        if method.customer != customer and not (method.customer is None and not method.spent):
            message = "The payment method must be attached to the customer of the payment."
            if method.customer is not None:
                raise invalid(message, "payment_method", "resource_missing")
        return method

    def charged(self, method_id: str | None) -> None:
        """Note that a method was charged: without a customer that is once only."""
        method = self._held.methods[method_id or ""]
        if method.customer is None:
            self._held.keep("method.spent", replace(method, spent=True))

    def is_saved(self, method_id: str | None) -> bool:
        """Whether somebody has agreed to be charged by this method without being asked."""
        return self._held.methods[method_id or ""].customer is not None

    def usable(self, method_id: str | None) -> None:
        """Refuse a method that may not be charged again."""
        if self._held.methods[method_id or ""].spent:
            raise refused(SPENT, param="payment_method")

    def _found(self, token: str, *, in_path: bool = True) -> Method:
        if token in TEST_METHODS:
            return self._new(token)
        if token not in self._held.methods:
            raise missing("PaymentMethod", token, "payment_method", in_path=in_path)
        return self._held.methods[token]

    def _new(self, card: str) -> Method:
        return self._held.keep("method.made", Method(id=fresh("pm"), created=now(), card=card))


def of_error(method_id: str | None, card: str) -> dict[str, Any]:
    """Return what an error shows of a method: of a card its last digits, of an account nothing."""
    shows = {"id": method_id, "type": type_of(card)}
    if card == PAYPAL:
        return shows | {PAYPAL: {}}
    behaviour = BEHAVIOURS[card]
    return shows | {"card": {"brand": behaviour.brand, "last4": behaviour.number[-4:]}}
