"""Operations: a request's name in logs, metrics and errors: `POST /v1/payments/{id}/cancel`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope

#: Any other method is named OTHER, so that a stranger cannot invent names.
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED: Final = "unmatched"


def template_of(scope: Scope) -> str | None:
    """Return the route's template, with the prefixes it is mounted under; None: no route of ours.

    Works before routing too: a request refused at the door still says what it was for.
    """
    route = scope.get("route")
    if isinstance(route, Route):
        return _prefix(scope) + route.path
    if "endpoint" in scope:  # routed to a mount, which found nothing in it
        return None
    return next((path for path, _ in _routes(scope)), None)


def operation_of(scope: Scope) -> str:
    """Return method and template."""
    method = scope["method"] if scope["method"] in METHODS else "OTHER"
    return f"{method} {template_of(scope) or UNMATCHED}"


def allowed_methods(scope: Scope) -> list[str]:
    """Return every method that the request's path knows, for the Allow header of a 405."""
    original = {**scope, "root_path": scope.get("app_root_path", scope.get("root_path", ""))}
    return sorted({method for _, route in _routes(original) for method in route.methods or ()})


def _prefix(scope: Scope) -> str:
    """Return the paths of the mounts that led to the route."""
    outer = scope.get("app_root_path")
    return "" if outer is None else scope["root_path"].removeprefix(outer)


def _routes(scope: Scope) -> Iterator[tuple[str, Route]]:
    """Yield every route that the path leads to, whatever the method, with its whole template."""
    app = scope.get("app")
    yield from _below(getattr(app, "routes", ()), scope, "")


def _below(routes: Iterable[BaseRoute], scope: Scope, prefix: str) -> Iterator[tuple[str, Route]]:
    for route in routes:
        match, found = route.matches(scope)
        if match is Match.NONE:
            continue
        if isinstance(route, Route):
            yield prefix + route.path, route
        elif isinstance(route, Mount):
            yield from _below(route.routes, {**scope, **found}, prefix + route.path)
