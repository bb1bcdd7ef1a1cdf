"""Xendit's simulator in its own process, and what Xendit documents."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from domain.attempt import Attempt, Operation
from domain.means import Method
from domain.payment import Payment
from domain.payout import Destination
from domain.ports import Promise, Resolution
from tests.contract.made import a_payment
from tests.contract.rigs import Coin, Fate, Finds, News, Open, OtherBody, Replay, Scenario, Ways
from tests.contract.staged import StageRig
from workers.gateways import Adapter, Setup
from workers.gateways.xendit import Xendit

KEY = "xnd_development_shop"
TOKEN = "callback-token-of-the-shop"

_DECLINES = frozenset({Scenario.SOFT_DECLINE, Scenario.HARD_DECLINE})
#: There is one capture of a hold and one end of it, by the provider's own rule.
_ONCE = Promise(timedelta(days=7), Resolution.LOOKUP_FIRST, authoritative=True)
_KEYED = Promise(timedelta(hours=24), Resolution.LOOKUP_FIRST)
_CARD = Method("card", "pt-card")
_WALLET = Method("wallet", "DANA")
_CODE = Method("wallet", "QRIS")
_NUMBER = Method("bank_transfer", "BCA_VIRTUAL_ACCOUNT")


class XenditRig(StageRig):
    """Cards by token, wallets and codes by channel, virtual accounts, payouts."""

    ways: ClassVar[Ways] = Ways(
        provider="xendit",
        promises={
            Operation.CHARGE: Promise(timedelta(0), Resolution.LOOKUP_ONLY),
            Operation.CAPTURE: _ONCE,
            Operation.VOID: _ONCE,
            Operation.REFUND: _KEYED,
            Operation.PAYOUT: _KEYED,
        },
        # Our API counts sen, Xendit whole rupiah; a virtual account takes 10 000 of them at least.
        coins={2: Coin("IDR", unit=100, least=10)},
        pays=_CARD,
        holds=_CARD,
        asks_on_demand=True,
        elsewhere=(_WALLET, _CODE, _NUMBER),
        never_held=(_WALLET, _CODE, _NUMBER),
        lacks=(
            Method("paypal", "PAYPAL"),
            Method("card", "tok_1"),
            Method("wallet", ""),
            Method("bank_transfer", "DANA"),
        ),
        destinations=(
            Destination("bank_account", "ID_BCA:000000000099:Account+Holder"),
            Destination("wallet", "ID_DANA:081234567890:Account+Holder"),
        ),
        no_destinations=(
            Destination("card", "ID_BCA:000000000099:Account+Holder"),
            Destination("bank_account", "BCA"),
            Destination("bank_account", "PH_BDO:000000000099:Account+Holder"),
        ),
        any_token=False,
        detaches=True,
        forgets=("pt-card-gone", "pt-card-lost"),
        decides={
            Operation.CHARGE: _DECLINES
            | {Scenario.CHARGES_MORE, Scenario.DECIDES_LATER, Scenario.ASKS_THE_PAYER},
            Operation.CAPTURE: frozenset({Scenario.CHARGES_MORE}),
            Operation.VOID: frozenset(),
            Operation.REFUND: _DECLINES | {Scenario.CHARGES_MORE, Scenario.DECIDES_LATER},
            Operation.PAYOUT: frozenset({Scenario.CHARGES_MORE}),
        },
        # The rate limit has a header of its own.
        refuses={Scenario.LIMITS_RATE: 1.5, Scenario.IS_DOWN: None},
        finds={
            Operation.CHARGE: Finds.NEVER,
            Operation.REFUND: Finds.AT_ONCE,
            Operation.PAYOUT: Finds.AT_ONCE,
        },
        replays={
            Operation.CHARGE: Replay.ANOTHER,
            Operation.CAPTURE: Replay.LATEST,
            Operation.VOID: Replay.LATEST,
            Operation.REFUND: Replay.SAME,
            Operation.PAYOUT: Replay.SAME,
        },
        # A hold that is collected stays so, whatever is asked for next.
        other_body=dict.fromkeys(Operation, OtherBody.REFUSED)
        | {Operation.CAPTURE: OtherBody.IGNORED},
        reads_at_once=frozenset({Operation.VOID}),
        fates=frozenset(Fate),
        cancels=frozenset({Open.ACTION, Open.HELD}),
        charges_back=True,
        charges_back_in_part=True,
        refunds_fail_late=True,
        payouts_return=True,
        doubles=frozenset({Operation.REFUND, Operation.PAYOUT}),
        news={
            News.AUTHORIZED: "payment.authorization",
            News.CAPTURED: "payment.capture",
            News.CHARGED_BACK: "dispute.lost",
            News.REFUNDED: "refund.succeeded",
            News.REFUND_FAILED: "refund.failed",
            News.PAID_OUT: "payout.succeeded",
            News.PAYOUT_RETURNED: "payout.reversed",
        },
        proves_time=False,
        proves_body=False,
    )
    module = "ops.sandbox.xendit"
    secrets: ClassVar[Mapping[str, str]] = {"SIM_SECRET_KEY": KEY, "SIM_CALLBACK_TOKEN": TOKEN}
    credentials: ClassVar[Mapping[str, str]] = {"secret_key": KEY}
    wrong_credentials: ClassVar[Mapping[str, str]] = {"secret_key": "xnd_development_other"}
    settings: ClassVar[Mapping[str, object]] = {"skip_three_ds": True}
    webhook_secret = TOKEN

    def build(self, setup: Setup) -> Adapter:
        return Xendit(setup)

    def does_again(self, attempt: Attempt) -> None:
        paths = {Operation.REFUND: "/refunds", Operation.PAYOUT: "/v2/payouts"}
        headers = {
            "Authorization": "Basic " + b64encode(f"{KEY}:".encode()).decode(),
            "Content-Type": "application/json",
            "idempotency-key": "somebody-elses",
        }
        path = paths[attempt.operation]
        done = self.simulator.send("POST", path, attempt.request, headers)
        assert done.status == 200, done.body

    def tampered(self, body: bytes) -> bytes:
        event = json.loads(body)
        event.get("data", event)["status"] = "SUCCEEDED"
        return json.dumps(event).encode()

    def nonsense(self, attempt: Attempt) -> bytes | None:
        return b'{"amount": "much"}'

    def inexpressible(self) -> Payment:
        return replace(a_payment(1_250_000, "IDR", method=_CARD), metadata={"note": "x" * 501})

    def shown(self, attempt: Attempt) -> tuple[int, bytes]:
        shown = {
            "payment_request_id": "pr-90392f42-d98a-49ef-a7f3-abce00000123",
            "business_id": "5f27a14a9bf05c73dd040bc8",
            "reference_id": attempt.reference,
            "latest_payment_id": "py-1402feb0-bb79-47ae-9d1e-e69394d3949c",
            "type": "PAY",
            "country": "ID",
            "currency": attempt.money.currency.code,
            "request_amount": attempt.money.minor // 100,
            "capture_method": "AUTOMATIC",
            "channel_code": "CARDS",
            "actions": [],
            "status": "SUCCEEDED",
            "created": "2026-01-15T12:31:22Z",
            "updated": "2026-01-15T12:31:25Z",
        }
        return 201, json.dumps(shown).encode()


class XenditListedRig(XenditRig):
    """An account whose payment requests can be listed by our reference, which is not documented."""

    ways: ClassVar[Ways] = replace(
        XenditRig.ways, finds=dict(XenditRig.ways.finds) | {Operation.CHARGE: Finds.AT_ONCE}
    )
    settings: ClassVar[Mapping[str, object]] = {"skip_three_ds": True, "list_by_reference": True}
    options: ClassVar[tuple[str, ...]] = (*XenditRig.options, "--list-by-reference")
