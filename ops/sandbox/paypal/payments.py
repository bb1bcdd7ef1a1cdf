"""Payments v2: authorizations collected or let go of, captures given back."""

from __future__ import annotations

from dataclasses import dataclass

from ops.sandbox.paypal import coins, problems, schemas, shows
from ops.sandbox.paypal.objects import (
    Movement,
    Order,
    changed,
    moved,
    new_id,
    now,
    with_capture,
    with_refund,
)
from ops.sandbox.paypal.orders import claim, is_full, key_of
from ops.sandbox.paypal.shop import Shop
from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call
from ops.sandbox.stage.faults import Fault
from ops.sandbox.stage.lines import Kind

#: Why an authorization in this status cannot be captured, and cannot be voided.
UNCAPTURABLE = {
    "VOIDED": "AUTHORIZATION_VOIDED",
    "DENIED": "AUTHORIZATION_DENIED",
    "CAPTURED": "AUTHORIZATION_ALREADY_CAPTURED",
}
UNVOIDABLE = {
    "VOIDED": "PREVIOUSLY_VOIDED",
    "DENIED": "PREVIOUSLY_VOIDED",
    "CAPTURED": "PREVIOUSLY_CAPTURED",
    "PARTIALLY_CAPTURED": "PREVIOUSLY_CAPTURED",
}


@dataclass(frozen=True)
class Payments:
    """The endpoints of authorizations, captures and refunds."""

    shop: Shop

    def show_authorization(self, call: Call) -> Answer:
        """GET /v2/payments/authorizations/{id}."""
        order, hold = self._hold(call)
        return json_answer(200, shows.related(order, shows.authorization(order, hold, self._base)))

    def show_capture(self, call: Call) -> Answer:
        """GET /v2/payments/captures/{id}."""
        order, capture = self._capture(call)
        return json_answer(200, shows.related(order, shows.capture(order, capture, self._base)))

    def show_refund(self, call: Call) -> Answer:
        """GET /v2/payments/refunds/{id}."""
        order = self._parent(call)
        found = [one for one in order.refunds if one.id == call.names["id"]]
        if not found:
            raise problems.absent()
        return json_answer(200, shows.refund(order, found[0], self._base))

    def capture(self, call: Call) -> Answer:
        """POST /v2/payments/authorizations/{id}/capture."""
        order, hold = self._hold(call)
        name = self._key(call)
        claim(call, name)
        if name and (saved := self.shop.payment_keys.find(name)) is not None:
            made = order.capture(saved.object)
            assert made is not None, "captures are never forgotten"
            return self._captured(call, 200, order, made)
        asked = schemas.read(call, schemas.CaptureRequest, empty=schemas.CaptureRequest())
        left = hold.amount - sum(
            one.amount for one in order.captures if one.status in ("COMPLETED", "PENDING")
        )
        amount = self._asked(order, asked.amount, left, "AUTH_CAPTURE_CURRENCY_MISMATCH")
        if hold.status in UNCAPTURABLE:
            raise problems.business(UNCAPTURABLE[hold.status])
        if amount > left:
            raise problems.business("MAX_CAPTURE_AMOUNT_EXCEEDED", "/amount/value")
        invoice = asked.invoice_id or order.invoice_id
        used = any(one.invoice_id == invoice for one in order.captures)
        if used or self.shop.invoices.get(invoice, order.id) != order.id:
            raise problems.business("DUPLICATE_INVOICE_ID", "/invoice_id")
        played = call.decides(Fault.SOFT_DECLINE, Fault.WRONG_AMOUNT, Fault.LATER)
        if played is Fault.SOFT_DECLINE:
            raise problems.business("PAYER_CANNOT_PAY")
        waits = played is Fault.LATER
        less = coins.unit_of(order.currency) if played is Fault.WRONG_AMOUNT else 0
        at = now()
        made = Movement(
            id=new_id(),
            status="PENDING" if waits else "COMPLETED",
            reason="PENDING_REVIEW" if waits else "",
            amount=amount - less,
            created=at,
            updated=at,
            invoice_id=invoice,
            custom_id=order.custom_id,
        )
        whole = asked.final_capture or amount == left
        hold = moved(hold, status="CAPTURED" if whole else "PARTIALLY_CAPTURED")
        after = changed(order, hold=hold, captures=with_capture(order, made))
        self.shop.write("capture.pending" if waits else Kind.CAPTURE, after, made)
        if waits:
            self.shop.stage.later("captured", order.id)
        shown = shows.related(after, shows.capture(after, made, self._base))
        self.shop.tell(f"PAYMENT.CAPTURE.{made.status}", "capture", shown, after.id)
        answer = self._captured(call, 201, after, made)
        if name:
            self.shop.payment_keys.save(name, "", answer, object=made.id)
        return answer

    def void(self, call: Call) -> Answer:
        """POST /v2/payments/authorizations/{id}/void: it takes no key, and a second one is refused."""
        order, hold = self._hold(call)
        if hold.status in UNVOIDABLE:
            raise problems.business(UNVOIDABLE[hold.status])
        after = void(self.shop, order, hold)
        assert after.hold is not None, "a voided authorization is still one"
        if not is_full(call):
            return Answer(204)
        shown = shows.authorization(after, after.hold, self._base)
        return json_answer(200, shows.related(after, shown))

    def refund(self, call: Call) -> Answer:
        """POST /v2/payments/captures/{id}/refund."""
        order, capture = self._capture(call)
        name = self._key(call)
        claim(call, name)
        if name and (saved := self.shop.payment_keys.find(name)) is not None:
            kept = next(one for one in order.refunds if one.id == saved.object)
            return self._refunded(call, 200, order, kept)
        asked = schemas.read(call, schemas.RefundRequest, empty=schemas.RefundRequest())
        left = capture.amount - order.refunded(capture.id)
        amount = self._asked(order, asked.amount, left, "REFUND_CAPTURE_CURRENCY_MISMATCH")
        call.about(asked.custom_id or "")
        self._refundable(order, capture, amount, left, asked.invoice_id)
        played = call.decides(
            Fault.SOFT_DECLINE, Fault.HARD_DECLINE, Fault.WRONG_AMOUNT, Fault.LATER
        )
        if played is Fault.SOFT_DECLINE:
            raise problems.business("REFUND_FAILED_INSUFFICIENT_FUNDS")
        status = {Fault.HARD_DECLINE: "FAILED", Fault.LATER: "PENDING"}.get(
            played or Fault.LATENCY, "COMPLETED"
        )
        less = coins.unit_of(order.currency) if played is Fault.WRONG_AMOUNT else 0
        at = now()
        made = Movement(
            id=new_id(),
            of=capture.id,
            status=status,
            reason="ECHECK" if status != "COMPLETED" else "",
            amount=amount - less,
            created=at,
            updated=at,
            invoice_id=asked.invoice_id or "",
            custom_id=asked.custom_id or "",
        )
        after = refunded(self.shop, order, made)
        if status == "PENDING":
            self.shop.stage.later("refunded", made.id)
        answer = self._refunded(call, 201, after, made)
        if name:
            self.shop.payment_keys.save(name, "", answer, object=made.id)
        return answer

    @property
    def _base(self) -> str:
        return self.shop.stage.public_url

    def _asked(self, order: Order, money: schemas.Money | None, left: int, mismatch: str) -> int:
        if money is None:
            return left
        amount = schemas.amount(money, "/amount", decimals=_decimals(money.currency_code))
        if money.currency_code != order.currency:
            raise problems.business(mismatch, "/amount/currency_code")
        return amount

    def _refundable(
        self, order: Order, capture: Movement, amount: int, left: int, invoice: str | None
    ) -> None:
        """Raise the 422 for what cannot be given back."""
        if capture.status == "PENDING":
            raise problems.business("PENDING_CAPTURE")
        if capture.status in ("DECLINED", "FAILED"):
            raise problems.business("REFUND_NOT_ALLOWED")
        if order.disputes and sum(one.amount for one in order.disputes) >= capture.amount:
            raise problems.business("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK")
        if left <= 0:
            raise problems.business("CAPTURE_FULLY_REFUNDED")
        if amount > left:
            raise problems.business("REFUND_AMOUNT_EXCEEDED", "/amount/value")
        if invoice and invoice in self.shop.refund_invoices:
            raise problems.business("DUPLICATE_INVOICE_ID", "/invoice_id")

    def _key(self, call: Call) -> str:
        key = key_of(call)
        return f"{call.path} {key}" if key else ""

    def _parent(self, call: Call) -> Order:
        order = self.shop.parent(call.names["id"])
        call.about(order.custom_id, order.id)
        return order

    def _hold(self, call: Call) -> tuple[Order, Movement]:
        order = self._parent(call)
        if order.hold is None or order.hold.id != call.names["id"]:
            raise problems.absent()
        return order, order.hold

    def _capture(self, call: Call) -> tuple[Order, Movement]:
        order = self._parent(call)
        capture = order.capture(call.names["id"])
        if capture is None:
            raise problems.absent()
        return order, capture

    def _captured(self, call: Call, status: int, order: Order, one: Movement) -> Answer:
        shown = shows.capture(order, one, self._base, full=is_full(call))
        return json_answer(status, shown)

    def _refunded(self, call: Call, status: int, order: Order, one: Movement) -> Answer:
        return json_answer(status, shows.refund(order, one, self._base, full=is_full(call)))


