"""The sandbox provider: how to charge, cancel and look up there."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Final, assert_never
from urllib.parse import quote

import msgspec

from domain.attempt import Attempt
from domain.ids import Kind, public
from domain.outcome import (
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from domain.payment import Payment
from domain.ports import Budget, Declaration
from domain.webhook import SCHEMES, Hint
from workers.gateways import DOUBLE_CHARGE, Setup, Unusable
from workers.gateways.reading import failed, parsed, seconds
from workers.gateways.sandbox_answers import (
    GATEWAY_FAULTS,
    Event,
    Shown,
    ShownList,
    rank,
    read,
    refused,
    said,
    strange,
)
from workers.gateways.wire import (
    Answer,
    NeverSent,
    Reply,
    Unanswered,
    Unreadable,
    Wire,
    is_sendable,
)

_log = logging.getLogger(__name__)

PROVIDER: Final = "sandbox"
#: Raise it when `compose` writes other bytes.
ADAPTER_VERSION: Final = 1
SCHEME: Final = SCHEMES[PROVIDER]

#: Our payment methods as source types; a method that is not here cannot be expressed.
SOURCES: Final[Mapping[str, str]] = {
    "card": "card",
    "wallet": "wallet",
    "bank_transfer": "bank_transfer",
}
TOKEN_LIMIT: Final = 255
#: A bank transfer is made by the payer, so there is nothing to name; the provider wants a word.
PAYERS_OWN: Final = "none"
DESCRIPTION_LIMIT: Final = 1000
URL_LIMIT: Final = 2048
METADATA_ENTRIES: Final = 50
METADATA_NAME: Final = 40
METADATA_VALUE: Final = 500
#: The entry that names our payment to people who look at the provider's own pages.
PAYMENT_ID: Final = "paylink_payment_id"

KEY_WINDOW_S: Final = 86_400.0
#: How late a new payment may show in the search by reference.
VISIBILITY_LAG_S: Final = 2.0


class Sandbox:
    """One account at the sandbox provider. One call charges; its key makes a replay harmless."""

    def __init__(self, setup: Setup) -> None:
        """Settings: `key_window_s`, `visibility_lag_s`, `ca_file`. Raises `Unusable`."""
        key = setup.credentials.get("secret_key")
        if not key:
            raise Unusable("the credentials need a secret_key")
        ca_file = setup.settings.get("ca_file")
        if not isinstance(ca_file, str | None):
            raise Unusable("ca_file is the path of a PEM file")
        headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        self._wire = Wire(setup.base_url, headers, ca_file=ca_file)
        self._alarm = setup.alarm
        self.declaration = Declaration(
            provider=PROVIDER,
            adapter_version=ADAPTER_VERSION,
            key_window=seconds(setup.settings, "key_window_s", KEY_WINDOW_S),
            lookup_authoritative=True,
            visibility_lag=seconds(setup.settings, "visibility_lag_s", VISIBILITY_LAG_S),
            can_void=True,
            can_3ds=True,
        )

    def compose(self, payment: Payment, reference: str) -> bytes | None:
        """Return the exact charge request; None where this provider has no words for it."""
        source = SOURCES.get(payment.method.type)
        metadata = dict(payment.metadata) | {PAYMENT_ID: public(Kind.PAYMENT, payment.id)}
        expressible = (
            source is not None
            and (payment.method.token or source == "bank_transfer")
            and len(payment.method.token) <= TOKEN_LIMIT
            and len(payment.description or "") <= DESCRIPTION_LIMIT
            and len(payment.return_url or "") <= URL_LIMIT
            and len(metadata) <= METADATA_ENTRIES
            and all(1 <= len(name) <= METADATA_NAME for name in metadata)
            and all(len(value) <= METADATA_VALUE for value in metadata.values())
        )
        if not expressible:
            return None
        return msgspec.json.encode(
            {
                "reference": reference,
                "amount": payment.money.minor,
                "currency": payment.money.currency.code,
                "capture": True,
                "source": {"type": source, "token": payment.method.token or PAYERS_OWN},
                "three_ds": "required" if payment.wants_3ds else "automatic",
                "return_url": payment.return_url,
                "expires_at": payment.expires_at.astimezone(UTC).isoformat(),
                "description": payment.description,
                "metadata": metadata,
            }
        )

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Send the stored request under the attempt's key."""
        reply = self._post("/v1/payments", attempt, "a", attempt.request, budget)
        match reply:
            case NeverSent(cause=cause):
                return NotCharged(Proof.NEVER_SENT, cause)
            case Answer(status=201, body=body):
                payment = parsed(body, Shown)
                return said(payment, attempt) if payment else strange(reply)
            case Answer():
                return refused(reply, attempt)
            case Unanswered() | Unreadable():
                return Unknown(failed(reply))
            case _:
                assert_never(reply)

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Cancel, then read back: what is read counts, whatever the cancel answered."""
        provider_id = attempt.provider_id
        if provider_id is None:
            found = self.lookup(attempt, budget)
            match found:
                case Pending() | RequiresAction() | Succeeded(captured=False):
                    provider_id = found.provider_id
                case NotFound():
                    return Unknown("there is nothing yet that could be cancelled")
                case _:
                    return found
        path = f"/v1/payments/{quote(provider_id, safe='')}"
        # Numbered, because a key keeps a failed answer too: every round of resolving asks anew.
        self._post(f"{path}/cancel", attempt, f"v{attempt.polls}", b"{}", budget)
        return self._read(path, attempt, budget)

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read the payment by the provider's id, else by our reference."""
        if attempt.provider_id is not None:
            path = f"/v1/payments/{quote(attempt.provider_id, safe='')}"
            return self._read(path, attempt, budget)
        reply = self._get(f"/v1/payments?reference={attempt.reference}", attempt, budget)
        found = read(reply, ShownList)
        if isinstance(found, Unknown):
            return found
        return self._weighed(found.data, attempt) if found.data else NotFound()

    def read_notice(self, body: bytes) -> Hint | None:
        """Return which payment an event speaks of; None: unreadable."""
        event = parsed(body, Event)
        if event is None:
            return None
        return Hint(event.data.payment.reference, event.data.payment.id, event.type)

    def at_fault(self, refusal: NotCharged) -> bool:
        """Whether another request would have been refused too; causes begin with the error type."""
        return refusal.cause.partition(" ")[0] in GATEWAY_FAULTS

    def close(self) -> None:
        """Let go of idle connections."""
        self._wire.close()

    def _read(self, path: str, attempt: Attempt, budget: Budget) -> Outcome:
        """Read one payment. One that the provider named before and does not know now is a riddle,
        not an absence."""
        payment = read(self._get(path, attempt, budget), Shown)
        return payment if isinstance(payment, Unknown) else said(payment, attempt)

    def _weighed(self, payments: Sequence[Shown], attempt: Attempt) -> Outcome:
        """Of several payments under one reference, return the one that matters most: money that
        moved, then what may still move. More than one that moved is told to people."""
        ranked = sorted(
            (
                (rank(outcome := said(one, attempt)), one.created_at, one.id, outcome)
                for one in payments
            ),
            key=lambda found: found[:3],
        )
        moved = sum(isinstance(outcome, Succeeded) for *_, outcome in ranked)
        if moved > 1:
            _log.error("%d payments under reference %s moved money", moved, attempt.reference)
            self._alarm(DOUBLE_CHARGE, attempt.reference)
        return ranked[0][3]

    def _get(self, path: str, attempt: Attempt, budget: Budget) -> Reply:
        return self._wire.send("GET", path, budget, headers=_traced(attempt))

    def _post(self, path: str, attempt: Attempt, step: str, body: bytes, budget: Budget) -> Reply:
        headers = {"Idempotency-Key": attempt.key(step), "Content-Type": "application/json"}
        return self._wire.send("POST", path, budget, headers=headers | _traced(attempt), body=body)


def _traced(attempt: Attempt) -> dict[str, str]:
    """Our request id, so that the provider's people and ours can talk about one call."""
    id_ = attempt.request_id
    return {"X-Request-ID": id_} if id_ and is_sendable(id_) else {}
