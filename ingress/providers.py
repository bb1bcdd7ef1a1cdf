"""Providers: the gateways as merchants see them, and an operator's word about one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.errors import NotFound, Unavailable
from domain.merchant import Scope
from domain.routing import ANY
from domain.routing import Route as Rule
from ingress.asking import caller_of, json_answer
from ingress.authentication import Caller
from ingress.fields import MISSING, open_body
from ingress.recent import Recent
from ingress.views import moment
from ops.breakers import BreakerView
from ops.oversight import Oversight, Overview
from ops.store.gateways import Seen

#: A hold is for an incident; what is to last longer is configured.
LONGEST_HOLD_S: Final = 7 * 86_400
DEFAULT_HOLD_S: Final = 600
#: The same routes under two names: `gateway` is what we call them, `provider` the older word.
NAMES: Final = ("providers", "gateways")
_REASON: Final = re.compile(r"(?=.*\S).{1,200}")
_REASON_FIX: Final = "say in 1 to 200 characters on one line what a colleague should know"


class Watch:
    """The gateways as they were not more than a second ago; without a database there are none."""

    def __init__(self, oversight: Oversight | None) -> None:
        self._oversight = oversight
        self._recent = Recent(self._look)

    def oversight(self) -> Oversight:
        """Return who watches. Raises `Unavailable` on books in memory: a 503."""
        if self._oversight is None:
            raise Unavailable("no gateway is configured without a database")
        return self._oversight

    async def overview(self) -> Overview:
        """Return what is known of every gateway."""
        return await self._recent()

    def forget(self) -> None:
        """Look anew: somebody has just changed something."""
        self._recent.forget()

    async def _look(self) -> Overview:
        return await asyncio.to_thread(self.oversight().look)


@dataclass(frozen=True, slots=True)
class Word:
    """A person's word about a gateway: why, and for how long it counts."""

    reason: str
    lasting: timedelta


@dataclass(frozen=True, slots=True)
class Providers:
    """The handlers and what they ask."""

    watch: Watch

    def routes(self) -> list[Route]:
        """Return the routes, each under both names."""
        return [
            route
            for name in NAMES
            for route in (
                Route(f"/{name}", self.page, methods=["GET"]),
                Route(f"/{name}/{{id}}/up", self.up, methods=["POST"]),
                Route(f"/{name}/{{id}}/down", self.down, methods=["POST"]),
                Route(f"/{name}/{{id}}/release", self.release, methods=["POST"]),
            )
        ]

    async def page(self, request: Request) -> Response:
        """List the gateways that the merchant's payments may go through, and how each is."""
        caller = caller_of(request, Scope.READ)
        overview = await self.watch.overview()
        return json_answer({"data": list(_views(overview, caller))})

    async def up(self, request: Request) -> Response:
        """Send charges to a gateway although its breaker is open."""
        return await self._hold(request, "up")

    async def down(self, request: Request) -> Response:
        """Send no new charge to a gateway; what is under way there is still resolved."""
        return await self._hold(request, "down")

    async def release(self, request: Request) -> Response:
        """End a hold: from now on the breaker decides alone."""
        return await self._hold(request, None)

    async def _hold(self, request: Request, forced: str | None) -> Response:
        caller, id_ = caller_of(request, Scope.OPS), request.path_params["id"]
        word = parse_word(await request.body()) if forced else Word("released", timedelta())
        known = await asyncio.to_thread(
            self.watch.oversight().hold,
            id_,
            caller.mode,
            forced,
            word.lasting,
            word.reason,
            f"key:{caller.key_id}",
            request.state.request_id,
        )
        if not known:
            raise NotFound("provider")
        self.watch.forget()
        overview = await self.watch.overview()
        seen = next((one for one in overview.gateways if one.row.id == id_), None)
        if seen is None:  # an operator removed it in this very moment
            raise NotFound("provider")
        return json_answer(provider_json(seen, overview, caller))


def parse_word(body: bytes) -> Word:
    """Read why and for how long. Raises `InvalidRequest` with all errors at once."""
    top = open_body(body)
    reason = top.text("reason", _REASON, _REASON_FIX)
    if "reason" not in top:
        top.refuse("reason", MISSING, _REASON_FIX)
    seconds = top.integer("seconds", 1, LONGEST_HOLD_S)
    top.close()
    top.raise_errors()
    return Word(reason or "", timedelta(seconds=seconds or DEFAULT_HOLD_S))


def provider_json(seen: Seen, overview: Overview, caller: Caller) -> dict[str, Any]:
    """Return a gateway without secrets; what operators said, and errors, are for operators."""
    ours = [rule for rule in seen.row.routes if rule.merchant_id in (None, caller.merchant_id)]
    inside = Scope.OPS in caller.scopes
    hold = seen.hold
    return {
        "id": seen.row.id,
        "object": "provider",
        "provider": seen.row.provider,
        "name": seen.name or seen.row.id,
        "type": seen.type,
        "mode": seen.row.mode.value,
        "active": seen.row.active,
        "currencies": _all(rule.currency for rule in ours),
        "countries": _all(rule.country for rule in ours),
        "methods": _all(rule.method for rule in ours),
        "operations": _all(rule.operation for rule in ours),
        "state": seen.health.value,
        "breakers": None
        if overview.breakers is None
        else {
            operation: _breaker_json(views[seen.row.id])
            for operation, views in overview.breakers.items()
        },
        "override": hold
        and {
            "state": hold.forced,
            "until": moment(hold.until),
            "reason": hold.reason if inside else None,
            "by": hold.by if inside else None,
        },
        "last_probe": seen.last_probe_at
        and {"at": moment(seen.last_probe_at), "error": seen.last_error if inside else None},
    }


def _views(overview: Overview, caller: Caller) -> Iterable[dict[str, Any]]:
    return (
        provider_json(seen, overview, caller)
        for seen in overview.gateways
        if seen.row.mode is caller.mode and _is_shown(seen.row.routes, caller)
    )


def _is_shown(rules: tuple[Rule, ...], caller: Caller) -> bool:
    """Whether a gateway is not one that only other merchants use."""
    owners = {rule.merchant_id for rule in rules}
    return not owners or not owners.isdisjoint((None, caller.merchant_id))


def _all(values: Iterable[str]) -> list[str]:
    """Return each value once; one `*` says everything."""
    found = sorted(set(values))
    return [ANY] if ANY in found else found


def _breaker_json(view: BreakerView) -> dict[str, Any]:
    until = view.opened_until
    return {
        "state": view.state.value,
        "open_until": None if until is None else moment(datetime.fromtimestamp(until, UTC)),
        "calls": view.calls,
        "failures": view.failures,
    }
