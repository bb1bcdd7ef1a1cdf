"""The simulated account: its keys, its paths, what it refuses, its webhooks and levers."""

from __future__ import annotations

import base64
import contextlib
import hmac
from argparse import ArgumentParser
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, ClassVar

import msgspec

from ops.sandbox.midtrans import showing
from ops.sandbox.midtrans.cards import ASKS, CARDS, INSISTS, STALE, token_for
from ops.sandbox.midtrans.changes import Changes
from ops.sandbox.midtrans.charges import Charges
from ops.sandbox.midtrans.iris import Iris
from ops.sandbox.midtrans.objects import Payout, Transaction
from ops.sandbox.midtrans.payers import Payers
from ops.sandbox.midtrans.shelf import Shelf
from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.board import Operation, Step
from ops.sandbox.stage.calls import Call, Endpoint, Failing, Handler, Refusal
from ops.sandbox.stage.keys import Keys
from ops.sandbox.stage.lines import KEY, Line
from ops.sandbox.stage.outbox import Notice
from ops.sandbox.stage.provider import LeverError, Provider, Section
from ops.sandbox.stage.stage import Stage

#: Every path of payouts begins with this.
IRIS = "/iris/"
#: A longer key of the Core API is dropped without a word; one of Iris is refused.
CORE_KEY, IRIS_KEY = 46, 100
#: Only these are kept under a key of the Core API.
KEPT = frozenset({"200", "201"})
#: Whose charges no key protects.
UNPROTECTED = b'"permata"'
IRIS_KEY_WINDOW_S = 86_400.0
MERCHANT = "G141532850"

#: How often a webhook is sent again, by the status it met; with any other one, and with none, five
#: times. A redirect to another place for good is taken for the end of it.
AGAIN: Mapping[int, int] = {500: 1, 503: 4, 400: 2, 404: 2, 301: 0, 302: 0, 303: 0}
OFTEN = 5
#: The waits between the tries, in seconds.
WAITS_S = (120.0, 600.0, 1800.0, 5400.0, 12_600.0)

#: Whether the request under way is one to Iris, whose refusals look different.
_at_iris: ContextVar[bool] = ContextVar("at_iris", default=False)


