"""Orders v2: made, approved by the payer, captured or authorized, changed."""

from __future__ import annotations

import time
from dataclasses import dataclass

import msgspec

from ops.sandbox.paypal import coins, problems, schemas, shows
from ops.sandbox.paypal.objects import Movement, Order, changed, new_id, now
from ops.sandbox.paypal.payers import habit
from ops.sandbox.paypal.shop import Shop
from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call
from ops.sandbox.stage.faults import Fault
from ops.sandbox.stage.lines import Kind

#: An order can be changed, and approved, only in these.
UNAPPROVED = ("CREATED", "PAYER_ACTION_REQUIRED")
#: What a captured or authorized order can be scripted to do instead.
PLAYED = (
    Fault.SOFT_DECLINE,
    Fault.HARD_DECLINE,
    Fault.WRONG_AMOUNT,
    Fault.LATER,
    Fault.LATER_DECLINE,
    Fault.ASKS,
    Fault.CHARGEBACK,
)
#: Refusals that leave no payment; after the first and the last the payer must come back.
REFUSED = {
    Fault.SOFT_DECLINE: "INSTRUMENT_DECLINED",
    Fault.HARD_DECLINE: "TRANSACTION_REFUSED",
    Fault.ASKS: "PAYER_ACTION_REQUIRED",
}


