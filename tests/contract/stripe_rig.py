"""Stripe: what it documents, its simulator, and the adapter under test."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

from domain.attempt import Attempt, Operation
from domain.means import Method
from domain.payment import Payment
from domain.payout import Destination
from domain.ports import Promise
from tests.contract.made import a_payment
from tests.contract.rigs import Coin, Fate, Finds, News, Open, Replay, Scenario, Ways
from tests.contract.staged import StageRig
from workers.gateways import Adapter, Setup
from workers.gateways.stripe import Stripe

KEY, WEBHOOK_SECRET = "sk_test_rig", "whsec_rig"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
#: Cards that somebody has saved, and that can be forgotten.
SAVED = ("pm_saved_1", "pm_saved_2")


class StripeRig(StageRig):
    """One account at the simulated Stripe."""

    ways: ClassVar[Ways] = Ways(
        provider="stripe",
        promises={
            Operation.CHARGE: Promise(DAY, visibility_lag=HOUR, split=True),
            Operation.CAPTURE: Promise(DAY, authoritative=True),
            Operation.VOID: Promise(DAY, authoritative=True),
            Operation.REFUND: Promise(DAY, visibility_lag=HOUR),
            Operation.PAYOUT: Promise(DAY, visibility_lag=HOUR),
        },
        coins={0: Coin("JPY", least=50), 2: Coin("EUR", least=50), 3: Coin("KWD", unit=10)},
        pays=Method("card", "pm_card_threeDSecureOptional"),
        holds=Method("card", "pm_card_visa"),
        never_held=(Method("wallet", "pm_card_mastercard"),),
        elsewhere=(Method("paypal"),),
        held_elsewhere=(Method("paypal"),),
        lacks=(Method("paypal", "not an account"), Method("bank_transfer", "pm_card_visa")),
        asks_on_demand=True,
        any_token=False,
        detaches=True,
        forgets=SAVED,
        destinations=(Destination("bank_account", "ba_1"), Destination("card", "card_1")),
        no_destinations=(Destination("wallet", "ba_1"), Destination("bank_account", "DE89")),
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
            Operation.REFUND: frozenset(
                {Scenario.HARD_DECLINE, Scenario.CHARGES_MORE, Scenario.DECIDES_LATER}
            ),
            Operation.PAYOUT: frozenset(
                {Scenario.SOFT_DECLINE, Scenario.HARD_DECLINE, Scenario.CHARGES_MORE}
            ),
        },
        refuses={Scenario.LIMITS_RATE: None},
        finds={
            Operation.CHARGE: Finds.PERHAPS,
            Operation.REFUND: Finds.AT_ONCE,
            Operation.PAYOUT: Finds.AT_ONCE,
        },
        replays={
            Operation.CHARGE: Replay.SAME,
            Operation.CAPTURE: Replay.SAME,
            Operation.VOID: Replay.LATEST,
            Operation.REFUND: Replay.SAME,
            Operation.PAYOUT: Replay.SAME,
        },
        keeps_failures=frozenset(
            {Operation.CHARGE, Operation.CAPTURE, Operation.REFUND, Operation.PAYOUT}
        ),
        reads_at_once=frozenset({Operation.VOID}),
        fates=frozenset(Fate),
        cancels=frozenset({Open.MADE, Open.ACTION, Open.HELD}),
        charges_back=True,
        charges_back_in_part=True,
        refunds_fail_late=True,
        payouts_return=True,
        doubles=frozenset({Operation.CHARGE, Operation.REFUND, Operation.PAYOUT}),
        news={
            News.AUTHORIZED: "payment_intent.amount_capturable_updated",
            News.CAPTURED: "payment_intent.succeeded",
            News.CHARGED_BACK: "charge.dispute.created",
            News.REFUNDED: "refund.updated",
            News.REFUND_FAILED: "refund.failed",
            News.PAYOUT_BEGUN: "payout.created",
            News.PAID_OUT: "payout.paid",
            News.PAYOUT_RETURNED: "payout.failed",
        },
    )
    module = "ops.sandbox.stripe"
    secrets: ClassVar[Mapping[str, str]] = {
        "SIM_SECRET_KEY": KEY,
        "SIM_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    credentials: ClassVar[Mapping[str, str]] = {"secret_key": KEY}
    wrong_credentials: ClassVar[Mapping[str, str]] = {"secret_key": "sk_test_somebody_else"}
    webhook_secret = WEBHOOK_SECRET

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for token in SAVED:
            self.simulator.admin("POST", f"/payment_methods/{token}/save")

    def build(self, setup: Setup) -> Adapter:
        return Stripe(setup)

    def does_again(self, attempt: Attempt) -> None:
        order = json.loads(attempt.request)
        match attempt.operation:
            case Operation.CHARGE:
                intent = self._post("/v1/payment_intents", order["create"])
                self._post(f"/v1/payment_intents/{intent['id']}/confirm", order["confirm"])
            case Operation.REFUND:
                self._post("/v1/refunds", order | {"payment_intent": attempt.target})
            case Operation.PAYOUT:
                self._post("/v1/payouts", order)
            case _:
                raise AssertionError(f"nobody repeats a {attempt.operation}")

    def _post(self, path: str, params: Mapping[str, Any]) -> Any:
        body = urlencode(list(_form(params))).encode()
        headers = {
            "Authorization": f"Bearer {KEY}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        answer = self.simulator.send("POST", path, body, headers)
        assert answer.status == 200, answer.body
        return answer.json

    def tampered(self, body: bytes) -> bytes:
        event = json.loads(body)
        event["data"]["object"]["status"] = "canceled"
        return json.dumps(event).encode()

    def nonsense(self, attempt: Attempt) -> bytes | None:
        match attempt.operation:
            case Operation.CHARGE:
                create = json.loads(attempt.request)["create"]
                return json.dumps({"create": create, "confirm": {"amount": "much"}}).encode()
            case Operation.CAPTURE:
                return b'{"amount_to_capture": "much"}'
            case Operation.VOID:
                return None
            case Operation.REFUND:
                return b'{"amount": "much"}'
            case Operation.PAYOUT:
                return b'{"amount": "much", "currency": "eur"}'

    def inexpressible(self) -> Payment:
        return a_payment(method=self.ways.pays, metadata={"note": "x" * 501})

    def shown(self, attempt: Attempt) -> tuple[int, bytes]:
        amount = attempt.money.minor
        intent = {
            "id": attempt.provider_id,
            "object": "payment_intent",
            "amount": amount,
            "amount_capturable": 0,
            "amount_received": amount,
            "currency": attempt.money.currency.code.lower(),
            "latest_charge": "ch_1",
            "metadata": {"paylink_reference": attempt.reference},
            "status": "succeeded",
        }
        return 200, json.dumps(intent).encode()


def _form(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a form: what is inside of what is told by brackets."""
    for name, value in params.items():
        inner = dict(enumerate(value)) if isinstance(value, list) else value
        if isinstance(inner, dict):
            yield from _form({f"{name}[{key}]": one for key, one in inner.items()})
        else:
            yield name, str(value).lower() if isinstance(value, bool) else str(value)
