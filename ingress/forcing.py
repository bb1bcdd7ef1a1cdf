"""Forcing: an operator ends a payment by hand, where no command would help any more."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.books import Store
from domain.flows.force import Force, force
from domain.merchant import Scope
from ingress import wishes
from ingress.asking import caller_of, json_answer
from ingress.beside import Beside
from ingress.payment_operations import payment_of
from ingress.showing import Showing


@dataclass(frozen=True, slots=True)
class Forcing:
    """The handler; its key needs the scope `ops`."""

    books: Store
    show: Showing
    beside: Beside

    def routes(self) -> list[Route]:
        """Return the route, under the older name of a payment."""
        return [Route("/transactions/{id}/status", self.move, methods=["POST"])]

    async def move(self, request: Request) -> Response:
        """End a payment by a legal move, with a reason; audited."""
        caller, id_ = caller_of(request, Scope.OPS), payment_of(request, "id")
        to, reason = wishes.parse_move(await request.body())
        wanted = Force(
            payment_id=id_,
            merchant_id=caller.merchant_id,
            mode=caller.mode,
            to=to,
            reason=reason,
            actor_id=f"key:{caller.key_id}",
            request_id=request.state.request_id,
        )
        payment = await self.beside(lambda: force(wanted, self.books))
        return json_answer(await self.show.one(payment))
