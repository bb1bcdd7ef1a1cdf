"""One account at the simulated Stripe: its paths, its key, its saved answers, its webhooks."""

import base64
import binascii
import hashlib
import hmac
import secrets
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qsl

import msgspec

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage import pages
from ops.sandbox.stage.board import Act, Operation, Step
from ops.sandbox.stage.calls import Call, Endpoint, Failing, Handler, Refusal, Refused
from ops.sandbox.stage.keys import Keys
from ops.sandbox.stage.lines import KEY, Line
from ops.sandbox.stage.outbox import Notice
from ops.sandbox.stage.provider import LeverError, Provider, Section
from ops.sandbox.stage.stage import Stage
from ops.sandbox.stripe import orders, payments
from ops.sandbox.stripe.cards import BEHAVIOURS, PAYPAL
from ops.sandbox.stripe.coins import counted_here, in_minor_units
from ops.sandbox.stripe.errors import IDEMPOTENCY, REQUEST, Invalid, error, missing, of_the_stage
from ops.sandbox.stripe.forms import text
from ops.sandbox.stripe.guide import SECTIONS
from ops.sandbox.stripe.holdings import API_VERSION, Holdings
from ops.sandbox.stripe.intents import Intents
from ops.sandbox.stripe.lists import listed, searched
from ops.sandbox.stripe.methods import Methods
from ops.sandbox.stripe.objects import Dispute, Intent, Payout, Refund, Thing, shown
from ops.sandbox.stripe.orders import Orders
from ops.sandbox.stripe.payments import Payments
from ops.sandbox.stripe.windows import CREATED, is_within
from ops.sandbox.wire import Request

SECRET_KEY, WEBHOOK_SECRET = "SIM_SECRET_KEY", "SIM_WEBHOOK_SECRET"
KEY_LIMIT = 255
#: Waits between the tries of a webhook, about three days in all (s).
WAITS = (10.0, 60.0, 600.0, 3_600.0, 21_600.0, 43_200.0, 86_400.0, 86_400.0)


class Saving(msgspec.Struct):
    """What the lever that saves a method may be told."""

    type: str = "card"
    customer: str = "cus_saved"


