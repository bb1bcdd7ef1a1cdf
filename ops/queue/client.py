"""Clients of the queue's Redis: one try each, short waits, and errors that dramatiq understands."""

from __future__ import annotations

from typing import Any, Final

import redis
from dramatiq.errors import ConnectionClosed
from redis.backoff import NoBackoff
from redis.retry import Retry

#: Answers after which dramatiq must do as if the connection were lost: reconnect, and acknowledge
#: again. It does so by itself only for redis.ConnectionError; after a timeout, a failover or a
#: full memory it would drop the acknowledgement and run the message again days later.
_OUTAGES: Final = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.ReadOnlyError,
    redis.OutOfMemoryError,
)
#: The same, said by a server for which redis-py has no class: its disk is full, a script keeps it,
#: too few replicas follow, its primary is gone.
_UNABLE: Final = ("MISCONF", "BUSY ", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN")


class WorkerClient(redis.Redis):
    """A client for dramatiq's own use."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command, once. Raises ConnectionClosed when Redis is away or cannot work."""
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except _OUTAGES as error:
            raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]
        except redis.ResponseError as error:
            if str(error).startswith(_UNABLE):
                raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]
            raise


def connect(
    url: str, kind: type[redis.Redis] = redis.Redis, *, connect_s: float, socket_s: float
) -> redis.Redis:
    """Return a client that tries everything once and waits no longer than it is told.

    It connects when it is first used. redis-py's own ten retries would send a script whose answer
    was lost again, and with it the same message.
    """
    return kind.from_url(
        url,
        socket_connect_timeout=connect_s,
        socket_timeout=socket_s,
        retry=Retry(NoBackoff(), 0),
        driver_info=None,  # to name itself, the library reads its metadata for every connection
    )
