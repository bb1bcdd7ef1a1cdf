"""Routes: the whole app, as its composition root builds it, against the document that describes it."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from typing import Any

from ingress.openapi import document
from tests.house.source import ROOT

#: Runs on its own: the composition root sets up the logging of its process.
_ROUTES = """
import json
from ingress.main import app
from starlette.routing import Mount, Route

def walk(routes, prefix=""):
    for route in routes:
        if isinstance(route, Route):
            for method in sorted(route.methods - {"HEAD"}):
                yield f"{method} {prefix}{route.path}"
        elif isinstance(route, Mount) and route.routes:
            yield from walk(route.routes, prefix + route.path)
        else:
            yield f"MOUNT {prefix}{route.path}"

print(json.dumps(list(walk(app().routes))))
"""
_ENVIRON = {
    "APP_ENV": "test",
    # Nobody listens there: building the app asks nobody.
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}
METHODS = {"get", "post", "put", "patch", "delete", "options"}


@cache
def _routes() -> tuple[str, ...]:
    done = subprocess.run(
        [sys.executable, "-c", _ROUTES],
        cwd=ROOT,
        env=_ENVIRON,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return tuple(json.loads(done.stdout.splitlines()[-1]))


def _described() -> set[str]:
    paths: dict[str, dict[str, Any]] = document()["paths"]
    return {
        f"{method.upper()} {path}"
        for path, item in paths.items()
        for method in METHODS & item.keys()
    }


def test_every_route_is_in_the_document_and_the_other_way_round() -> None:
    routes = {route for route in _routes() if not route.startswith("MOUNT ")}

    assert {route for route in routes if " /api/v1/" not in route} == _described()


def test_every_versioned_route_is_there_under_the_older_prefix_too() -> None:
    new = [route.replace(" /v1/", " ") for route in _routes() if " /v1/" in route]
    old = [route.replace(" /api/v1/", " ") for route in _routes() if " /api/v1/" in route]

    assert old == new


def test_no_route_is_there_twice_and_only_the_assets_are_a_folder() -> None:
    assert len(_routes()) == len(set(_routes()))
    assert [route for route in _routes() if route.startswith("MOUNT ")] == ["MOUNT /docs/assets"]
