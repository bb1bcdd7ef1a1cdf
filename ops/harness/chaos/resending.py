"""Resending: what a provider gave up telling while the door was away is told once more.

Real providers try for days, and offer to send again what they gave up; here a day is a quarter of an
hour, and a door on a busy machine is away for a minute.

What was scripted never to be sent stays unsaid, for look-ups settle it, unless it is news about money
that had settled already: nobody looks that up again. In production the daily reconciliation finds it,
from lists that providers close hours later than any storm lasts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from ops.harness.chaos.faults import Providers
from ops.harness.verdict.lines import Kind, LedgerFile

_EVENT: Final = b'"kind":"event"'
_GIVEN_UP: Final = b'"kind":"event.given_up"'
#: The kind comes this early in a line.
_HEAD: Final = 80
#: How each provider says that money went back by itself, after it had settled.
_LATE_NEWS: Final = frozenset(
    {
        *("payment.charged_back", "payout.returned"),  # the house
        *("chargeback", "payout.failed"),  # Midtrans; the latter is Stripe's word, too
        "refund.failed",  # Stripe
        *("PAYMENT.REFUND.FAILED", "PAYMENT.PAYOUTS-ITEM.REFUNDED"),  # PayPal
        *("dispute.lost", "payout.reversed"),  # Xendit
        *("REVERSED", "RETURNED"),  # the bank
    }
)


class _Notice(msgspec.Struct, frozen=True):
    id: str
    type: str = ""
    tries: int = 0


class _Line(msgspec.Struct, frozen=True):
    """A line about a webhook: as the house's sandbox writes it, or with its `object` and `state`."""

    event: str = ""
    type: str = ""
    send: bool = True
    tries: int = 0
    payment: str = ""
    refund: str = ""
    payout: str = ""
    object: str = ""
    state: _Notice | None = None

    @property
    def lever(self) -> tuple[str, tuple[str, str] | None]:
        """The path at the admin port that sends the latest webhook about this again, and its body."""
        if self.object:
            return f"/objects/{self.object}/deliver", None
        for name, id_ in (("refund", self.refund), ("payout", self.payout)):
            if id_:
                return "/deliver", (name, id_)
        return "/deliver", ("payment", self.payment)


@dataclass(slots=True)
class Resending:
    """Asks each provider for what it has given up, each webhook once."""

    providers: Providers
    ledgers: Mapping[str, LedgerFile]
    #: Gateway and webhook of everything that was asked for.
    asked: set[tuple[str, str]] = field(default_factory=set)

    def __call__(self) -> int:
        """Ask for what was given up meanwhile; return how many webhooks that are."""
        before = len(self.asked)
        for gateway, file in self.ledgers.items():
            levers = set()
            for id_, line in _given_up(file):
                if (gateway, id_) not in self.asked:
                    self.asked.add((gateway, id_))
                    levers.add(line.lever)
            for path, body in sorted(levers, key=str):
                self.providers.pull(gateway, path, body and dict([body]))
        return len(self.asked) - before


def _given_up(file: LedgerFile) -> Iterator[tuple[str, _Line]]:
    """Yield webhooks that were tried in vain, or late news never sent, and a line that says what each
    is about."""
    decode = msgspec.json.Decoder(_Line).decode
    told: dict[str, _Line] = {}
    with file.path.open("rb") as raw:
        for line in raw:
            head = line[:_HEAD]
            if not line.endswith(b"\n"):
                continue  # it is being written
            if _EVENT in head and file.kind is Kind.HOUSE:
                found = decode(line)
                told[found.event] = found
                if not found.send and found.type in _LATE_NEWS:
                    yield found.event, found
            elif _GIVEN_UP in head:
                found = decode(line)
                if found.state is None:
                    if found.tries:
                        yield found.event, told[found.event]
                elif found.state.tries or found.state.type in _LATE_NEWS:
                    yield found.state.id, found
