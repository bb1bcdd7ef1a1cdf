"""The endpoint that takes a token out of the vault: nothing can be charged with it afterwards."""

import time
from urllib.parse import unquote

from ops.sandbox.account import Account
from ops.sandbox.board import Operation
from ops.sandbox.calls import Call, Endpoint, body_of
from ops.sandbox.entries import Detach
from ops.sandbox.execution import Execution, Job, Work
from ops.sandbox.faults import Strike
from ops.sandbox.fields import Fields
from ops.sandbox.replies import Answer, Reply, json_answer, not_found
from ops.sandbox.times import rfc3339

#: The longest token that a charge can name.
TOKEN_LENGTH = 255
#: Tokens of the examples. They are nobody's card, so that nobody can take them from the others.
EVERYBODYS = frozenset({"tok_visa", "tok_mastercard", "tok_amex", "tok_test"})


class Vault:
    """Payment methods over HTTP. The sandbox takes every token for one of its own."""

    def __init__(self, account: Account, execution: Execution) -> None:
        self._account = account
        self._execution = execution

    def routes(self) -> dict[str, dict[str, Endpoint]]:
        """Return the paths that are answered here."""
        return {"/v1/payment_methods/{id}/detach": {"POST": self._detach}}

    async def _detach(self, call: Call) -> Reply:
        fields, token = body_of(call.request), _token(call.id)
        Fields(fields).end()

        def work(_: tuple[Strike, ...]) -> Work:
            kept = token in EVERYBODYS or token in self._account.books.detached
            moves = [] if kept else [Detach(at=rfc3339(time.time()), token=token)]
            return moves, lambda: _detached(token)

        job = Job(Operation.DETACH, fields, (), work)
        return await self._execution.post(call.request, call.seen, job)


def _token(in_path: str) -> str:
    try:
        token = unquote(in_path, errors="strict")
    except UnicodeDecodeError:
        raise not_found("payment method") from None
    if not 1 <= len(token) <= TOKEN_LENGTH:
        raise not_found("payment method")
    return token


def _detached(token: str) -> Answer:
    return json_answer(200, {"token": token, "detached": True})
