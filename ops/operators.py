"""Operators' tokens: `pl_operator_<name>_<secret>`, given once, stored only as a peppered MAC."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Final

SECRET_BYTES: Final = 32
#: Their base64 without padding.
SECRET_DIGITS: Final = 43
#: As the database's CHECK has it: no underscore, so that a token can be taken apart.
NAME: Final = re.compile(r"[a-z][a-z0-9-]{1,39}", re.ASCII)
_TOKEN: Final = re.compile(
    rf"pl_operator_(?P<name>{NAME.pattern})_(?P<secret>[A-Za-z0-9_-]{{{SECRET_DIGITS}}})", re.ASCII
)
#: Nothing longer is looked at.
TOKEN_LENGTH: Final = len("pl_operator_") + 40 + 1 + SECRET_DIGITS


@dataclass(frozen=True, slots=True)
class Token:
    """A token as its operator presents it; `secret` is never printed or stored."""

    name: str
    secret: str = field(repr=False)


def new_token(name: str) -> str:
    """Return the text of a new token. It is shown once, to its operator."""
    return f"pl_operator_{name}_{secrets.token_urlsafe(SECRET_BYTES)}"


def parse(text: str) -> Token | None:
    """Read a token. None: it is not one of this system."""
    match = _TOKEN.fullmatch(text) if len(text) <= TOKEN_LENGTH else None
    return None if match is None else Token(match["name"], match["secret"])


def mac(pepper: bytes, token: Token) -> bytes:
    """Return what is stored of a token: 32 bytes. A slow hash would buy nothing: there are 256 random
    bits to guess."""
    return hmac.digest(pepper, f"operator:{token.name}:{token.secret}".encode(), "sha256")


def is_same(one: bytes, other: bytes) -> bool:
    """Compare two MACs in a time that tells nothing about where they differ."""
    return hmac.compare_digest(one, other)
