"""Reading: the door's routes that show and change nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingress import payment_list, timeline, transactions
from ingress.backing import Backing
from ingress.exports import Exports
from ingress.refunds import Refunds
from ingress.showing import Showing
from ingress.waiting import Waiting


def routes(
    backing: Backing,
    waiting: Waiting,
    read_payment: Callable[[Request], Awaitable[Response]],
    show: Showing,
) -> list[Route]:
    """Return the routes; `read_payment` answers for one payment, `show` shows those of a list."""
    return [
        *payment_list.routes(backing.reads, backing.money, show),
        *transactions.routes(backing.money, read_payment),
        *Refunds(backing.reads, backing.money, waiting).routes(),
        *timeline.routes(backing.stories),
        *Exports(backing.money).routes(),
    ]
