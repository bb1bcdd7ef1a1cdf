"""Payment options: which methods a payer can be offered now, and for how much."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.breaker import State
from domain.checkout import Checkout
from domain.directory import Tender
from domain.errors import FieldError, InvalidRequest
from domain.means import Method
from domain.merchant import Scope
from domain.money import MAX_MINOR
from domain.options import Option, options
from domain.routing import CHARGE, Wanted
from ingress.asking import caller_of, json_answer
from ingress.directory import Directory, tender_of
from ingress.orders import METHODS
from ingress.providers import Watch
from ingress.strict_json import shown
from ops.oversight import Overview

PARAMETERS: Final = ("amount", "country", "currency")

_AMOUNT: Final = re.compile(f"[0-9]{{1,{len(str(MAX_MINOR))}}}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a payer would pay, as far as the merchant knows."""

    currency: str
    country: str | None
    amount: int | None


@dataclass(frozen=True, slots=True)
class PaymentOptions:
    """The handler and what it asks."""

    directory: Directory
    watch: Watch

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route("/payment-options", self.read, methods=["GET"])]

    async def read(self, request: Request) -> Response:
        """Show each method, whether it is usable, and between which amounts."""
        caller = caller_of(request, Scope.READ)
        asked = parse_asked(request.query_params)
        country = asked.country or caller.default_country
        tender = tender_of(await self.directory(), asked.currency, country)
        if asked.amount is not None:  # what no checkout would take is no question either
            Checkout(asked.amount, asked.currency, Method(METHODS[0])).money()
        overview = await self.watch.overview()
        wanted = Wanted(
            caller.merchant_id, caller.mode, country, asked.currency, asked.amount, METHODS[0]
        )
        rows = [seen.row for seen in overview.gateways]
        found = options(wanted, tender, rows, _broken(overview), METHODS)
        return json_answer(options_json(tender, country, asked.amount, found))


def parse_asked(query: QueryParams) -> Asked:
    """Read the parameters. Raises `InvalidRequest` with all errors at once."""
    errors = [
        FieldError(
            shown(name), "is not a parameter here", f"remove it; known: {', '.join(PARAMETERS)}"
        )
        for name in sorted(set(query) - set(PARAMETERS))
    ]
    errors += [
        FieldError(name, "is there twice", "send it once")
        for name in PARAMETERS
        if len(query.getlist(name)) > 1
    ]
    amount, currency = query.get("amount"), query.get("currency")
    if amount is not None and (_AMOUNT.fullmatch(amount) is None or not int(amount)):
        fix = "send a positive integer of minor units: 10000 for 100.00"
        errors.append(FieldError("amount", "is not an amount", fix))
    if not currency:
        fix = "send an ISO 4217 code such as USD, EUR or IDR"
        errors.append(FieldError("currency", "is missing", fix))
    if errors or not currency:
        raise InvalidRequest(errors)
    country = query.get("country") or None
    return Asked(shown(currency), country and shown(country), int(amount) if amount else None)


def options_json(
    tender: Tender, country: str | None, amount: int | None, found: list[Option]
) -> dict[str, Any]:
    """Return the options for the merchant; amounts are minor units."""
    return {
        "country": country,
        "currency": {
            "code": tender.code,
            "name": tender.name,
            "symbol": tender.symbol,
            "exponent": tender.exponent,
            "min_amount": tender.least,
            "max_amount": tender.most,
        },
        "amount": amount,
        "data": [
            {
                "method": one.method,
                "usable": one.why_not is None,
                "reason": one.why_not and one.why_not.value,
                "min_amount": one.min_minor,
                "max_amount": one.max_minor,
            }
            for one in found
        ],
    }


def _broken(overview: Overview) -> frozenset[str]:
    """Return the gateways whose breaker refuses charges; without Redis none is known to."""
    views = {} if overview.breakers is None else overview.breakers[CHARGE]
    return frozenset(id_ for id_, view in views.items() if view.state is State.OPEN)
