"""The directory at the door: without a database as shipped, with the gateways that it is given."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from domain.directory import Gate, Snapshot, as_shipped
from domain.payment import Mode
from ingress.directory import on_memory


def read(*gates: Gate) -> Snapshot:
    async def now() -> Snapshot:
        return await on_memory(*gates)()

    return asyncio.run(now())


def test_without_a_database_the_directory_is_as_shipped() -> None:
    assert read() == as_shipped()


def test_the_gateways_that_it_is_given_are_in_it() -> None:
    gate = Gate("stripe-eu", "stripe", Mode.TEST)

    assert read(gate) == replace(as_shipped(), gates=(gate,))
