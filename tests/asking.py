"""A merchant's requests about a payment on the stage, as the door makes them."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

from domain.flows.request import Answer, Asked, Desk, request
from domain.idempotency import fingerprint
from domain.payment import Mode, Payment
from domain.requests import Verb
from tests.builders import MERCHANT, PAYMENT
from tests.stage import Stage

_keys = count(1)


def ask(stage: Stage, verb: Verb, amount: int | None = None, **changes: Any) -> Answer:
    """Ask for something of `PAYMENT`, under a new key unless one is given."""
    wanted: dict[str, Any] = {
        "verb": verb,
        "payment_id": PAYMENT,
        "merchant_id": MERCHANT,
        "mode": Mode.TEST,
        "actor_id": "key:k",
        "key": f"asked-{next(_keys)}",
        "fingerprint": fingerprint(verb, {"amount": amount}),
        "request_id": "req-2",
        "amount": amount,
        "reason": "because",
    }
    return request(Asked(**(wanted | changes)), a_desk(stage))


def a_desk(stage: Stage) -> Desk:
    """What answers: its body is the payment's status."""
    return Desk(
        stage.store,
        stage.new_id,
        stage.wake,
        lambda payment, refund, sight: (202, payment.status.encode()),
        timedelta(days=90),
    )


def cancel(stage: Stage, **changes: Any) -> Payment:
    """Ask for the payment to be cancelled, and return it."""
    ask(stage, Verb.CANCEL, **changes)
    return stage.payment()
