"""How breakers are laid out in Redis, and a read-only view of them.

Keys of one gateway share a hash tag, so that one script may touch them all on a cluster:

    paylink:{<gateway>}:breaker:<operation>  hash        the circuit, fields below; absent: closed
    paylink:{<gateway>}:probes:<operation>   sorted set  probes under way, scored by their expiry
    paylink:{<gateway>}:calls                sorted set  all calls under way, scored by their expiry
    paylink:{<gateway>}:retries              hash        the retry budget's window

A window is two fields per bucket, `calls:<start>` and `marked:<start>`. Times are milliseconds of
Redis's own clock. `workers/circuit.py` is the only writer; nothing here is the truth about money.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, cast

import redis

from domain.breaker import Bucket, Circuit, Policy, State, Window, state_at

EPOCH: Final = "epoch"
OPEN_UNTIL: Final = "open_until"
GOOD_PROBES: Final = "good_probes"
BAD_PROBES: Final = "bad_probes"
#: Probes let through in this epoch: the first one is the moment at which open became half-open.
SENT_PROBES: Final = "sent_probes"
CALLS: Final = "calls"
MARKED: Final = "marked"

_DEFAULT: Final = Policy()


@dataclass(frozen=True, slots=True)
class BreakerView:
    """A breaker as people see it; an override that a person set is not in it."""

    state: State
    #: Unix second at which an open breaker lets probes through; None: closed or half-open.
    opened_until: float | None
    #: Bad calls among `calls` in the window; an open breaker counts none, so both fade to 0.
    failures: int
    calls: int


def circuit_key(gateway_id: str, operation: str) -> str:
    """Return the key of one circuit."""
    return f"{_tagged(gateway_id)}:breaker:{operation}"


def probes_key(gateway_id: str, operation: str) -> str:
    """Return the key of the probes under way."""
    return f"{_tagged(gateway_id)}:probes:{operation}"


def calls_key(gateway_id: str) -> str:
    """Return the key of all calls under way at a gateway."""
    return f"{_tagged(gateway_id)}:calls"


def retries_key(gateway_id: str) -> str:
    """Return the key of a gateway's retry window."""
    return f"{_tagged(gateway_id)}:retries"


def decode(fields: Mapping[bytes | str, bytes | str]) -> Circuit:
    """Return the circuit that a hash holds; an empty hash is a closed one."""
    numbers = {text(name): int(value) for name, value in fields.items()}
    open_until_ms = numbers.get(OPEN_UNTIL)
    starts = sorted(int(name.split(":")[1]) for name in numbers if name.startswith(f"{CALLS}:"))
    buckets = (
        Bucket(start, numbers[f"{CALLS}:{start}"], numbers.get(f"{MARKED}:{start}", 0))
        for start in starts
    )
    return Circuit(
        epoch=numbers.get(EPOCH, 0),
        open_until=None if open_until_ms is None else open_until_ms / 1_000,
        window=Window(tuple(buckets)),
        good_probes=numbers.get(GOOD_PROBES, 0),
        bad_probes=numbers.get(BAD_PROBES, 0),
    )


def read(
    client: redis.Redis,
    gateway_ids: Iterable[str],
    operation: str = "charge",
    policy: Policy = _DEFAULT,
) -> dict[str, BreakerView]:
    """Return the breaker of each gateway, in one round trip; of `policy` only the window matters.

    Raises redis.RedisError: without Redis nobody knows the shared state, and a page should say so.
    """
    ids = list(gateway_ids)
    pipeline = client.pipeline(transaction=False)
    pipeline.time()
    for gateway_id in ids:
        pipeline.hgetall(circuit_key(gateway_id, operation))
    (seconds, micros), *hashes = pipeline.execute()
    now = seconds + micros / 1_000_000
    return {
        gateway_id: _view(decode(cast("dict[bytes | str, bytes | str]", fields)), now, policy)
        for gateway_id, fields in zip(ids, hashes, strict=True)
    }


def _view(circuit: Circuit, now: float, policy: Policy) -> BreakerView:
    state = state_at(circuit, now)
    calls, failures = circuit.window.tally(now, policy.window_s)
    until = circuit.open_until if state is State.OPEN else None
    return BreakerView(state, until, failures, calls)


def _tagged(gateway_id: str) -> str:
    assert "}" not in gateway_id, "it would cut the hash tag short"
    return f"paylink:{{{gateway_id}}}"


def text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
