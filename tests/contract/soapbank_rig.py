"""A bank that speaks SOAP in its own process, and what the protocol documents."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import re
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar
from uuid import uuid4

from domain.attempt import Attempt, Operation
from domain.means import Method
from domain.payment import Payment
from domain.payout import Destination
from domain.ports import Promise, Resolution
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
from tests.workers.raw_server import http as raw_http
from workers.gateways import Adapter, Setup
from workers.gateways.soapbank import SoapBank

_PROMISE = Promise(
    key_window=timedelta(hours=72),
    resolution=Resolution.LOOKUP_FIRST,
    authoritative=True,
    visibility_lag=timedelta(0),
)
_CREATED_FIRST = Promise(
    key_window=timedelta(hours=72),
    resolution=Resolution.LOOKUP_FIRST,
    authoritative=True,
    visibility_lag=timedelta(0),
    split=True,
)
_DECLINES = frozenset({Scenario.SOFT_DECLINE, Scenario.HARD_DECLINE})
_PLAYED = _DECLINES | {Scenario.CHARGES_MORE, Scenario.DECIDES_LATER}
_OWN = frozenset({Operation.CHARGE, Operation.REFUND, Operation.PAYOUT})
_ACCOUNT = "DE89370400440532013000"

KEY_ID, SECRET = "shop-1", "the-bank-and-the-shop-know"
_NAMESPACE = "urn:soapbank:v1"
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    "%s</s:Body></s:Envelope>"
)


class SoapBankRig(StageRig):
    """The reference protocol: everything by one call, but payouts, which are created first."""

    ways: ClassVar[Ways] = Ways(
        provider="soapbank",
        promises={
            Operation.CHARGE: _PROMISE,
            Operation.CAPTURE: _PROMISE,
            Operation.VOID: _PROMISE,
            Operation.REFUND: _PROMISE,
            Operation.PAYOUT: _CREATED_FIRST,
        },
        coins={0: Coin("JPY"), 2: Coin("EUR"), 3: Coin("KWD")},
        pays=Method("card", "tok_1"),
        holds=Method("card", "tok_1"),
        never_held=(Method("bank_transfer", _ACCOUNT),),
        lacks=(
            Method("card", ""),
            Method("card", _ACCOUNT),
            Method("bank_transfer", "tok_1"),
            Method("wallet", "tok_1"),
            Method("paypal", "tok_1"),
        ),
        destinations=(Destination("bank_account", _ACCOUNT),),
        no_destinations=(
            Destination("bank_account", "tok_1"),
            Destination("wallet", _ACCOUNT),
            Destination("card", "tok_1"),
        ),
        decides={
            Operation.CHARGE: _PLAYED,
            Operation.CAPTURE: _PLAYED,
            Operation.REFUND: _PLAYED,
            Operation.PAYOUT: _DECLINES | {Scenario.CHARGES_MORE},
        },
        refuses={Scenario.LIMITS_RATE: 1.0, Scenario.IS_DOWN: 1.0},
        finds=dict.fromkeys(_OWN, Finds.AT_ONCE),
        replays=dict.fromkeys(Operation, Replay.SAME),
        other_body=OtherBody.REFUSED,
        reads_at_once=frozenset({Operation.VOID}),
        fates=frozenset(Fate) - {Fate.EXPIRED},
        cancels=frozenset({Open.HELD, Open.LATER}),
        charges_back=True,
        charges_back_in_part=True,
        refunds_fail_late=True,
        payouts_return=True,
        doubles=_OWN,
        news={
            News.AUTHORIZED: "AUTHORISED",
            News.CAPTURED: "SETTLED",
            News.CHARGED_BACK: "REVERSED",
            News.REFUNDED: "REFUNDED",
            News.REFUND_FAILED: "REJECTED",
            News.PAYOUT_BEGUN: "APPROVED",
            News.PAID_OUT: "SENT",
            News.PAYOUT_RETURNED: "RETURNED",
        },
    )
    module = "ops.sandbox.soapbank"
    secrets: ClassVar[Mapping[str, str]] = {"SIM_KEY_ID": KEY_ID, "SIM_SECRET": SECRET}
    credentials: ClassVar[Mapping[str, str]] = {"key_id": KEY_ID, "secret": SECRET}
    wrong_credentials: ClassVar[Mapping[str, str]] = {"key_id": KEY_ID, "secret": "a-guess"}
    webhook_secret = SECRET
    takes = (200, (_ENVELOPE % f'<Ack xmlns="{_NAMESPACE}"/>').encode())

    def build(self, setup: Setup) -> Adapter:
        return SoapBank(setup)

    def does_again(self, attempt: Attempt) -> None:
        """Another of the bank's own programs, which has the secret but not our request's id."""
        first = attempt.request.partition(b"\0")[0]
        named = re.sub(rb"<RequestId>[^<]*", b"<RequestId>" + uuid4().hex.encode(), first)
        operations = {
            Operation.CHARGE: "Sale" if attempt.captures else "Authorise",
            Operation.REFUND: "Refund",
            Operation.PAYOUT: "Payout",
        }
        answer = self._ask(operations[attempt.operation], named)
        if attempt.operation is Operation.PAYOUT:
            made = re.search(r"<BankId>([^<]+)", answer)
            assert made, answer
            fields = f"<RequestId>{uuid4().hex}</RequestId><BankId>{made[1]}</BankId>"
            self._ask("ApprovePayout", _message("ApprovePayout", fields))

    def _ask(self, operation: str, body: bytes) -> str:
        headers = _signed(body) | {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{_NAMESPACE}#{operation}"',
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.simulator.port, timeout=10)
        connection.request("POST", "/soapbank", body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert answer.status == 200, text
        return text

    def tampered(self, body: bytes) -> bytes:
        changed = re.sub(rb"<Status>[A-Z]+", b"<Status>CANCELLED", body)
        assert changed != body
        return changed

    def nonsense(self, attempt: Attempt) -> bytes | None:
        return attempt.request.replace(b"</RequestId>", b"</RequestId><Much>1</Much>")

    def inexpressible(self) -> Payment:
        return a_payment(method=Method("card", "tok_" + "1" * 61))

    def shown(self, attempt: Attempt) -> tuple[int, bytes]:
        code, digits = attempt.money.currency.code, attempt.money.currency.exponent
        amount = f"{attempt.money.minor / 10**digits:.{digits}f}"
        none = f"{0:.{digits}f}"
        told = {
            "BankId": "sbc_1",
            "Reference": attempt.reference,
            "Kind": "CHARGE",
            "Status": "SETTLED",
            "Amount": amount,
            "Currency": code,
            "AuthorisedAmount": none,
            "SettledAmount": amount,
            "RefundedAmount": none,
            "ReversedAmount": none,
            "Reason": "",
        }
        record = "".join(f"<{name}>{text}</{name}>" for name, text in told.items())
        head = f"<RequestId>{attempt.key()}</RequestId><Duplicate>false</Duplicate>"
        return 200, _message("SaleResponse", f"{head}<Record>{record}</Record>")

    def spoken(self, status: int, body: bytes) -> bytes:
        headers = [f"{name}: {value}" for name, value in _signed(body).items()]
        return raw_http(f"{status} Whatever", body, "Content-Type: text/xml", *headers)


def _message(name: str, inner: str) -> bytes:
    return (_ENVELOPE % f'<{name} xmlns="{_NAMESPACE}">{inner}</{name}>').encode()


def _signed(body: bytes) -> dict[str, str]:
    at = str(int(time.time()))
    mac = hmac.new(SECRET.encode(), at.encode() + b"." + body, hashlib.sha256)
    return {
        "X-Bank-Key-Id": KEY_ID,
        "X-Bank-Timestamp": at,
        "X-Bank-Signature": mac.hexdigest(),
    }
