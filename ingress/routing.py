"""Routing: what is asked most is found by its path, everything else route by route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

#: Stands for whatever a path ends in when two routes are compared.
_ANY: Final = "any"


@dataclass(frozen=True, slots=True)
class _Found:
    route: Route
    prefix: str
    #: The name of what the path ends in; empty: the path is the route's own.
    last: str


class QuickRouter(Router):
    """Finds routes in two dictionaries: by the whole path, and by all of it but the last part.

    A route is in them only where asking one route after the other would come to the same one.
    """

    def __init__(
        self,
        routes: Sequence[BaseRoute],
        lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
    ) -> None:
        super().__init__(routes, redirect_slashes=False, lifespan=lifespan)
        self._quick: dict[tuple[str, str], _Found] = {}
        for found in _candidates(routes):
            for method in found.route.methods or ():
                path = found.prefix + found.route.path
                shown = path.replace(f"{{{found.last}}}", _ANY)
                if _first(routes, shown, method) is found.route:
                    asked = path.removesuffix(f"{{{found.last}}}") if found.last else path
                    self._quick.setdefault((method, asked), found)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand over to the route."""
        if scope["type"] != "http" or scope.get("root_path"):
            await super().app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        found = self._quick.get((method, path))
        last = ""
        if found is None or found.last:
            at = path.rfind("/") + 1
            found, last = self._quick.get((method, path[:at])), path[at:]
            # Patterns have their own mind about line breaks.
            if found is None or not found.last or not last or "\n" in last:
                await super().app(scope, receive, send)
                return
        scope["router"] = self
        scope["route"] = found.route
        scope["endpoint"] = found.route.endpoint
        scope["path_params"] = {found.last: last} if found.last else {}
        if found.prefix:
            scope["app_root_path"], scope["root_path"] = "", found.prefix
        await found.route.app(scope, receive, send)


def lean(route: Route) -> Route:
    """Let a route's handler raise what it raises: who answers for errors stands around all routes."""
    assert iscoroutinefunction(route.endpoint), f"{route.path}: a handler awaits"
    route.app = _answering(route.endpoint)
    return route


def _answering(handler: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        response = await handler(Request(scope, receive, send))
        await response(scope, receive, send)

    return answering


def _candidates(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[_Found]:
    """Yield the routes with nothing in their path that varies, or its last part alone."""
    for route in routes:
        if isinstance(route, Mount):
            yield from _candidates(route.routes, prefix + route.path)
        elif isinstance(route, Route):
            names = list(route.param_convertors)
            if not names:
                yield _Found(route, prefix, "")
            elif len(names) == 1 and route.path.endswith(f"/{{{names[0]}}}"):
                yield _Found(route, prefix, names[0])


def _first(routes: Sequence[BaseRoute], path: str, method: str) -> Route | None:
    """Return the route that is found for a path by asking all of them."""
    scope: Scope = {"type": "http", "path": path, "method": method, "root_path": ""}
    while True:
        for route in routes:
            match, below = route.matches(scope)
            if match is Match.FULL:
                break
        else:
            return None
        if isinstance(route, Route):
            return route
        assert isinstance(route, Mount), "there are no others"
        scope, routes = {**scope, **below}, route.routes
