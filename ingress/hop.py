"""Hop: the payer's way from a checkout link to the provider's page, and back to the shop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import unquote_plus, urlencode, urlsplit, urlunsplit
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from domain.books import Store
from domain.errors import NotFound, RateLimited
from domain.ids import Kind, public
from domain.payment import Mode, Payment, Status
from ingress.hop_links import HopLinks
from ingress.hop_page import page
from ingress.limits import Limits
from ingress.waiting import Waiting
from ops.telemetry import logs

#: A charge answers within seconds; whoever waits longer is better told so by a page.
WAIT_S: Final = 5.0
RELOAD_S: Final = 2
#: How long after its end a payment's link still tells what became of it.
SHOWN_FOR: Final = timedelta(days=1)
#: Visits of one address: a waiting browser makes thirty at most, and offices share an address.
VISITS_PER_MINUTE: Final = 120
#: Longer addresses are cut by browsers and proxies.
MAX_URL: Final = 8_192

#: The payer can do nothing more, or not here: back to the shop, which is told the status.
_ENDED: Final[dict[Status, str]] = {
    Status.IN_REVIEW: "The payment is being checked. The shop will tell you the result.",
    Status.AUTHORIZED: "The payment is authorized.",
    Status.CAPTURED: "The payment is paid.",
    Status.PARTIALLY_REFUNDED: "A part of the payment was refunded.",
    Status.REFUNDED: "The payment was refunded.",
    Status.REVERSED: "The payment was taken back.",
    Status.FAILED: "The payment failed. No money was taken.",
    Status.CANCELLED: "The payment was cancelled. No money was taken.",
    Status.EXPIRED: "The payment has expired. No money was taken.",
}


@dataclass(frozen=True, slots=True)
class Hop:
    """The handler and what it stands on. It needs no API key: the link is the payer's proof."""

    links: HopLinks
    books: Store
    waiting: Waiting
    limits: Limits
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route("/checkout/{token}/go", self.go, methods=["GET"])]

    async def go(self, request: Request) -> Response:
        """Send the payer on: to the provider's page, to the shop, or to a page that asks again."""
        allowance = await self.limits.visited(request.state.client_ip, VISITS_PER_MINUTE)
        if not allowance.allowed:
            raise RateLimited(allowance.retry_after_s)
        id_ = self.links.payment_id(request.path_params["token"])
        if id_ is None:
            return _unknown()
        try:
            payment = await self._read(id_)
        except NotFound:
            return _unknown()
        request.state.transaction_id = public(Kind.PAYMENT, id_)
        if self.now() > payment.expires_at + SHOWN_FOR:
            return _unknown()
        if payment.confirmed and not _leads_on(payment):
            payment = await self.waiting.until(id_, WAIT_S, lambda: self._read(id_), _leads_on)
        return _answer(payment)

    async def _read(self, id_: UUID) -> Payment:
        return await asyncio.to_thread(self._look, id_)

    def _look(self, id_: UUID) -> Payment:
        with self.books.begin() as work:
            return work.payment(id_)


def _leads_on(payment: Payment) -> bool:
    """Whether the payer has somewhere to go."""
    return payment.status in _ENDED or _is_asked(payment)


def _is_asked(payment: Payment) -> bool:
    return payment.status is Status.REQUIRES_ACTION and payment.action_url is not None


def _answer(payment: Payment) -> Response:
    """Return where the payer goes: only ever to an address that is stored with the payment."""
    if _is_asked(payment) and not payment.action_url and payment.action_shown:
        told = [(_words(name), said) for name, said in payment.action_shown if name != "type"]
        told.append(("Amount", str(payment.money)))
        return page("Your payment", "Please pay to this account.", reload_s=RELOAD_S, told=told)
    if _is_asked(payment) and payment.action_url is not None:
        if not _is_address(payment.action_url, payment.mode):
            logs.logger().warning("the provider's page has no usable address")
            return page("The payment cannot go on here", "Please go back to the shop.")
        return RedirectResponse(payment.action_url, 303)
    ended = _ENDED.get(payment.status)
    if ended is None:
        return page("One moment", "The payment is being prepared.", reload_s=RELOAD_S)
    if payment.return_url is not None:
        return RedirectResponse(back_to(payment.return_url, payment), 303)
    return page("Your payment", f"{ended} You can close this page.")


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def back_to(return_url: str, payment: Payment) -> str:
    """Return the shop's address with `payment_id` and `status`, which are nobody else's there."""
    told = {"payment_id": public(Kind.PAYMENT, payment.id), "status": payment.status.value}
    url = urlsplit(return_url)
    theirs = [
        part
        for part in url.query.split("&")
        if part and unquote_plus(part.partition("=")[0]) not in told
    ]
    return urlunsplit(url._replace(query="&".join([*theirs, urlencode(told)])))


def _is_address(url: str, mode: Mode) -> bool:
    """Whether a browser may be sent there: encrypted, but for the simulators of test payments."""
    if not (url.isascii() and url.isprintable()) or len(url) > MAX_URL or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    schemes = ("https",) if mode is Mode.LIVE else ("https", "http")
    return parts.scheme in schemes and bool(parts.hostname)


def _unknown() -> Response:
    """One page for every link that leads nowhere, so that trying them out teaches nothing."""
    return page("This link is not valid", "It may have expired. Please go back to the shop.", 404)
