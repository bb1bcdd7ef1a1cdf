"""What the suite needs of a provider's simulator: scripted faults, its own ledger, its webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from domain.payment import Payment
from tests.contract.made import a_payment
from tests.sandbox.receiver import Receiver
from tests.sandbox.running import SECRET_KEY, WEBHOOK_SECRET, an_order
from tests.sandbox.running import Sandbox as Simulator
from workers.gateways import Adapter, Setup
from workers.gateways.sandbox import Sandbox


class Scenario(StrEnum):
    """What a provider can do with one charge."""

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

    def plays(self, scenario: Scenario) -> None:
        """Have the next charge meet this; a refused connection lasts until `calm`."""

    def fails_next(self, operation: str) -> None:
        """Have the next `cancel` or `read` fail, and stay failed under its key if it has one."""

    def calm(self) -> None:
        """End all faults."""

    def charges(self, reference: str) -> int:
        """How often the provider's ledger took money under our reference."""

    def posts(self, reference: str) -> int:
        """How many creating requests the provider saw under our reference."""

    def charges_again(self, reference: str) -> None:
        """Have somebody without our key charge under our reference."""

    def alarmed(self) -> list[tuple[str, str]]:
        """What the adapter has told people so far."""

    def settles(self, provider_id: str, status: str) -> None:
        """Force a payment into another of the provider's statuses."""

    def webhook(self, reference: str) -> tuple[Mapping[str, str], bytes]:
        """Wait for a webhook about our reference: its headers (lower case) and body."""

    def inexpressible(self) -> Payment:
        """A payment that this provider has no words for."""

    def stranger(self) -> Adapter:
        """The same account with a wrong key."""


class SandboxRig:
    """The sandbox provider in its own process."""

    webhook_secret = WEBHOOK_SECRET
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
        """Begin a test with a fresh adapter."""
        self._alarms: list[tuple[str, str]] = []
        self.adapter: Adapter = self._adapter(SECRET_KEY)

    def _adapter(self, key: str) -> Adapter:
        url = f"http://127.0.0.1:{self.simulator.port}"
        return Sandbox(Setup(url, {"secret_key": key}, {}, self._alarm))

    def _alarm(self, what: str, reference: str) -> None:
        self._alarms.append((what, reference))

    def plays(self, scenario: Scenario) -> None:
        bound = {} if scenario is Scenario.REFUSES_CONNECTIONS else {"count": 1, "on": "create"}
        self.simulator.fault(self._faults[scenario], **bound)

    def fails_next(self, operation: str) -> None:
        self.simulator.fault("server_error", count=1, on=operation)

    def calm(self) -> None:
        self.simulator.admin("DELETE", "/faults")

    def charges(self, reference: str) -> int:
        return self.simulator.charges(reference)

    def posts(self, reference: str) -> int:
        return [method for method, _ in self.simulator.requests(reference)].count("POST")

    def charges_again(self, reference: str) -> None:
        order = an_order(reference=reference, amount=1250, currency="EUR")
        assert self.simulator.create(order).status == 201

    def alarmed(self) -> list[tuple[str, str]]:
        return self._alarms

    def settles(self, provider_id: str, status: str) -> None:
        self.simulator.admin("POST", "/settle", {"payment": provider_id, "status": status})

    def webhook(self, reference: str) -> tuple[Mapping[str, str], bytes]:
        delivery = self._receiver.wait_for(reference, 1)[0]
        return delivery.headers, delivery.body

    def inexpressible(self) -> Payment:
        return a_payment(metadata={"note": "x" * 501})

    def stranger(self) -> Adapter:
        return self._adapter("sk_somebody_else")

    def close(self) -> None:
        self.adapter.close()
        self.simulator.stop()
        self._receiver.close()
