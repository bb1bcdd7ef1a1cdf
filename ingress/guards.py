"""Guards: what every request passes on its way in, from the outside to the handlers."""

from __future__ import annotations

from collections.abc import Callable

import uuid_utils
from starlette.middleware import Middleware

from ingress.armour import dressing
from ingress.authentication import Authentication
from ingress.clients import ClientAddress
from ingress.keybook import KeyBook, RecentKeys
from ingress.limits import Limits
from ingress.recovery import Recovery
from ingress.requests import AccessLog, RequestIds
from ingress.sizes import Sizes
from ingress.throttle import Throttle
from ops.queue.line import Asking
from ops.settings import Settings


def guards(
    settings: Settings,
    keys: KeyBook,
    client: Asking | None,
    new_id: Callable[[], str] = lambda: uuid_utils.uuid7().hex,
) -> list[Middleware]:
    """Return the guards for `Starlette(middleware=...)`; the first one is the outermost.

    The order matters: everything has a request id and a log line, every answer (a crash's too)
    has its headers, sizes are checked before anything is read, the address is known before the
    key is judged, and only a known caller is counted as one. Without a Redis client the rates are
    counted in this process alone.
    """
    recent, limits = RecentKeys(keys), Limits(client)
    pepper, ip_rate = settings.secrets.pepper, settings.ip_rate_per_minute
    return [
        Middleware(RequestIds, new_id=new_id),
        Middleware(AccessLog),
        Middleware(Recovery, dress=dressing(settings.cors_origins)),
        Middleware(Sizes),
        Middleware(ClientAddress, trusted=settings.trusted_proxies),
        Middleware(
            Authentication, keys=recent, pepper=pepper, limits=limits, ip_rate_per_minute=ip_rate
        ),
        Middleware(Throttle, limits=limits, ip_rate_per_minute=ip_rate),
    ]
