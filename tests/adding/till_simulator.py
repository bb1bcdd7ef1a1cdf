"""Till's simulator: python -m tests.adding.till_simulator."""

import hmac
import secrets
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import msgspec

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.board import Operation
from ops.sandbox.stage.calls import Call, Endpoint, Refusal, Refused
from ops.sandbox.stage.command import main
from ops.sandbox.stage.faults import Fault
from ops.sandbox.stage.lines import Kind, Line
from ops.sandbox.stage.outbox import Notice
from ops.sandbox.stage.provider import Provider
from ops.sandbox.stage.stage import Stage

STATUS = {
    Refusal.NOT_FOUND: 404,
    Refusal.METHOD: 405,
    Refusal.TOO_LARGE: 413,
    Refusal.RATE_LIMITED: 429,
    Refusal.UNAVAILABLE: 503,
    Refusal.SERVER_ERROR: 500,
}
BANK_SAYS = {Fault.SOFT_DECLINE: "no_funds", Fault.HARD_DECLINE: "stolen"}


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a charge is asked for with."""

    reference: str
    amount: int
    currency: str
    token: str


class Charge(msgspec.Struct, frozen=True):
    """A charge as it is kept and shown."""

    id: str
    reference: str
    amount: int
    currency: str
    status: str
    reason: str
    asked: Order


class Till(Provider):
    """One account."""

    name = "till"
    about = "A till: it charges cards, once per reference."
    secrets: ClassVar[Mapping[str, str]] = {
        "SIM_SECRET_KEY": "the API key",
        "SIM_WEBHOOK_SECRET": "signs webhooks",
    }

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._charges: dict[str, Charge] = {}  # by reference

    def routes(self) -> Mapping[str, Mapping[str, Endpoint]]:
        return {
            "/charges": {
                "POST": Endpoint(self._charge, Operation.CHARGE),
                "GET": Endpoint(self._search, Operation.READ),
            },
            "/charges/{id}": {"GET": Endpoint(self._show, Operation.READ)},
        }

    def refusal(self, kind: Refusal) -> Answer:
        headers = {"Retry-After": "1"} if kind is Refusal.RATE_LIMITED else {}
        return replace(json_answer(STATUS[kind], {"error": kind}), headers=headers)

    def admits(self, call: Call) -> Answer | None:
        key = f"Bearer {self.stage.settings.secrets['SIM_SECRET_KEY']}"
        known = hmac.compare_digest(call.headers.get("authorization", "").encode(), key.encode())
        return None if known else json_answer(401, {"error": "who are you"})

    def restore(self, line: Line) -> None:
        charge = line.holds(Charge)
        self._charges[charge.reference] = charge

    def posted(self, notice: Notice, now_s: float) -> tuple[Mapping[str, str], bytes]:
        body, at = notice.body.encode(), str(int(now_s))
        secret = self.stage.settings.secrets["SIM_WEBHOOK_SECRET"].encode()
        mac = hmac.digest(secret, at.encode() + b"." + body, "sha256").hex()
        return {"Content-Type": "application/json", "Till-Signature": f"t={at},v1={mac}"}, body

    def _charge(self, call: Call) -> Answer:
        try:
            order = msgspec.json.decode(call.body, type=Order)
        except msgspec.DecodeError as error:
            raise Refused(json_answer(400, {"error": str(error)})) from error
        call.about(order.reference)
        known = self._charges.get(order.reference)
        if known is not None:
            same = known.asked == order
            return _shown(known) if same else json_answer(409, {"error": "reference used"})
        reason = BANK_SAYS.get(fault := call.decision or Fault.LATENCY, "")
        charge = Charge(
            id=f"till_{secrets.token_hex(8)}",
            reference=order.reference,
            amount=order.amount + (fault is Fault.WRONG_AMOUNT),
            currency=order.currency,
            status="refused" if reason else "paid",
            reason=reason,
            asked=order,
        )
        self._charges[charge.reference] = charge
        self.stage.record(
            "refused" if reason else Kind.SALE,
            object=charge.id,
            reference=charge.reference,
            amount=charge.amount,
            currency=charge.currency,
            state=charge,
        )
        event: dict[str, Any] = {
            "id": f"evt_{charge.id}",
            "type": f"charge.{charge.status}",
            "charge": charge,
        }
        body = msgspec.json.encode(event).decode()
        self.stage.notify(Notice(id=event["id"], type=event["type"], object=charge.id, body=body))
        return _shown(charge)

    def _search(self, call: Call) -> Answer:
        found = self._charges.get(call.query.get("reference", ""))
        return json_answer(200, {"data": [found] if found else []})

    def _show(self, call: Call) -> Answer:
        for charge in self._charges.values():
            if charge.id == call.names["id"]:
                return json_answer(200, charge)
        raise Refused(self.refusal(Refusal.NOT_FOUND))


def _shown(charge: Charge) -> Answer:
    return json_answer(201, charge)


if __name__ == "__main__":
    sys.exit(main(Till))
