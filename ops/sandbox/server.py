"""Puts the parts together and runs them until it is told to stop."""

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from ops.sandbox.account import Account
from ops.sandbox.admin import Admin
from ops.sandbox.api import Api
from ops.sandbox.door import Door
from ops.sandbox.guide import Guide
from ops.sandbox.pages import Pages
from ops.sandbox.replies import ApiError, Reply
from ops.sandbox.routing import Router
from ops.sandbox.settings import Settings
from ops.sandbox.sightings import Sightings
from ops.sandbox.wire import Request

#: Running requests get this long at SIGTERM; with the flush it stays under the promised 5 s.
DRAIN_S = 3.0

Endpoint: TypeAlias = Callable[[Request, str], Awaitable[Reply]]


class Front:
    """The API port: the API under /v1, the payment pages, and the guide."""

    def __init__(self, account: Account, sightings: Sightings) -> None:
        self._api = Api(account, sightings)
        pages = Pages(account)
        self._router: Router[Endpoint] = Router(
            {
                "/": {"GET": Guide(account.settings.name).show},
                "/pay/{id}": {"GET": pages.show, "POST": pages.decide},
            }
        )

    async def __call__(self, request: Request) -> Reply:
        """Answer one request."""
        if request.path.startswith("/v1/"):
            return await self._api(request)
        try:
            endpoint, found = self._router.find(request.method, request.path)
        except ApiError as error:
            return error.answer
        return await endpoint(request, found)


async def serve(settings: Settings) -> int:
    """Run one sandbox; print one JSON line when it is ready. Returns the exit code.

    LedgerError if the ledger cannot be used, OSError if a port is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    account = Account(settings)
    if account.bytes_cut:
        print(f"cut {account.bytes_cut} torn bytes off the ledger", file=sys.stderr)
    sightings = Sightings()
    door = Door(settings.host, settings.port, Front(account, sightings))
    admin = Door("127.0.0.1", settings.admin_port, Admin(account, sightings, door))
    await door.open()
    await admin.open()
    if settings.public_url is None:
        account.public_url = f"http://{settings.host}:{door.port}"
    account.start()
    ready = {"ready": True, "name": settings.name, "port": door.port, "admin_port": admin.port}
    print(json.dumps(ready), flush=True)
    waits = [asyncio.create_task(event.wait()) for event in (stop, account.broken)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    if account.broken.is_set():
        return 1
    await asyncio.gather(door.drain(DRAIN_S), admin.drain(DRAIN_S))
    await account.close()
    return 0
