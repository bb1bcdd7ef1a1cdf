"""Payment operations: authorize, capture, cancel, refund and reverse, by their paths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.ids import Kind, parse, public
from domain.merchant import Scope
from domain.requests import Verb
from ingress import wishes
from ingress.acting import Acting
from ingress.asking import caller_of
from ingress.wishes import Wish

Parse = Callable[[bytes], Wish]

#: What each operation demands of the key, and how its body is read.
_RULES: Final[dict[Verb, tuple[Scope, Parse]]] = {
    Verb.AUTHORIZE: (Scope.WRITE, wishes.parse_plain),
    Verb.CAPTURE: (Scope.WRITE, wishes.parse_capture),
    Verb.CANCEL: (Scope.WRITE, wishes.parse_plain),
    Verb.REFUND: (Scope.REFUNDS, wishes.parse_refund),
    Verb.REVERSE: (Scope.REFUNDS, wishes.parse_reversal),
}


@dataclass(frozen=True, slots=True)
class PaymentOperations:
    """The handlers; `acting` does what they are asked."""

    acting: Acting

    def routes(self) -> list[Route]:
        """Return the routes. A refund may be asked for by either number of its noun, and a payment
        that waits for its merchant's word is `processed` under the older name of transaction."""
        return [
            Route("/payments/{id}/authorize", self.authorize, methods=["POST"]),
            Route("/transactions/{id}/process", self.authorize, methods=["POST"]),
            Route("/payments/{id}/capture", self.capture, methods=["POST"]),
            Route("/payments/{id}/cancel", self.cancel, methods=["POST"]),
            Route("/payments/{id}/refunds", self.refund, methods=["POST"]),
            Route("/payments/{id}/refund", self.refund, methods=["POST"]),
            Route("/payments/{id}/reverse", self.reverse, methods=["POST"]),
        ]

    async def authorize(self, request: Request) -> Response:
        """Send a payment on its way that was made with `confirm: false`."""
        return await self._act(request, Verb.AUTHORIZE)

    async def capture(self, request: Request) -> Response:
        """Collect what is held, or a part of it; the rest is let go."""
        return await self._act(request, Verb.CAPTURE)

    async def cancel(self, request: Request) -> Response:
        """Cancel at once (200), or ask the provider to let go first (202)."""
        return await self._act(request, Verb.CANCEL)

    async def refund(self, request: Request) -> Response:
        """Give captured money back, or a part of it."""
        return await self._act(request, Verb.REFUND)

    async def reverse(self, request: Request) -> Response:
        """Undo the whole payment: let go of what is held, or give everything back."""
        return await self._act(request, Verb.REVERSE)

    async def _act(self, request: Request, verb: Verb) -> Response:
        scope, read = _RULES[verb]
        caller, id_ = caller_of(request, scope), payment_of(request, "id")
        return await self.acting(request, caller, verb, id_, read(await request.body()))


def payment_of(request: Request, name: str) -> UUID:
    """Return the payment that the path names, which the log is told too. Raises `NotFound`."""
    id_ = parse(Kind.PAYMENT, request.path_params[name])
    request.state.transaction_id = public(Kind.PAYMENT, id_)
    return id_
