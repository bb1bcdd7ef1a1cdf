"""An append-only file: one JSON line per entry, on disk before anyone is answered."""

import asyncio
import fcntl
import os
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast

import msgspec
from msgspec.structs import replace


class Numbered(Protocol):
    """What every entry has; both are filled in by the journal."""

    @property
    def seq(self) -> int:
        """1, 2, 3 ... without a gap."""

    @property
    def more(self) -> bool:
        """True on all but the last entry of one operation."""


E = TypeVar("E", bound=Numbered)


class LedgerError(Exception):
    """The ledger cannot be used: another process holds it, or a line inside it is broken."""


class Journal(Generic[E]):
    """Appends groups of entries; a group that is torn by a crash is cut off at the next start.

    Writes are committed in groups: whatever arrives while the disk is busy shares the next fsync.
    """

    def __init__(
        self, path: Path, decoder: msgspec.json.Decoder[E], *, durable: bool = True
    ) -> None:
        """Take the file for this process alone. LedgerError if another one has it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._fd)
            raise LedgerError(f"{path} is in use by another process") from error
        self._path = path
        self._decoder = decoder
        self._durable = durable
        self._starts = array("Q", (0,))  # byte offset of line n; the last one is the end
        self._waiting = bytearray()
        self.on_disk = 0  #: the last entry that can be read
        self._flushing: asyncio.Task[None] | None = None
        self.failed = asyncio.Event()  #: set when the disk refused a write; nothing works any more
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")

    @property
    def last_seq(self) -> int:
        """The number of entries appended so far."""
        return len(self._starts) - 1

    def replay(self, visit: Callable[[E], None]) -> int:
        """Visit every entry of every whole operation; cut off what a crash left unfinished.

        Returns the number of bytes cut off. LedgerError if a line before the last is broken.
        """
        group: list[E] = []
        ends: list[int] = []
        position, broken = 0, False
        with self._path.open("rb") as lines:
            for line in lines:
                if broken:
                    raise LedgerError(f"{self._path}: line {self.last_seq + len(group) + 1}")
                entry = self._decoded(line, self.last_seq + len(group) + 1)
                if entry is None:
                    broken = True
                    continue
                position += len(line)
                group.append(entry)
                ends.append(position)
                if not entry.more:
                    for whole in group:
                        visit(whole)
                    self._starts.extend(ends)
                    group, ends = [], []
        cut = os.fstat(self._fd).st_size - self._starts[-1]
        if cut:
            os.ftruncate(self._fd, self._starts[-1])
            os.fsync(self._fd)
        self.on_disk = self.last_seq
        return cut

    def append(self, group: Sequence[E]) -> list[E]:
        """Number the entries of one operation and queue them for the disk."""
        numbered: list[E] = []
        for index, entry in enumerate(group):
            more = index < len(group) - 1
            numbered.append(
                cast("E", replace(cast("Any", entry), seq=self.last_seq + 1, more=more))
            )
            line = msgspec.json.encode(numbered[-1]) + b"\n"
            self._waiting += line
            self._starts.append(self._starts[-1] + len(line))
        return numbered

    async def flushed(self) -> None:
        """Wait until everything appended so far is on disk. OSError if the disk refuses it."""
        wanted = self.last_seq
        while self.on_disk < wanted:
            if self._flushing is None:
                self._flushing = asyncio.create_task(self._flush())
            await asyncio.shield(self._flushing)

    def read(self, seq: int) -> E:
        """Return one entry that is on disk already."""
        assert 1 <= seq <= self.on_disk
        start, end = self._starts[seq - 1], self._starts[seq]
        return self._decoder.decode(os.pread(self._fd, end - start, start))

    async def close(self) -> None:
        """Write what is left and let the file go."""
        await self.flushed()
        self._disk.shutdown()
        os.close(self._fd)

    async def _flush(self) -> None:
        lines, upto = self._waiting, self.last_seq
        self._waiting = bytearray()
        try:
            if self._durable:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._disk, self._write, lines)
            else:
                self._write(lines)
        except OSError:
            self.failed.set()
            raise  # and the failed task stays in place, so that every later wait fails as well
        self.on_disk = upto
        self._flushing = None

    def _write(self, lines: bytearray) -> None:
        rest = memoryview(lines)
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        if self._durable:
            os.fdatasync(self._fd)

    def _decoded(self, line: bytes, seq: int) -> E | None:
        if not line.endswith(b"\n"):
            return None
        try:
            entry = self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return entry if entry.seq == seq else None
