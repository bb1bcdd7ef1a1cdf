"""Refunds: money on its way back, listed, of one payment, and one by one."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.errors import NotFound
from domain.ids import Kind, parse, public
from domain.merchant import Scope
from domain.refund import Refund
from ingress.asking import caller_of, json_answer
from ingress.authentication import Caller
from ingress.backing import MoneyReading, Reading
from ingress.lists_in import parse_refunds
from ingress.refund_out import refund_json
from ingress.schemas import parse_wait
from ingress.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Refunds:
    """The handlers that show refunds, and what they read."""

    reads: Reading
    money: MoneyReading
    waiting: Waiting

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/refunds", self.page, methods=["GET"]),
            Route("/refunds/{id}", self.read, methods=["GET"]),
            Route("/payments/{id}/refunds", self.of_payment, methods=["GET"]),
        ]

    async def page(self, request: Request) -> Response:
        """List the merchant's refunds, newest first."""
        caller = caller_of(request, Scope.READ)
        return await self._page(request, caller, None)

    async def of_payment(self, request: Request) -> Response:
        """List the refunds of one payment."""
        caller = caller_of(request, Scope.READ)
        id_ = parse(Kind.PAYMENT, request.path_params["id"])
        request.state.transaction_id = public(Kind.PAYMENT, id_)
        if await self.reads.version(id_, caller.merchant_id, caller.mode) is None:
            raise NotFound("payment")
        return await self._page(request, caller, id_)

    async def read(self, request: Request) -> Response:
        """Show a refund; `?wait=` holds the answer until it is over or, with an ETag, changes."""
        caller = caller_of(request, Scope.READ)
        id_ = parse(Kind.REFUND, request.path_params["id"])
        known = request.headers.get("if-none-match")
        wait_s = parse_wait(None, request.query_params.get("wait"))

        async def look() -> Refund:
            found = await self.money.refund(caller, id_)
            if found is None:
                raise NotFound("refund")
            return found

        def enough(refund: Refund) -> bool:
            return refund.over if known is None else _etag(refund) != known

        refund = await look()
        request.state.transaction_id = public(Kind.PAYMENT, refund.payment_id)
        if wait_s and not enough(refund):
            # A refund's moves change its payment, whose readers are called.
            refund = await self.waiting.until(refund.payment_id, wait_s, look, enough)
        headers = {"ETag": _etag(refund)}
        if known == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return json_answer(refund_json(refund), headers=headers)

    async def _page(self, request: Request, caller: Caller, of: UUID | None) -> Response:
        listed = parse_refunds(request.query_params, of)
        found = await self.money.refunds(
            caller, listed.wanted, limit=listed.enough, before=listed.page.before
        )
        counted = await self.money.count_refunds(caller, listed.wanted) if listed.total else None
        return json_answer(listed.answer(found, refund_json, counted))


def _etag(refund: Refund) -> str:
    return f'"{refund.id.hex}.{refund.version}"'
