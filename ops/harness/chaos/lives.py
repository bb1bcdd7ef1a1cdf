"""Lives: how one order goes on, step by step, as a careful merchant and its payer see it."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode
from uuid import UUID

from ops.harness.chaos.orders import Json, Kind, Order

#: How often a status is asked for: often at first, then at leisure.
FIRST_LOOK_S: Final = 0.7
SLOWEST_LOOK_S: Final = 4.0
#: Longer than a run waits for its end: who gave up sooner would leave money held.
PATIENCE_S: Final = 600.0

OVER: Final = frozenset({"captured", "failed", "cancelled", "expired", "refunded", "reversed"})
REFUSED: Final = frozenset({404, 409, 422})


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to the door, sent again under the same key until it is answered."""

    method: str
    path: str
    body: Json | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Press:
    """The payer presses the button on the provider's page."""

    url: str

    @property
    def form(self) -> str:
        """What the page's form sends."""
        return urlencode({"decision": "approve"})


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing happens for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, in the end."""

    status: int
    said: Mapping[str, Any]

    @property
    def accepted(self) -> bool:
        """Whether it was promised."""
        return self.status in (200, 202)


Step: TypeAlias = Ask | Press | Wait
#: Yields what is to be done next; is sent the answer, or nothing.
Life: TypeAlias = Generator[Step, Answer | None, None]
Sub: TypeAlias = Generator[Step, Answer | None, Json]


def life(order: Order) -> Life:
    """Live one order to its end. What a merchant may not do any more it does not insist on."""
    draw = random.Random(order.seed)  # noqa: S311  # a schedule, not a secret
    keys = _keys(draw)
    if order.kind is Kind.PAYOUT:
        made = yield from _asked(Ask("POST", "/v1/withdrawals", order.body(), next(keys)))
        if made:
            yield from _watched(f"/v1/withdrawals/{made['id']}", {"succeeded", "failed"}, draw)
        return
    made = yield from _asked(Ask("POST", "/v1/payments", order.body(), next(keys)))
    if not made:
        return
    path = f"/v1/payments/{made['id']}"
    payment = yield from _watched(path, OVER | {"authorized"}, draw)
    yield from _followed(order, path, payment, keys, draw)


def _followed(
    order: Order, path: str, payment: Json, keys: Iterator[str], draw: random.Random
) -> Life:
    held, paid = payment.get("status") == "authorized", payment.get("status") == "captured"
    match order.kind:
        case Kind.CAPTURED | Kind.CAPTURED_IN_PART if held:
            part = {"amount": 2 * order.part} if order.kind is Kind.CAPTURED_IN_PART else {}
            yield from _asked(Ask("POST", f"{path}/capture", part, next(keys)))
            yield from _watched(path, OVER, draw)
        case Kind.VOIDED if held:
            yield from _asked(Ask("POST", f"{path}/cancel", {}, next(keys)))
            yield from _watched(path, OVER, draw)
        case Kind.REFUNDED if paid:
            yield from _given_back(path, [None], keys, draw)
        case Kind.REFUNDED_IN_PARTS if paid:
            yield from _given_back(path, [order.part] * 2 + [None], keys, draw)


def _given_back(
    path: str, parts: list[int | None], keys: Iterator[str], draw: random.Random
) -> Life:
    """Ask for parts one soon after the other; the last takes whatever is left."""
    refunds = []
    for part in parts:
        body: Json = {"reason": "storm"} | ({} if part is None else {"amount": part})
        made = yield from _asked(Ask("POST", f"{path}/refunds", body, next(keys)))
        if made:
            refunds.append(f"/v1/refunds/{made['id']}")
        yield Wait(draw.uniform(0, 0.5))
    for refund in refunds:
        yield from _watched(refund, {"succeeded", "failed", "cancelled"}, draw)


def _asked(ask: Ask) -> Sub:
    """Ask for something; nothing is returned where it is not allowed any more, or unanswered."""
    answer = yield ask
    if answer is None:
        return {}
    return dict(answer.said) if answer.accepted else {}


def _watched(path: str, ends: set[str] | frozenset[str], draw: random.Random) -> Sub:
    """Look until it has one of these statuses, or a person is asked, or patience ends. Meanwhile be
    the payer, and the reviewer of what could not be scored."""
    waited_s, pause_s = 0.0, FIRST_LOOK_S
    seen: Json = {}
    while waited_s < PATIENCE_S:
        yield Wait(pause_s)
        waited_s += pause_s
        pause_s = min(pause_s * draw.uniform(1.2, 1.8), SLOWEST_LOOK_S)
        answer = yield Ask("GET", path)
        if answer is None:
            continue
        seen = dict(answer.said)
        if seen.get("status") in ends or seen.get("parked"):
            return seen
        action = seen.get("next_action") or {}
        if seen.get("status") == "requires_action" and action.get("url"):
            yield Press(str(action["url"]))
        elif seen.get("status") == "in_review":
            review = f"/v1/reviews/{path.rpartition('/')[2]}/approve"
            yield Ask("POST", review, {}, str(UUID(int=draw.getrandbits(128), version=4)))
    return seen


def _keys(draw: random.Random) -> Iterator[str]:
    while True:
        yield str(UUID(int=draw.getrandbits(128), version=4))
