"""Refusals: how a command stops, naming what is wrong, why, and what to do; never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec

import typer
from psycopg.errors import LockNotAvailable, QueryCanceled, UndefinedTable
from sqlalchemy.exc import DBAPIError

from ops.dev.errors import DevError
from ops.settings import BadSettings

#: Something went wrong, or a check did not hold.
FAILED: Final = 1
#: The command was asked wrongly, or a setting is wrong: nothing was done.
MISUSED: Final = 2
#: What shells report for a program that Ctrl-C ended.
INTERRUPTED: Final = 130

#: What to do about the errors of a database that was reached.
_DATABASE: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (UndefinedTable, "it has no tables yet", "run `paylink migrate`"),
    (LockNotAvailable, "another transaction holds a lock for too long", "run the command again"),
    (QueryCanceled, "it did not answer in time", "run the command again when it is less busy"),
)

P = ParamSpec("P")


class Refusal(Exception):
    """A command cannot go on. `about` is the setting or argument, `fix` what to do instead."""

    def __init__(self, about: str, reason: str, fix: str, *, code: int = FAILED) -> None:
        super().__init__(f"{about}: {reason}")
        self.fix = fix
        self.code = code


class Misuse(Refusal):
    """An argument is wrong; nothing was done."""

    def __init__(self, about: str, reason: str, fix: str) -> None:
        super().__init__(about, reason, fix, code=MISUSED)


def kindly(command: Callable[P, None]) -> Callable[P, None]:
    """Return the command as it is registered: what it cannot do is said, then the exit code.

    A bug still ends in its traceback: it is for whoever repairs it.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except Refusal as refusal:
            _complain(str(refusal), refusal.fix)
            raise typer.Exit(refusal.code) from None
        except BadSettings as error:
            for problem in error.problems:
                _complain(problem)
            raise typer.Exit(MISUSED) from None
        except DevError as error:
            _complain(str(error))
            raise typer.Exit(MISUSED) from None
        except DBAPIError as error:
            _complain(*_explained(error))
            raise typer.Exit(FAILED) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None

    return run


def _explained(error: DBAPIError) -> tuple[str, str]:
    """Return what a database error says and what to do; psycopg's texts hold no password."""
    for type_, reason, fix in _DATABASE:
        if isinstance(error.orig, type_):
            return f"the database: {reason}", fix
    line = _line(error.orig or error)
    if getattr(error.orig, "sqlstate", None) is None:
        return (
            f"DATABASE_URL: {line}",
            "start the server (or `paylink up`), or correct DATABASE_URL",
        )
    return f"the database refused: {line}", "nothing was changed; correct what it names"


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _complain(what: str, fix: str = "") -> None:
    print(f"paylink: {what}", file=sys.stderr)
    if fix:
        print(f"    fix: {fix}", file=sys.stderr)