@dataclass(frozen=True)
class Orders:
    """The endpoints of orders."""

    shop: Shop

    def create(self, call: Call) -> Answer:
        """POST /v2/checkout/orders. Under a key that was used: the order as it is by now."""
        key = key_of(call)
        claim(call, f"create {key}" if key else "")
        if key and (saved := self.shop.order_keys.find(f"create {key}")) is not None:
            return self._shown(call, 200, self.shop.order(saved.object))
        asked = schemas.read(call, schemas.OrderRequest)
        unit = asked.purchase_units[0]
        amount = schemas.amount(unit.amount, "/purchase_units/0/amount")
        wallet = asked.payment_source.paypal if asked.payment_source else None
        context = wallet.experience_context if wallet else schemas.Context()
        made = now()
        order = Order(
            id=new_id(),
            intent=asked.intent,
            status="PAYER_ACTION_REQUIRED" if wallet else "CREATED",
            amount=amount,
            currency=unit.amount.currency_code,
            made_s=time.time(),
            created=made,
            updated=made,
            by_wallet=wallet is not None,
            reference_id=unit.reference_id,
            custom_id=unit.custom_id or "",
            invoice_id=unit.invoice_id or "",
            description=unit.description or "",
            payer=(wallet.email_address or "") if wallet else "",
            return_url=context.return_url or "",
            cancel_url=context.cancel_url or "",
        )
        call.about(order.custom_id, order.id)
        self.shop.write("order", order)
        answer = self._shown(call, 201, order)
        if key:
            self.shop.order_keys.save(f"create {key}", "", answer, object=order.id)
        return answer

    def show(self, call: Call) -> Answer:
        """GET /v2/checkout/orders/{id}."""
        order = self._order(call)
        return json_answer(200, shows.order(order, self.shop.stage.public_url))

    def change(self, call: Call) -> Answer:
        """PATCH /v2/checkout/orders/{id}: of all that PayPal can change, only the intent."""
        order = self._order(call)
        for change in schemas.read(call, list[schemas.Change]):
            if change.path != "/intent" or change.op != "replace":
                raise problems.business("NOT_PATCHABLE", change.path)
            if change.value not in ("CAPTURE", "AUTHORIZE"):
                raise problems.business("UNSUPPORTED_PATCH_PARAMETER_VALUE", change.path)
            if order.status not in (*UNAPPROVED, "APPROVED"):
                raise problems.business("NOT_PATCHABLE", change.path)
            order = self.shop.write("order.changed", changed(order, intent=change.value))
        return Answer(204)

    def capture(self, call: Call) -> Answer:
        """POST /v2/checkout/orders/{id}/capture."""
        return self._move(call, "CAPTURE", "ORDER_ALREADY_CAPTURED")

    def authorize(self, call: Call) -> Answer:
        """POST /v2/checkout/orders/{id}/authorize."""
        return self._move(call, "AUTHORIZE", "ORDER_ALREADY_AUTHORIZED")

    def _move(self, call: Call, intent: str, already: str) -> Answer:
        """A refusal is not kept under the key: the payer may come back, and the call with them."""
        order, key = self._order(call), key_of(call)
        name = f"{call.path} {key}"
        claim(call, name if key else "")
        if key and self.shop.order_keys.find(name) is not None:
            return self._shown(call, 200, order)
        schemas.read(call, schemas.MoveRequest, empty=schemas.MoveRequest())
        if order.intent != intent:
            raise problems.business("ACTION_DOES_NOT_MATCH_INTENT")
        if order.status == "COMPLETED":
            raise problems.business(already)
        if order.status != "APPROVED":
            raise problems.business("ORDER_NOT_APPROVED")
        if self.shop.invoices.get(order.invoice_id, order.id) != order.id:
            raise problems.business("DUPLICATE_INVOICE_ID", "/purchase_units/0/invoice_id")
        played = call.decides(*PLAYED) or habit(order.payer)
        if played in REFUSED:
            if played is not Fault.HARD_DECLINE:
                self.shop.write("order.asks", changed(order, status="PAYER_ACTION_REQUIRED"))
            raise problems.business(REFUSED[played])
        done = self._paid(order, played)
        answer = self._shown(call, 201, done)
        if key:
            self.shop.order_keys.save(name, "", answer, object=order.id)
        return answer

    def _paid(self, order: Order, played: Fault | None) -> Order:
        waits = played in (Fault.LATER, Fault.LATER_DECLINE)
        more = coins.unit_of(order.currency) if played is Fault.WRONG_AMOUNT else 0
        made = now()
        one = Movement(
            id=new_id(),
            status="PENDING" if waits else "COMPLETED",
            reason="PENDING_REVIEW" if waits else "",
            amount=order.amount + more,
            created=made,
            updated=made,
            invoice_id=order.invoice_id,
            custom_id=order.custom_id,
        )
        base = self.shop.stage.public_url
        if order.intent == "CAPTURE":
            done = changed(order, status="COMPLETED", captures=(one,))
            self.shop.write("sale.pending" if waits else Kind.SALE, done, one)
            type_ = f"PAYMENT.CAPTURE.{one.status}"
            shown = shows.related(done, shows.capture(done, one, base))
            self.shop.tell(type_, "capture", shown, done.id)
        else:
            one = msgspec.structs.replace(one, status="PENDING" if waits else "CREATED")
            done = changed(order, status="COMPLETED", hold=one)
            self.shop.write("authorization.pending" if waits else Kind.AUTHORIZATION, done, one)
            shown = shows.related(done, shows.authorization(done, one, base))
            self.shop.tell("PAYMENT.AUTHORIZATION.CREATED", "authorization", shown, done.id)
        if waits:
            to = "declined" if played is Fault.LATER_DECLINE else "captured"
            self.shop.stage.later(to, done.id)
        if played is Fault.CHARGEBACK:
            self.shop.stage.later("chargeback", done.id)
        return done

    def _order(self, call: Call) -> Order:
        order = self.shop.order(call.names["id"])
        call.about(order.custom_id, order.id)
        return order

    def _shown(self, call: Call, status: int, order: Order) -> Answer:
        return json_answer(
            status, shows.order(order, self.shop.stage.public_url, full=is_full(call))
        )


def key_of(call: Call) -> str:
    """Return the idempotency key; "" without one. Raises the 400 for one that is too long."""
    key = call.headers.get("paypal-request-id", "")
    if len(key) > 108:
        raise problems.syntax("INVALID_STRING_LENGTH", "PayPal-Request-Id")
    return key


def claim(call: Call, key: str) -> None:
    """Raise the 409 while another request has the key: of two at once PayPal may fail the second,
    even where the first is done and only its answer is still on its way."""
    if key and not call.claim(key):
        raise problems.in_progress()


def is_full(call: Call) -> bool:
    """Whether the client wants to see all of it."""
    return call.headers.get("prefer", "").strip() == "return=representation"
