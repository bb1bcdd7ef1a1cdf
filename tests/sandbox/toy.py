"""The smallest provider that a stage can hold: it makes charges and confirms them. For tests."""

import hashlib
import secrets
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import msgspec

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage import pages
from ops.sandbox.stage.board import Operation, Step
from ops.sandbox.stage.calls import Call, Endpoint, Failing, Refusal, Refused, handled
from ops.sandbox.stage.command import main
from ops.sandbox.stage.faults import Fault
from ops.sandbox.stage.keys import Keys
from ops.sandbox.stage.lines import KEY, Kind, Line
from ops.sandbox.stage.outbox import Notice
from ops.sandbox.stage.provider import LeverError, Provider, Section
from ops.sandbox.stage.stage import Stage

STATUS = {
    Refusal.NOT_FOUND: 404,
    Refusal.METHOD: 405,
    Refusal.TOO_LARGE: 413,
    Refusal.RATE_LIMITED: 429,
    Refusal.UNAVAILABLE: 503,
    Refusal.SERVER_ERROR: 500,
}


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client asks for."""

    reference: str
    amount: int
    currency: str


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """A charge as the toy keeps and shows it."""

    id: str
    reference: str
    amount: int
    currency: str
    status: str


class Toy(Provider):
    """One account."""

    name = "toy"
    about = "A toy that charges."
    secrets: ClassVar[Mapping[str, str]] = {"SIM_SECRET_KEY": "the API key"}
    body_limit = 2048

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._charges: dict[str, Charge] = {}
        self._keys = Keys(stage)

    def routes(self) -> Mapping[str, Mapping[str, Endpoint]]:
        return {
            "/token": {"POST": Endpoint(lambda _: json_answer(200, {"token": "t"}))},
            "/charges": {"POST": Endpoint(self._make, Operation.CHARGE, Step.MAKE)},
            "/charges/{id}": {"GET": Endpoint(self._show, Operation.READ)},
            "/charges/{id}/confirm": {"POST": Endpoint(self._confirm, Operation.CHARGE)},
            "/pay/{id}": {"GET": Endpoint(self._page, public=True)},
        }

    def refusal(self, kind: Refusal) -> Answer:
        return json_answer(STATUS[kind], {"toy": kind})

    def admits(self, call: Call) -> Answer | None:
        key = f"Bearer {self.stage.settings.secrets['SIM_SECRET_KEY']}"
        return (
            None if call.headers.get("authorization") == key else json_answer(401, {"toy": "who"})
        )

    def run(self, call: Call, endpoint: Endpoint, failing: Failing | None) -> Answer:
        key = call.headers.get("idempotency-key")
        if key is None or failing is Failing.BEFORE:
            return super().run(call, endpoint, failing)
        if not call.claim(key):
            return json_answer(409, {"toy": "in flight"})
        if (saved := self._keys.find(key)) is not None:
            return saved.answer
        answer = handled(endpoint, call)
        self._keys.save(key, call.path, answer)
        return self.refusal(Refusal.SERVER_ERROR) if failing else answer

    def sealed(self, answer: Answer) -> Answer:
        seal = hashlib.sha256(answer.body).hexdigest()
        return replace(answer, headers=dict(answer.headers) | {"Toy-Seal": seal})

    def restore(self, line: Line) -> None:
        if line.kind == KEY:
            self._keys.restore(line)
        else:
            self._charges[line.object] = line.holds(Charge)

    def due(self, what: str, object_id: str) -> None:
        if self._charges[object_id].status == "pending":
            self.settle(object_id, what)

    def posted(self, notice: Notice, now_s: float) -> tuple[Mapping[str, str], bytes]:
        return {"Toy-Sent": str(now_s), "Toy-Type": notice.type}, notice.body.encode()

    def acknowledged(self, status: int, body: bytes) -> bool:
        return super().acknowledged(status, body) and body != b"no"

    def retry_after_s(self, tries: int, status: int | None) -> float | None:
        return 1.0 if tries < 3 and status != 410 else None

    def settle(self, object_id: str, to: str) -> None:
        if object_id not in self._charges:
            raise LeverError("There is no such charge.")
        self._becomes(Kind.SALE if to == "captured" else to, self._charges[object_id], to)

    def guide(self) -> tuple[Section, ...]:
        return (Section("Cards", (("<any>", "is fine & charged"),)),)

    def _make(self, call: Call) -> Answer:
        try:
            order = msgspec.json.decode(call.body, type=Order)
        except msgspec.DecodeError as error:
            raise Refused(json_answer(400, {"toy": str(error)})) from error
        if call.decides(Fault.ASKS):
            raise Refused(json_answer(402, {"toy": "asks"}))
        id_ = f"toy_{secrets.token_hex(8)}"
        call.about(order.reference, id_)
        made = Charge(
            id=id_,
            reference=order.reference,
            amount=order.amount,
            currency=order.currency,
            status="made",
        )
        return self._becomes("made", made, "made")

    def _confirm(self, call: Call) -> Answer:
        charge = self._found(call)
        match call.decision:
            case Fault.SOFT_DECLINE:
                return self._becomes("declined", charge, "declined")
            case Fault.LATER:
                self.stage.later("captured", charge.id)
                return self._becomes("pending", charge, "pending")
            case _:
                return self._becomes(Kind.SALE, charge, "captured")

    def _show(self, call: Call) -> Answer:
        return json_answer(200, self._found(call))

    def _page(self, call: Call) -> Answer:
        charge = self._charges.get(call.names["id"])
        if charge is None:
            return pages.missing()
        return pages.asking("Pay?", charge.amount, charge.currency, {"For": charge.reference})

    def _found(self, call: Call) -> Charge:
        charge = self._charges.get(call.names["id"])
        if charge is None:
            raise Refused(self.refusal(Refusal.NOT_FOUND))
        call.about(charge.reference, charge.id)
        return charge

    def _becomes(self, kind: str, charge: Charge, status: str) -> Answer:
        after = msgspec.structs.replace(charge, status=status)
        self._charges[after.id] = after
        self.stage.record(
            kind,
            object=after.id,
            reference=after.reference,
            amount=after.amount,
            currency=after.currency,
            state=after,
        )
        body = msgspec.json.encode(after).decode()
        self.stage.notify(
            Notice(id=f"evt_{secrets.token_hex(8)}", type=status, object=after.id, body=body)
        )
        return json_answer(200, after)


if __name__ == "__main__":
    sys.exit(main(Toy))
