"""Velocity: the fraud windows in Redis, read and advanced by one atomic call per payment."""

from __future__ import annotations

import hmac
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Final, TypeAlias, assert_never
from uuid import UUID

import redis
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from domain.fraud.features import WINDOWS, Entity, Velocity, Window
from workers.velocity_rings import OBSERVE, RINGS, Holds, Ring, Verb, key, rings_of

Totals: TypeAlias = tuple[int, int, int]

#: A retried payment is answered from here; after two days no message of it is under way any more.
ANSWER_TTL_S = 48 * 3_600
#: Distinct cards remembered per ring; rules look at 4, so this is where counting may stop.
MEMBERS_MAX = 32
#: Redis Lua counts in doubles, which are exact up to here; sums stop there instead of drifting.
EXACT_MAX = 2**53 - 1

#: Errors within the span before Redis is left alone, and for how long.
ERRORS_MAX = 5
ERRORS_SPAN_S = 10.0
PAUSE_S = 5.0

#: What a pool adds to its connections' settings for itself; another pool must not inherit it.
POOL_OWNED = ("maint_notifications", "orig_", "himport_")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


class RedisVelocity:
    """What happened before a payment, per card, IP and customer.

    Every wait for Redis is bounded by `budget_s` seconds, without retries. Whatever goes wrong
    there is an absent answer, told to `degraded` as `timeout`, `unreachable`, `refused` or
    `paused`, and never an exception. `key_secret` keys the HMACs that stand for entities: Redis
    sees no card, address or customer. `monotonic` is a clock in seconds.
    """

    def __init__(
        self,
        client: redis.Redis,
        key_secret: bytes,
        budget_s: float,
        *,
        degraded: Callable[[str], None] = lambda reason: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not key_secret or budget_s <= 0:
            raise ValueError("a key secret and a positive budget are needed")
        self._client = _impatient(client, budget_s)
        self._script = self._client.register_script(OBSERVE)
        self._secret = key_secret
        self._degraded = degraded
        self._fuse = _Fuse(monotonic)

    def observe(
        self,
        payment_id: UUID,
        *,
        card: str | None,
        ip: str | None,
        customer: str | None,
        amount_minor: int,
        currency: str,
        at: datetime,
    ) -> Velocity | None:
        """Return the history before this payment and add the payment to it; None when degraded.

        `card` is a fingerprint, `at` the payment's created_at. A second call for the same payment
        returns the first one's answer and counts nothing.
        """
        if amount_minor < 0:
            raise ValueError(f"an amount is never negative: {amount_minor}")
        digests = self._digests(card, ip, customer, currency)
        verbs: dict[Holds, Verb] = {
            "payments": "add",
            "cards": "mark" if card else "read",
            "declined_cards": "read",
        }
        answer = self._run(
            key(f"answer:{payment_id.hex}"), digests, verbs, amount_minor=amount_minor, at=at
        )
        return None if answer is None else _velocity(answer)

    def declined(
        self,
        *,
        payment_id: UUID,
        card: str | None,
        ip: str | None,
        customer: str | None,
        at: datetime,
    ) -> None:
        """Remember an issuer's decline, once per payment and card; a failure is only counted.

        Time-outs and our own errors are not declines: whoever calls this leaves them out.
        """
        if not card or not (ip or customer):
            return
        digests = self._digests(card, ip, customer, currency="")
        once = key(f"declined:{payment_id.hex}:{digests['card']}")
        self._run(once, digests, {"declined_cards": "mark"}, amount_minor=0, at=at)

    def close(self) -> None:
        """Close the connections."""
        self._client.connection_pool.disconnect()

    def _digests(
        self, card: str | None, ip: str | None, customer: str | None, currency: str
    ) -> dict[Entity, str]:
        entities: dict[Entity, str | None] = {
            "card": card,
            "card_currency": f"{currency}:{card}" if card else None,
            "ip": ip,
            "customer": customer,
        }
        return {
            entity: hmac.digest(self._secret, f"{entity}:{name}".encode(), "sha256").hex()[:32]
            for entity, name in entities.items()
            if name
        }

    def _run(
        self,
        once_key: str,
        digests: Mapping[Entity, str],
        verbs: Mapping[Holds, Verb],
        *,
        amount_minor: int,
        at: datetime,
    ) -> dict[Ring, Totals] | None:
        """Run the script over every ring that has both an entity and a verb."""
        if not self._fuse.whole():
            self._degraded("paused")
            return None
        keys = [once_key]
        arguments: list[str | int] = [
            (at - _EPOCH) // _SECOND,
            min(amount_minor, EXACT_MAX),
            # Half a digest tells cards apart: two of them meet once in 2**64.
            digests.get("card", "")[:16],
            ANSWER_TTL_S,
            EXACT_MAX,
            MEMBERS_MAX,
        ]
        for ring in RINGS:
            verb, digest = verbs.get(ring.holds), digests.get(ring.entity)
            if verb is None or digest is None:
                arguments += ["skip", 0, 0, 0]
                continue
            keys.append(ring.key(digest))
            arguments += [verb, ring.grain_s, ring.buckets, ring.ttl_s]
        try:
            answer = self._script(keys=keys, args=arguments)
        except (redis.RedisError, OSError) as error:
            self._fuse.failed()
            self._degraded(_reason(error))
            return None
        return _totals(answer)


def _impatient(client: redis.Redis, budget_s: float) -> redis.Redis:
    """Return a client of the same server that waits at most `budget_s` and asks once.

    redis-py retries three times with growing pauses, and waits longer while a server announces
    maintenance: both would hold a payment up for seconds.
    """
    pool = client.connection_pool
    settings: dict[str, Any] = {
        name: value
        for name, value in pool.connection_kwargs.items()
        if not name.startswith(POOL_OWNED)
    }
    settings |= {
        "socket_timeout": budget_s,
        "socket_connect_timeout": budget_s,
        "decode_responses": True,
        "retry": Retry(NoBackoff(), 0),
        "retry_on_error": [],
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    return redis.Redis(
        connection_pool=redis.ConnectionPool(
            connection_class=pool.connection_class,
            max_connections=pool.max_connections,
            **settings,
        )
    )


def _reason(error: redis.RedisError | OSError) -> str:
    match error:
        case redis.TimeoutError() | TimeoutError():
            return "timeout"
        case redis.ConnectionError() | OSError():
            return "unreachable"
        case _:
            return "refused"


def _totals(answer: str) -> dict[Ring, Totals]:
    numbers = [int(number) for number in answer.split(",")]
    triples = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    return dict(zip(RINGS, triples, strict=True))


def _velocity(totals: Mapping[Ring, Totals]) -> Velocity:
    return Velocity(
        **{
            window.name: max(_value(window, *totals[ring]) for ring in rings_of(window))
            for window in WINDOWS
        }
    )


def _value(window: Window, count: int, total: int, largest: int) -> int:
    if count == 0:
        return window.default
    match window.aggregate:
        case "count" | "distinct_cards" | "distinct_declined_cards":
            return count
        case "mean":
            return total // count
        case "max":
            return largest
        case unknown:
            assert_never(unknown)


class _Fuse:
    """Leaves Redis alone for a while after too many errors; then one more error is enough."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = Lock()
        self._errors: deque[float] = deque(maxlen=ERRORS_MAX)
        self._paused_until = 0.0

    def whole(self) -> bool:
        return self._monotonic() >= self._paused_until

    def failed(self) -> None:
        now = self._monotonic()
        with self._lock:
            self._errors.append(now)
            if len(self._errors) == ERRORS_MAX and now - self._errors[0] <= ERRORS_SPAN_S:
                self._paused_until = now + PAUSE_S
