"""Paths: which part of the house a request is for."""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

#: The same routes under two names: the second is what older clients use.
PREFIXES: Final = ("/v1", "/api/v1")
_APIS: Final = tuple(f"{prefix}/" for prefix in PREFIXES)
_WEBHOOKS: Final = tuple(f"{prefix}/webhooks/" for prefix in PREFIXES)


def is_webhook(scope: Scope) -> bool:
    """Whether providers send here: they prove themselves by a signature, not by an API key."""
    return _path(scope).startswith(_WEBHOOKS)


def needs_key(scope: Scope) -> bool:
    """Whether only a merchant with an API key may come here, even to a path that does not exist."""
    path = _path(scope)
    return (path in PREFIXES or path.startswith(_APIS)) and not path.startswith(_WEBHOOKS)


def _path(scope: Scope) -> str:
    """Return the path as routes see it: without what a server puts all of us under."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
