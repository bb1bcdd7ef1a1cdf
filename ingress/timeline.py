"""Timeline: what happened to a payment, as one story."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.errors import NotFound, Unavailable
from domain.ids import Kind, parse, public
from domain.merchant import Scope
from ingress.asking import caller_of, json_answer
from ingress.tale_out import timeline_json
from ops.store.reads_story import Stories


def routes(stories: Stories | None) -> list[Route]:
    """Return the route; without a database (USE_MOCK_DB) it answers 503."""

    async def timeline(request: Request) -> Response:
        """Tell a payment's story: requests, decisions, attempts with proofs, webhooks, money."""
        caller = caller_of(request, Scope.READ)
        id_ = parse(Kind.PAYMENT, request.path_params["id"])
        request.state.transaction_id = public(Kind.PAYMENT, id_)
        if stories is None:
            raise Unavailable("no story is written down without a database")
        tale = await asyncio.to_thread(stories.of_payment, caller, id_)
        if tale is None:
            raise NotFound("payment")
        return json_answer(timeline_json(tale))

    return [Route("/payments/{id}/timeline", timeline, methods=["GET"])]
