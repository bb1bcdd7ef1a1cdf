"""The /v1/payouts endpoints: create, read, search."""

import time

from ops.sandbox.account import Account
from ops.sandbox.board import Operation
from ops.sandbox.books import Subject
from ops.sandbox.calls import Call, Endpoint, body_of, listed, no_query, reference_of, refused
from ops.sandbox.courses import ACCOUNT_CODES, course_of
from ops.sandbox.entries import PayoutMove
from ops.sandbox.execution import Execution, Job, Work
from ops.sandbox.faults import Fault, Strike, by_fault
from ops.sandbox.payouts import lifecycle
from ops.sandbox.payouts.orders import PayoutRequest
from ops.sandbox.replies import Answer, Reply, json_answer, not_found


class PayoutEndpoints:
    """Payouts over HTTP."""

    def __init__(self, account: Account, execution: Execution) -> None:
        self._account = account
        self._execution = execution

    def routes(self) -> dict[str, dict[str, Endpoint]]:
        """Return the paths that are answered here."""
        return {
            "/v1/payouts": {"POST": self._create, "GET": self._search},
            "/v1/payouts/{id}": {"GET": self._read},
        }

    async def _create(self, call: Call) -> Reply:
        account, fields = self._account, body_of(call.request)
        wanted = PayoutRequest.read(fields, account.settings.name)
        call.seen.reference = wanted.order.reference

        def work(strikes: tuple[Strike, ...]) -> Work:
            moves = lifecycle.create(
                wanted.order,
                course_of(strikes, ACCOUNT_CODES),
                time.time(),
                account.settings.async_delay_s,
                returns=Fault.PAYOUT_RETURNED in by_fault(strikes),
                webhook_faults=wanted.webhook_faults(strikes),
            )
            first = moves[0]
            assert isinstance(first, PayoutMove)
            return moves, lambda: self._created(first.payout)

        job = Job(Operation.PAYOUT, fields, wanted.strikes, work)
        return await self._execution.post(call.request, call.seen, job)

    async def _read(self, call: Call) -> Reply:
        no_query(call.request)

        def find() -> Answer:
            payout = self._account.books.payouts.get(call.id)
            if payout is None:
                raise not_found("payout")
            call.seen.about(payout)
            return json_answer(200, payout.to_json())

        return await self._execution.read(call.request, find)

    async def _search(self, call: Call) -> Reply:
        reference = reference_of(call.request)
        call.seen.reference = reference

        def find() -> Answer:
            books = self._account.books
            ids = books.payouts_by_reference.get(reference, [])
            matching: list[Subject] = [books.payouts[one] for one in ids]
            return listed(self._account, matching)

        return await self._execution.read(call.request, find)

    def _created(self, id_: str) -> Answer:
        payout = self._account.books.payouts[id_]
        if payout.status != "failed":
            return json_answer(201, payout.to_json())
        message = "The bank refuses this payout."
        return refused(self._account, payout, "payout_declined", message)
