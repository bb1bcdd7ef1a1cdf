"""The app: routes and middleware put together from lists, in the order that a request meets them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route, Router

from ingress import problems

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
    versions = [
        Mount(prefix, app=Router(list(versioned), redirect_slashes=False)) for prefix in PREFIXES
    ]
    app = Starlette(
        routes=[*versions, *public],  # most requests have a version; no path is in both
        middleware=list(guards),
        exception_handlers=problems.handlers(),
        lifespan=living,
    )
    app.router.redirect_slashes = False
    return app
