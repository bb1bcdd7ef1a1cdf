"""Midtrans in its own process, and what its Core API and Iris document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

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
from workers.gateways import Adapter, Setup
from workers.gateways.midtrans import Midtrans

SERVER_KEY = "SB-Mid-server-test"
CREATOR_KEY, APPROVER_KEY = "IRIS-creator-test", "IRIS-approver-test"
#: Any accepted card; see the simulator's guide.
CARD = Method("card", "48111111-1114")
ACCOUNT = "bca:1234567890:Account+Holder"

#: An order_id can be used once for ever; its Idempotency-Key lives five minutes.
_GUARDED = Promise(
    key_window=timedelta(minutes=5),
    resolution=Resolution.LOOKUP_FIRST,
    authoritative=True,
    visibility_lag=timedelta(0),
)


class MidtransRig(StageRig):
    """One call does each thing, but for a payout, which is made and then approved."""

    ways: ClassVar[Ways] = Ways(
        provider="midtrans",
        promises={
            Operation.CHARGE: _GUARDED,
            Operation.CAPTURE: _GUARDED,
            Operation.VOID: _GUARDED,
            Operation.REFUND: Promise(timedelta(days=7), authoritative=True),
            Operation.PAYOUT: Promise(timedelta(days=1), authoritative=False, split=True),
        },
        coins={2: Coin("IDR", unit=100)},
        pays=CARD,
        holds=CARD,
        asks_on_demand=True,
        elsewhere=(
            Method("bank_transfer", "bca"),
            Method("bank_transfer", "permata"),
            Method("wallet", "qris"),
        ),
        never_held=(Method("bank_transfer", "bni"), Method("wallet", "qris")),
        lacks=(
            Method("card", ""),
            Method("bank_transfer"),
            Method("bank_transfer", "monte_dei_paschi"),
            Method("wallet", "wallet_1"),
        ),
        destinations=(Destination("bank_account", ACCOUNT),),
        no_destinations=(
            Destination("bank_account", "ba_1"),
            Destination("card", ACCOUNT),
            Destination("wallet", ACCOUNT),
        ),
        any_token=False,
        decides={
            Operation.CHARGE: frozenset(
                {
                    Scenario.SOFT_DECLINE,
                    Scenario.HARD_DECLINE,
                    Scenario.CHARGES_MORE,
                    Scenario.DECIDES_LATER,
                    Scenario.ASKS_THE_PAYER,
                }
            ),
            Operation.CAPTURE: frozenset({Scenario.CHARGES_MORE}),
            # A refund that the bank denies leaves no object behind, and may be asked for again.
            Operation.REFUND: frozenset({Scenario.CHARGES_MORE}),
            # An approval is always a yes; that a payout fails is told later.
            Operation.PAYOUT: frozenset({Scenario.CHARGES_MORE}),
        },
        refuses={Scenario.LIMITS_RATE: None},
        finds={
            Operation.CHARGE: Finds.AT_ONCE,
            Operation.REFUND: Finds.AT_ONCE,
            Operation.PAYOUT: Finds.NEVER,
        },
        replays=dict.fromkeys(Operation, Replay.SAME),
        # The Core API is blind to the body; Iris is not.
        other_body={
            Operation.CHARGE: OtherBody.IGNORED,
            Operation.CAPTURE: OtherBody.IGNORED,
            Operation.REFUND: OtherBody.IGNORED,
            Operation.PAYOUT: OtherBody.REFUSED,
        },
        reads_at_once=frozenset({Operation.VOID}),
        fates=frozenset(Fate),
        cancels=frozenset({Open.ACTION, Open.LATER, Open.HELD}),
        charges_back=True,
        payouts_return=True,
        news={
            News.AUTHORIZED: "authorize",
            News.CAPTURED: "capture",
            News.CHARGED_BACK: "chargeback",
            News.REFUNDED: "refund",
            News.PAYOUT_BEGUN: "payout.approved",
            News.PAID_OUT: "payout.completed",
            News.PAYOUT_RETURNED: "payout.failed",
        },
        proves_time=False,
        proves_body=False,
    )
    module = "ops.sandbox.midtrans"
    secrets: ClassVar[Mapping[str, str]] = {
        "SIM_SERVER_KEY": SERVER_KEY,
        "SIM_IRIS_CREATOR_KEY": CREATOR_KEY,
        "SIM_IRIS_APPROVER_KEY": APPROVER_KEY,
        # A key of its own in real life: the gateway's row holds both, and the suite has one.
        "SIM_IRIS_MERCHANT_KEY": SERVER_KEY,
    }
    credentials: ClassVar[Mapping[str, str]] = {
        "server_key": SERVER_KEY,
        "iris_creator_key": CREATOR_KEY,
        "iris_approver_key": APPROVER_KEY,
    }
    wrong_credentials: ClassVar[Mapping[str, str]] = {
        "server_key": "SB-Mid-server-wrong",
        "iris_creator_key": "IRIS-creator-wrong",
        "iris_approver_key": "IRIS-approver-wrong",
    }
    webhook_secret = SERVER_KEY

    def build(self, setup: Setup) -> Adapter:
        return Midtrans(setup)

    def setup(self, url: str, credentials: Mapping[str, str]) -> Setup:
        settings = {"iris_url": f"{url}/iris", "instructions_url": f"{url}/va/{{va_number}}"}
        return Setup(url, credentials, settings, self._alarm)

    def does_again(self, attempt: Attempt) -> None:
        raise AssertionError("an order_id and a refund_key can be used once")

    def tampered(self, body: bytes) -> bytes:
        said = json.loads(body)
        return json.dumps(said | {"transaction_status": "deny", "fraud_status": "deny"}).encode()

    def nonsense(self, attempt: Attempt) -> bytes | None:
        match attempt.operation:
            case Operation.VOID | Operation.PAYOUT:  # these say nothing but what they are about
                return None
            case Operation.CHARGE:
                return json.dumps(json.loads(attempt.request) | {"pigeon": True}).encode()
            case Operation.CAPTURE:
                said = json.loads(attempt.request)
                return json.dumps(said | {"gross_amount": 0.5}).encode()
            case Operation.REFUND:
                return json.dumps(json.loads(attempt.request) | {"amount": -1}).encode()

    def inexpressible(self) -> Payment:
        return a_payment(12_550, "IDR", method=CARD)

    def shown(self, attempt: Attempt) -> tuple[int, bytes]:
        said = {
            "status_code": "200",
            "status_message": "Success, Credit Card transaction is successful",
            "transaction_id": "1a1a66f7-27a7-4844-ba1f-d86dcc16ab27",
            "order_id": attempt.reference,
            "gross_amount": f"{attempt.money.minor // 100}.00",
            "currency": "IDR",
            "payment_type": "credit_card",
            "transaction_status": "capture",
            "fraud_status": "accept",
        }
        return 200, json.dumps(said).encode()
