"""The /v1 endpoints: authenticate, read strictly, hand over to the execution."""

import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from ops.sandbox import operations
from ops.sandbox.account import Account
from ops.sandbox.board import Operation
from ops.sandbox.execution import Execution, Job, Work
from ops.sandbox.faults import Strike
from ops.sandbox.fields import Fields, json_object
from ops.sandbox.orders import CreateRequest
from ops.sandbox.payments import Payment, refund_json
from ops.sandbox.replies import (
    JSON,
    Answer,
    ApiError,
    Dripped,
    Dropped,
    Reply,
    invalid,
    json_answer,
    not_found,
)
from ops.sandbox.routing import Router
from ops.sandbox.sightings import Sighting, Sightings
from ops.sandbox.times import epoch_s, rfc3339
from ops.sandbox.wire import Request

#: Payments shown for one reference, newest first; more means a client gone wild.
LIST_LIMIT = 100

MESSAGES: Mapping[str, str] = {
    "insufficient_funds": "The card has insufficient funds.",
    "stolen_card": "The card was reported stolen.",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request, the id in its path, and what we write down about it."""

    request: Request
    id: str
    seen: Sighting


Endpoint: TypeAlias = Callable[[Call], Awaitable[Reply]]


class Api:
    """The provider's API. Every request that reaches it is written to `sightings`."""

    def __init__(self, account: Account, sightings: Sightings) -> None:
        self._account = account
        self._execution = Execution(account)
        self._sightings = sightings
        self._bearer = f"Bearer {account.settings.secret_key}".encode()
        self._router: Router[Endpoint] = Router(
            {
                "/v1/payments": {"POST": self._create, "GET": self._search},
                "/v1/payments/{id}": {"GET": self._payment},
                "/v1/payments/{id}/capture": {"POST": self._capture},
                "/v1/payments/{id}/cancel": {"POST": self._cancel},
                "/v1/payments/{id}/refunds": {"POST": self._refund},
                "/v1/refunds/{id}": {"GET": self._refunded},
            }
        )

    async def __call__(self, request: Request) -> Reply:
        """Answer one /v1 request, refusals included."""
        seen = Sighting(
            at=rfc3339(time.time()),
            method=request.method,
            path=request.path,
            key=request.headers.get("idempotency-key"),
        )
        self._sightings.add(seen)
        try:
            self._authenticate(request)
            endpoint, found = self._router.find(request.method, request.path)
            reply = await endpoint(Call(request, found, seen))
        except ApiError as error:
            reply = error.answer
        match reply:
            case Dropped():
                seen.status = "dropped"
            case Answer(status=status) | Dripped(answer=Answer(status=status)):
                seen.status = status
        return reply

    def _authenticate(self, request: Request) -> None:
        given = request.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, self._bearer):
            raise ApiError(
                401,
                "authentication_error",
                "invalid_api_key",
                "No valid API key was given: Authorization: Bearer <secret key>.",
                headers={"WWW-Authenticate": "Bearer"},
            )

    async def _create(self, call: Call) -> Reply:
        fields = _body(call.request)
        wish = CreateRequest.read(fields, self._account.settings.name, time.time())
        call.seen.reference = wish.order.reference

        def work(strikes: tuple[Strike, ...]) -> Work:
            delay_s = self._account.settings.async_delay_s
            moves = operations.create(wish.order, wish.course(strikes), time.time(), delay_s)
            return moves, lambda: self._created(self._account.books.payments[moves[0].payment])

        job = Job(Operation.CREATE, fields, wish.strikes, work)
        return await self._execution.post(call.request, call.seen, job)

    async def _capture(self, call: Call) -> Reply:
        fields, payment = _body(call.request), self._found(call)
        taken = Fields(fields)
        amount = taken.optional_amount("amount")
        taken.end()

        def work(_: tuple[Strike, ...]) -> Work:
            latest = self._account.books.payments[payment.id]
            move = operations.capture(latest, amount, time.time())
            return [move], lambda: self._shown(payment.id)

        job = Job(Operation.CAPTURE, fields, (), work)
        return await self._execution.post(call.request, call.seen, job)

    async def _cancel(self, call: Call) -> Reply:
        fields, payment = _body(call.request), self._found(call)
        Fields(fields).end()

        def work(_: tuple[Strike, ...]) -> Work:
            latest = self._account.books.payments[payment.id]
            return operations.cancel(latest, time.time()), lambda: self._shown(payment.id)

        job = Job(Operation.CANCEL, fields, (), work)
        return await self._execution.post(call.request, call.seen, job)

    async def _refund(self, call: Call) -> Reply:
        fields, payment = _body(call.request), self._found(call)
        taken = Fields(fields)
        amount = taken.optional_amount("amount")
        reference = taken.optional_text("reference", 1, 64)
        reason = taken.optional_text("reason", 0, 500)
        taken.end()

        def work(_: tuple[Strike, ...]) -> Work:
            latest = self._account.books.payments[payment.id]
            move = operations.refund(latest, amount, reference, reason, time.time())
            return [move], lambda: json_answer(201, refund_json(move))

        job = Job(Operation.REFUND, fields, (), work)
        return await self._execution.post(call.request, call.seen, job)

    async def _payment(self, call: Call) -> Reply:
        _query(call.request, set())
        return await self._execution.read(call.request, lambda: self._shown(self._found(call).id))

    async def _refunded(self, call: Call) -> Reply:
        _query(call.request, set())

        def find() -> Answer:
            line = self._account.books.refunds.get(call.id)
            if line is None:
                raise not_found("refund")
            call.seen.payment, call.seen.reference = line.payment, line.reference
            return json_answer(200, refund_json(line))

        return await self._execution.read(call.request, find)

    async def _search(self, call: Call) -> Reply:
        reference = _query(call.request, {"reference"}).get("reference", "")
        if not 1 <= len(reference) <= 64:
            raise invalid("reference must have 1 to 64 characters.", "reference")
        call.seen.reference = reference

        def find() -> Answer:
            books = self._account.books
            visible_s = time.time() - self._account.settings.visibility_lag_s
            ids = reversed(books.by_reference.get(reference, []))
            found = [self._account.shown(books.payments[one]) for one in ids]
            found = [one for one in found if epoch_s(one["created_at"]) <= visible_s]
            return json_answer(200, {"data": found[:LIST_LIMIT]})

        return await self._execution.read(call.request, find)

    def _found(self, call: Call) -> Payment:
        payment = self._account.books.payments.get(call.id)
        if payment is None:
            raise not_found("payment")
        call.seen.payment, call.seen.reference = payment.id, payment.reference
        return payment

    def _shown(self, payment: str) -> Answer:
        return json_answer(200, self._account.shown(self._account.books.payments[payment]))

    def _created(self, payment: Payment) -> Answer:
        shown = self._account.shown(payment)
        if payment.decline_code is None:
            return json_answer(201, shown)
        code = payment.decline_code
        return ApiError(402, "card_error", code, MESSAGES[code], payment=shown).answer


def _body(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise invalid(f"Content-Type must be {JSON}.", "Content-Type", status=415)
    return json_object(request.body)


def _query(request: Request, known: set[str]) -> dict[str, str]:
    try:
        pairs = parse_qsl(request.query, keep_blank_values=True, max_num_fields=10)
    except ValueError:
        raise invalid("The query has too many fields.") from None
    found = dict(pairs)
    for name in found.keys() - known:
        raise invalid(f"{name} is not a known parameter.", name)
    return found
