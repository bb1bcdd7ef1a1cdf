"""The /v1/payments endpoints: create, read, search, capture, cancel."""

import time
from collections.abc import Mapping

from ops.sandbox.account import Account
from ops.sandbox.board import Operation
from ops.sandbox.calls import Call, Endpoint, body_of, listed, no_query, reference_of, refused
from ops.sandbox.courses import CARD_CODES, course_of
from ops.sandbox.execution import Execution, Job, Work
from ops.sandbox.faults import Strike, for_part
from ops.sandbox.fields import Fields
from ops.sandbox.payments import lifecycle
from ops.sandbox.payments.orders import CreateRequest
from ops.sandbox.payments.payment import Payment
from ops.sandbox.replies import Answer, Reply, json_answer, not_found

MESSAGES: Mapping[str, str] = {
    "insufficient_funds": "The card has insufficient funds.",
    "stolen_card": "The card was reported stolen.",
    "token_detached": "The token was detached.",
}


class PaymentEndpoints:
    """Payments over HTTP."""

    def __init__(self, account: Account, execution: Execution) -> None:
        self._account = account
        self._execution = execution

    def routes(self) -> dict[str, dict[str, Endpoint]]:
        """Return the paths that are answered here."""
        return {
            "/v1/payments": {"POST": self._create, "GET": self._search},
            "/v1/payments/{id}": {"GET": self._read},
            "/v1/payments/{id}/capture": {"POST": self._capture},
            "/v1/payments/{id}/cancel": {"POST": self._cancel},
        }

    async def _create(self, call: Call) -> Reply:
        account, fields = self._account, body_of(call.request)
        wanted = CreateRequest.read(fields, account.settings.name, time.time())
        call.seen.reference = wanted.order.reference

        def work(strikes: tuple[Strike, ...]) -> Work:
            detached = wanted.order.token in account.books.detached
            opening = wanted.opening(strikes, detached=detached)
            moves = lifecycle.create(wanted.order, opening, time.time(), account.terms)
            return moves, lambda: self._created(account.books.payments[moves[0].payment])

        job = Job(Operation.CREATE, fields, wanted.strikes, work)
        return await self._execution.post(call.request, call.seen, job)

    async def _capture(self, call: Call) -> Reply:
        fields, payment = body_of(call.request), found(self._account, call)
        taken = Fields(fields)
        amount = taken.optional_amount("amount")
        taken.end()

        def work(strikes: tuple[Strike, ...]) -> Work:
            latest, course = self._latest(payment), course_of(strikes, CARD_CODES)
            moves = lifecycle.capture(latest, amount, course, time.time(), self._account.terms)
            if course.verdict is None or course.later:
                return moves, lambda: self._shown(payment.id)
            code = course.verdict
            return moves, lambda: refused(
                self._account, self._latest(payment), code, MESSAGES[code]
            )

        own = for_part(amount, payment.amount)
        job = Job(Operation.CAPTURE, fields, own, work)
        return await self._execution.post(call.request, call.seen, job)

    async def _cancel(self, call: Call) -> Reply:
        fields, payment = body_of(call.request), found(self._account, call)
        Fields(fields).end()

        def work(strikes: tuple[Strike, ...]) -> Work:
            latest = self._latest(payment)
            moves = lifecycle.cancel(latest, time.time())
            if course_of(strikes, CARD_CODES).verdict is None:
                return moves, lambda: self._shown(payment.id)
            message = "The bank refuses to cancel."
            return [], lambda: refused(self._account, latest, "cancel_declined", message)

        job = Job(Operation.CANCEL, fields, (), work)
        return await self._execution.post(call.request, call.seen, job)

    async def _read(self, call: Call) -> Reply:
        no_query(call.request)
        return await self._execution.read(
            call.request, lambda: self._shown(found(self._account, call).id)
        )

    async def _search(self, call: Call) -> Reply:
        reference = reference_of(call.request)
        call.seen.reference = reference

        def find() -> Answer:
            books = self._account.books
            ids = books.by_reference.get(reference, [])
            return listed(self._account, [books.payments[one] for one in ids])

        return await self._execution.read(call.request, find)

    def _latest(self, payment: Payment) -> Payment:
        return self._account.books.payments[payment.id]

    def _shown(self, payment: str) -> Answer:
        return json_answer(200, self._account.shown(self._account.books.payments[payment]))

    def _created(self, payment: Payment) -> Answer:
        code = payment.decline_code
        if code is None:
            return json_answer(201, self._account.shown(payment))
        return refused(self._account, payment, code, MESSAGES[code])


def found(account: Account, call: Call) -> Payment:
    """Return the payment that the path names, and note it. ApiError 404 if there is none."""
    payment = account.books.payments.get(call.id)
    if payment is None:
        raise not_found("payment")
    call.seen.about(payment)
    return payment
