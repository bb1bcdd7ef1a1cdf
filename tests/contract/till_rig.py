"""The rig of the provider that ADDING.md adds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from domain.attempt import Attempt, Operation
from domain.means import Method
from domain.payment import Payment
from domain.ports import Promise
from domain.webhook import Scheme
from tests.adding.till import Till
from tests.contract.made import a_payment
from tests.contract.rigs import Coin, Finds, News, Replay, Scenario, Ways
from tests.contract.staged import StageRig
from workers.gateways import Adapter, Setup


class TillRig(StageRig):
    """Till's simulator and its adapter."""

    ways: ClassVar[Ways] = Ways(
        provider="till",
        promises={Operation.CHARGE: Promise(timedelta(days=1), authoritative=True)},
        coins={0: Coin("JPY"), 2: Coin("EUR"), 3: Coin("KWD")},
        pays=Method("card", "tok_1"),
        lacks=(Method("wallet", "w_1"), Method("paypal"), Method("bank_transfer")),
        decides={
            Operation.CHARGE: frozenset(
                {Scenario.SOFT_DECLINE, Scenario.HARD_DECLINE, Scenario.CHARGES_MORE}
            )
        },
        refuses={Scenario.LIMITS_RATE: 1.0, Scenario.IS_DOWN: None},
        finds={Operation.CHARGE: Finds.AT_ONCE},
        replays={Operation.CHARGE: Replay.SAME},
        cancels=frozenset(),
        news={News.CAPTURED: "charge.paid"},
    )
    module = "tests.adding.till_simulator"
    secrets: ClassVar[Mapping[str, str]] = {
        "SIM_SECRET_KEY": "sk_till",
        "SIM_WEBHOOK_SECRET": "whsec_till",
    }
    credentials: ClassVar[Mapping[str, str]] = {"secret_key": "sk_till"}
    wrong_credentials: ClassVar[Mapping[str, str]] = {"secret_key": "sk_somebody"}
    webhook_secret = "whsec_till"
    scheme = Scheme("till-signature")

    def build(self, setup: Setup) -> Adapter:
        return Till(setup)

    def does_again(self, attempt: Attempt) -> None:
        raise AssertionError("a reference can be used once")

    def tampered(self, body: bytes) -> bytes:
        return body.replace(b"charge.paid", b"charge.refused")

    def nonsense(self, attempt: Attempt) -> bytes:
        return b'{"amount": "much"}'

    def inexpressible(self) -> Payment:
        return a_payment(method=Method("card", "x" * 65))

    def shown(self, attempt: Attempt) -> tuple[int, bytes]:
        charge = {
            "id": "till_1",
            "reference": attempt.reference,
            "amount": attempt.money.minor,
            "currency": attempt.money.currency.code,
            "status": "paid",
        }
        return 201, json.dumps(charge).encode()
