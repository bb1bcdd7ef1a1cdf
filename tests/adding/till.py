"""Till: an imaginary provider that only charges cards. The adapter that ADDING.md adds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final, TypeAlias, TypeVar, assert_never

import msgspec
from msgspec import Meta

from domain.attempt import Attempt, Operation
from domain.money import CURRENCIES, Money
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Proof,
    Succeeded,
    Unknown,
)
from domain.ports import Budget, Declaration, Promise
from domain.task import Charge, Task
from domain.vaulted import Detachment
from domain.webhook import Hint
from workers.gateways import Setup, Unusable
from workers.gateways.reading import failed, parsed, retry_after_s
from workers.gateways.wire import Answer, NeverSent, Unanswered, Unreadable, Wire, is_sendable

T = TypeVar("T")

#: What a refusal of the payer's bank allows next; what is not here is hard.
REASONS: Final[Mapping[str, Hardness]] = {
    "no_funds": Hardness.SOFT,
    "stolen": Hardness.HARD,
    "expired": Hardness.FIX_DATA,
}
#: Documented as never executed, by HTTP status; what is not here is `Unknown`.
REFUSALS: Final = frozenset({400, 401, 429, 503})
REQUEST_WRONG: Final = 400
#: And what any other request would have met as well: causes begin with the status.
GATEWAY_FAULTS: Final = frozenset({"401", "429", "503"})
CURRENCIES_TAKEN: Final = {"EUR": 2, "JPY": 0, "KWD": 3}


#: What the provider calls its own texts: bounded, printable, without spaces.
Name: TypeAlias = Annotated[str, Meta(max_length=255, pattern=r"^[!-~]+\Z")]


class Shown(msgspec.Struct, frozen=True):
    """A charge as the provider shows it."""

    id: Name
    reference: Name
    amount: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    currency: str
    status: str
    reason: str = ""


class Found(msgspec.Struct, frozen=True):
    """What a search by our reference answers."""

    data: list[Shown]


class Failed(msgspec.Struct, frozen=True):
    """The body of every answer that is not a success."""

    error: str


class Event(msgspec.Struct, frozen=True):
    """A webhook's body."""

    type: str
    charge: Shown


class Till:
    """One account. A charge is one call; its reference, which is ours, can be used once."""

    def __init__(self, setup: Setup) -> None:
        """Raises `Unusable`."""
        key = setup.credentials.get("secret_key")
        if not key or not is_sendable(key):
            raise Unusable("the credentials need a secret_key")
        self._wire = Wire(setup.base_url, {"Authorization": f"Bearer {key}"})
        self.declaration = Declaration(
            provider="till",
            adapter_version=1,
            promises={Operation.CHARGE: Promise(timedelta(days=1), authoritative=True)},
            can_void=False,
            can_3ds=False,
            methods=frozenset({"card"}),
            currencies=CURRENCIES_TAKEN,
        )

    def compose(self, task: Task, reference: str) -> bytes | None:
        """Return the exact request; None where this provider has no words for it."""
        match task:
            case Charge(payment=payment):
                money, method = payment.money, payment.method
                expressible = (
                    payment.captures_at_once
                    and method.type == "card"
                    and 0 < len(method.token) <= 64
                    and money.currency.code in CURRENCIES_TAKEN
                    and money.minor > 0
                )
                order = {
                    "reference": reference,
                    "amount": money.minor,
                    "currency": money.currency.code,
                    "token": method.token,
                }
                return msgspec.json.encode(order) if expressible else None
            case _:
                return None

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Send the stored request."""
        headers = {"Content-Type": "application/json"}
        body = attempt.request
        reply = self._wire.send("POST", "/charges", budget, headers=headers, body=body)
        match reply:
            case Answer(status=201):
                shown = parsed(reply.body, Shown)
                return _strange(reply) if shown is None else _said(shown, attempt)
            case Answer():
                return _refused(reply)
            case NeverSent(cause=cause):
                return NotCharged(Proof.NEVER_SENT, cause)
            case Unanswered() | Unreadable():
                return Unknown(failed(reply))
            case _:
                assert_never(reply)

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read the charge by its id, else by our reference."""
        if attempt.provider_id is not None:
            shown = self._read(f"/charges/{attempt.provider_id}", budget, Shown)
            return shown if isinstance(shown, Unknown) else _said(shown, attempt)
        found = self._read(f"/charges?reference={attempt.reference}", budget, Found)
        if isinstance(found, Unknown):
            return found
        return _said(found.data[0], attempt) if found.data else NotFound()

    def read_notice(self, body: bytes) -> Hint | None:
        """Return which charge an event speaks of; None: unreadable."""
        event = parsed(body, Event)
        if event is None:
            return None
        return Hint(event.charge.reference, event.charge.id, event.type)

    def probe(self, budget: Budget) -> bool:
        """Whether the provider answers as documented, be it with a refusal."""
        reply = self._wire.send("GET", "/charges?reference=probe", budget, headers={})
        return isinstance(reply, Answer) and (
            parsed(reply.body, Found) is not None or parsed(reply.body, Failed) is not None
        )

    def at_fault(self, refusal: NotCharged) -> bool:
        """Whether another request would have been refused too."""
        return refusal.cause.partition(" ")[0] in GATEWAY_FAULTS

    def close(self) -> None:
        """Let go of idle connections."""
        self._wire.close()

    # What this provider cannot do is never composed, so nobody asks for it.

    def cancel(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Nothing can be cancelled: say how the charge is."""
        found = self.lookup(attempt, budget)
        return Unknown("it is not there") if isinstance(found, NotFound) else found

    def capture(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Nothing is held there."""
        return NOT_THERE

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Nothing is held there."""
        return NOT_THERE

    def refund(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Money goes back by hand."""
        return NOT_THERE

    def payout(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Nothing is paid out there."""
        return NOT_THERE

    def detach(self, detachment: Detachment, budget: Budget) -> Outcome:
        """No token is kept there."""
        return NOT_THERE

    def _read(self, path: str, budget: Budget, type_: type[T]) -> T | Unknown:
        reply = self._wire.send("GET", path, budget, headers={})
        if not isinstance(reply, Answer):
            return Unknown(failed(reply))
        shown = parsed(reply.body, type_) if reply.status == 200 else None
        return _strange(reply) if shown is None else shown


NOT_THERE: Final = NotCharged(Proof.NEVER_SENT, "this provider cannot do that", request_wrong=True)


def _said(shown: Shown, attempt: Attempt) -> Outcome:
    """Return what a charge says; somebody else's is no answer to us."""
    if shown.reference != attempt.reference or shown.currency not in CURRENCIES_TAKEN:
        return Unknown(f"{shown.id} is not the charge that was asked for")
    match shown.status:
        case "paid":
            money = Money(shown.amount, CURRENCIES[shown.currency])
            return Succeeded(shown.id, money, reference=shown.reference)
        case "refused":
            return Declined(shown.reason, REASONS.get(shown.reason, Hardness.HARD), shown.id)
        case other:
            return Unknown(f"{shown.id} is {other:.64}")


def _refused(answer: Answer) -> Outcome:
    problem = parsed(answer.body, Failed)
    if problem is None or answer.status not in REFUSALS:
        return _strange(answer)
    return NotCharged(
        Proof.REJECTED,
        f"{answer.status} {problem.error:.64}",
        retry_after_s=retry_after_s(answer),
        request_wrong=answer.status == REQUEST_WRONG,
    )


def _strange(answer: Answer) -> Unknown:
    return Unknown(f"an answer that is not documented: {answer.status}, {len(answer.body)} bytes")
