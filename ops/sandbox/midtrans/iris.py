"""Iris: payouts, made with the creator's key, let go with the approver's."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ops.sandbox.midtrans import showing
from ops.sandbox.midtrans.objects import SEN, Payout, iris_now
from ops.sandbox.midtrans.showing import iris_refusal
from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call, Refused
from ops.sandbox.stage.faults import Fault
from ops.sandbox.stage.lines import Kind
from ops.sandbox.stage.outbox import Notice
from ops.sandbox.stage.provider import LeverError
from ops.sandbox.stage.stage import Stage

MAKING = "An error occurred when creating payouts"
APPROVING = "An error occurred when approving payouts"
REJECTING = "An error occurred when rejecting payouts"
NOT_THERE = "Payouts not found. Please check reference nos"
MOST = 100
BANKS = ("bca", "bni", "bri", "cimb", "mandiri", "permata", "danamon", "gopay", "ovo")
_RULES: Mapping[str, tuple[re.Pattern[str], str]] = {
    "beneficiary_name": (re.compile(r"[A-Za-z0-9 .,'-]{1,100}"), "Beneficiary name is invalid"),
    "beneficiary_account": (re.compile(r"[0-9]{4,34}"), "Beneficiary account is invalid"),
    "beneficiary_bank": (
        re.compile("|".join(BANKS)),
        "Beneficiary bank is not included in the list",
    ),
    "amount": (re.compile(r"[1-9][0-9]{0,14}(?:\.00?)?"), "Amount is not a number"),
    "notes": (re.compile(r"[A-Za-z0-9 ]{1,100}"), "Notes is invalid"),
}
_OPTIONAL = {"beneficiary_email": re.compile(r"[^@ ]{1,64}@[^@ ]{1,190}")}
#: What an open payout is.
OPEN = frozenset({"approved", "processed"})
#: Why a payout fails.
REFUSED_BY_BANK, NO_BALANCE, RETURNED = "012", "016", "025"


@dataclass
class Iris:
    """The account's payouts."""

    stage: Stage
    _kept: dict[str, Payout] = field(default_factory=dict)

    def make(self, call: Call) -> Answer:
        """POST /iris/api/v1/payouts: nothing moves yet."""
        given = _object(call.body, MAKING)
        wanted = given.get("payouts")
        if (
            set(given) != {"payouts"}
            or not isinstance(wanted, list)
            or not 1 <= len(wanted) <= MOST
        ):
            raise Refused(iris_refusal(400, MAKING, ["Payouts is invalid"]))
        wrong = {str(n): found for n, one in enumerate(wanted) if (found := _complaints(one))}
        if wrong:
            raise Refused(iris_refusal(400, MAKING, wrong))
        made = [self._becomes("made", _payout(one), tell=False) for one in wanted]
        call.about(made[0].notes, made[0].number)
        shown = [{"status": one.status, "reference_no": one.number} for one in made]
        return json_answer(201, {"payouts": shown})

    def approve(self, call: Call) -> Answer:
        """POST /iris/api/v1/payouts/approve: from now on the money moves."""
        for payout in self._named(call, APPROVING, "otp"):
            match call.decision:
                case Fault.SOFT_DECLINE:
                    self._fails(payout, NO_BALANCE)
                case Fault.HARD_DECLINE:
                    self._fails(payout, REFUSED_BY_BANK)
                case Fault.WRONG_AMOUNT:
                    self._goes(msgspec.structs.replace(payout, amount=payout.amount + 1), "pay")
                case Fault.PAYOUT_RETURNED:
                    self._goes(payout, "return")
                case Fault.LATER_DECLINE:
                    self._goes(payout, "fail")
                case _:
                    self._goes(payout, "pay")
        return json_answer(202, {"status": "ok"})

    def refuse(self, call: Call) -> Answer:
        """POST /iris/api/v1/payouts/reject."""
        for payout in self._named(call, REJECTING, "reject_reason"):
            self._becomes("rejected", _now(payout, status="rejected"))
        return json_answer(202, {"status": "ok"})

    def show(self, call: Call) -> Answer:
        """GET /iris/api/v1/payouts/{number}."""
        payout = self._kept.get(call.names["number"])
        if payout is None:
            raise Refused(iris_refusal(404, "Payout is not found"))
        call.about(payout.notes, payout.number)
        return json_answer(200, showing.payout(payout))

    def decide(self, number: str, *, succeeds: bool) -> None:
        """Have the bank pay, or not."""
        payout = self._under(number)
        if payout.status not in OPEN:
            raise LeverError(f"A payout that is {payout.status} is not under way.")
        if succeeds:
            done = _now(payout, status="completed")
            self._becomes(Kind.PAYOUT, done, amount=payout.amount)
        else:
            self._fails(payout, REFUSED_BY_BANK)

    def come_back(self, number: str) -> None:
        """Have a payout come back that had arrived."""
        payout = self._under(number)
        if payout.status != "completed":
            raise LeverError(f"A payout that is {payout.status} cannot come back.")
        failed = _now(payout, status="failed", error_code=RETURNED)
        self._becomes(Kind.PAYOUT_RETURNED, failed, amount=payout.amount)

    def due(self, what: str, number: str) -> None:
        """Take what was to happen later, if it still can."""
        status = self._under(number).status
        if status in OPEN:
            self.decide(number, succeeds=what != "fail")
            if what == "return":
                self.stage.later("return", number)
        elif what == "return" and status == "completed":
            self.come_back(number)

    def restore(self, payout: Payout) -> None:
        """Take what an earlier process has written."""
        self._kept[payout.number] = payout

    def _named(self, call: Call, message: str, other: str) -> list[Payout]:
        given = _object(call.body, message)
        numbers = given.get("reference_nos")
        known = set(given) <= {"reference_nos", other} and isinstance(given.get(other, ""), str)
        if not known or not isinstance(numbers, list) or not numbers:
            raise Refused(iris_refusal(400, message, ["Request is invalid"]))
        found = [self._kept.get(str(number)) for number in numbers]
        waiting = [one for one in found if one is not None and one.status == "queued"]
        if len(waiting) != len(numbers):
            raise Refused(iris_refusal(400, message, [NOT_THERE]))
        call.about(waiting[0].notes, waiting[0].number)
        return waiting

    def _under(self, number: str) -> Payout:
        if number not in self._kept:
            raise LeverError("There is no such payout.")
        return self._kept[number]

    def _goes(self, payout: Payout, then: str) -> None:
        self._becomes("payout.begun", _now(payout, status="approved"))
        self.stage.later(then, payout.number)

    def _fails(self, payout: Payout, error_code: str) -> None:
        self._becomes("failed", _now(payout, status="failed", error_code=error_code))

    def _becomes(
        self, kind: Kind | str, payout: Payout, *, amount: int = 0, tell: bool = True
    ) -> Payout:
        self._kept[payout.number] = payout
        self.stage.record(
            kind,
            object=payout.number,
            reference=payout.notes,
            amount=amount * SEN,
            currency="IDR" if amount else "",
            state=payout,
        )
        if tell:
            self._tell(payout)
        return payout

    def _tell(self, payout: Payout) -> None:
        body: dict[str, Any] = {
            "reference_no": payout.number,
            "amount": showing.rupiah(payout.amount),
            "status": payout.status,
            "updated_at": payout.changed_at,
        }
        if payout.error_code:
            body |= {"error_code": payout.error_code, "error_message": "Transfer was declined."}
        self.stage.notify(
            Notice(
                id=str(uuid.uuid4()),
                type=f"payout.{payout.status}",
                object=payout.number,
                reference=payout.notes,
                body=msgspec.json.encode(body).decode(),
                about={"host": "iris"},
            )
        )


