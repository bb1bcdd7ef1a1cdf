"""The ledger file: the journal of what happened to the account."""

from pathlib import Path

import msgspec

from ops.sandbox.entries import Entry
from ops.sandbox.journal import Journal, LedgerError

__all__ = ["Ledger", "LedgerError"]

_DECODER: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


class Ledger(Journal[Entry]):
    """Every entry of one sandbox."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """Take the file for this process alone. LedgerError if another one has it."""
        super().__init__(path, _DECODER, durable=durable)
