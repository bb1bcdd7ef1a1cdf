"""Routing: found by a dictionary or by asking one route after the other, it is the same route."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.routing import Mount, Route, Router
from starlette.types import Receive, Scope, Send

from ingress.main import app
from ingress.routing import QuickRouter
from tests.ingress.test_openapi_routes import flat

METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE", "BREW")
#: What a handler can see of how it was found.
SEEN = ("route", "endpoint", "path_params", "root_path", "app_root_path")
#: What may stand for the varying parts of a path, and after it.
PARTS = ("pay_1", "checkout", "a b", "status\n")
ENDS = ("", "/", "/more", "\n")


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> QuickRouter:
    """The door's router, whose routes do nothing."""
    monkeypatch.setenv("USE_MOCK_DB", "true")
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    found = app().router
    assert isinstance(found, QuickRouter)
    for _, route in flat("", found.routes):
        route.app = _nothing
    return found


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    scope["reached"] = True


def test_every_path_leads_where_it_leads_without_the_dictionaries(router: QuickRouter) -> None:
    paths = {
        prefix + re.sub(r"\{[^}]*\}", part, route.path) + end
        for prefix, route in flat("", router.routes)
        for part in PARTS
        for end in ENDS
    }
    assert len(paths) > 500

    for path in sorted(paths):
        for method in METHODS:
            assert led(router, QuickRouter, path, method) == led(router, Router, path, method)


def test_what_is_asked_most_is_found_by_its_path(
    router: QuickRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def asked(self: Router, scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError(f"{scope['path']} was not found in the dictionaries")

    monkeypatch.setattr(Router, "app", asked)

    for method, path in (
        ("POST", "/v1/checkout"),
        ("POST", "/api/v1/payments"),
        ("GET", "/v1/payments/pay_1"),
        ("GET", "/health/live"),
    ):
        assert led(router, QuickRouter, path, method)["reached"]


def test_a_route_that_another_one_hides_stays_hidden() -> None:
    routes = [Route("/a/{id}", _seen), Route("/a/first", _seen)]
    for route in routes:
        route.app = _nothing
    one = led(QuickRouter([*routes, Mount("/b", routes=[])]), QuickRouter, "/a/first", "GET")

    assert one["route"] is routes[0]
    assert one["path_params"] == {"id": "first"}


def led(router: QuickRouter, kind: type[Router], path: str, method: str) -> dict[str, Any]:
    """Return what the route's handler would see, or the status of the refusal."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "headers": [],
        "app": None,
    }

    try:
        kind.app(router, scope, _never, _never).send(None)
    except StopIteration:
        return {name: scope.get(name) for name in (*SEEN, "reached")}
    except HTTPException as refused:
        return {"status": refused.status_code}
    raise AssertionError("nothing here waits")


async def _never(*_: object) -> Any:
    raise AssertionError("nothing is read or sent")


async def _seen(_: object) -> Any:
    raise AssertionError("nobody asks")
