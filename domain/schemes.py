"""Card schemes: how often a card that was declined may be tried again, across all gateways."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from domain.means import Method
from domain.payment import Failure, Mode


class Scheme(StrEnum):
    """The schemes that fine whoever tries too often."""

    VISA = "visa"
    MASTERCARD = "mastercard"


#: How merchants spell a card's brand, in lower case and without spaces, dashes and underscores.
BRANDS: Final[Mapping[str, Scheme]] = MappingProxyType(
    {
        "visa": Scheme.VISA,
        "visacredit": Scheme.VISA,
        "visadebit": Scheme.VISA,
        "visaelectron": Scheme.VISA,
        "vpay": Scheme.VISA,
        "mastercard": Scheme.MASTERCARD,
        "mastercardcredit": Scheme.MASTERCARD,
        "mastercarddebit": Scheme.MASTERCARD,
        "debitmastercard": Scheme.MASTERCARD,
        "mc": Scheme.MASTERCARD,
        "maestro": Scheme.MASTERCARD,
    }
)

DAY: Final = timedelta(days=1)
MONTH: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many declined tries of one card by one merchant within `window`."""

    tries: int
    window: timedelta


#: Visa: 20 in 30 days (15 until May 2025; Cielo's and Recurly's notices of that change).
#: Mastercard: 10 in 24 hours and 35 in 30 days (its Transaction Processing Excellence programme, as
#: Tabapay and Dintero publish it). Mastercard counts by amount as well; we count every amount, which
#: can only stop sooner.
LIMITS: Final[Mapping[Scheme, tuple[Limit, ...]]] = MappingProxyType(
    {
        Scheme.VISA: (Limit(20, MONTH),),
        Scheme.MASTERCARD: (Limit(10, DAY), Limit(35, MONTH)),
    }
)
#: Visa's category 1, "the issuer will never approve": the response codes as acquirers list them, for
#: adapters that hand them on as they are, and the words of those that do not. Codes that not every
#: list has (03, 62, 78, 93) may be tried again. Mastercard says it by advice code, 03 and 21, which
#: an adapter tells by `Declined.barred`.
FORBIDDING: Final[Mapping[Scheme, frozenset[str]]] = MappingProxyType(
    {
        Scheme.VISA: frozenset(
            {"04", "07", "12", "15", "41", "43", "46", "57", "R0", "R1", "R3"}
            | {"lost_card", "stolen_card", "pickup_card", "stop_payment_order"}
            | {"revocation_of_authorization", "revocation_of_all_authorizations"}
            | {"STOLEN_CARD"}
        ),
        Scheme.MASTERCARD: frozenset(),
    }
)
#: What an attempt's `cause` says when its decline told that the card may never be tried again.
BARRED: Final = "barred"
#: The failure of a payment whose card may not be tried now.
SCHEME_LIMIT: Final = "scheme_limit"


@dataclass(frozen=True, slots=True)
class Watched:
    """A card whose scheme counts: which scheme, and the card's name in our counts."""

    scheme: Scheme
    #: 32 bytes.
    card: bytes


@dataclass(frozen=True, slots=True)
class Tries:
    """What a merchant's tries of one card have come to: those that were declined, and those of which
    it is not known yet that they were not."""

    in_day: int = 0
    in_month: int = 0
    #: Whether its scheme said, at any time, that nobody may try it again.
    forbidden: bool = False


def watched(merchant_id: UUID, mode: Mode, method: Method) -> Watched | None:
    """Return how a payment's card is counted; None: it is no card, or of a scheme without limits.

    The name is a digest over the merchant, because the schemes count by merchant and no merchant may
    use up another's tries, and over the mode, because test cards are nobody's.
    """
    card = method.card
    if card is None or not card.fingerprint or not card.brand:
        return None
    scheme = BRANDS.get("".join(c for c in card.brand.lower() if c not in " -_"))
    if scheme is None:
        return None
    named = f"{merchant_id.hex}:{mode.value}:{card.fingerprint}"
    return Watched(scheme, hashlib.sha256(named.encode()).digest())


def refusal(scheme: Scheme, tries: Tries) -> Failure | None:
    """Return why this card may not be tried once more, anywhere; None: it may."""
    if tries.forbidden:
        return Failure(
            SCHEME_LIMIT, f"{scheme}: the issuer has forbidden any further try of this card"
        )
    counted = {DAY: tries.in_day, MONTH: tries.in_month}
    for limit in LIMITS[scheme]:
        if counted[limit.window] >= limit.tries:
            span = "24 hours" if limit.window == DAY else f"{limit.window.days} days"
            reason = f"{scheme}: this card was declined {limit.tries} times within {span}"
            return Failure(SCHEME_LIMIT, reason)
    return None
