"""Paths: which part of the house a request is for."""

from __future__ import annotations

import re
from typing import Final

from starlette.types import Scope

#: The same routes under two names: the second is what older clients use.
PREFIXES: Final = ("/v1", "/api/v1")
_APIS: Final = tuple(f"{prefix}/" for prefix in PREFIXES)
#: Where providers send. They have been given these addresses, so every shape of them stays.
_WEBHOOKS: Final = (
    *(f"{prefix}/{noun}/" for prefix in PREFIXES for noun in ("webhooks", "webhook", "callback")),
    "/api/webhooks/",
    "/callback/",
)
_WEBHOOK_OF_PROVIDER: Final = re.compile(r"/api/providers/[^/]+/webhook")
_HOP: Final = re.compile(r"(?:/api)?/v1/checkout/[^/]+/go")
#: Merchants' routes from before there were versions.
_BARE: Final = frozenset({"/deposit", "/withdrawal"})
#: What is read and answered in XML as well as in JSON.
_IN_XML: Final = re.compile(
    r"(?:/api/v1|/v1)?/(?:deposits?|withdrawals?|payouts|callback)(?:/[^/]*)?"
)


def is_webhook(scope: Scope) -> bool:
    """Whether providers send here: they prove themselves by a signature, not by an API key."""
    return _is_webhook(_path(scope))


def needs_key(scope: Scope) -> bool:
    """Whether only a merchant with an API key may come here, even to a path that does not exist."""
    path = _path(scope)
    if path in _BARE or path in PREFIXES:
        return True
    return path.startswith(_APIS) and not (_is_webhook(path) or _is_hop(path))


def speaks_xml(scope: Scope) -> bool:
    """Whether an answer from here may be XML without the request having been XML."""
    return _IN_XML.fullmatch(_path(scope)) is not None


def _is_webhook(path: str) -> bool:
    return path.startswith(_WEBHOOKS) or _WEBHOOK_OF_PROVIDER.fullmatch(path) is not None


def _is_hop(path: str) -> bool:
    """Whether payers come here, whose link is their proof."""
    return _HOP.fullmatch(path) is not None


def _path(scope: Scope) -> str:
    """Return the path as routes see it: without what a server puts all of us under."""
    path: str = scope["path"]
    # A mount that was passed has put its own prefix into root_path, and the server's aside.
    return path.removeprefix(scope.get("app_root_path", scope.get("root_path", "")))
