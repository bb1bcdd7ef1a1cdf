"""Turns a change of the books into the event that tells about it."""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from ops.sandbox.board import Board, Operation
from ops.sandbox.books import Books, Subject
from ops.sandbox.entries import Event
from ops.sandbox.faults import Fault, Strike, by_fault, webhook_strikes
from ops.sandbox.payments.payment import Payment
from ops.sandbox.payouts.payout import Payout
from ops.sandbox.refunds.refund import Refund
from ops.sandbox.refusals import word_for
from ops.sandbox.times import rfc3339
from ops.sandbox.webhooks import DUPLICATES, Manner

#: States that are decided later: under `webhook_out_of_order` their event waits for the next one.
UNDECIDED = frozenset({"processing", "pending"})


class Announcer:
    """Makes events. Which webhook faults strike them is decided here, once."""

    def __init__(
        self, books: Books, board: Board, pay_url: Callable[[str], str], *, sends: bool
    ) -> None:
        self._books = books
        self._board = board
        self._pay_url = pay_url
        self._sends = sends  # False where no webhook URL was given

    def shown(self, subject: Subject) -> dict[str, Any]:
        """Return the API's object."""
        if isinstance(subject, Payment):
            return subject.to_json(self._pay_url(subject.id))
        return subject.to_json()

    def event(
        self, subject: Subject, cause: Operation | None, strikes: Iterable[Strike]
    ) -> tuple[Event, Manner]:
        """Tell how `subject` is now; `strikes` are the faults its own request met."""
        kind, lasting = self._told_as(subject)
        rules = self._board.for_webhook(cause or kind)
        struck = by_fault((*strikes, *webhook_strikes(lasting), *rules))
        now_s = time.time()
        number = f"evt_{secrets.token_hex(16)}"
        type_ = f"{word_for(subject)}.{subject.status}"
        content = {
            "id": number,
            "object": "event",
            "type": type_,
            "created": int(now_s),
            "data": self._data(subject),
        }
        event = Event(
            at=rfc3339(now_s),
            payment=_payment_of(subject),
            reference=_reference_of(subject),
            event=number,
            type=type_,
            refund=subject.id if isinstance(subject, Refund) else "",
            payout=subject.id if isinstance(subject, Payout) else "",
            send=self._sends and Fault.WEBHOOKS_OFF not in struck,
            held=Fault.WEBHOOK_OUT_OF_ORDER in struck and subject.status in UNDECIDED,
            body=msgspec.Raw(msgspec.json.encode(content)),
        )
        return event, _manner(struck)

    def _told_as(self, subject: Subject) -> tuple[Operation, tuple[str, ...]]:
        match subject:
            case Payment():
                return Operation.CREATE, subject.webhook_faults
            case Refund():
                return Operation.REFUND, self._books.payments[subject.payment].webhook_faults
            case Payout():
                return Operation.PAYOUT, subject.webhook_faults

    def _data(self, subject: Subject) -> dict[str, Any]:
        told = {word_for(subject): self.shown(subject)}
        if isinstance(subject, Refund):
            return {"payment": self.shown(self._books.payments[subject.payment])} | told
        return told


def _manner(struck: Mapping[Fault, int]) -> Manner:
    return Manner(
        copies=DUPLICATES if Fault.WEBHOOK_DUPLICATE in struck else 1,
        delay_s=struck.get(Fault.WEBHOOK_LATE, 0) / 1000,
        early=Fault.WEBHOOK_EARLY in struck,
    )


def _payment_of(subject: Subject) -> str:
    match subject:
        case Payment():
            return subject.id
        case Refund():
            return subject.payment
        case Payout():
            return ""


def _reference_of(subject: Subject) -> str:
    return subject.payment_reference if isinstance(subject, Refund) else subject.reference
