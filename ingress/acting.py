"""Acting: what a merchant asks of a payment is carried out once per key, and may be waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, assert_never
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from domain.books import Store
from domain.commands import Command
from domain.errors import NotFound, Overloaded
from domain.flows.request import Answer, Asked, Desk, request
from domain.idempotency import fingerprint
from domain.ids import Kind, public
from domain.payment import Payment, Status
from domain.refund import Refund
from domain.requests import Sight, Verb
from ingress import schemas, views
from ingress.asking import json_answer
from ingress.authentication import Caller
from ingress.backing import MoneyReading, Reading
from ingress.backlog import Backlog, unbounded
from ingress.refund_out import refund_json
from ingress.showing import Showing
from ingress.waiting import Waiting
from ingress.wishes import Wish
from ops.telemetry import metrics

#: Requests that may be under way or wait for a thread; each takes milliseconds, so more of them
#: mean that the database hangs, and it is better to say so.
MAX_UNDER_WAY: Final = 100
#: What makes a row of its own, and so is refused while too many wait.
ADDING: Final = frozenset({Verb.REFUND, Verb.REVERSE})


@dataclass(frozen=True, slots=True)
class Ground:
    """What acting stands on."""

    books: Store
    reads: Reading
    money: MoneyReading
    waiting: Waiting
    wake: Callable[[Command, UUID, str], None]
    new_id: Callable[[], UUID]
    show: Showing
    backlog: Backlog = field(default_factory=unbounded)


class Acting:
    """Carries out requests in threads beside the loop: each is one short transaction."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._desk = Desk(
            ground.books, ground.new_id, ground.wake, self._rendered, ground.show.refund_window
        )
        self._under_way = 0

    async def __call__(
        self, asking: Request, caller: Caller, verb: Verb, payment_id: UUID, wish: Wish
    ) -> Response:
        """Return the recorded answer; with `Prefer: wait`, the outcome if it is there in time.

        Raises `KeyRequired`, `Overloaded`, and what `domain.flows.request` refuses.
        """
        key = schemas.choose_key(asking.headers, wish.key, caller.mode, self._ground.new_id)
        asked = _asked(caller, verb, payment_id, wish, key, asking.state.request_id)
        answer = await self._answered(asked)
        headers = {"Idempotency-Key": key, "Location": _location(asked, answer)}
        if answer.replayed:
            headers["Idempotent-Replayed"] = "true"
        else:
            metrics.OPERATIONS_ACCEPTED.labels(verb.value, caller.mode.value).inc()
        recorded = answer.recorded
        wait_s = schemas.parse_wait(asking.headers.get("prefer"), None)
        if wait_s and recorded.status == 202:
            headers["Preference-Applied"] = f"wait={wait_s:g}"
            if (outcome := await self._outcome(caller, asked, answer, wait_s)) is not None:
                return json_answer(outcome, 200, headers)
        return Response(recorded.body, recorded.status, headers, "application/json")

    async def _answered(self, asked: Asked) -> Answer:
        if asked.verb in ADDING:
            id_ = (asked.merchant_id, asked.mode.value, asked.key)
            before = await self._ground.backlog.answered(id_, asked.fingerprint)
            if before is not None:
                return Answer(before.recorded, before.resource_id, replayed=True)
        if self._under_way >= MAX_UNDER_WAY:
            raise Overloaded("too many requests are under way")
        self._under_way += 1
        try:
            return await asyncio.to_thread(request, asked, self._desk)
        finally:
            self._under_way -= 1

    async def _outcome(
        self, caller: Caller, asked: Asked, answer: Answer, wait_s: float
    ) -> dict[str, object] | None:
        """Return what came of it in time, as it is shown; None: nothing yet."""
        until = self._ground.waiting.until
        id_ = asked.payment_id
        if answer.resource_id != id_:
            refund = await until(
                id_, wait_s, lambda: self._refund(caller, answer.resource_id), _is_over
            )
            return refund_json(refund) if refund.over else None
        payment = await until(
            id_,
            wait_s,
            lambda: self._payment(caller, id_),
            lambda seen: _is_done(asked.verb, seen),
        )
        if not _is_done(asked.verb, payment):
            return None
        return await self._ground.show.one(payment)

    async def _payment(self, caller: Caller, id_: UUID) -> Payment:
        payment = await self._ground.reads.payment(id_, caller.merchant_id, caller.mode)
        if payment is None:
            raise NotFound("payment")
        return payment

    async def _refund(self, caller: Caller, id_: UUID) -> Refund:
        refund = await self._ground.money.refund(caller, id_)
        assert refund is not None, "the key's answer names it, and no refund is ever removed"
        return refund

    def _rendered(self, payment: Payment, refund: Refund | None, sight: Sight) -> tuple[int, bytes]:
        """Return the answer: 202, or 200 for what is over already."""
        if refund is not None:
            return 202, msgspec.json.encode(refund_json(refund))
        shown = self._ground.show.seen(payment, sight)
        return 200 if payment.final else 202, msgspec.json.encode(shown)


def _asked(
    caller: Caller, verb: Verb, payment_id: UUID, wish: Wish, key: str, request_id: str
) -> Asked:
    command = {"payment": payment_id.hex, "amount": wish.amount, "reason": wish.reason}
    return Asked(
        verb=verb,
        payment_id=payment_id,
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        actor_id=f"key:{caller.key_id}",
        key=key,
        fingerprint=fingerprint(verb.value, command),
        request_id=request_id,
        amount=wish.amount,
        reason=wish.reason,
    )


def _location(asked: Asked, answer: Answer) -> str:
    if answer.resource_id == asked.payment_id:
        return f"/v1/payments/{public(Kind.PAYMENT, asked.payment_id)}"
    return f"/v1/refunds/{public(Kind.REFUND, answer.resource_id)}"


def _is_over(refund: Refund) -> bool:
    return refund.over


def _is_done(verb: Verb, payment: Payment) -> bool:
    """Whether what was asked for has come to something."""
    match verb:
        case Verb.AUTHORIZE | Verb.APPROVE:
            return views.settled(payment)
        case Verb.CAPTURE:
            return payment.status is not Status.AUTHORIZED or payment.capture_amount is None
        case Verb.CANCEL | Verb.REJECT | Verb.REFUND | Verb.REVERSE:
            return payment.final
        case _:
            assert_never(verb)
