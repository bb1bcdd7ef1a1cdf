"""Operators: whose word about parked money counts. A token is given once and kept as a MAC."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.deeds import operator
from ops.cli.refusals import Misuse, Refusal
from ops.cli.show import moment, note, screen, state, table
from ops.cli.where import open_books
from ops.operators import NAME, new_token
from ops.store.operators import Operator, add_operator, list_operators, revoke_operator

Name = Annotated[str, typer.Argument(metavar="NAME", help="As the audit is to know them.")]


def create(name: Name) -> None:
    """Create an operator and print their token, this once: nobody can read it again.

    The token alone goes to the standard output, so that it can be piped into a secret store. The
    audit notes who created it. A name is never given twice.
    """
    named = _name(name)
    token = new_token(named)
    with open_books() as books, books.engine.begin() as db:
        if not add_operator(db, named, token, books.settings.secrets.pepper, operator()):
            fix = "choose another one: the audit knows people by their names"
            raise Refusal("NAME", f"{named} is, or was, somebody's name", fix)
    note(f"the token of {named}, shown only now:")
    print(token, flush=True)


def list_() -> None:
    """List the operators: who they are, since when, made by whom. Never their tokens."""
    with open_books() as books, books.engine.connect() as db:
        found = list_operators(db)
    if not found:
        note("there is no operator yet: paylink operators create NAME")
        return
    screen().print(table(("name", "state", "from", "made by"), [_line(one) for one in found]))


def revoke(name: Name) -> None:
    """Revoke an operator's token; nothing brings it back. What they settled stands."""
    named = _name(name)
    with open_books() as books, books.engine.begin() as db:
        done = revoke_operator(db, named, operator())
    if done is False:
        fix = "`paylink operators list` shows those that exist"
        raise Refusal("NAME", f"there is no operator {named}", fix)
    if done is True:
        screen().print(f"operator {named} is revoked")
    else:
        screen().print(f"operator {named} had been revoked at {moment(done)} UTC")


def _name(typed: str) -> str:
    if NAME.fullmatch(typed) is None:
        fix = "write 2 to 40 small letters, digits and hyphens, a letter first"
        raise Misuse("NAME", "it is no name of an operator", fix)
    return typed


def _line(one: Operator) -> tuple[object, ...]:
    since = moment(one.created_at)
    return one.name, state("revoked" if one.revoked_at else "active"), since, one.created_by
