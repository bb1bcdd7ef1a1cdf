"""Puts the parts of a simulator together and runs them until it is told to stop."""

import asyncio
import json
import signal
import sys

from ops.sandbox.door import Door
from ops.sandbox.replies import Answer
from ops.sandbox.stage.admin import Admin
from ops.sandbox.stage.calls import Refusal
from ops.sandbox.stage.execution import Front
from ops.sandbox.stage.provider import Provider
from ops.sandbox.stage.settings import Settings
from ops.sandbox.stage.stage import Stage
from ops.sandbox.wire import Manners

#: Running requests get this long at SIGTERM; with the flush it stays under the promised 5 s.
DRAIN_S = 3.0


async def serve(settings: Settings, make: type[Provider]) -> int:
    """Run one simulator; print one JSON line when it is ready. Returns the exit code.

    LedgerError if the ledger cannot be used, OSError if a port is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stage = Stage(settings)
    provider = make(stage)
    if cut := stage.rebuild(provider):
        print(f"cut {cut} torn bytes off the ledger", file=sys.stderr)
    door = Door(settings.host, settings.port, Front(stage, provider), _manners(provider))
    admin = Door("127.0.0.1", settings.admin_port, Admin(stage, provider, door))
    await door.open()
    await admin.open()
    if settings.public_url is None:
        stage.public_url = f"http://{settings.host}:{door.port}"
    stage.start()
    ready = {
        "ready": True,
        "name": settings.name,
        "provider": provider.name,
        "port": door.port,
        "admin_port": admin.port,
    }
    print(json.dumps(ready | dict(provider.ready())), flush=True)
    waits = [asyncio.create_task(event.wait()) for event in (stop, stage.broken)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    if stage.broken.is_set():
        return 1
    await asyncio.gather(door.drain(DRAIN_S), admin.drain(DRAIN_S))
    await stage.close()
    return 0


def _manners(provider: Provider) -> Manners:
    plain = Manners()

    def refusal(status: int, code: str, message: str) -> Answer:
        if status == 413:
            return provider.sealed(provider.refusal(Refusal.TOO_LARGE))
        return plain.refusal(status, code, message)

    return Manners(provider.body_limit, refusal)
