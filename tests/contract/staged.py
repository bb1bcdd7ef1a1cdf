"""What the rigs of all simulators of `ops.sandbox.stage` have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, assert_never

from domain.attempt import Attempt, Operation
from domain.payment import Payment
from tests.contract.rigs import Delivery, Fate, News, Scenario, Step, Ways
from tests.sandbox import receiver
from tests.sandbox.receiver import Receiver
from tests.sandbox.simulating import Simulated
from tests.workers.raw_server import http
from workers.gateways import Adapter, Setup

FAULTS: Mapping[Scenario, str] = {
    Scenario.REFUSES_CONNECTIONS: "refuse",
    Scenario.DROPS_BEFORE: "drop_before",
    Scenario.DROPS_AFTER: "drop_after",
    Scenario.FAILS_BEFORE: "fail_before",
    Scenario.FAILS_AFTER: "fail_after",
    Scenario.GARBAGE_AFTER: "garbage_after",
    Scenario.HANGS_BEFORE: "hang_before",
    Scenario.HANGS_AFTER: "hang_after",
    Scenario.DRIPS_AFTER: "drip_after",
    Scenario.LIMITS_RATE: "rate_limited",
    Scenario.IS_DOWN: "unavailable",
    Scenario.SOFT_DECLINE: "soft_decline",
    Scenario.HARD_DECLINE: "hard_decline",
    Scenario.CHARGES_MORE: "wrong_amount",
    Scenario.DECIDES_LATER: "later",
    Scenario.ASKS_THE_PAYER: "asks",
}
#: Operations of the simulator that change something.
CHANGES = frozenset({"charge", "capture", "void", "refund", "payout"})


class StageRig(ABC):
    """One simulator in its own process, and the adapter under test."""

    ways: ClassVar[Ways]
    #: As in `python -m <module>`.
    module: ClassVar[str]
    #: The simulator's environment.
    secrets: ClassVar[Mapping[str, str]]
    #: What the gateway is given to authenticate, and what a stranger has instead.
    credentials: ClassVar[Mapping[str, str]]
    wrong_credentials: ClassVar[Mapping[str, str]]
    settings: ClassVar[Mapping[str, object]] = {}
    webhook_secret: str = ""
    #: Nothing decides by itself while a test looks, and nothing waits for the disk.
    options: ClassVar[tuple[str, ...]] = ("--async-delay-s", "3600", "--no-fsync")
    #: The status and body with which our side takes a webhook.
    takes: ClassVar[tuple[int, bytes]] = (204, b"")

    def __init__(self, folder: Path) -> None:
        self.receiver = Receiver(named=lambda _: "")
        status, self.receiver.says = self.takes
        self.receiver.answers = lambda _reference, _number: status
        self.simulator = Simulated(
            self.module,
            folder / "ledger.jsonl",
            self.secrets,
            self.options,
            self.receiver.url,
            name=f"{self.ways.provider}-test",
        ).start()
        self.renew()

    # What a provider has to say

    @abstractmethod
    def build(self, setup: Setup) -> Adapter:
        """Return the adapter."""

    @abstractmethod
    def does_again(self, attempt: Attempt) -> None:
        """Have somebody without our key charge, refund or pay out under our reference."""

    @abstractmethod
    def tampered(self, body: bytes) -> bytes:
        """A webhook's body that tells of another status, and is otherwise the same."""

    @abstractmethod
    def nonsense(self, attempt: Attempt) -> bytes | None:
        """A stored request that the provider refuses as wrong; None: this call cannot be wrong."""

    @abstractmethod
    def inexpressible(self) -> Payment:
        """A payment by `ways.pays` that this provider has no words for."""

    @abstractmethod
    def shown(self, attempt: Attempt) -> tuple[int, bytes]:
        """Status and body of a moving call that has succeeded."""

    def greets(self) -> tuple[bytes, ...]:
        """The raw answers that precede everything on an adapter's first connection."""
        return ()

    def spoken(self, status: int, body: bytes) -> bytes:
        """An answer as raw HTTP, with the headers that the provider sends with everything."""
        return http(f"{status} Whatever", body, "Content-Type: application/json")

    def setup(self, url: str, credentials: Mapping[str, str]) -> Setup:
        """Return what an adapter is built from, whose provider is at `url`."""
        return Setup(url, credentials, self.settings, self._alarm)

    def tells(self, news: News, attempt: Attempt, body: bytes) -> bool:
        """Whether a webhook's body is this news about this attempt."""
        names = [name for name in (attempt.provider_id, attempt.reference) if name]
        hint = self.adapter.read_notice(body)
        return (
            hint is not None
            and hint.type == self.ways.news[news]
            and any(name.encode() in body for name in names)
        )

    # What is uniform

    def renew(self) -> None:
        if hasattr(self, "adapter"):
            self.adapter.close()
        self._alarms: list[tuple[str, str]] = []
        self.adapter: Adapter = self.at(self.simulator.url)

    def at(self, url: str) -> Adapter:
        return self.build(self.setup(url, self.credentials))

    def stranger(self) -> Adapter:
        return self.build(self.setup(self.simulator.url, self.wrong_credentials))

    def _alarm(self, what: str, reference: str) -> None:
        self._alarms.append((what, reference))

    def alarmed(self) -> list[tuple[str, str]]:
        return self._alarms

    def plays(
        self, scenario: Scenario, at: Operation = Operation.CHARGE, step: Step = Step.MOVE
    ) -> None:
        if scenario is Scenario.REFUSES_CONNECTIONS:
            self.simulator.fault("refuse")
            return
        rule: dict[str, Any] = {"count": 1, "on": at.value}
        if self.ways.splits(at):
            rule["step"] = step.value
        self.simulator.fault(FAULTS[scenario], **rule)

    def fails_next_read(self) -> None:
        self.simulator.fault("fail_before", count=1, on="read")

    def calm(self) -> None:
        self.simulator.calm()

    def done(self, attempt: Attempt) -> int:
        reference, target = attempt.reference, attempt.target or ""
        match attempt.operation:
            case Operation.CHARGE:
                taken = self._lines(reference, "sale", "capture")
                return len([line for line in taken if line["reference"] == reference])
            case Operation.CAPTURE:
                return len(self._lines(target, "capture"))
            case Operation.VOID:
                return len(self._lines(target, "void"))
            case Operation.REFUND:
                given = self._lines(reference, "refund")
                return len([one for one in given if one["refund_reference"] == reference])
            case Operation.PAYOUT:
                return len({one["object"] for one in self._lines(reference, *self.sent_out)})
            case _:
                assert_never(attempt.operation)

    #: Lines that say that a payout is no longer ours to stop; a payout counts once.
    sent_out: ClassVar[tuple[str, ...]] = ("payout", "payout.begun")

    def held(self, attempt: Attempt) -> int:
        lines = self._lines(attempt.reference, "authorization", "void", "capture")
        charges: dict[str, str] = {}
        for line in lines:
            if line["reference"] == attempt.reference:
                charges[line.get("of") or line["object"]] = line["kind"]
        return list(charges.values()).count("authorization")

    def _lines(self, about: str, *kinds: str) -> list[dict[str, Any]]:
        assert about, "nobody knows what the books are to be asked about"
        optional = {"reference": "", "refund_reference": "", "object": ""}
        return [optional | one for one in self.simulator.lines(about) if one["kind"] in kinds]

    def posts(self, reference: str) -> int:
        seen = self.simulator.requests(reference)
        return len([one for one in seen if one["operation"] in CHANGES])

    def payouts(self, reference: str) -> list[str]:
        lines = self.simulator.lines(reference)
        found = [line["object"] for line in lines if line["kind"].startswith("payout")]
        return list(dict.fromkeys(found))

    def approves(self, provider_id: str) -> None:
        self._pull(f"/objects/{provider_id}/approve")

    def rejects(self, provider_id: str) -> None:
        self._pull(f"/objects/{provider_id}/reject")

    def settles(self, provider_id: str, fate: Fate) -> None:
        self._pull(f"/objects/{provider_id}/settle", {"to": fate.value})

    def charges_back(self, provider_id: str, minor: int) -> None:
        self._pull(f"/objects/{provider_id}/chargeback", {"amount": minor})

    def decides_refund(self, provider_id: str, *, succeeds: bool) -> None:
        self._pull(f"/refunds/{provider_id}/{'succeed' if succeeds else 'fail'}")

    def decides_payout(self, provider_id: str, *, succeeds: bool) -> None:
        self._pull(f"/payouts/{provider_id}/{'pay' if succeeds else 'fail'}")

    def returns_payout(self, provider_id: str) -> None:
        self._pull(f"/payouts/{provider_id}/return")

    def _pull(self, path: str, body: Mapping[str, Any] | None = None) -> None:
        self.simulator.admin("POST", path, body)

    def webhook(self, news: News, attempt: Attempt) -> Delivery:
        found: receiver.Delivery = self.receiver.first(
            lambda one: self.tells(news, attempt, one.body)
        )
        return found.headers, found.body

    def close(self) -> None:
        self.adapter.close()
        self.simulator.stop()
        self.receiver.close()
