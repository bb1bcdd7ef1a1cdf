"""Settling: an operator's word about a parked row, on evidence; above a limit, two operators'."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer

from domain.attempt import Attempt
from domain.errors import DomainError, NotFound
from domain.findings import Found, needs_two
from domain.flows.settle import Settlement, settle
from domain.flows.waiting import Target, target_of
from domain.ids import Kind, public
from domain.money import Money
from domain.payment import Payment
from domain.payout import Payout
from domain.refund import Refund
from domain.settling import MEANINGS, OTHERS, Word
from ops.cli.nowhere import nowhere
from ops.cli.parked import row_named
from ops.cli.refusals import Misuse, Refusal
from ops.cli.show import note, screen, table
from ops.cli.where import Books, open_books
from ops.operators import TOKEN_LENGTH
from ops.runtime import new_id
from ops.store.operators import operator_of
from ops.store.parking import dismiss
from ops.store.postgres import PostgresStore
from ops.telemetry.cards import hide_cards
from ops.vault import Vault

#: Where the tokens are if no file is named.
VARIABLE: Final = "PAYLINK_OPERATOR_TOKEN"
SECOND_VARIABLE: Final = "PAYLINK_SECOND_OPERATOR_TOKEN"
_OPTIONS: Final = ("--operator-token-file", "--second-token-file")
#: Enough to find a statement's line or a ticket again; shorter says nothing.
LEAST_EVIDENCE: Final = 8
MOST_EVIDENCE: Final = 500

_KINDS: Final[Mapping[type, Kind]] = {
    Payment: Kind.PAYMENT,
    Payout: Kind.PAYOUT,
    Refund: Kind.REFUND,
    Attempt: Kind.ATTEMPT,
}


class _Rehearsed(Exception):
    """Nothing is kept of a dry run."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was typed, checked as far as it can be without the books."""

    kind: Kind
    id: UUID
    found: Found
    evidence: str
    tokens: tuple[str, ...]
    dry_run: bool

    @property
    def name(self) -> str:
        return public(self.kind, self.id)


