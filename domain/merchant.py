"""The merchant: who takes payments here, how they want it, and what their keys may do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

#: What one merchant may have of a service that it shares with others.
MAX_RATE_PER_MINUTE: Final = 10_000
#: Longer names do not fit a line of any list.
MAX_NAME: Final = 200
#: Networks that a merchant's keys may be used from, and hosts its payers may be returned to.
MAX_NETWORKS: Final = 50
MAX_HOSTS: Final = 50
#: Keys of one merchant in one mode that are in force together: enough for every program of theirs,
#: few enough to be looked through when one has leaked.
MAX_KEYS: Final = 20
#: How long a rotated key may stay in force beside its successor, and how long it does if not told.
MAX_OVERLAP_S: Final = 30 * 86_400
DEFAULT_OVERLAP_S: Final = 86_400

#: A host as browsers write it: lower case, no port, no dot at the end.
HOST: Final = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)


class Scope(StrEnum):
    """What an API key may do."""

    READ = "payments:read"
    WRITE = "payments:write"
    #: Give money back.
    REFUNDS = "refunds:write"
    #: Decide what screening left to a person.
    REVIEWS = "reviews:write"
    #: Send money out.
    PAYOUTS = "payouts:write"
    #: Rotate itself.
    KEYS = "keys:write"
    #: What operators do, over HTTP.
    OPS = "ops"


@dataclass(frozen=True, slots=True)
class Merchant:
    """A merchant and its settings. Name and e-mail may be a person's: they stay out of `repr`."""

    id: UUID
    name: str = field(repr=False)
    created_at: datetime
    updated_at: datetime
    email: str | None = field(repr=False, default=None)
    is_active: bool = True
    rate_limit_per_minute: int = 100
    #: Networks in CIDR notation that its keys may be used from; empty: all.
    ip_allowlist: Sequence[str] = ()
    settlement_currency: str | None = None
    #: Where a payer is taken to be when nobody says.
    default_country: str | None = None
    #: Whether a second gateway may be tried after a proven non-charge at the first.
    fallback_enabled: bool = True
    #: Hosts that payers may be returned to; empty: every https URL.
    return_url_hosts: Sequence[str] = ()
    metadata: Mapping[str, str] = field(repr=False, default_factory=dict)
    deleted_at: datetime | None = None
