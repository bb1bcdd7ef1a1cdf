"""Plots: what a world begins with, drawn by dice."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from domain.backoff import Schedule
from domain.due import Due
from domain.payment import CaptureMethod, Mode, Payment, Review
from domain.payout import Destination, Payout, PayoutStatus
from domain.policy import Policy
from domain.ports import Resolution
from tests.builders import MERCHANT, NOON, a_payment, usd
from tests.model.bank import Nature
from tests.model.world import Plot

PAYOUT: Final = UUID(int=0x50)
#: None at all, two that end soon after a look-up is due, five minutes, a day.
KEY_WINDOWS_S: Final = (0.0, 40.0, 160.0, 300.0, 86_400.0, 86_400.0)
#: How late what arrived may show.
LAGS_S: Final = (0.5, 2.0, 60.0)
RESOLUTIONS: Final = (
    Resolution.LOOKUP_FIRST,
    Resolution.LOOKUP_FIRST,
    Resolution.REPLAY_FIRST,
    Resolution.LOOKUP_ONLY,
)
#: Ends soon after the longest key window has: a history is not long.
RESOLVE: Final = Schedule((5.0, 30.0, 120.0, 600.0, 3_600.0, 86_400.0, 86_400.0))
#: A webhook about nothing we know is looked at a few times.
ORPHAN_S: Final = 20.0
#: Dice kill far more workers than poison does.
MAX_STARTS: Final = 60
POLICY: Final = Policy(max_starts=MAX_STARTS, resolve=RESOLVE, orphan_s=ORPHAN_S)


def drawn(dice: random.Random) -> Plot:
    """Return one of all worlds."""
    policy = replace(
        POLICY,
        hold_s=dice.choice((60.0, 3_600.0, 30_000.0, 500_000.0)),
        review_s=dice.choice((300.0, 86_400.0)),
    )
    natures = [a_nature(dice) for _ in range(dice.choice((2, 2, 3)))]
    payments: list[Payment] = []
    payouts: list[Payout] = []
    kind = dice.random()
    if kind < 0.12:
        payouts.append(a_payout(expires_at=NOON + timedelta(minutes=dice.choice((1, 60)))))
    else:
        payments.append(drawn_payment(dice))
    if kind > 0.95:
        other = replace(drawn_payment(dice), id=UUID(int=0x60), order_id=None)
        payments.append(other)
    return Plot(natures, payments, payouts, policy, dice.choice((2, 3)))


def a_nature(dice: random.Random) -> Nature:
    """Return one of all kinds of providers."""
    return Nature(
        key_window_s=dice.choice(KEY_WINDOWS_S),
        lag_s=dice.choice(LAGS_S),
        resolution=dice.choice(RESOLUTIONS),
        authoritative=dice.random() < 0.75,
        split=dice.random() < 0.35,
        can_void=dice.random() < 0.8,
    )


def drawn_payment(dice: random.Random) -> Payment:
    """Return one of all payments, screened and due for its charge."""
    return a_payment(
        capture_method=dice.choice((CaptureMethod.AUTOMATIC, *CaptureMethod)),
        review=dice.choice((*(None,) * 5, Review.OPEN)),
        expires_at=NOON + timedelta(minutes=dice.choice((1, 30, 30, 600))),
    )


def a_payout(**changes: object) -> Payout:
    """Return a payout that is due."""
    quiet = Payout(
        id=PAYOUT,
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        money=usd(),
        status=PayoutStatus.PENDING,
        destination=Destination("bank_account", "acct_secret"),
        created_at=NOON,
        expires_at=NOON + timedelta(hours=1),
        due=Due(NOON),
        request_id="req-1",
    )
    return replace(quiet, **changes)  # type: ignore[arg-type]
