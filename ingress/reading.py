"""Reading: the door's routes that show and change nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.payment import Payment
from ingress import payment_list, timeline, transactions
from ingress.backing import Backing
from ingress.exports import Exports
from ingress.refunds import Refunds
from ingress.waiting import Waiting


def routes(
    backing: Backing,
    waiting: Waiting,
    read_payment: Callable[[Request], Awaitable[Response]],
    view: Callable[[Payment], dict[str, Any]],
) -> list[Route]:
    """Return the routes; `read_payment` answers for one payment, `view` shows one of a list."""
    return [
        *payment_list.routes(backing.reads, backing.money, view),
        *transactions.routes(backing.money, read_payment),
        *Refunds(backing.reads, backing.money, waiting).routes(),
        *timeline.routes(backing.stories),
        *Exports(backing.money).routes(),
    ]
