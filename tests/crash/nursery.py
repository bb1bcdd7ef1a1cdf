"""The nursery: a process that has everything imported, and forks a child for every order.

`python -m tests.crash.nursery` reads orders on its standard input and says on its standard output,
a line of JSON each, what becomes of the children: `{"child": 3, "said": "struck"}`. It has one
thread and no connections, so that a child begins as clean as a program that was started. Its input's
end is the end of all its children.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import threading
import traceback
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

from sqlalchemy.dialects import postgresql

import ingress.main
from ops.store import tables
from tests.crash.child import be
from tests.crash.orders import Order, read_order
from workers.gateways import Setup
from workers.gateways.registry import builder

STDIN, STDOUT, STDERR = 0, 1, 2
#: Adapters that are built once for what they import, with credentials of the right shape.
ADAPTERS = {
    "sandbox": {"secret_key": "sk_sandbox_none"},
    "stripe": {"secret_key": "sk_test_none"},
    "soapbank": {"key_id": "none", "secret": "5a" * 32},
}
#: What a door's libraries import only when it opens: half of the time that opening one takes.
LATE = (
    *("uvicorn.lifespan.on", "uvicorn.loops.uvloop", "uvicorn.protocols.http.httptools_impl"),
    *("uvicorn.protocols.websockets.auto", "uvloop", "valkey.asyncio"),
)
#: Settings of nobody, for a door that never opens: its patterns, ciphers and addresses are read once.
NOBODY = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "ENCRYPTION_KEY": "5a" * 32,
    "API_KEY_PEPPER": "pepper-of-nobody-0123456789-0123456789",
    "AUDIT_KEY": "audit-key-of-nobody-0123456789-0123456789",
    "APP_ENV": "test",
}
#: A child that ended by an exception of its own.
FAILED = 70
PIECE = 64 * 1024


class Nursery:
    """Forks and watches."""

    def __init__(self, out: int) -> None:
        self._out = out
        self._numbers: dict[int, int] = {}

    def run(self) -> None:
        """Obey until the input ends."""
        woken, wakes = os.pipe()
        for end in (woken, wakes):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        said = b""
        while True:
            ready, _, _ = select.select([STDIN, woken], [], [])
            if woken in ready:
                with suppress(BlockingIOError):
                    os.read(woken, PIECE)
                self._look()
            if STDIN in ready:
                piece = os.read(STDIN, PIECE)
                if not piece:
                    break
                *lines, said = (said + piece).split(b"\n")
                for line in lines:
                    self._fork(*read_order(line))
        for pid in self._numbers:
            os.kill(pid, signal.SIGKILL)

    def _fork(self, number: int, order: Order) -> None:
        pid = os.fork()
        if pid == 0:
            self._be(number, order)
        self._numbers[pid] = number
        self._say(number, f"pid {pid}")

    def _be(self, number: int, order: Order) -> NoReturn:
        code = FAILED
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, STDIN)
            for stream in (STDOUT, STDERR):
                os.dup2(log, stream)
            be(order, lambda what: self._say(number, what))
            code = 0
        except BaseException:  # noqa: BLE001 - it ends here, whatever it was
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # nobody's `atexit` belongs to a fork

    def _look(self) -> None:
        """Tell of every child that stopped or ended."""
        while self._numbers:
            pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            if pid == 0:
                return
            number = self._numbers[pid]
            if os.WIFSTOPPED(status):
                self._say(number, "stopped")
                continue
            del self._numbers[pid]
            self._say(number, f"ended {os.waitstatus_to_exitcode(status)}")

    def _say(self, number: int, what: str) -> None:
        # One write of a short line: those of many processes do not mix in a pipe.
        os.write(self._out, json.dumps({"child": number, "said": what}).encode() + b"\n")


def main() -> None:
    """Be the nursery."""
    out = os.dup(STDOUT)
    for provider, credentials in ADAPTERS.items():
        builder(provider)(Setup("http://127.0.0.1:1", credentials, {}, lambda *_: None)).close()
    _warm_up()
    for name in LATE:
        with suppress(ImportError):  # nobody needs it any more
            import_module(name)
    "localhost".encode("idna")  # what it takes is imported by the first name that is resolved
    assert threading.active_count() == 1, "a fork copies one thread only"
    gc.collect()
    gc.freeze()  # what is here now is never collected, and so stays shared with the children
    Nursery(out).run()


def _warm_up() -> None:
    """Do what every young process does for the first time: most of its work, before it is of use."""
    dialect = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]
    for table in tables.metadata.sorted_tables:
        values = dict.fromkeys(column.name for column in table.columns)
        update = table.update().where(*table.primary_key.columns).values(values)
        for statement in (table.select(), table.insert().values(values), update.returning(table)):
            statement.compile(dialect=dialect)
    os.environ.update(NOBODY)  # a child gets an environment of its own
    ingress.main.app()


if __name__ == "__main__":
    main()