def settle_(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `paylink parked list` shows it.")],
    word: Annotated[
        Word, typer.Option("--as", metavar="WORD", help="What became of it: see `parked list`.")
    ],
    evidence: Annotated[
        str, typer.Option(help="What shows it: a statement's line, a ticket. Kept in the audit.")
    ],
    amount: Annotated[
        int | None, typer.Option(min=1, help="How much, in minor units. None: all of it.")
    ] = None,
    provider_id: Annotated[
        str | None, typer.Option(help="The provider's id of it, where we do not know it.")
    ] = None,
    operator_token_file: Annotated[
        Path | None, typer.Option(help=f"Your token's file. None: it is in {VARIABLE}.")
    ] = None,
    second_token_file: Annotated[
        Path | None,
        typer.Option(help=f"A second operator's, for large sums. None: {SECOND_VARIABLE}, if set."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; change nothing.")
    ] = False,
) -> None:
    """Say what became of a parked row, because you have found it out with its provider.

    Your word is stored and applied as a provider's would be: sums are kept, money that came too late
    goes back, and things go on by themselves. Nothing is sent from here. Above
    SETTLE_SECOND_TOKEN_ABOVE (whole units of the currency; 1000 by default) two operators must say
    it. `paylink operators create NAME` makes a token.
    """
    kind, row_id = row_named(id_.strip())
    tokens = (_token(operator_token_file, VARIABLE), _token(second_token_file, SECOND_VARIABLE))
    if not tokens[0]:
        fix = f"name a file, or set {VARIABLE}; `paylink operators create NAME` makes a token"
        raise Misuse("--operator-token-file", "there is no operator's token", fix)
    named = provider_id.strip() if provider_id else None
    found = Found(word, amount, named or None)
    given = tuple(token for token in tokens if token)
    asked = _Asked(kind, row_id, found, _evidence(evidence), given, dry_run)
    with open_books() as books:
        by = _operators(books, asked.tokens)
        try:
            if kind in OTHERS:
                _dismiss(books, asked, by)
            else:
                _settle(books, asked, by)
        except NotFound as missing:
            fix = "`paylink parked list` shows what waits"
            raise Refusal("ID", f"{missing}: {id_}", fix) from None
        except DomainError as refused:
            raise Refusal("ID", f"{id_}: {refused}", refused.fix or "leave it parked") from None
    end = "would be settled; nothing was changed" if dry_run else "is settled"
    note(f"{asked.name} {end}: {MEANINGS[word]}")


def _settle(books: Books, asked: _Asked, by: tuple[str, ...]) -> None:
    vault = Vault(books.settings.secrets.keyring)
    store = PostgresStore(books.engine, vault, new_id)
    runtime = nowhere(
        store, books.settings.policy, new_id, time.monotonic, random.SystemRandom().random
    )
    with _rehearsing(), store.begin() as work:
        before = target_of(work, asked.kind, asked.id)
        _enough(before.money, by, books.settings.settle_alone_up_to)
        said = Settlement(asked.kind, asked.id, asked.found, asked.evidence, by)
        after = settle(work, said, runtime)
        _show(_states(before), _states(after))
        if asked.dry_run:
            raise _Rehearsed


def _dismiss(books: Books, asked: _Asked, by: tuple[str, ...]) -> None:
    with _rehearsing(), books.engine.begin() as db:
        word = asked.found.word
        reason = dismiss(db, asked.kind, asked.id, word, asked.evidence, "+".join(by))
        _show({asked.name: f"parked: {reason}"}, {asked.name: "not parked"})
        if asked.dry_run:
            raise _Rehearsed


@contextmanager
def _rehearsing() -> Iterator[None]:
    """Swallow the end of a dry run, once its transaction has been rolled back."""
    try:
        yield
    except _Rehearsed:
        return


def _enough(money: Money, by: tuple[str, ...], limit: int) -> None:
    if len(by) < 2 and needs_two(money, limit):
        fix = f"have a second operator give --second-token-file (or {SECOND_VARIABLE})"
        raise Refusal("--second-token-file", f"{money} needs two operators", fix)


def _operators(books: Books, tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Return whose tokens these are; never says which part of one is wrong."""
    names = []
    with books.engine.connect() as db:
        for option, token in zip(_OPTIONS, tokens, strict=False):
            name = operator_of(db, token, books.settings.secrets.pepper)
            if name is None:
                fix = "`paylink operators list` shows who has one; a lost token is replaced"
                raise Refusal(option, "it is no token of an operator, or was revoked", fix)
            names.append(name)
    if len(set(names)) < len(names):
        raise Refusal("--second-token-file", f"both are {names[0]}'s", "ask somebody else")
    return tuple(names)


def _token(path: Path | None, variable: str) -> str:
    if path is None:
        return os.environ.get(variable, "").strip()
    try:
        with path.open("rb") as file:
            text = file.read(TOKEN_LENGTH + 2).decode("ascii").strip()
    except OSError as error:
        fix = f"name a readable file, or set {variable}"
        raise Misuse(str(path), f"it cannot be read: {error.strerror}", fix) from None
    except UnicodeDecodeError:
        text = ""
    if not text:
        raise Misuse(str(path), "there is no token in it", "write the token alone into the file")
    return text


def _evidence(typed: str) -> str:
    said = " ".join(typed.split())
    if not LEAST_EVIDENCE <= len(said) <= MOST_EVIDENCE or not said.isprintable():
        fix = f"write {LEAST_EVIDENCE} to {MOST_EVIDENCE} characters that others can check"
        raise Misuse("--evidence", "it says too little, or too much", fix)
    if hide_cards(said) != said:
        raise Misuse("--evidence", "it holds a card number", "write the provider's id instead")
    return said


def _states(target: Target) -> dict[str, str]:
    """Return how each row of the payment or payout stands."""
    states = {}
    for row in (target.payment, target.payout, target.refund, *target.attempts):
        if row is None:
            continue
        state = row.state if isinstance(row, Attempt) else row.status
        parked = f", parked: {row.due.parked.reason}" if row.due.parked else ""
        goes_on = ", goes on by itself" if row.due.next_run_at else ""
        states[public(_KINDS[type(row)], row.id)] = f"{state}{parked}{goes_on}"
    return states


def _show(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    changed = [
        (name, before.get(name, "-"), state)
        for name, state in after.items()
        if state != before.get(name)
    ]
    screen().print(table(("id", "was", "is"), changed))
