"""The house's own imaginary provider in its own process, and what it documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, assert_never

from domain.attempt import Attempt, Operation
from domain.means import Method
from domain.payment import Payment
from domain.payout import Destination
from domain.ports import Promise, Resolution
from tests.contract.made import a_payment
from tests.contract.rigs import (
    Coin,
    Delivery,
    Fate,
    Finds,
    News,
    Open,
    OtherBody,
    Replay,
    Scenario,
    Step,
    Ways,
)
from tests.contract.spoken import answer, shown
from tests.sandbox.receiver import Receiver
from tests.sandbox.running import SECRET_KEY, WEBHOOK_SECRET, send
from tests.sandbox.running import Sandbox as Simulator
from workers.gateways import Adapter, Setup
from workers.gateways.sandbox import Sandbox

_PROMISE = Promise(
    key_window=timedelta(hours=24),
    resolution=Resolution.LOOKUP_FIRST,
    authoritative=True,
    visibility_lag=timedelta(seconds=2),
)
_DECLINES = frozenset({Scenario.SOFT_DECLINE, Scenario.HARD_DECLINE})
_OWN = (Operation.CHARGE, Operation.REFUND, Operation.PAYOUT)
_KEYED = (Operation.CHARGE, Operation.CAPTURE, Operation.REFUND, Operation.PAYOUT)

_OPERATIONS: Mapping[Operation, str] = {
    Operation.CHARGE: "create",
    Operation.CAPTURE: "capture",
    Operation.VOID: "cancel",
    Operation.REFUND: "refund",
    Operation.PAYOUT: "payout",
}
_FAULTS: Mapping[Scenario, str] = {
    Scenario.SOFT_DECLINE: "soft_decline",
    Scenario.HARD_DECLINE: "hard_decline",
    Scenario.REFUSES_CONNECTIONS: "refuse",
    Scenario.DROPS_BEFORE: "drop_before_charge",
    Scenario.DROPS_AFTER: "charge_then_drop",
    Scenario.FAILS_BEFORE: "server_error",
    Scenario.FAILS_AFTER: "charge_then_500",
    Scenario.GARBAGE_AFTER: "charge_then_garbage",
    Scenario.HANGS_BEFORE: "hang_before_charge",
    Scenario.HANGS_AFTER: "hang",
    Scenario.DRIPS_AFTER: "slow_drip",
    Scenario.LIMITS_RATE: "rate_limited",
    Scenario.IS_DOWN: "unavailable",
    Scenario.CHARGES_MORE: "wrong_amount",
    Scenario.DECIDES_LATER: "async",
    Scenario.ASKS_THE_PAYER: "three_ds",
}


class SandboxRig:
    """The sandbox provider: one call does each thing, and everything can be done."""

    ways: ClassVar[Ways] = Ways(
        provider="sandbox",
        promises={
            Operation.CHARGE: _PROMISE,
            Operation.CAPTURE: _PROMISE,
            Operation.VOID: _PROMISE,
            Operation.REFUND: _PROMISE,
            Operation.PAYOUT: _PROMISE,
        },
        coins={0: Coin("JPY"), 2: Coin("EUR"), 3: Coin("KWD")},
        pays=Method("card", "tok_1"),
        holds=Method("card", "tok_1"),
        asks_on_demand=True,
        elsewhere=(Method("paypal"), Method("bank_transfer")),
        held_elsewhere=(Method("paypal"),),
        never_held=(Method("wallet", "w_1"), Method("bank_transfer")),
        lacks=(Method("card", ""), Method("wallet", "")),
        destinations=(
            Destination("bank_account", "dest_1"),
            Destination("wallet", "dest_1"),
            Destination("card", "dest_1"),
        ),
        no_destinations=(Destination("cash", "dest_1"), Destination("card", "")),
        detaches=True,
        decides={
            Operation.CHARGE: _DECLINES
            | {Scenario.CHARGES_MORE, Scenario.DECIDES_LATER, Scenario.ASKS_THE_PAYER},
            Operation.CAPTURE: _DECLINES | {Scenario.CHARGES_MORE, Scenario.DECIDES_LATER},
            Operation.VOID: _DECLINES,
            Operation.REFUND: _DECLINES | {Scenario.CHARGES_MORE, Scenario.DECIDES_LATER},
            Operation.PAYOUT: _DECLINES | {Scenario.CHARGES_MORE},
        },
        refuses={Scenario.LIMITS_RATE: 1.0, Scenario.IS_DOWN: 1.0},
        finds=dict.fromkeys(_OWN, Finds.AT_ONCE),
        replays=dict.fromkeys(Operation, Replay.SAME),
        other_body=OtherBody.REFUSED,
        keeps_failures=frozenset(_KEYED),
        reads_at_once=frozenset({Operation.VOID}),
        fates=frozenset(Fate),
        cancels=frozenset(Open) - {Open.MADE},
        charges_back=True,
        charges_back_in_part=True,
        refunds_fail_late=True,
        payouts_return=True,
        doubles=frozenset(_OWN),
        news={
            News.AUTHORIZED: "payment.authorized",
            News.CAPTURED: "payment.captured",
            News.CHARGED_BACK: "payment.charged_back",
            News.REFUNDED: "refund.succeeded",
            News.REFUND_FAILED: "refund.failed",
            News.PAYOUT_BEGUN: "payout.processing",
            News.PAID_OUT: "payout.paid",
            News.PAYOUT_RETURNED: "payout.returned",
        },
    )
    webhook_secret = WEBHOOK_SECRET

    def __init__(self, folder: Path) -> None:
        self._receiver = Receiver()
        # Nothing decides by itself while a test looks, and nothing waits for the disk.
        options = ("--async-delay-s", "3600", "--no-fsync")
        ledger = folder / "ledger.jsonl"
        self.simulator = Simulator(ledger, options, self._receiver.url).start()
        self.renew()

    def renew(self) -> None:
        if hasattr(self, "adapter"):
            self.adapter.close()
        self._alarms: list[tuple[str, str]] = []
        self.adapter: Adapter = self._adapter(SECRET_KEY, self._url)

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self.simulator.port}"

    def _adapter(self, key: str, url: str) -> Adapter:
        return Sandbox(Setup(url, {"secret_key": key}, {}, self._alarm))

    def _alarm(self, what: str, reference: str) -> None:
        self._alarms.append((what, reference))

    def plays(
        self, scenario: Scenario, at: Operation = Operation.CHARGE, step: Step = Step.MOVE
    ) -> None:
        assert step is Step.MOVE, "nothing is split here"
        once = {"count": 1, "on": _OPERATIONS[at]}
        bound = {} if scenario is Scenario.REFUSES_CONNECTIONS else once
        self.simulator.fault(_FAULTS[scenario], **bound)

    def fails_next_read(self) -> None:
        self.simulator.fault("server_error", count=1, on="read")

    def calm(self) -> None:
        self.simulator.admin("DELETE", "/faults")

    def done(self, attempt: Attempt) -> int:
        match attempt.operation:
            case Operation.CHARGE:
                return self.simulator.charges(attempt.reference)
            case Operation.CAPTURE:
                return self._settled(type="capture", payment=attempt.target)
            case Operation.VOID:
                payment = self.simulator.get(f"/v1/payments/{attempt.target}").json
                return int(payment["status"] == "canceled")
            case Operation.REFUND:
                return self._settled(type="refund", refund_reference=attempt.reference)
            case Operation.PAYOUT:
                return len(self.payouts(attempt.reference))
            case _:
                assert_never(attempt.operation)

    def held(self, attempt: Attempt) -> int:
        found = self.simulator.get(f"/v1/payments?reference={attempt.reference}").json
        return sum(payment["status"] == "authorized" for payment in found["data"])

    def _settled(self, **wanted: Any) -> int:
        """How many lines of the provider's settlement list are like this."""
        after, found, more = 0, 0, True
        while more:
            page = self.simulator.admin("GET", f"/settlements?after_seq={after}")
            found += sum(wanted.items() <= line.items() for line in page["data"])
            more = page["has_more"]
            after = page["data"][-1]["seq"] if more else after
        return found

    def posts(self, reference: str) -> int:
        return [method for method, _ in self.simulator.requests(reference)].count("POST")

    def does_again(self, attempt: Attempt) -> None:
        order = json.loads(attempt.request)
        paths = {
            Operation.CHARGE: "/v1/payments",
            Operation.REFUND: f"/v1/payments/{attempt.target}/refunds",
            Operation.PAYOUT: "/v1/payouts",
        }
        assert self.simulator.post(paths[attempt.operation], order).status == 201

    def alarmed(self) -> list[tuple[str, str]]:
        return self._alarms

    def approves(self, provider_id: str) -> None:
        self._decide(provider_id, b"decision=approve")

    def rejects(self, provider_id: str) -> None:
        self._decide(provider_id, b"decision=decline")

    def _decide(self, provider_id: str, form: bytes) -> None:
        answered = send(self.simulator.port, "POST", f"/pay/{provider_id}", form)
        assert answered.status == 303, answered.body  # back to the shop

    def settles(self, provider_id: str, fate: Fate) -> None:
        forced = {"payment": provider_id, "status": fate.value}
        self.simulator.admin("POST", "/settle", forced)

    def charges_back(self, provider_id: str, minor: int) -> None:
        self.simulator.admin("POST", f"/payments/{provider_id}/chargeback", {"amount": minor})

    def decides_refund(self, provider_id: str, *, succeeds: bool) -> None:
        self._admin(f"/refunds/{provider_id}", "succeed" if succeeds else "fail")

    def decides_payout(self, provider_id: str, *, succeeds: bool) -> None:
        self._admin(f"/payouts/{provider_id}", "pay" if succeeds else "fail")

    def returns_payout(self, provider_id: str) -> None:
        self._admin(f"/payouts/{provider_id}", "return")

    def payouts(self, reference: str) -> list[str]:
        found = self.simulator.get(f"/v1/payouts?reference={reference}").json
        return [payout["id"] for payout in found["data"]]

    def _admin(self, path: str, verb: str) -> None:
        self.simulator.admin("POST", f"{path}/{verb}", {})

    def webhook(self, news: News, attempt: Attempt) -> Delivery:
        reference = attempt.reference
        if attempt.operation is Operation.REFUND:  # an event of a refund shows its payment, too
            reference = self.simulator.get(f"/v1/payments/{attempt.target}").json["reference"]
        arrived = self._receiver.wait_for(reference, 1)
        while not (found := [one for one in arrived if _tells(one.event, news, attempt)]):
            arrived = self._receiver.wait_for(reference, len(arrived) + 1)
        return found[0].headers, found[0].body

    def tampered(self, body: bytes) -> bytes:
        event = json.loads(body)
        for kind in event["data"]:
            event["data"][kind]["status"] = "captured"
        return json.dumps(event).encode()

    def nonsense(self, attempt: Attempt) -> bytes | None:
        return b'{"amount": "much"}'

    def inexpressible(self) -> Payment:
        return a_payment(metadata={"note": "x" * 501})

    def stranger(self) -> Adapter:
        return self._adapter("sk_somebody_else", self._url)

    def at(self, url: str) -> Adapter:
        return self._adapter(SECRET_KEY, url)

    def greets(self) -> tuple[bytes, ...]:
        return ()

    def shown(self, attempt: Attempt) -> tuple[int, bytes]:
        return 201, json.dumps(shown(attempt)).encode()

    def spoken(self, status: int, body: bytes) -> bytes:
        return answer(status, body)

    def close(self) -> None:
        self.adapter.close()
        self.simulator.stop()
        self._receiver.close()


def _tells(event: Any, news: News, attempt: Attempt) -> bool:
    about = event["data"].get(attempt.operation.value, {"reference": attempt.reference})
    wanted = SandboxRig.ways.news[news]
    return bool(event["type"] == wanted and about["reference"] == attempt.reference)
