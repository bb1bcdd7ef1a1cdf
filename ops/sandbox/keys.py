"""Idempotency keys: who is at work under a key, and where its saved answer stands."""

from dataclasses import dataclass
from typing import TypeAlias

#: Keys remembered inside their window; beyond it new ones are refused rather than old ones lost.
KEY_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Fresh:
    """Nobody used this key inside its window; it is now yours until you release it."""


@dataclass(frozen=True, slots=True)
class Saved:
    """The answer stands in the ledger at `seq`."""

    seq: int


@dataclass(frozen=True, slots=True)
class Busy:
    """Another request with this key is still being worked on."""


@dataclass(frozen=True, slots=True)
class Different:
    """The key was used with another method, path or body."""


Claim: TypeAlias = Fresh | Saved | Busy | Different


@dataclass(frozen=True, slots=True)
class _Kept:
    fingerprint: str
    started_s: float
    seq: int


class Keys:
    """All keys of the account. The window counts from the first use of a key."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._kept: dict[str, _Kept] = {}  # oldest first
        self._busy: dict[str, str] = {}

    @property
    def full(self) -> bool:
        """Whether no further key can be remembered."""
        return len(self._kept) + len(self._busy) >= KEY_LIMIT

    def claim(self, key: str, fingerprint: str, now_s: float) -> Claim:
        """Take a fresh key, or say what became of it."""
        kept = self._kept.get(key)
        if kept is not None and now_s - kept.started_s >= self._window_s:
            del self._kept[key]
            kept = None
        used_for = self._busy.get(key, kept.fingerprint if kept else fingerprint)
        if used_for != fingerprint:
            return Different()
        if key in self._busy:
            return Busy()
        if kept is not None:
            return Saved(kept.seq)
        self._busy[key] = fingerprint
        return Fresh()

    def release(self, key: str) -> None:
        """End the work under a key; without a saved answer it is as if never used."""
        del self._busy[key]

    def keep(self, key: str, fingerprint: str, started_s: float, seq: int) -> None:
        """Remember where the answer stands, and forget keys whose window has closed."""
        self._kept[key] = _Kept(fingerprint, started_s, seq)
        while self._kept:
            oldest = next(iter(self._kept))
            if started_s - self._kept[oldest].started_s < self._window_s:
                return
            del self._kept[oldest]
