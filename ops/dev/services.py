"""PostgreSQL and Redis for a while: the ones that were named, or embedded ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ops.dev.postgres import EmbeddedPostgres
from ops.dev.redis import EmbeddedRedis
from ops.dev.server import EmbeddedServer


@dataclass(frozen=True, slots=True)
class Services:
    """Where the two servers are; those that are ours to start and stop are here as well."""

    database_url: str = field(repr=False)  # both carry a password
    redis_url: str = field(repr=False)
    postgres: EmbeddedPostgres | None
    redis: EmbeddedRedis | None

    @property
    def embedded(self) -> tuple[EmbeddedServer, ...]:
        """Ours, for a supervisor to watch."""
        return tuple(server for server in (self.postgres, self.redis) if server)


@contextmanager
def services(
    folder: Path,
    *,
    durable: bool,
    environ: Mapping[str, str] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Services]:
    """Both servers, up and answering, until the block ends.

    DATABASE_URL and REDIS_URL in `environ` stand in for embedded ones; without `environ` both are
    embedded. `durable=False` is for tests: a power cut may lose what PostgreSQL committed.
    Raises DevError.
    """
    given = environ or {}
    found = os.environ if environ is None else environ
    database_url, redis_url = given.get("DATABASE_URL"), given.get("REDIS_URL")
    postgres: EmbeddedPostgres | None = None
    cache: EmbeddedRedis | None = None
    with ExitStack() as stack:
        if not redis_url:
            cache = EmbeddedRedis(folder, say=say, environ=found)
            stack.callback(cache.stop)
            cache.begin()  # it comes up while PostgreSQL does
        if not database_url:
            postgres = EmbeddedPostgres(folder, durable=durable, say=say, environ=found)
            stack.callback(postgres.stop)
            database_url = postgres.start()
        if cache:
            redis_url = cache.start()
        assert database_url is not None
        assert redis_url is not None
        yield Services(database_url, redis_url, postgres, cache)
