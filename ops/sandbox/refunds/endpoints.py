"""The endpoints of refunds: create under their payment, read, search."""

import time

from ops.sandbox.account import Account
from ops.sandbox.board import Operation
from ops.sandbox.books import Subject
from ops.sandbox.calls import Call, Endpoint, body_of, listed, no_query, reference_of, refused
from ops.sandbox.courses import ACCOUNT_CODES, course_of
from ops.sandbox.entries import RefundMove
from ops.sandbox.execution import Execution, Job, Work
from ops.sandbox.faults import Strike, for_part
from ops.sandbox.fields import Fields
from ops.sandbox.payments.endpoints import found
from ops.sandbox.refunds import lifecycle
from ops.sandbox.replies import Answer, Reply, json_answer, not_found


class RefundEndpoints:
    """Refunds over HTTP."""

    def __init__(self, account: Account, execution: Execution) -> None:
        self._account = account
        self._execution = execution

    def routes(self) -> dict[str, dict[str, Endpoint]]:
        """Return the paths that are answered here."""
        return {
            "/v1/payments/{id}/refunds": {"POST": self._create},
            "/v1/refunds": {"GET": self._search},
            "/v1/refunds/{id}": {"GET": self._read},
        }

    async def _create(self, call: Call) -> Reply:
        account, fields, payment = self._account, body_of(call.request), found(self._account, call)
        taken = Fields(fields)
        amount = taken.optional_amount("amount")
        reference = taken.text("reference", 1, 64)
        reason = taken.optional_text("reason", 0, 500)
        taken.end()
        call.seen.refund_reference = reference

        def work(strikes: tuple[Strike, ...]) -> Work:
            moves = lifecycle.refund(
                account.books.payments[payment.id],
                amount,
                reference,
                reason,
                course_of(strikes, ACCOUNT_CODES),
                time.time(),
                account.settings.async_delay_s,
            )
            [move] = moves
            assert isinstance(move, RefundMove)
            return moves, lambda: self._created(move.refund)

        job = Job(Operation.REFUND, fields, for_part(amount, payment.amount), work)
        return await self._execution.post(call.request, call.seen, job)

    async def _read(self, call: Call) -> Reply:
        no_query(call.request)

        def find() -> Answer:
            refund = self._account.books.refunds.get(call.id)
            if refund is None:
                raise not_found("refund")
            call.seen.about(refund)
            return json_answer(200, refund.to_json())

        return await self._execution.read(call.request, find)

    async def _search(self, call: Call) -> Reply:
        reference = reference_of(call.request)
        call.seen.refund_reference = reference

        def find() -> Answer:
            books = self._account.books
            ids = books.refunds_by_reference.get(reference, [])
            matching: list[Subject] = [books.refunds[one] for one in ids]
            return listed(self._account, matching)

        return await self._execution.read(call.request, find)

    def _created(self, id_: str) -> Answer:
        refund = self._account.books.refunds[id_]
        if refund.status != "failed":
            return json_answer(201, refund.to_json())
        message = "The bank refuses this refund."
        return refused(self._account, refund, "refund_declined", message)