def _object(body: bytes, message: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused(iris_refusal(400, message, ["Request is invalid"]))
    return found


def _complaints(given: object) -> list[str]:
    if not isinstance(given, dict):
        return ["Payout is invalid"]
    wrong = [f"{name} is unknown" for name in sorted(set(given) - set(_RULES) - set(_OPTIONAL))]
    for name, (like, message) in _RULES.items():
        if not isinstance(given.get(name), str) or not like.fullmatch(given[name]):
            wrong.append(message)
    for name, like in _OPTIONAL.items():
        if name in given and not (isinstance(given[name], str) and like.fullmatch(given[name])):
            wrong.append(f"{name} is invalid")
    return wrong


def _payout(given: Mapping[str, str]) -> Payout:
    at = iris_now()
    return Payout(
        number=secrets.token_hex(9),
        amount=int(given["amount"].partition(".")[0]),
        name=given["beneficiary_name"],
        account=given["beneficiary_account"],
        bank=given["beneficiary_bank"],
        notes=given["notes"],
        email=given.get("beneficiary_email", ""),
        status="queued",
        made_at=at,
        changed_at=at,
    )


def _now(payout: Payout, *, status: str, error_code: str = "") -> Payout:
    return msgspec.structs.replace(
        payout, status=status, changed_at=iris_now(), error_code=error_code
    )