class Account(Provider):
    """One merchant account."""

    name = "midtrans"
    about = (
        "Midtrans' Core API (cards, GoPay, QRIS, ShopeePay, virtual accounts) and Iris payouts, in "
        "rupiah. A charge's real guard is its order_id; an Idempotency-Key lives five minutes, and "
        "knows neither path nor body."
    )
    secrets: ClassVar[Mapping[str, str]] = {
        "SIM_SERVER_KEY": "the server key of the Core API; notifications are signed with it",
        "SIM_IRIS_CREATOR_KEY": "the key that makes payouts",
        "SIM_IRIS_APPROVER_KEY": "the key that lets them go",
        "SIM_IRIS_MERCHANT_KEY": "the key that signs Iris' notifications",
    }
    body_limit = 16 * 1024
    key_window_s = 300.0
    webhook_within_s = 15.0

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._keys = stage.settings.secrets
        options = stage.settings.options
        shelf = Shelf(stage, self._keys["SIM_SERVER_KEY"], MERCHANT, options.settle_after_s)
        self._shelf = shelf
        self._charges = Charges(stage, shelf, repeats_links=not options.bare_status)
        self._changes = Changes(shelf, self._charges)
        self._payers = Payers(shelf, self._charges)
        self._iris = Iris(stage)
        self._core_keys = Keys(stage)
        self._iris_keys = Keys(stage, IRIS_KEY_WINDOW_S)

    @classmethod
    def options(cls, line: ArgumentParser) -> None:
        line.add_argument(
            "--settle-after-s",
            type=float,
            default=0.0,
            help="from capture to settlement of a card; 0: as soon as anybody looks",
        )
        line.add_argument(
            "--bare-status",
            action="store_true",
            help="do not repeat a card's redirect_url when its status is read",
        )

    def routes(self) -> Mapping[str, Mapping[str, Endpoint]]:
        charges, changes, iris = self._charges, self._changes, self._iris
        refund = Endpoint(changes.refund, Operation.REFUND)
        payer = {
            "GET": Endpoint(self._payers.ask, public=True),
            "POST": Endpoint(self._payers.decide, public=True),
        }
        payouts = "/iris/api/v1/payouts"
        return {
            "/v2/charge": {"POST": Endpoint(charges.charge, Operation.CHARGE)},
            "/v2/capture": {"POST": Endpoint(changes.capture, Operation.CAPTURE)},
            "/v2/token": {"GET": Endpoint(self._token, public=True)},
            "/v2/{name}/status": {"GET": Endpoint(charges.status, Operation.READ)},
            "/v2/{name}/cancel": {"POST": Endpoint(changes.cancel, Operation.VOID)},
            "/v2/{name}/expire": {"POST": Endpoint(changes.expire, Operation.VOID)},
            "/v2/{name}/approve": {"POST": Endpoint(changes.approve)},
            "/v2/{name}/deny": {"POST": Endpoint(changes.deny)},
            "/v2/{name}/refund": {"POST": refund},
            "/v2/{name}/refund/online/direct": {"POST": refund},
            "/v2/3ds/redirect/{name}": payer,
            "/v2/{kind}/{name}/qr-code": payer,
            "/{kind}/app/{name}": payer,
            "/va/{account}": payer,
            payouts: {"POST": Endpoint(iris.make, Operation.PAYOUT, Step.MAKE)},
            f"{payouts}/approve": {"POST": Endpoint(iris.approve, Operation.PAYOUT)},
            f"{payouts}/reject": {"POST": Endpoint(iris.refuse)},
            f"{payouts}/{{number}}": {"GET": Endpoint(iris.show, Operation.READ)},
        }

    def admits(self, call: Call) -> Answer | None:
        iris = call.path.startswith(IRIS)
        _at_iris.set(iris)
        if not iris:
            fits = self._is_key(call, "SIM_SERVER_KEY")
            return None if fits else showing.refusal("401")
        creator = self._is_key(call, "SIM_IRIS_CREATOR_KEY")
        approver = self._is_key(call, "SIM_IRIS_APPROVER_KEY")
        decides = call.path.endswith(("/approve", "/reject"))
        fits = approver if decides else creator or (approver and call.method == "GET")
        return None if fits else showing.iris_refusal(401, "HTTP Basic: Access denied.")

    def refusal(self, kind: Refusal) -> Answer:
        code = showing.STAGE[kind]
        if _at_iris.get():
            return showing.iris_refusal(int(code), showing.MESSAGES[code])
        return showing.refusal(code)

    def run(self, call: Call, endpoint: Endpoint, failing: Failing | None) -> Answer:
        if call.method != "POST":
            return super().run(call, endpoint, failing)
        if call.path.startswith(IRIS):
            return self._under_iris_key(call, endpoint, failing)
        return self._under_core_key(call, endpoint, failing)

    def restore(self, line: Line) -> None:
        if line.kind == KEY:
            keys = self._iris_keys if line.object == "iris" else self._core_keys
            keys.restore(line)
            return
        kept: Transaction | Payout = msgspec.json.decode(line.state, type=Transaction | Payout)
        if isinstance(kept, Payout):
            self._iris.restore(kept)
        else:
            self._shelf.restore(kept)

    def due(self, what: str, object_id: str) -> None:
        with contextlib.suppress(LeverError):  # somebody was faster
            if what == "bank":
                self._shelf.confirms(object_id)
            elif what in ("pay", "fail", "return"):
                self._iris.due(what, object_id)
            else:
                self._changes.due(what, object_id)

    # Webhooks

    def posted(self, notice: Notice, now_s: float) -> tuple[Mapping[str, str], bytes]:
        body = notice.body.encode()
        headers = {"Content-Type": "application/json"}
        if notice.about.get("host") == "iris":
            key = self._keys["SIM_IRIS_MERCHANT_KEY"]
            headers |= {"Iris-Signature": showing.iris_signature(body, key)}
        return headers, body

    def retry_after_s(self, tries: int, status: int | None) -> float | None:
        often = OFTEN if status is None else AGAIN.get(status, OFTEN)
        return WAITS_S[tries - 1] if tries <= often else None

    # Levers

    def settle(self, object_id: str, to: str) -> None:
        self._changes.settle(object_id, to)

    def approve(self, object_id: str) -> None:
        self._charges.approve(object_id)

    def reject(self, object_id: str) -> None:
        self._charges.reject(object_id)

    def charge_back(self, object_id: str, minor: int) -> None:
        self._changes.charge_back(object_id, minor)

    def decide_refund(self, object_id: str, *, succeeds: bool) -> None:
        if not succeeds:
            raise LeverError("A refund that Midtrans has accepted does not fail.")
        self._shelf.confirms(object_id)

    def decide_payout(self, object_id: str, *, succeeds: bool) -> None:
        self._iris.decide(object_id, succeeds=succeeds)

    def return_payout(self, object_id: str) -> None:
        self._iris.come_back(object_id)

    def levers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {"/transactions/{name}/deny": {"POST": self._deny_late}}

    def guide(self) -> tuple[Section, ...]:
        return (
            Section(
                "Cards: credit_card.token_id",
                (
                    *((token, card.what) for token, card in CARDS.items()),
                    ("tok_visa, tok_...", "accepted; 3DS where it is asked for"),
                    (ASKS, INSISTS.what),
                    (STALE, "411: the token has timed out"),
                    ("GET /v2/token?card_number=...", "a token for a test card's number"),
                ),
            ),
            Section(
                "Pages of the payer",
                (
                    ("/v2/3ds/redirect/{id}", "their bank's"),
                    ("/v2/{gopay or qris}/{id}/qr-code, /{wallet}/app/{id}", "their wallet's"),
                    ("/va/{va_number}", "where a virtual account is paid into"),
                ),
            ),
            Section(
                "More levers",
                (("/transactions/{id}/deny", "the bank denies what had settled"),),
            ),
        )

    def _deny_late(self, call: Call) -> Answer:
        self._changes.denied_late(call.names["name"])
        return json_answer(200, {"done": True})

    def _token(self, call: Call) -> Answer:
        token = token_for(call.query.get("card_number", ""))
        if token is None:
            return showing.refusal("400", "card_number is not a test card's")
        return json_answer(200, {"status_code": "200", "token_id": token})

    def _is_key(self, call: Call, name: str) -> bool:
        """Whether the request is made with this key: it is the user's name, without a password."""
        wanted = b"Basic " + base64.b64encode(f"{self._keys[name]}:".encode())
        return hmac.compare_digest(call.headers.get("authorization", "").encode(), wanted)

    def _under_core_key(self, call: Call, endpoint: Endpoint, failing: Failing | None) -> Answer:
        """A key brings the first answer back, whatever the path and the body of the second."""
        key = call.headers.get("idempotency-key", "")
        if not 0 < len(key) <= CORE_KEY or UNPROTECTED in call.body:
            return super().run(call, endpoint, failing)
        if (saved := self._core_keys.find(key)) is not None:
            return saved.answer
        if not call.claim(f"core {key}"):
            body = {"status_code": "202", "status_message": "The first request is still processed"}
            return json_answer(202, body)
        answer = super().run(call, endpoint, failing)
        if answer.status < 300 and _status_code(answer) in KEPT:
            self._core_keys.save(key, "", answer, object="core")
        return answer

    def _under_iris_key(self, call: Call, endpoint: Endpoint, failing: Failing | None) -> Answer:
        """A key brings the first answer back, and refuses another body."""
        key = call.headers.get("x-idempotency-key", "")
        if len(key) > IRIS_KEY:
            return showing.iris_refusal(400, "X-Idempotency-Key is too long")
        if not key:
            return super().run(call, endpoint, failing)
        said = call.path + " " + call.body.decode("latin-1")
        saved = self._iris_keys.find(key)
        if saved is not None and saved.fingerprint != said:
            return showing.iris_refusal(409, "X-Idempotency-Key was used for another request")
        if saved is not None:
            return saved.answer
        if not call.claim(f"iris {key}"):
            return showing.iris_refusal(409, "The first request is still processed")
        answer = super().run(call, endpoint, failing)
        if answer.status < 300:
            self._iris_keys.save(key, said, answer, object="iris")
        return answer


def _status_code(answer: Answer) -> str:
    found: Any = msgspec.json.decode(answer.body)
    return str(found.get("status_code"))
