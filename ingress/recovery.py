"""Recovery: a refusal becomes its answer, and an error that nobody expected a 500 that says nothing."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingress import problems


class Recovery:
    """Answers for everything that was raised below: handlers, guards, the router."""

    def __init__(self, app: ASGIApp, dress: Callable[[ASGIApp], ASGIApp]) -> None:
        """`dress` puts the layers around an application that add headers to answers.

        They lie below this one, so its own answer is dressed as well.
        """
        self._app = dress(app)
        self._dress = dress

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer for it if that fails."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def sent(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception as error:  # noqa: BLE001 - here is where surprises end, recorded
            answer = problems.respond(scope, error)
            if not started:  # else the server cuts the connection: the only way left to say so
                await self._dress(answer)(scope, receive, send)


class Refusals:
    """Answers for what handlers and the router refuse, before the guards see the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer for it if that is refused."""
        started = False

        async def sent(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except problems.REFUSALS as error:
            if started:  # half an answer cannot be taken back
                raise RuntimeError("refused in the middle of an answer") from error
            await problems.respond(scope, error)(scope, receive, send)
