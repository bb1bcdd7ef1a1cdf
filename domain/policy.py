"""Policy: the numbers that the flows obey, each with its reason; read once from the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from domain.backoff import Backoff, Schedule
from domain.facts import Terms
from domain.fraud.score import FraudPolicy

#: Who has waited long for a gateway looks for one less often: by no more than a quarter longer than
#: it had to wait, and at least once a minute. A provider's outage would else become one of ours,
#: when everybody who waits for it asks every few seconds.
WAITED_SHARE: Final = 0.25
WAITED_CAP_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Policy:
    """Bounds and delays of the flows; seconds."""

    #: The first byte may leave this long after the attempt was committed, not later: a stalled
    #: worker must not charge what somebody else has meanwhile written off.
    send_window_s: float = 2.0
    #: One provider call, from connecting to the last byte of the answer.
    call_deadline_s: float = 10.0
    #: A lease is the sum of the run's deadlines plus this, so that it never ends under a live run.
    lease_slack_s: float = 5.0
    #: Starts without a committed step before a row is parked as poison.
    max_starts: int = 5
    #: Charge runs in which every gateway was proven not to have charged.
    max_runs: int = 8
    backoff: Backoff = field(default_factory=Backoff)
    #: A deferral (breaker open, bulkhead full, nobody configured) looks again after at most this;
    #: for who waits already, see `deferral_s`.
    defer_cap_s: float = 5.0
    resolve: Schedule = field(default_factory=Schedule)
    #: A webhook about an object that we do not know is retried this long, then parked.
    orphan_s: float = 300.0
    fraud: FraudPolicy = field(default_factory=FraudPolicy)
    #: A hold is collected or let go within this; most issuers let go after seven days.
    hold_s: float = 6.5 * 86_400
    #: A payment that screening did not want to decide waits this long for a person.
    review_s: float = 86_400.0
    #: Money can be asked back for this long after its capture (K-06).
    refund_window_s: float = 90 * 86_400.0
    #: A payout that no gateway takes is given up after this.
    payout_ttl_s: float = 86_400.0

    def deferral_s(self, refused_s: float, waited_s: float) -> float:
        """Return when to look for a gateway again, after `waited_s` of waiting, when the first one
        that refused may be free in `refused_s`."""
        asks = min(refused_s, self.defer_cap_s)
        return max(asks, min(WAITED_SHARE * waited_s, WAITED_CAP_S))

    @property
    def terms(self) -> Terms:
        """What applying a fact needs to know."""
        return Terms(self.resolve, self.hold_s, self.review_s)

    @property
    def call_s(self) -> float:
        """The longest that one attempt can be under way."""
        return self.send_window_s + self.call_deadline_s

    @property
    def lease_s(self) -> float:
        """How long a claim lasts; a charge run renews it with every attempt it commits."""
        return self.call_s + self.lease_slack_s
