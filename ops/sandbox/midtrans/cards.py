"""Test cards, which a charge knows by their tokens: what each one comes to."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass

#: A token begins with the card as Midtrans masks it; what the tokens of one card differ in follows.
_TOKEN = re.compile(r"([0-9]{8}-[0-9]{4})(?:-[a-z]{16})?")


@dataclass(frozen=True, slots=True)
class Card:
    """What a card comes to."""

    what: str
    #: Whether its bank can ask the payer, and whether it does so unasked.
    has_3ds: bool = True
    asks: bool = False
    fraud: str = "accept"
    #: The bank's answer.
    channel_code: str = "00"
    #: Whether the bank decides later.
    later: bool = False


ANY = Card("accepted; 3DS where it is asked for")
INSISTS = Card("accepted; its bank asks the payer in any case", asks=True)
#: By the first eight and last four digits.
CARDS: Mapping[str, Card] = {
    "48111111-1114": ANY,
    "52111111-1117": ANY,
    "44111111-1118": Card("accepted; its bank never asks the payer", has_3ds=False),
    "49111111-1113": Card("denied by the bank (05)", channel_code="05"),
    "45111111-1117": Card("accepted by the bank, challenged by the screening", fraud="challenge"),
    "46111111-1116": Card("denied by the screening", fraud="deny"),
    "40240071-5022": Card("pending, then accepted after --async-delay-s", later=True),
}
#: The ready-made token of every checkout in test mode, and of examples.
PLAIN = re.compile(r"tok_[A-Za-z0-9_]{1,64}")
#: A card whose bank insists on 3DS, and a token that has timed out.
ASKS, STALE = "tok_3ds", "tok_stale"


def card_of(token: str) -> tuple[str, Card] | None:
    """Return the masked card and what it comes to; None: the token is missing, wrong or timed out."""
    if PLAIN.fullmatch(token):
        card = INSISTS if token == ASKS else ANY
        return None if token == STALE else ("48111111-1114", card)
    found = _TOKEN.fullmatch(token)
    known = CARDS.get(found[1]) if found else None
    return (found[1], known) if found and known else None


def token_for(number: str) -> str | None:
    """Return a new token for a test card's number; None: it is no test card."""
    masked = f"{number[:8]}-{number[-4:]}"
    if len(number) != 16 or not number.isdecimal() or masked not in CARDS:
        return None
    suffix = "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))
    return f"{masked}-{suffix}"
