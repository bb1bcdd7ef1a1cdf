"""Xendit on the stage: routes, authentication, webhooks, levers."""

import hmac
from argparse import ArgumentParser
from base64 import b64encode
from collections.abc import Mapping
from typing import ClassVar

import msgspec

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.board import Operation
from ops.sandbox.stage.calls import Call, Endpoint, Handler, Refusal
from ops.sandbox.stage.lines import Line
from ops.sandbox.stage.outbox import Notice
from ops.sandbox.stage.provider import LeverError, Provider, Section
from ops.sandbox.stage.stage import Stage
from ops.sandbox.times import rfc3339
from ops.sandbox.xendit import guide
from ops.sandbox.xendit.account import Account
from ops.sandbox.xendit.charging import Charging
from ops.sandbox.xendit.checkout import Checkout, refusal_of
from ops.sandbox.xendit.disputes import Disputes
from ops.sandbox.xendit.errors import RESET_S, error, limited, of_stage
from ops.sandbox.xendit.lifecycle import OPEN
from ops.sandbox.xendit.limits import RateLimit
from ops.sandbox.xendit.objects import Charge
from ops.sandbox.xendit.orders import Orders
from ops.sandbox.xendit.tokens import Tokens
from ops.sandbox.xendit.transactions import Transactions

VERSIONS = ("2024-11-11",)
#: Between the tries of a webhook (s): 15 min, 1 h, 3 h, 6 h, 12 h and 24 h after the first.
WAITS = (900.0, 2_700.0, 7_200.0, 10_800.0, 21_600.0, 43_200.0)


