"""What one provider's simulator has to say; everything else the stage does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ops.sandbox.replies import Answer
from ops.sandbox.stage.calls import Call, Endpoint, Failing, Handler, Refusal, handled
from ops.sandbox.stage.lines import Line
from ops.sandbox.stage.outbox import Notice
from ops.sandbox.stage.stage import Stage


class LeverError(Exception):
    """There is no such object, or its state forbids what the operator wants."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the guide: a heading, and rows of code and what it does."""

    title: str
    rows: tuple[tuple[str, str], ...]


class Provider(ABC):
    """One account at one provider. Handlers and levers are synchronous and work in memory; they
    write what they change with `stage.record`, from which `restore` rebuilds it."""

    name: ClassVar[str]  #: as in `python -m ops.sandbox.<name>`
    #: Environment variable to what it holds; all of them must be set.
    secrets: ClassVar[Mapping[str, str]] = {}
    body_limit: ClassVar[int] = 64 * 1024
    key_window_s: ClassVar[float] = 86_400.0
    #: How long a webhook's receiver may take.
    webhook_within_s: ClassVar[float] = 10.0
    #: What is simulated, in a sentence or two, for the guide.
    about: ClassVar[str] = ""

    def __init__(self, stage: Stage) -> None:
        """Take the stage; its settings are there, its public URL is known once it is open."""
        self.stage = stage

    @classmethod  # noqa: B027  # most providers have none
    def options(cls, line: ArgumentParser) -> None:
        """Add command-line options; their values are in `stage.settings.options`."""

    @abstractmethod
    def routes(self) -> Mapping[str, Mapping[str, Endpoint]]:
        """Return path template to {method: endpoint}."""

    @abstractmethod
    def refusal(self, kind: Refusal) -> Answer:
        """Return what this provider answers when the stage refuses something."""

    @abstractmethod
    def restore(self, line: Line) -> None:
        """Take a line of the ledger that was recorded before a restart."""

    def admits(self, call: Call) -> Answer | None:
        """Authenticate, before any fault strikes; None lets the request in."""
        return None

    def run(self, call: Call, endpoint: Endpoint, failing: Failing | None) -> Answer:
        """Carry a request out. `failing` asks for the provider's 500, before or after the work; a
        provider that keeps failed answers under its key overrides this."""
        if failing is Failing.BEFORE:
            return self.refusal(Refusal.SERVER_ERROR)
        answer = handled(endpoint, call)
        return self.refusal(Refusal.SERVER_ERROR) if failing is Failing.AFTER else answer

    def sealed(self, answer: Answer) -> Answer:
        """Return an API answer as it leaves: with signature, request id and so on."""
        return answer

    def due(self, what: str, object_id: str) -> None:
        """Take what `stage.later` asked for; the object may have gone another way since."""
        raise LookupError(f"this provider decides nothing later, and not {what}")

    # Webhooks

    def posted(self, notice: Notice, now_s: float) -> tuple[Mapping[str, str], bytes]:
        """Return headers and body of one delivery; called again for every try."""
        return {"Content-Type": "application/json"}, notice.body.encode()

    def acknowledged(self, status: int, body: bytes) -> bool:
        """Whether the receiver's answer ends the tries."""
        return 200 <= status < 300

    def retry_after_s(self, tries: int, status: int | None) -> float | None:
        """Return how long to wait after so many tries, the last of which came to this status (None:
        no answer). None gives the webhook up."""
        waits = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
        return waits[tries - 1] if tries <= len(waits) else None

    # Levers: what the payer, a bank or an operator does. LeverError where it cannot be.

    def settle(self, object_id: str, to: str) -> None:
        """Force a charge into captured, authorized, declined, canceled, expired or refunded."""
        raise LeverError("This provider cannot be told that.")

    def approve(self, object_id: str) -> None:
        """Have the payer approve."""
        raise LeverError("Nothing is approved at this provider.")

    def reject(self, object_id: str) -> None:
        """Have the payer refuse."""
        raise LeverError("Nothing is rejected at this provider.")

    def charge_back(self, object_id: str, minor: int) -> None:
        """Have the payer's bank take money of a charge back (ISO minor units)."""
        raise LeverError("This provider knows no chargebacks.")

    def decide_refund(self, object_id: str, *, succeeds: bool) -> None:
        """Decide a pending refund, or fail one that had succeeded."""
        raise LeverError("Refunds are decided at once at this provider.")

    def decide_payout(self, object_id: str, *, succeeds: bool) -> None:
        """Decide a payout that is under way."""
        raise LeverError("This provider pays nothing out.")

    def return_payout(self, object_id: str) -> None:
        """Have a payout come back that was paid."""
        raise LeverError("Payouts never come back at this provider.")

    def levers(self) -> Mapping[str, Mapping[str, Handler]]:
        """Return more paths of the admin port: template to {method: handler}."""
        return {}

    # For people

    def guide(self) -> tuple[Section, ...]:
        """Return the guide's own parts: test cards and tokens, endpoints, levers."""
        return ()

    def ready(self) -> Mapping[str, Any]:
        """Return what the ready line says besides ports: paths of certificates and the like."""
        return {}
