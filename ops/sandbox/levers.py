"""The admin port's levers: changes that a bank or an operator makes, without an API request."""

import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

from ops.sandbox.account import Account
from ops.sandbox.audit import AdminEndpoint
from ops.sandbox.books import Subject
from ops.sandbox.entries import Move
from ops.sandbox.execution import too_much, wrong_state
from ops.sandbox.fields import Fields, json_object
from ops.sandbox.payments import lifecycle as payments
from ops.sandbox.payments.payment import Payment
from ops.sandbox.payouts import lifecycle as payouts
from ops.sandbox.payouts.payout import Payout
from ops.sandbox.refunds import lifecycle as refunds
from ops.sandbox.refunds.refund import Refund
from ops.sandbox.refusals import TooMuchError, WrongStateError
from ops.sandbox.replies import Answer, invalid, json_answer, not_found
from ops.sandbox.settling import FORCED, force
from ops.sandbox.wire import Request

#: Why a bank failed or returned something, in one word of its own.
CODE_LENGTH = 64

Lever: TypeAlias = Callable[[float], list[Move]]


class Levers:
    """Forces payments, decides refunds and payouts, charges back, sends webhooks again."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> dict[str, dict[str, AdminEndpoint]]:
        """Return the paths that are answered here."""
        return {
            "/settle": {"POST": self._settle},
            "/deliver": {"POST": self._deliver},
            "/payments/{id}/chargeback": {"POST": self._charge_back},
            "/refunds/{id}/succeed": {"POST": self._succeed_refund},
            "/refunds/{id}/fail": {"POST": self._fail_refund},
            "/payouts/{id}/pay": {"POST": self._pay},
            "/payouts/{id}/fail": {"POST": self._fail_payout},
            "/payouts/{id}/return": {"POST": self._return_payout},
        }

    async def _settle(self, request: Request, _: str) -> Answer:
        fields = Fields(json_object(request.body))
        payment = self._payment(fields.text("payment", 1, 64))
        to = fields.choice("status", FORCED)
        fields.end()
        return await self._pull(
            payment, lambda now_s: [force(payment, to, now_s, self._account.terms)]
        )

    async def _charge_back(self, request: Request, id_: str) -> Answer:
        payment, fields = self._payment(id_), _optional_body(request)
        amount = fields.optional_amount("amount")
        reason = fields.optional_text("reason", 0, 500)
        fields.end()
        return await self._pull(
            payment, lambda now_s: payments.charge_back(payment, amount, reason, now_s)
        )

    async def _succeed_refund(self, request: Request, id_: str) -> Answer:
        refund = self._refund(id_)
        _optional_body(request).end()
        return await self._pull(refund, lambda now_s: refunds.succeed(refund, now_s))

    async def _fail_refund(self, request: Request, id_: str) -> Answer:
        refund, code = self._refund(id_), _code(request)
        return await self._pull(refund, lambda now_s: refunds.fail(refund, code, now_s))

    async def _pay(self, request: Request, id_: str) -> Answer:
        payout = self._payout(id_)
        _optional_body(request).end()
        return await self._pull(payout, lambda now_s: payouts.pay(payout, now_s))

    async def _fail_payout(self, request: Request, id_: str) -> Answer:
        payout, code = self._payout(id_), _code(request)
        return await self._pull(payout, lambda now_s: payouts.fail(payout, code, now_s))

    async def _return_payout(self, request: Request, id_: str) -> Answer:
        payout, code = self._payout(id_), _code(request)
        return await self._pull(payout, lambda now_s: payouts.give_back(payout, code, now_s))

    async def _deliver(self, request: Request, _: str) -> Answer:
        given = json_object(request.body)
        books = self._account.books
        known: dict[str, Mapping[str, Subject]] = {
            "payment": books.payments,
            "refund": books.refunds,
            "payout": books.payouts,
        }
        if len(given) != 1 or not given.keys() <= known.keys():
            raise invalid("Name one payment, refund or payout.")
        [word] = given
        id_ = Fields(given).text(word, 1, 64)
        if id_ not in known[word]:
            raise not_found(word)
        outbox = self._account.outbox
        if outbox is None or not outbox.send_again(id_):
            raise invalid("This sandbox has no webhook URL.")
        return json_answer(202, {word: id_})

    async def _pull(self, subject: Subject, lever: Lever) -> Answer:
        """Commit what the lever does and show the object it was pulled for."""
        try:
            moves = lever(time.time())
        except WrongStateError as error:
            raise wrong_state(self._account, error) from error
        except TooMuchError as error:
            raise too_much(error) from error
        await self._account.act(moves)
        return json_answer(200, self._account.shown(self._account.books.latest(subject)))

    def _payment(self, id_: str) -> Payment:
        payment = self._account.books.payments.get(id_)
        if payment is None:
            raise not_found("payment")
        return payment

    def _refund(self, id_: str) -> Refund:
        refund = self._account.books.refunds.get(id_)
        if refund is None:
            raise not_found("refund")
        return refund

    def _payout(self, id_: str) -> Payout:
        payout = self._account.books.payouts.get(id_)
        if payout is None:
            raise not_found("payout")
        return payout


def _code(request: Request) -> str | None:
    fields = _optional_body(request)
    code = fields.optional_text("code", 1, CODE_LENGTH)
    fields.end()
    return code


def _optional_body(request: Request) -> Fields:
    """Read a body that may be left out altogether."""
    return Fields(json_object(request.body) if request.body else {})
