"""A PostgreSQL whose clock the test sets, with a seat for every session, and the opening position."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uuid_utils.compat
from sqlalchemy import Engine, create_engine

from domain.payment import Mode
from ops import apikeys
from ops.dev.services import Services
from ops.store.engine import driver_url
from ops.store.work import keys
from ops.vault import Vault
from tests.model.differential.board import Opening, build, furnish
from tests.model.differential.history import Count, play
from tests.model.differential.theirs import Theirs


@dataclass(frozen=True, slots=True)
class Board:
    """Where histories are played."""

    theirs: Theirs
    engine: Engine
    opening: Opening

    def play(self, seed: int, count: Count) -> None:
        """Play one. Raises `Differs`."""
        play(seed, self.theirs, self.engine, self.opening, count)


@pytest.fixture(scope="session")
def board(servers: Services) -> Iterator[Board]:
    vault = Vault({"k1": b"k" * 32})
    outside = create_engine(driver_url(servers.database_url))
    address = build(outside, servers.database_url)
    outside.dispose()
    engine = create_engine(driver_url(address))
    furnish(engine, vault, apikeys.new_key(Mode.TEST)[1])
    engine.dispose()  # from now on by the harness's clock
    theirs = Theirs(address, vault, uuid_utils.compat.uuid7)
    with pytest.MonkeyPatch.context() as patch:
        # A session stands still for as long as the others take: no wait is too long here.
        patch.setattr(keys, "KEY_WAIT_MS", 0)
        yield Board(theirs, engine, Opening(vault))
    theirs.close()
    engine.dispose()
