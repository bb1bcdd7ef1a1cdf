"""Health: what orchestrators, people and Prometheus ask a running program."""

from __future__ import annotations

import asyncio
import importlib.metadata
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from native.verifier import BACKEND
from ops.telemetry import exposition

#: A part that needs longer to say that it is well is not.
PATIENCE_S: Final = 1.0
#: Answers are shared for this long, so that anybody may ask without tiring the database.
FRESH_S: Final = 0.5

Check = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Part:
    """Something this program stands on. `check` raises, or takes too long, when it is away."""

    name: str
    check: Check
    #: Without it no request can be accepted; what is not required only degrades.
    required: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What a look at every part found."""

    ready: bool
    parts: dict[str, dict[str, Any]]

    @property
    def status(self) -> str:
        """One word for it."""
        if not self.ready:
            return "unavailable"
        well = all(part["status"] == "ok" for part in self.parts.values())
        return "ok" if well else "degraded"


class Checkup:
    """Looks at all parts at the same time, and at most twice a second."""

    def __init__(
        self, parts: Sequence[Part], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._parts = parts
        self._monotonic = monotonic
        self._looking = asyncio.Lock()
        self._seen: tuple[float, Report] | None = None

    async def report(self) -> Report:
        """Return what was found at most half a second ago."""
        async with self._looking:
            now = self._monotonic()
            if self._seen is None or now - self._seen[0] >= FRESH_S:
                found = await asyncio.gather(*map(self._look, self._parts))
                ready = all(
                    look["status"] == "ok" or not part.required
                    for part, look in zip(self._parts, found, strict=True)
                )
                names = (part.name for part in self._parts)
                self._seen = now, Report(ready, dict(zip(names, found, strict=True)))
            return self._seen[1]

    async def _look(self, part: Part) -> dict[str, Any]:
        began = self._monotonic()
        cause: str | None = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                await part.check()
        except Exception as error:  # noqa: BLE001 - whatever it is, the part is not well
            cause = type(error).__name__  # its text may hold addresses and names
        return {
            "status": "ok" if cause is None else "unavailable" if part.required else "degraded",
            "required": part.required,
            "duration_ms": round((self._monotonic() - began) * 1e3, 1),
            "cause": cause,
        }


def routes(
    database: Check, redis: Check, draining: Callable[[], bool] = lambda: False
) -> list[Route]:
    """Return the health routes and `/metrics`. All are public: they name parts, never places.

    Nothing is accepted without the database; without Redis everything is, only slower.
    """
    checkup = Checkup([Part("database", database, required=True), Part("redis", redis, False)])
    version = _version()

    async def live(_: Request) -> Response:
        return _json(200, {"status": "ok"})

    async def ready(_: Request) -> Response:
        report = await checkup.report()
        return _answer(report, draining(), {"parts": report.parts})

    async def health(_: Request) -> Response:
        report = await checkup.report()
        about = {"parts": report.parts, "verifier": BACKEND, "version": version}
        return _answer(report, draining(), about)

    def metrics(_: Request) -> Response:  # not async: reading the shared files is done in a thread
        return Response(exposition.text(), media_type=exposition.CONTENT_TYPE)

    return [
        Route("/health", health),
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", metrics),
    ]


def _version() -> str:
    """Return the version that is installed; a bare checkout has none."""
    try:
        return importlib.metadata.version("paylink")
    except importlib.metadata.PackageNotFoundError:
        return "unreleased"


def _answer(report: Report, draining: bool, about: dict[str, Any]) -> Response:
    status = "draining" if draining else report.status
    return _json(503 if draining or not report.ready else 200, {"status": status, **about})


def _json(status: int, content: object) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
