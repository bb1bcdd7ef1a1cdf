"""Why Midtrans' banks say no, by channel response code, and what each no allows next."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.outcome import Hardness

_log = logging.getLogger(__name__)

#: Midtrans' own fraud screening.
FRAUD: Final = "fraud_denied"
#: It was denied, and nobody says why.
DENIED: Final = "denied"
#: Something broke at Midtrans or at the bank, before money moved.
FAILED: Final = "failure"

#: For a code that is not in the table. No money has moved either way, but a wrong "hard" costs one
#: sale, while a wrong "soft" carries a stolen card from gateway to gateway.
UNLISTED: Final = Hardness.HARD
#: The two characters of ISO 8583 that all card networks share.
CODES: Final[Mapping[str, Hardness]] = MappingProxyType(
    {
        "05": Hardness.SOFT,  # do not honour
        "06": Hardness.SOFT,  # error
        "09": Hardness.SOFT,  # in progress
        "12": Hardness.SOFT,  # invalid transaction
        "19": Hardness.SOFT,  # try again
        "30": Hardness.SOFT,  # format
        "51": Hardness.SOFT,  # funds
        "57": Hardness.SOFT,  # not permitted to the card
        "58": Hardness.SOFT,  # not permitted to the terminal
        "61": Hardness.SOFT,  # amount limit
        "65": Hardness.SOFT,  # frequency limit
        "68": Hardness.SOFT,  # too late
        "91": Hardness.SOFT,  # the issuer is down
        "96": Hardness.SOFT,  # malfunction
        "01": Hardness.HARD,  # refer to the issuer
        "02": Hardness.HARD,
        "03": Hardness.HARD,  # invalid merchant
        "04": Hardness.HARD,  # pick up
        "07": Hardness.HARD,  # pick up, special
        "15": Hardness.HARD,  # no such issuer
        "34": Hardness.HARD,  # suspected fraud
        "36": Hardness.HARD,  # restricted
        "41": Hardness.HARD,  # lost
        "43": Hardness.HARD,  # stolen
        "59": Hardness.HARD,  # suspected fraud
        "62": Hardness.HARD,  # restricted
        "63": Hardness.HARD,  # security violation
        "14": Hardness.FIX_DATA,  # number
        "33": Hardness.FIX_DATA,  # expired
        "54": Hardness.FIX_DATA,  # expired
        "55": Hardness.FIX_DATA,  # PIN
        "82": Hardness.FIX_DATA,  # CVV
        FRAUD: Hardness.HARD,
        FAILED: Hardness.SOFT,
    }
)

#: Why Iris says that a payout did not go through.
PAYOUT_CODES: Final[Mapping[str, Hardness]] = MappingProxyType(
    {
        "001": Hardness.FIX_DATA,  # name
        "002": Hardness.FIX_DATA,  # number
        "003": Hardness.FIX_DATA,  # either
        "004": Hardness.SOFT,  # general
        "005": Hardness.SOFT,  # the bank timed out
        "008": Hardness.SOFT,  # the bank does not know Midtrans
        "009": Hardness.SOFT,  # the bank's balance
        "012": Hardness.HARD,  # the account is blocked
        "016": Hardness.SOFT,  # our balance
        "017": Hardness.FIX_DATA,  # bank details
        "018": Hardness.SOFT,  # technical
        "021": Hardness.SOFT,
        "022": Hardness.SOFT,
        "023": Hardness.SOFT,
        "024": Hardness.SOFT,
        "025": Hardness.HARD,  # declined
        "026": Hardness.FIX_DATA,  # name
    }
)


def hardness(code: str, table: Mapping[str, Hardness] = CODES) -> Hardness:
    """Return what a "no" with this code allows next."""
    if code not in table:
        _log.warning("Midtrans declined with %r, which is not in our table", code)
    return table.get(code, UNLISTED)


def told(code: object, otherwise: str) -> str:
    """Return a code of Midtrans' own, or ours where it gives none that is a text."""
    return code[:64] if isinstance(code, str) and code.isprintable() and code else otherwise
