"""The bank as the stage's provider: one endpoint, signed both ways, and its levers."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from typing import ClassVar, TypeAlias

from ops.sandbox.replies import Answer
from ops.sandbox.soapbank import statement
from ops.sandbox.soapbank.charges import Charges
from ops.sandbox.soapbank.guide import SECTIONS
from ops.sandbox.soapbank.objects import Thing, record
from ops.sandbox.soapbank.payouts import Payouts
from ops.sandbox.soapbank.refunds import Refunds
from ops.sandbox.soapbank.rules import (
    ACTS,
    GET_STATEMENT,
    GET_STATUS,
    Order,
    asked_for,
    not_found,
    order,
)
from ops.sandbox.soapbank.seals import Seal
from ops.sandbox.soapbank.shelf import Shelf
from ops.sandbox.soapbank.writer import XML, fault, repeated, response
from ops.sandbox.stage.board import Act, Operation
from ops.sandbox.stage.calls import Call, Endpoint, Refusal
from ops.sandbox.stage.keys import Keys
from ops.sandbox.stage.lines import KEY, Line
from ops.sandbox.stage.outbox import Notice
from ops.sandbox.stage.provider import Provider, Section
from ops.sandbox.stage.stage import Stage
from ops.sandbox.wire import Request

ENDPOINT = "/soapbank"
#: Seconds before the second, third ... try of a callback.
WAITS = (60.0, 600.0, 3_600.0, 21_600.0, 86_400.0)
#: The receiver's word that it has a callback.
_ACK = re.compile(rb"<(?:[A-Za-z]\w*:)?Ack[\s/>]")

#: The one answer that is not signed: whose secret would it be?
STRANGER = fault("Client.AUTH", "The key, the time or the signature is wrong.")
_SOON = {"Retry-After": "1"}
REFUSALS: Mapping[Refusal, Answer] = {
    Refusal.NOT_FOUND: Answer(404, b"No service here.", "text/plain"),
    Refusal.METHOD: Answer(405, b"POST only.", "text/plain"),
    Refusal.TOO_LARGE: fault("Client.VALIDATION", "A request has at most 64 KiB."),
    Refusal.RATE_LIMITED: fault("Client.LIMIT", "Too many requests.", headers=_SOON),
    Refusal.UNAVAILABLE: fault("Server.UNAVAILABLE", "Try again later.", headers=_SOON),
    Refusal.SERVER_ERROR: fault("Server.INTERNAL", "Something went wrong."),
}

#: Carries an order out and returns what it is about.
Work: TypeAlias = Callable[[Order, Call], Thing]


class Bank(Provider):
    """One merchant's account at a bank."""

    name = "soapbank"
    about = (
        "A bank that speaks SOAP 1.1: card charges and holds, direct debits, refunds, payouts that "
        "are created first and approved then."
    )
    secrets: ClassVar[Mapping[str, str]] = {
        "SIM_KEY_ID": "the merchant's key id",
        "SIM_SECRET": "the secret that signs requests, answers and callbacks",
    }
    body_limit = 64 * 1024
    key_window_s = 72 * 3600.0
    webhook_within_s = 10.0

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        kept = stage.settings.secrets
        self._seal = Seal(kept["SIM_KEY_ID"], kept["SIM_SECRET"])
        self._keys = Keys(stage)
        self._shelf = Shelf(stage)
        self._charges = Charges(stage, self._shelf)
        self._refunds = Refunds(stage, self._shelf, self._charges)
        self._payouts = Payouts(stage, self._shelf)
        self._works: Mapping[str, Work] = {
            "Authorise": self._charges.make,
            "Sale": self._charges.make,
            "Capture": self._charges.capture,
            "Cancel": self._charges.cancel,
            "Refund": self._refunds.make,
            "Payout": self._payouts.make,
            "ApprovePayout": self._payouts.approve,
        }

    def routes(self) -> Mapping[str, Mapping[str, Endpoint]]:
        """Return the one endpoint."""
        return {ENDPOINT: {"POST": Endpoint(self._serve, reads=_act)}}

    def refusal(self, kind: Refusal) -> Answer:
        """Return the fault, or the bare HTTP of a server that found no service."""
        return REFUSALS[kind]

    def admits(self, call: Call) -> Answer | None:
        """Let in what this account has signed, now."""
        return None if self._seal.fits(call.headers, call.body, time.time()) else STRANGER

    def sealed(self, answer: Answer) -> Answer:
        """Sign an answer, but that to a stranger."""
        if answer is STRANGER:
            return answer
        headers = dict(answer.headers) | self._seal.headers(answer.body, time.time())
        return Answer(answer.status, answer.body, answer.content_type, headers)

    def restore(self, line: Line) -> None:
        """Take a line from before a restart."""
        if line.kind == KEY:
            self._keys.restore(line)
        else:
            self._shelf.restore(line)

    def _serve(self, call: Call) -> Answer:
        headers = call.headers
        asked = order(headers.get("soapaction", ""), headers.get("content-type", ""), call.body)
        if asked.operation == GET_STATUS:
            [(field, name)] = asked.items()
            found = self._shelf.known_by(field, name)
            call.about(name if field == "Reference" else "", name if field == "BankId" else "")
            if not found:
                return not_found("object")
            return response(GET_STATUS, None, [record(thing) for thing in found])
        if asked.operation == GET_STATEMENT:
            return statement.shown(self.stage, asked)
        return self._once(asked, call)

    def _once(self, asked: Order, call: Call) -> Answer:
        """Carry out what was not carried out yet. Faults are not kept: their ids stay free."""
        fingerprint = hashlib.sha256(call.body).hexdigest()
        if not call.claim(asked.request_id):
            return fault("Server.IN_PROGRESS", "This RequestId is being worked on.")
        if (saved := self._keys.find(asked.request_id)) is not None:
            if saved.fingerprint != fingerprint:
                return fault("Client.DUPLICATE_MISMATCH", "This RequestId had another body.")
            return repeated(saved.answer)
        thing = self._works[asked.operation](asked, call)
        call.about(thing.reference, thing.id)
        answer = response(asked.operation, asked.request_id, [record(thing)])
        self._keys.save(asked.request_id, fingerprint, answer, object=thing.id)
        return answer

    # Callbacks

    def posted(self, notice: Notice, now_s: float) -> tuple[Mapping[str, str], bytes]:
        """Return one try, signed now."""
        body = notice.body.encode()
        about = {"Content-Type": XML, "SOAPAction": '"urn:soapbank:v1#Notify"'}
        return about | self._seal.headers(body, now_s), body

    def acknowledged(self, status: int, body: bytes) -> bool:
        """Whether the receiver has said Ack."""
        return status == 200 and _ACK.search(body) is not None

    def retry_after_s(self, tries: int, status: int | None) -> float | None:
        """Return the documented waits."""
        return WAITS[tries - 1] if tries <= len(WAITS) else None

    # Levers

    def due(self, what: str, object_id: str) -> None:
        """Decide what was to be decided later."""
        decide: Mapping[str, Callable[[str, str], None]] = {
            "charge": self._charges.due,
            "refund": self._refunds.due,
            "payout": self._payouts.due,
        }
        decide[what.partition(".")[0]](what, object_id)

    def settle(self, object_id: str, to: str) -> None:
        """Force a charge on."""
        if to == "refunded":
            self._refunds.all(object_id)
        else:
            self._charges.settle(object_id, to)

    def charge_back(self, object_id: str, minor: int) -> None:
        """Take money back."""
        self._charges.charge_back(object_id, minor)

    def decide_refund(self, object_id: str, *, succeeds: bool) -> None:
        """Decide a refund."""
        self._refunds.decide(object_id, succeeds=succeeds)

    def decide_payout(self, object_id: str, *, succeeds: bool) -> None:
        """Decide a payout."""
        self._payouts.decide(object_id, succeeds=succeeds)

    def return_payout(self, object_id: str) -> None:
        """Return a payout."""
        self._payouts.come_back(object_id)

    def guide(self) -> tuple[Section, ...]:
        """Return the bank's own pages of the guide."""
        return SECTIONS


def _act(request: Request) -> Act:
    operation = asked_for(request.headers.get("soapaction", ""))
    return ACTS.get(operation, Act(Operation.OTHER))
