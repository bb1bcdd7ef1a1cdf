"""The app: routes and middleware put together from lists, in the order that a request meets them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp

from ingress.recovery import Refusals
from ingress.routing import QuickRouter, lean

Lifespan = Callable[[], AbstractAsyncContextManager[None]]

#: The same routes under the older prefix, because third parties hold those addresses.
PREFIXES = ("/v1", "/api/v1")


def build_app(
    versioned: Sequence[Route],
    public: Sequence[BaseRoute],
    guards: Sequence[Middleware],
    lifespan: Lifespan,
) -> Starlette:
    """Return the app. `versioned` routes are mounted below every prefix, `public` ones at the root."""

    @asynccontextmanager
    async def living(_: Starlette) -> AsyncIterator[None]:
        async with lifespan():
            yield

    # A redirect to the other spelling of a path would repeat the Host header: such a path is a 404.
    quick = [lean(route) for route in versioned]
    versions = [Mount(prefix, app=Router(quick, redirect_slashes=False)) for prefix in PREFIXES]
    routes = [*versions, *public]  # most requests have a version; no path is in both
    return _App(routes, guards, living)


class _App(Starlette):
    """Starlette without its two layers for errors: ours are `ingress.recovery`."""

    def __init__(
        self,
        routes: Sequence[BaseRoute],
        guards: Sequence[Middleware],
        lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]],
    ) -> None:
        super().__init__(middleware=list(guards))
        self.router = QuickRouter(routes, lifespan)

    def build_middleware_stack(self) -> ASGIApp:
        """Return the guards around what answers for the handlers' refusals."""
        app: ASGIApp = Refusals(self.router)
        for cls, args, kwargs in reversed(self.user_middleware):
            app = cls(app, *args, **kwargs)
        return app
