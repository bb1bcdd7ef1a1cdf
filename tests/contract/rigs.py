"""What the suite needs of a provider's simulator: scripted faults, its own ledger, its webhooks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, assert_never

from domain.attempt import Attempt, Operation
from domain.payment import Payment
from tests.contract.made import a_payment
from tests.sandbox.receiver import Receiver
from tests.sandbox.running import SECRET_KEY, WEBHOOK_SECRET
from tests.sandbox.running import Sandbox as Simulator
from workers.gateways import Adapter, Setup
from workers.gateways.sandbox import Sandbox


class Scenario(StrEnum):
    """What a provider can do with one operation."""

    SOFT_DECLINE = "soft_decline"
    HARD_DECLINE = "hard_decline"
    REFUSES_CONNECTIONS = "refuses_connections"
    DROPS_BEFORE = "drops_before"
    DROPS_AFTER = "drops_after"
    FAILS_BEFORE = "fails_before"
    FAILS_AFTER = "fails_after"
    GARBAGE_AFTER = "garbage_after"
    HANGS_BEFORE = "hangs_before"
    HANGS_AFTER = "hangs_after"
    DRIPS_AFTER = "drips_after"
    LIMITS_RATE = "limits_rate"
    IS_DOWN = "is_down"
    CHARGES_MORE = "charges_more"
    DECIDES_LATER = "decides_later"
    ASKS_THE_PAYER = "asks_the_payer"


class Rig(Protocol):
    """One provider: its simulator, and the adapter under test."""

    adapter: Adapter
    webhook_secret: str

    def renew(self) -> None:
        """Take another adapter, which has no connections yet and has told nobody anything."""

    def plays(self, scenario: Scenario, at: Operation = Operation.CHARGE) -> None:
        """Have the next such operation meet this; a refused connection lasts until `calm`."""

    def fails_next_read(self) -> None:
        """Have the next look-up fail."""

    def calm(self) -> None:
        """End all faults."""

    def done(self, attempt: Attempt) -> int:
        """How often the provider's own books say that it carried this out."""

    def posts(self, reference: str) -> int:
        """How many creating requests the provider saw under our reference."""

    def does_again(self, attempt: Attempt) -> None:
        """Have somebody without our key charge, refund or pay out under our reference."""

    def alarmed(self) -> list[tuple[str, str]]:
        """What the adapter has told people so far."""

    def settles(self, provider_id: str, status: str) -> None:
        """Force a payment into another of the provider's statuses."""

    def charges_back(self, provider_id: str, minor: int) -> None:
        """Have the payer's bank take money of a charge back."""

    def decides_refund(self, provider_id: str, *, succeeds: bool) -> None:
        """Decide a refund; one that has succeeded can still fail."""

    def decides_payout(self, provider_id: str, *, succeeds: bool) -> None:
        """Decide a payout that is under way."""

    def returns_payout(self, provider_id: str) -> None:
        """Have a payout come back that was paid."""

    def payouts(self, reference: str) -> list[str]:
        """The provider's ids of all payouts under our reference."""

    def webhook(self, type_: str, reference: str) -> tuple[Mapping[str, str], bytes]:
        """Wait for a webhook of a type about a payment or payout of ours, or a refund of that
        payment: its headers (lower case) and body."""

    def inexpressible(self) -> Payment:
        """A payment that this provider has no words for."""

    def stranger(self) -> Adapter:
        """The same account with a wrong key."""


class SandboxRig:
    """The sandbox provider in its own process."""

    webhook_secret = WEBHOOK_SECRET
    _operations: Mapping[Operation, str] = {
        Operation.CHARGE: "create",
        Operation.CAPTURE: "capture",
        Operation.VOID: "cancel",
        Operation.REFUND: "refund",
        Operation.PAYOUT: "payout",
    }
    _faults: Mapping[Scenario, str] = {
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
        self.adapter: Adapter = self._adapter(SECRET_KEY)

    def _adapter(self, key: str) -> Adapter:
        url = f"http://127.0.0.1:{self.simulator.port}"
        return Sandbox(Setup(url, {"secret_key": key}, {}, self._alarm))

    def _alarm(self, what: str, reference: str) -> None:
        self._alarms.append((what, reference))

    def plays(self, scenario: Scenario, at: Operation = Operation.CHARGE) -> None:
        once = {"count": 1, "on": self._operations[at]}
        bound = {} if scenario is Scenario.REFUSES_CONNECTIONS else once
        self.simulator.fault(self._faults[scenario], **bound)

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

    def settles(self, provider_id: str, status: str) -> None:
        self.simulator.admin("POST", "/settle", {"payment": provider_id, "status": status})

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

    def webhook(self, type_: str, reference: str) -> tuple[Mapping[str, str], bytes]:
        arrived = self._receiver.wait_for(reference, 1)
        while not (found := [one for one in arrived if one.type == type_]):
            arrived = self._receiver.wait_for(reference, len(arrived) + 1)
        return found[0].headers, found[0].body

    def inexpressible(self) -> Payment:
        return a_payment(metadata={"note": "x" * 501})

    def stranger(self) -> Adapter:
        return self._adapter("sk_somebody_else")

    def close(self) -> None:
        self.adapter.close()
        self.simulator.stop()
        self._receiver.close()
