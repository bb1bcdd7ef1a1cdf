"""PayPal's access token: asked for once for all threads, and renewed before it ends."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from domain.outcome import NotCharged
from domain.ports import Budget
from workers.gateways.paypal.answers import refused
from workers.gateways.paypal.shapes import AccessToken
from workers.gateways.reading import failed, parsed
from workers.gateways.wire import Answer, NeverSent, Reply, Wire

PATH: Final = "/v1/oauth2/token"
GRANT: Final = b"grant_type=client_credentials"

#: A token is renewed so long before it ends, while everybody else goes on with the old one; of a
#: short-lived one it is a tenth of its life.
EARLY_S: Final = 300.0
#: After a renewal that failed, the old token is used for so long before the next try.
PAUSE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str = field(repr=False)
    #: Both on the monotonic clock: when it should be renewed, and when it ends.
    renew_at: float
    ends_at: float


class Tokens:
    """The token of one account. Safe for threads."""

    def __init__(
        self,
        wire: Wire,
        client_id: str,
        secret: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wire = wire
        basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        self._headers = {
            "Authorization": f"Basic {basic}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: _Kept | None = None

    def get(self, budget: Budget, instead_of: str | None = None) -> str | Reply:
        """Return the token, or what prevents it: `NeverSent`, or PayPal's documented refusal.

        `instead_of`: a token that PayPal has just refused. Whoever waits for somebody else's
        request waits no longer than its own deadline.
        """
        kept, now = self._kept, self._clock()
        if kept is not None and kept.token == instead_of:
            kept = None
        if kept is not None and now < kept.renew_at:
            return kept.token
        usable = kept is not None and now < kept.ends_at
        wait_s = 0.0 if usable else max(budget.deadline - now, 0.0)
        if not self._lock.acquire(timeout=wait_s):
            if usable and kept is not None:
                return kept.token
            return NeverSent("no access token: another call was still asking for it")
        try:
            return self._renewed(budget, instead_of)
        finally:
            self._lock.release()

    def _renewed(self, budget: Budget, instead_of: str | None) -> str | Reply:
        """Ask, unless somebody else has while we waited for the lock, which we hold."""
        kept = self._kept
        if kept is not None and kept.token == instead_of:
            kept = self._kept = None
        if kept is not None and self._clock() < kept.renew_at:
            return kept.token
        asked_at = self._clock()
        got = self._asked(budget)
        if isinstance(got, AccessToken):
            life_s = float(got.expires_in)
            early_s = min(EARLY_S, life_s / 10)
            self._kept = _Kept(got.access_token, asked_at + life_s - early_s, asked_at + life_s)
            return got.access_token
        if kept is not None and self._clock() < kept.ends_at:
            self._kept = replace(kept, renew_at=self._clock() + PAUSE_S)
            return kept.token
        return got

    def _asked(self, budget: Budget) -> AccessToken | Reply:
        """To ask moves no money: the deadline alone bounds it."""
        patient = Budget(budget.deadline, budget.deadline)
        reply = self._wire.send("POST", PATH, patient, headers=self._headers, body=GRANT)
        if not isinstance(reply, Answer):
            return NeverSent(f"no access token: {failed(reply)}")
        if reply.status == 200 and (token := parsed(reply.body, AccessToken)):
            return token
        if isinstance(refused(reply), NotCharged):
            return reply
        return NeverSent(f"no access token: {reply.status}, {len(reply.body)} bytes")
