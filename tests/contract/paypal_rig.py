"""PayPal's simulator in its own process, and what PayPal documents."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from domain.attempt import Attempt, Operation
from domain.means import Method
from domain.money import Money
from domain.payment import Payment
from domain.payout import Destination
from domain.ports import Promise
from tests.contract.made import a_payment
from tests.contract.rigs import (
    Coin,
    Fate,
    Finds,
    News,
    Open,
    OtherBody,
    Replay,
    Scenario,
    Ways,
)
from tests.contract.staged import StageRig
from tests.workers.raw_server import http
from workers.gateways import Adapter, Setup
from workers.gateways.paypal import PayPal

_PAYPAL = Method("paypal")
_KEPT = timedelta(days=45)
_KEYS: Mapping[str, str] = {"client_id": "client-1", "client_secret": "secret-1"}
#: Where a forged body leaves room for what makes its checksum the old one: JSON allows blanks here.
BLANKS = 64


class PayPalRig(StageRig):
    """A charge is an order that the payer approves; then it is captured, or authorized."""

    ways: ClassVar[Ways] = Ways(
        provider="paypal",
        promises={
            Operation.CHARGE: Promise(timedelta(hours=6), split=True),
            Operation.CAPTURE: Promise(_KEPT),
            Operation.VOID: Promise(timedelta(days=29)),
            Operation.REFUND: Promise(
                _KEPT, authoritative=True, visibility_lag=timedelta(seconds=60)
            ),
            Operation.PAYOUT: Promise(timedelta(days=30)),
        },
        coins={0: Coin("JPY"), 2: Coin("EUR")},
        pays=_PAYPAL,
        holds=_PAYPAL,
        asks_always=True,
        lacks=(Method("card", "tok_1"), Method("paypal", "not an address")),
        destinations=(
            Destination("wallet", "somebody@payee.example"),
            Destination("wallet", "ABCDEFGH23456"),
        ),
        no_destinations=(
            Destination("bank_account", "ba_1"),
            Destination("card", "tok_1"),
            Destination("wallet", "not an address"),
        ),
        any_token=False,
        decides={
            Operation.CHARGE: frozenset(
                {
                    Scenario.SOFT_DECLINE,
                    Scenario.HARD_DECLINE,
                    Scenario.CHARGES_MORE,
                    Scenario.DECIDES_LATER,
                }
            ),
            Operation.CAPTURE: frozenset(
                {Scenario.SOFT_DECLINE, Scenario.CHARGES_MORE, Scenario.DECIDES_LATER}
            ),
            Operation.REFUND: frozenset(
                {Scenario.HARD_DECLINE, Scenario.CHARGES_MORE, Scenario.DECIDES_LATER}
            ),
            Operation.PAYOUT: frozenset({Scenario.SOFT_DECLINE, Scenario.CHARGES_MORE}),
        },
        refuses={Scenario.LIMITS_RATE: None},
        declines_stay_open=True,
        finds={
            Operation.CHARGE: Finds.NEVER,
            Operation.REFUND: Finds.AT_ONCE,
            Operation.PAYOUT: Finds.NEVER,
        },
        replays=dict.fromkeys(Operation, Replay.LATEST),
        other_body=OtherBody.IGNORED,
        reads_at_once=frozenset({Operation.VOID}),
        fates=frozenset({Fate.CAPTURED, Fate.AUTHORIZED, Fate.DECLINED, Fate.REFUNDED}),
        cancels=frozenset({Open.ACTION, Open.HELD}),
        charges_back=True,
        charges_back_in_part=True,
        payouts_return=True,
        doubles=frozenset({Operation.REFUND}),
        news={
            News.AUTHORIZED: "PAYMENT.AUTHORIZATION.CREATED",
            News.CAPTURED: "PAYMENT.CAPTURE.COMPLETED",
            News.CHARGED_BACK: "CUSTOMER.DISPUTE.RESOLVED",
            News.REFUNDED: "PAYMENT.CAPTURE.REFUNDED",
            News.PAYOUT_BEGUN: "PAYMENT.PAYOUTSBATCH.PROCESSING",
            News.PAID_OUT: "PAYMENT.PAYOUTS-ITEM.SUCCEEDED",
            News.PAYOUT_RETURNED: "PAYMENT.PAYOUTS-ITEM.REFUNDED",
        },
        proves_body=False,  # of the body only a checksum is signed
    )
    module = "ops.sandbox.paypal"
    secrets: ClassVar[Mapping[str, str]] = {
        "SIM_CLIENT_ID": _KEYS["client_id"],
        "SIM_CLIENT_SECRET": _KEYS["client_secret"],
        "SIM_WEBHOOK_ID": "4JH86294D6297924G",
    }
    credentials = _KEYS
    wrong_credentials: ClassVar[Mapping[str, str]] = {
        "client_id": "client-1",
        "client_secret": "secret-2",
    }
    webhook_secret = "4JH86294D6297924G"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        #: Whom the certificate of the webhooks leads to.
        self.ca_file: str = self.simulator.ready["ca_file"]

    def build(self, setup: Setup) -> Adapter:
        return PayPal(setup)

    def does_again(self, attempt: Attempt) -> None:
        assert attempt.operation is Operation.REFUND, "PayPal's own guards prevent the others"
        order = self._asked("GET", f"/v2/checkout/orders/{attempt.target}")
        capture = order["purchase_units"][0]["payments"]["captures"][0]["id"]
        amount = json.loads(attempt.request)["amount"]
        body = {"amount": amount, "custom_id": attempt.reference}
        self._asked("POST", f"/v2/payments/captures/{capture}/refund", body)

    def tampered(self, body: bytes) -> bytes:
        """Somebody in the middle has another status in it, and blanks that keep the checksum."""
        event = json.loads(body)
        event["resource"]["status"] = "INVENTED"
        forged = json.dumps(event, separators=(",", ":")).encode()
        return forced(forged, zlib.crc32(body))

    def nonsense(self, attempt: Attempt) -> bytes | None:
        match attempt.operation:
            case Operation.VOID:
                return None
            case Operation.CHARGE:
                calls = json.loads(attempt.request)
                return json.dumps(calls | {"body": {"amount": "much"}}).encode()
            case _:
                return b'{"amount": "much"}'

    def inexpressible(self) -> Payment:
        return a_payment(1250, "KWD", method=_PAYPAL)

    def greets(self) -> tuple[bytes, ...]:
        token = {"access_token": "A21AA-1", "token_type": "Bearer", "expires_in": 31_668}
        return (http("200 OK", json.dumps(token).encode()),)

    def shown(self, attempt: Attempt) -> tuple[int, bytes]:
        capture = {"id": "CAPTURE1", "status": "COMPLETED", "amount": in_words(attempt.money)}
        unit = {"custom_id": attempt.reference, "payments": {"captures": [capture]}}
        order = {
            "id": attempt.provider_id,
            "status": "COMPLETED",
            "intent": "CAPTURE",
            "purchase_units": [unit],
        }
        return 201, json.dumps(order).encode()

    def _asked(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        basic = ":".join(_KEYS.values()).encode()
        token = self.simulator.send(
            "POST",
            "/v1/oauth2/token",
            b"grant_type=client_credentials",
            {"Authorization": f"Basic {base64.b64encode(basic).decode()}"},
        ).json["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        raw = None if body is None else json.dumps(body).encode()
        answer = self.simulator.send(method, path, raw, headers)
        assert answer.status < 300, answer.body
        return answer.json


def in_words(money: Money) -> dict[str, str]:
    """Euros and yen as PayPal writes them."""
    text = str(money).partition(" ")[0]
    return {"currency_code": money.currency.code, "value": text}


def forced(body: bytes, checksum: int) -> bytes:
    """Return a JSON text with blanks at its end, such that its CRC-32 is this one.

    A CRC is linear: each blank that becomes a tab changes it by a number that depends on its place
    alone. Some of those numbers together make the difference that is wanted.
    """
    plain = body + b" " * BLANKS
    start = zlib.crc32(plain)
    basis: dict[int, tuple[int, int]] = {}  # highest bit -> change, places that make it
    for place in range(BLANKS):
        other = bytearray(plain)
        other[len(body) + place] = ord("\t")
        change, places = zlib.crc32(other) ^ start, 1 << place
        while change:
            high = change.bit_length()
            if high not in basis:
                basis[high] = (change, places)
                break
            change, places = change ^ basis[high][0], places ^ basis[high][1]
    wanted, chosen = start ^ checksum, 0
    while wanted:
        change, places = basis[wanted.bit_length()]
        wanted, chosen = wanted ^ change, chosen ^ places
    blanks = bytes(ord("\t") if chosen >> place & 1 else ord(" ") for place in range(BLANKS))
    assert zlib.crc32(body + blanks) == checksum, "linear algebra is broken"
    return body + blanks