def void(shop: Shop, order: Order, hold: Movement) -> Order:
    """Let go of a hold and tell of it."""
    gone = moved(hold, status="VOIDED", reason="")
    after = shop.write(Kind.VOID, changed(order, hold=gone), gone)
    shown = shows.related(after, shows.authorization(after, gone, shop.stage.public_url))
    shop.tell("PAYMENT.AUTHORIZATION.VOIDED", "authorization", shown, after.id)
    return after


def refunded(shop: Shop, order: Order, refund: Movement) -> Order:
    """Keep a refund in its status, with what it makes of its capture, and tell of it."""
    after = changed(order, refunds=with_refund(order, refund))
    capture = after.capture(refund.of)
    assert capture is not None, "a refund is of a capture"
    back = sum(
        one.amount for one in after.refunds if one.of == capture.id and one.status == "COMPLETED"
    )
    if back:
        status = "REFUNDED" if back >= capture.amount else "PARTIALLY_REFUNDED"
        after = changed(after, captures=with_capture(after, moved(capture, status=status)))
    kind = {"COMPLETED": Kind.REFUND, "PENDING": "refund.begun"}.get(refund.status, "refund.failed")
    shop.write(kind, after, refund)
    shown = shows.refund(after, refund, shop.stage.public_url)
    done = refund.status == "COMPLETED"
    type_ = "PAYMENT.CAPTURE.REFUNDED" if done else f"PAYMENT.REFUND.{refund.status}"
    shop.tell(type_, "refund", shown, refund.id)
    return after


def _decimals(currency: str) -> str:
    none = coins.DIGITS.get(currency) == 0
    return "DECIMALS_NOT_SUPPORTED" if none else "DECIMAL_PRECISION"
