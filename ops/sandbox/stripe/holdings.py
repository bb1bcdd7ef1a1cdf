"""What the simulated account holds: every object, its lines in the ledger, and its events."""

import secrets
import time
from typing import Any, TypeVar

import msgspec

from ops.sandbox.stage.lines import Kind, Line
from ops.sandbox.stage.outbox import Notice
from ops.sandbox.stage.stage import Stage
from ops.sandbox.stripe.coins import in_minor_units
from ops.sandbox.stripe.objects import (
    Customer,
    Dispute,
    Intent,
    Method,
    Payout,
    Refund,
    Thing,
    reference_of,
    shown,
    shown_charge,
)

T = TypeVar("T", Intent, Refund, Payout, Dispute, Method, Customer)

#: The version of the API that the account is at.
API_VERSION = "2026-10-28.endive"


def fresh(prefix: str) -> str:
    """Return an id that nobody has."""
    return f"{prefix}_{secrets.token_hex(12)}"


def now() -> int:
    """Return the time as the API shows it."""
    return int(time.time())


class Holdings:
    """Objects by kind and id, oldest first. What changes is written down and told."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.intents: dict[str, Intent] = {}
        self.refunds: dict[str, Refund] = {}
        self.payouts: dict[str, Payout] = {}
        self.disputes: dict[str, Dispute] = {}
        self.methods: dict[str, Method] = {}
        self.customers: dict[str, Customer] = {}

    def restore(self, line: Line) -> None:
        """Take an object back from the ledger."""
        self._put(line.holds(Thing))  # type: ignore[arg-type]

    def keep(self, kind: Kind | str, thing: T, amount: int = 0) -> T:
        """Take an object in its new state; `amount` (its own units) is what `kind` moved."""
        self._put(thing)
        reference, refund_reference, of, currency = self._names(thing)
        self._stage.record(
            kind,
            object=thing.id,
            reference=reference,
            refund_reference=refund_reference,
            of=of,
            amount=in_minor_units(amount, currency) if amount else 0,
            currency=currency.upper(),
            state=thing,
        )
        return thing

    def tell(self, type_: str, thing: Intent | Refund | Payout | Dispute) -> None:
        """Send an event about an object."""
        self._send(type_, thing, shown(thing))

    def tell_of_charge(self, type_: str, intent: Intent) -> None:
        """Send an event about an intent's charge."""
        charge = shown_charge(intent)
        assert charge is not None, "an event about no charge"
        self._send(type_, intent, charge)

    def _send(
        self, type_: str, thing: Intent | Refund | Payout | Dispute, shows: dict[str, Any]
    ) -> None:
        event = {
            "id": fresh("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": now(),
            "data": {"object": shows},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": type_,
        }
        body = msgspec.json.encode(event).decode()
        reference = self._names(thing)[0]
        self._stage.notify(
            Notice(id=event["id"], type=type_, object=thing.id, reference=reference, body=body)  # type: ignore[arg-type]
        )

    def _put(self, thing: Thing) -> None:
        match thing:
            case Intent():
                self.intents[thing.id] = thing
            case Refund():
                self.refunds[thing.id] = thing
            case Payout():
                self.payouts[thing.id] = thing
            case Dispute():
                self.disputes[thing.id] = thing
            case Method():
                self.methods[thing.id] = thing
            case Customer():
                self.customers[thing.id] = thing

    def _names(self, thing: Thing) -> tuple[str, str, str, str]:
        """Return the merchant's reference, that of the refund, the charge's id, the currency."""
        match thing:
            case Intent() | Payout():
                return reference_of(thing.metadata), "", "", thing.currency
            case Refund() | Dispute():
                intent = self.intents[thing.payment_intent]
                own = reference_of(thing.metadata) if isinstance(thing, Refund) else ""
                return reference_of(intent.metadata), own, intent.id, thing.currency
            case _:
                return "", "", "", ""