class StripeAccount(Provider):
    """One account in test mode."""

    name = "stripe"
    about = (
        "Stripe's API for PaymentIntents, refunds, payouts and disputes, with its rules for "
        "parameters and idempotency keys, its test cards, and signed webhooks."
    )
    secrets: ClassVar[Mapping[str, str]] = {
        SECRET_KEY: "the API key, sk_test_...",
        WEBHOOK_SECRET: "the endpoint's secret, whsec_...",
    }

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._keys = Keys(stage)
        self._held = Holdings(stage)
        self._methods = Methods(self._held)
        self._payments = Payments(stage, self._held, self._methods)
        self._intents = Intents(self._held, self._methods, self._payments)
        self._orders = Orders(stage, self._held)

    @classmethod
    def options(cls, line: ArgumentParser) -> None:
        line.add_argument(
            "--search-lag-s", type=float, default=0.0, help="age at which an intent is searchable"
        )

    def routes(self) -> Mapping[str, Mapping[str, Endpoint]]:
        def read(handler: Handler) -> dict[str, Endpoint]:
            return {"GET": Endpoint(handler, Operation.READ)}

        def post(handler: Handler, operation: Operation = Operation.OTHER) -> dict[str, Endpoint]:
            return {"POST": Endpoint(handler, operation)}

        held, intents, orders = self._held, self._intents, self._orders
        create = {"POST": Endpoint(intents.create, reads=_making)}
        page = {method: Endpoint(self._page, public=True) for method in ("GET", "POST")}
        of_intent = {"payment_intent": text(255), "charge": text(255), **CREATED}
        return {
            "/v1/payment_intents": create
            | read(lambda call: listed(call, held.intents.values(), _OF_CUSTOMER, _is_of)),
            "/v1/payment_intents/search": read(self._search),
            "/v1/payment_intents/{id}": read(intents.retrieve),
            "/v1/payment_intents/{id}/confirm": post(intents.confirm, Operation.CHARGE),
            "/v1/payment_intents/{id}/capture": post(intents.capture, Operation.CAPTURE),
            "/v1/payment_intents/{id}/cancel": post(intents.cancel, Operation.VOID),
            "/v1/refunds": post(orders.refund, Operation.REFUND)
            | read(lambda call: listed(call, held.refunds.values(), of_intent, _is_of)),
            "/v1/refunds/{id}": read(lambda call: _one(call, "refund", held.refunds)),
            "/v1/payouts": post(orders.pay_out, Operation.PAYOUT)
            | read(lambda call: listed(call, held.payouts.values(), _FILTERS, _is_of)),
            "/v1/payouts/{id}": read(lambda call: _one(call, "payout", held.payouts)),
            "/v1/payouts/{id}/cancel": post(orders.cancel_payout),
            "/v1/disputes": read(
                lambda call: listed(call, held.disputes.values(), of_intent, _is_of)
            ),
            "/v1/disputes/{id}": read(lambda call: _one(call, "dispute", held.disputes)),
            "/v1/payment_methods": post(self._methods.create),
            "/v1/payment_methods/{id}": read(self._methods.retrieve),
            "/v1/payment_methods/{id}/attach": post(self._methods.attach),
            "/v1/payment_methods/{id}/detach": post(self._methods.detach),
            "/v1/customers": post(self._methods.customer),
            "/3ds/{id}/{secret}": page,
            "/authorize/{id}/{secret}": page,
        }

    def refusal(self, kind: Refusal) -> Answer:
        return of_the_stage(kind)

    def admits(self, call: Call) -> Answer | None:
        scheme, _, shown_key = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                shown_key = base64.b64decode(shown_key, validate=True).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                shown_key = ""
        if not shown_key:
            return error(401, REQUEST, "You did not provide an API key.")
        if shown_key.startswith("pk_"):
            message = "This request needs a secret key, not a publishable one."
            return error(403, REQUEST, message, code="secret_key_required")
        key = self.stage.settings.secrets[SECRET_KEY]
        if not hmac.compare_digest(shown_key.encode(), key.encode()):
            return error(401, REQUEST, f"Invalid API Key provided: {shown_key[:8]}****")
        return None

    def run(self, call: Call, endpoint: Endpoint, failing: Failing | None) -> Answer:
        """Carry out. What an endpoint has begun to do is kept under the key, failures too; what was
        wrong in itself, or met another request with the same key, is not."""
        key = call.headers.get("idempotency-key")
        if call.method != "POST" or key is None:
            return super().run(call, endpoint, failing)
        if not key or len(key) > KEY_LIMIT:
            return error(400, REQUEST, "An idempotency key has 1 to 255 characters.")
        if not call.claim(key):
            message = "Another request with this idempotency key is in progress."
            return error(409, IDEMPOTENCY, message, code="idempotency_key_in_use")
        pairs = sorted(parse_qsl(call.body.decode("latin-1"), keep_blank_values=True))
        fingerprint = f"{call.path} {pairs}"
        if (saved := self._keys.find(key)) is not None:
            if saved.fingerprint != fingerprint:
                message = "This key was used before, for another request or other parameters."
                return error(400, IDEMPOTENCY, message)
            answer = saved.answer
            return replace(answer, headers=dict(answer.headers) | {"Idempotent-Replayed": "true"})
        answer = self.refusal(Refusal.SERVER_ERROR)
        if failing is not Failing.BEFORE:
            try:
                done = endpoint.handler(call)
            except Invalid as wrong:
                return wrong.answer
            except Refused as refused:
                done = refused.answer
            answer = answer if failing is Failing.AFTER else done
        self._keys.save(key, fingerprint, answer, object=call.sighting.object)
        return answer

    def sealed(self, answer: Answer) -> Answer:
        named = {"Request-Id": f"req_{secrets.token_hex(7)}", "Stripe-Version": API_VERSION}
        return replace(answer, headers=dict(answer.headers) | named)

    def restore(self, line: Line) -> None:
        if line.kind == KEY:
            self._keys.restore(line)
        else:
            self._held.restore(line)

    def due(self, what: str, object_id: str) -> None:
        held = self._held
        if (refund := held.refunds.get(object_id)) is not None:
            undecided = refund.status == "pending"
            if undecided or (what == orders.FAILS and refund.status == "succeeded"):
                self._orders.decide_refund(refund, succeeds=what == orders.SUCCEEDS)
        elif (payout := held.payouts.get(object_id)) is not None:
            if what == orders.PAID and payout.status == "pending":
                self._orders.decide_payout(payout, succeeds=True)
            elif what == orders.COMES_BACK and payout.status == "paid":
                self._orders.return_payout(payout)
        elif what == payments.DISPUTED:
            intent = held.intents[object_id]
            reason = BEHAVIOURS[intent.card].dispute or "fraudulent"
            if intent.status == "succeeded":
                self._orders.dispute(intent, intent.amount_received, reason)
        else:
            self._payments.due(what, held.intents[object_id])

    # Webhooks

    def posted(self, notice: Notice, now_s: float) -> tuple[Mapping[str, str], bytes]:
        body, at = notice.body.encode(), int(now_s)
        secret = self.stage.settings.secrets[WEBHOOK_SECRET].encode()
        signature = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        old = hashlib.sha256(body).hexdigest()  # of a scheme that proves nothing, and only in tests
        return {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": f"t={at},v1={signature},v0={old}",
            "User-Agent": "Stripe/1.0 (simulated)",
        }, body

    def retry_after_s(self, tries: int, status: int | None) -> float | None:
        return WAITS[tries - 1] if tries <= len(WAITS) else None

    # Levers

    def settle(self, object_id: str, to: str) -> None:
        intent = self._intent(object_id)
        if to != "refunded":
            self._payments.settle(intent, to)
            return
        left = intent.amount_received - (intent.charge.amount_refunded if intent.charge else 0)
        if intent.status != "succeeded" or not left:
            raise LeverError("There is no money that could go back.")
        self._orders.give_back(intent, left, {})

    def approve(self, object_id: str) -> None:
        self._payments.answered(self._intent(object_id), approves=True)

    def reject(self, object_id: str) -> None:
        self._payments.answered(self._intent(object_id), approves=False)

    def charge_back(self, object_id: str, minor: int) -> None:
        intent = self._intent(object_id)
        self._orders.dispute(intent, counted_here(minor, intent.currency), "fraudulent")

    def decide_refund(self, object_id: str, *, succeeds: bool) -> None:
        refund = _known(self._held.refunds, object_id)
        self._orders.decide_refund(refund, succeeds=succeeds)

    def decide_payout(self, object_id: str, *, succeeds: bool) -> None:
        payout = _known(self._held.payouts, object_id)
        self._orders.decide_payout(payout, succeeds=succeeds)

    def return_payout(self, object_id: str) -> None:
        self._orders.return_payout(_known(self._held.payouts, object_id))

    def levers(self) -> Mapping[str, Mapping[str, Handler]]:
        def closes(won: bool) -> Handler:
            def handler(call: Call) -> Answer:
                dispute = _known(self._held.disputes, call.names["id"])
                self._orders.close_dispute(dispute, won=won)
                return json_answer(200, {"done": True})

            return handler

        def saves(call: Call) -> Answer:
            said = msgspec.json.decode(call.body or b"{}", type=Saving)
            card = PAYPAL if said.type == PAYPAL else "pm_card_visa"
            method = self._methods.seed(call.names["id"], card, said.customer)
            return json_answer(200, shown(method))

        return {
            "/disputes/{id}/win": {"POST": closes(True)},
            "/disputes/{id}/lose": {"POST": closes(False)},
            "/payment_methods/{id}/save": {"POST": saves},
        }

    def guide(self) -> tuple[Section, ...]:
        return SECTIONS

    def _intent(self, object_id: str) -> Intent:
        return _known(self._held.intents, object_id)

    def _search(self, call: Call) -> Answer:
        lag_s: float = self.stage.settings.options.search_lag_s
        return searched(call, self._held.intents.values(), lag_s)

    def _page(self, call: Call) -> Answer:
        """Show the payer the page of their bank, or of PayPal, and take their decision."""
        intent = self._held.intents.get(call.names["id"])
        if intent is None or not hmac.compare_digest(intent.secret, call.names["secret"]):
            return pages.missing()
        about = {"Payment": intent.id}
        title = "Pay with PayPal" if intent.card == PAYPAL else "Authenticate"
        if call.method == "POST" and intent.status == "requires_action":
            if (said := pages.decision(call.body)) is None:
                return pages.asking(title, 0, "", about)
            intent = self._payments.answered(intent, approves=said == "approve")
        if intent.status == "requires_action":
            amount = in_minor_units(intent.amount, intent.currency)
            return pages.asking(title, amount, intent.currency.upper(), about)
        return pages.ended(f"The payment is now {intent.status}.", about, intent.return_url)


T = TypeVar("T")

_FILTERS = {"status": text(20), "destination": text(255), **CREATED}
_OF_CUSTOMER = {"customer": text(255), **CREATED}


def _making(request: Request) -> Act:
    """A create that confirms at once moves money."""
    said = dict(parse_qsl(request.body.decode("latin-1")))
    return Act(Operation.CHARGE, Step.MOVE if said.get("confirm") == "true" else Step.MAKE)


def _is_of(thing: Thing, params: Mapping[str, Any]) -> bool:
    ours = ("limit", "starting_after", "created")
    filters = {name: params[name] for name in params if name not in ours}
    same = all(getattr(thing, name) == value for name, value in filters.items())
    return same and is_within(thing, params)


def _one(call: Call, what: str, among: Mapping[str, Refund | Payout | Dispute]) -> Answer:
    thing = among.get(call.names["id"])
    if thing is None:
        raise missing(what, call.names["id"], "id")
    call.about(object_id=thing.id)
    return json_answer(200, shown(thing))


def _known(among: Mapping[str, T], object_id: str) -> T:
    if object_id not in among:
        raise LeverError("There is no such object.")
    return among[object_id]
