"""Policy: the numbers that the flows obey, each with its reason; read once from the settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.backoff import Backoff, Schedule
from domain.fraud.score import FraudPolicy


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
    #: A deferral (breaker open, bulkhead full, nobody configured) looks again after at most this.
    defer_cap_s: float = 5.0
    resolve: Schedule = field(default_factory=Schedule)
    #: A webhook about an object that we do not know is retried this long, then parked.
    orphan_s: float = 300.0
    fraud: FraudPolicy = field(default_factory=FraudPolicy)

    @property
    def call_s(self) -> float:
        """The longest that one attempt can be under way."""
        return self.send_window_s + self.call_deadline_s

    @property
    def lease_s(self) -> float:
        """How long a claim lasts; a charge run renews it with every attempt it commits."""
        return self.call_s + self.lease_slack_s