class Xendit(Provider):
    """One account at Xendit, in test mode."""

    name = "xendit"
    about = "Xendit: payment requests v3, payments, refunds, payouts v2, disputes."
    secrets: ClassVar[Mapping[str, str]] = {
        "SIM_SECRET_KEY": "the secret API key",
        "SIM_CALLBACK_TOKEN": "the webhook verification token",
    }
    webhook_within_s = 30.0

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        options = stage.settings.options
        self._account = Account(stage)
        self._charging = Charging(self._account, skips_3ds=not options.always_3ds)
        self._life = self._charging.life
        self._checkout = Checkout(self._account, self._life)
        self._tokens = Tokens(self._account)
        self._limit = RateLimit(options.per_minute)
        self._orders = Orders(self._account)
        self._disputes = Disputes(self._account)
        self._transactions = Transactions(self._account)
        key = stage.settings.secrets["SIM_SECRET_KEY"]
        self._authorization = b"Basic " + b64encode(f"{key}:".encode())

    @classmethod
    def options(cls, line: ArgumentParser) -> None:
        line.add_argument(
            "--always-3ds", action="store_true", help="refuse card charges that skip 3DS"
        )
        line.add_argument(
            "--per-minute",
            type=int,
            default=0,
            help="requests a minute to one endpoint: 60 in Xendit's test mode; 0 has no limit",
        )
        line.add_argument(
            "--list-by-reference",
            action="store_true",
            help="answer GET /v3/payment_requests?reference_id=, which is not documented",
        )

    def routes(self) -> Mapping[str, Mapping[str, Endpoint]]:
        charging, orders = self._charging, self._orders
        requests = {"POST": Endpoint(charging.make, Operation.CHARGE)}
        if self.stage.settings.options.list_by_reference:
            requests["GET"] = _read(charging.listed)
        page = {
            "GET": Endpoint(self._checkout.page, public=True),
            "POST": Endpoint(self._checkout.decide, public=True),
        }
        one, paid = "/v3/payment_requests/{id}", "/v3/payments/{id}"
        return {
            "/v3/payment_requests": requests,
            one: {"GET": _read(charging.show)},
            f"{one}/cancel": {"POST": Endpoint(charging.cancel, Operation.VOID)},
            f"{one}/simulate": {"POST": Endpoint(charging.simulate)},
            paid: {"GET": _read(charging.show_payment)},
            f"{paid}/capture": {"POST": Endpoint(charging.capture, Operation.CAPTURE)},
            f"{paid}/cancel": {"POST": Endpoint(charging.release, Operation.VOID)},
            "/v3/payment_tokens/{id}": {"GET": _read(self._tokens.show)},
            "/v3/payment_tokens/{id}/cancel": {"POST": Endpoint(self._tokens.forget)},
            "/refunds": {
                "POST": Endpoint(orders.refund, Operation.REFUND),
                "GET": _read(orders.list_refunds),
            },
            "/refunds/{id}": {"GET": _read(orders.show_refund)},
            "/v2/payouts": {
                "POST": Endpoint(orders.pay_out, Operation.PAYOUT),
                "GET": _read(orders.list_payouts),
            },
            "/v2/payouts/{id}": {"GET": _read(orders.show_payout)},
            "/v2/payouts/{id}/cancel": {"POST": Endpoint(orders.cancel_payout)},
            "/transactions": {"GET": _read(self._transactions.listed)},
            "/v1/disputes": {"GET": _read(self._disputes.listed)},
            "/checkout/{id}": page,
        }

    def refusal(self, kind: Refusal) -> Answer:
        return limited(RESET_S) if kind is Refusal.RATE_LIMITED else of_stage(kind)

    def admits(self, call: Call) -> Answer | None:
        shown = call.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(shown, self._authorization):
            return error(401, "INVALID_API_KEY", "API key format is invalid")
        if call.path.startswith("/v3/") and call.headers.get("api-version") not in VERSIONS:
            return error(400, "API_VALIDATION_ERROR", "the header api-version is 2024-11-11")
        typed = call.headers.get("content-type", "").partition(";")[0].strip().lower()
        if call.method == "POST" and typed != "application/json":
            return error(415, "UNSUPPORTED_CONTENT_TYPE", "The content type is not supported")
        wait_s = self._limit.refuses_for_s(call.method, call.path)
        return None if wait_s is None else limited(wait_s)

    def restore(self, line: Line) -> None:
        self._account.restore(line)

    def due(self, what: str, object_id: str) -> None:
        charge = self._account.charges.get(object_id)
        if charge is None:
            self._orders.due(what, object_id)
        elif what == "charged back":
            self.charge_back(object_id, charge.amount)
        else:
            self._life.due(what, charge)

    # Webhooks

    def posted(self, notice: Notice, now_s: float) -> tuple[Mapping[str, str], bytes]:
        """Nothing is signed, and `created` is the time of the try: two tries differ."""
        body = msgspec.json.decode(notice.body)
        if "created" in body:
            body["created"] = rfc3339(now_s)
        headers = {
            "Content-Type": "application/json",
            "x-callback-token": self.stage.settings.secrets["SIM_CALLBACK_TOKEN"],
            "webhook-id": notice.id,
        }
        return headers, msgspec.json.encode(body)

    def retry_after_s(self, tries: int, status: int | None) -> float | None:
        return WAITS[tries - 1] if tries <= len(WAITS) else None

    # Levers

    def settle(self, object_id: str, to: str) -> None:
        charge = self._found(object_id)
        match to, charge.status:
            case "captured", status if status in OPEN:
                self._life.pay(charge)
            case "authorized", status if status in OPEN and charge.manual:
                self._life.hold(charge)
            case "declined", status if status in OPEN:
                self._life.fail(charge, "DECLINED_BY_ISSUER")
            case "canceled", status if status in OPEN:
                self._life.cancel(charge)
            case "expired", status if status in OPEN:
                self._life.expire(charge)
            case "canceled", "AUTHORIZED":
                self._life.release(charge, "CANCELED")
            case "expired", "AUTHORIZED":
                self._life.release(charge, "EXPIRED")
            case "refunded", "SUCCEEDED":
                self._orders.give_back(charge)
            case _:
                raise LeverError(f"The charge is {charge.status} and cannot become {to}.")

    def approve(self, object_id: str) -> None:
        self._life.carry_out(self._asked(object_id))

    def reject(self, object_id: str) -> None:
        charge = self._asked(object_id)
        self._life.fail(charge, refusal_of(charge))

    def charge_back(self, object_id: str, minor: int) -> None:
        self._disputes.lose(self._found(object_id), minor)

    def decide_refund(self, object_id: str, *, succeeds: bool) -> None:
        self._orders.decide_refund(object_id, succeeds=succeeds)

    def decide_payout(self, object_id: str, *, succeeds: bool) -> None:
        self._orders.decide_payout(object_id, succeeds=succeeds)

    def return_payout(self, object_id: str) -> None:
        self._orders.return_payout(object_id)

    def levers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {"/objects/{id}/pay_late": {"POST": self._pay_late}}

    def guide(self) -> tuple[Section, ...]:
        return guide.SECTIONS

    def _pay_late(self, call: Call) -> Answer:
        """Have the money of an expired or cancelled request arrive: it stays as it ended."""
        charge = self._found(call.names["id"])
        if charge.status not in ("EXPIRED", "CANCELED") or charge.payment is not None:
            raise LeverError("Only an unpaid request that has ended can be paid late.")
        self._life.pay(charge, late=True)
        return json_answer(200, {"status": charge.status})

    def _found(self, object_id: str) -> Charge:
        if object_id not in self._account.charges:
            raise LeverError("There is no such payment request.")
        return self._account.charges[object_id]

    def _asked(self, object_id: str) -> Charge:
        charge = self._found(object_id)
        if charge.status != "REQUIRES_ACTION":
            raise LeverError(f"The charge is {charge.status}; nobody waits for its payer.")
        return charge


def _read(handler: Handler) -> Endpoint:
    return Endpoint(handler, Operation.READ)
