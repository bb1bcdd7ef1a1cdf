"""Parked: what waits for a person, why, what may be said of it, and how to set it going again."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

import typer

from domain.errors import IllegalMove, NotFound
from domain.ids import Kind, parse, public
from ops.cli.deeds import operator
from ops.cli.meanings import advice
from ops.cli.refusals import Misuse, Refusal
from ops.cli.show import moment, note, screen, state, table
from ops.cli.where import open_books
from ops.store.parking import TABLES, ParkedRow, list_parked, unpark

MOST_LISTED: Final = 1_000

#: What happens next, by what was set going.
_NEXT: Final = {
    Kind.PAYMENT: "it goes on with its next command",
    Kind.ATTEMPT: "its gateway is asked again what became of it",
    Kind.WEBHOOK: "it is read again",
    Kind.REFUND: "it is sent, unless one of its attempts is open",
    Kind.PAYOUT: "it is sent, unless one of its attempts is open",
    Kind.PAYMENT_METHOD: "its gateway is asked once more to forget it",
}


def list_(
    limit: Annotated[int, typer.Option(min=1, max=MOST_LISTED, help="How many.")] = 100,
) -> None:
    """List what waits for a person, longest first: what it means, what to do, what may be said of it.

    Nothing parked happens by itself, but facts still arrive and may settle it. What you have found
    out with the provider you say with `paylink parked settle ID --as WORD`.
    """
    with open_books() as books, books.engine.connect() as db:
        found, count = list_parked(db, limit)
    if not found:
        screen().print("nothing waits for a person")
        return
    columns = ("id, about", "is", "why", "what it means, what to do", "settle --as")
    screen().print(table(columns, [_line(row) for row in found]))
    if count > len(found):
        note(f"{count - len(found)} more: paylink parked list --limit {min(count, MOST_LISTED)}")


def retry(
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="As the list shows it: att_..., pay_...")
    ],
) -> None:
    """Make a parked row due now; the audit notes who did it.

    Nothing is sent from here: within seconds a worker takes the row. An attempt is looked up at its
    own gateway, never sent anew by this. Whatever parked it may park it again.
    """
    kind, row_id = row_named(id_.strip())
    try:
        with open_books() as books, books.engine.begin() as db:
            reason = unpark(db, kind, row_id, operator())
    except NotFound as missing:
        fix = "`paylink parked list` shows what waits"
        raise Refusal("ID", f"{missing}: {id_}", fix) from None
    except IllegalMove as refused:
        raise Refusal("ID", f"{id_}: {refused}", refused.fix or "leave it parked") from None
    screen().print(f"{public(kind, row_id)} was parked as {reason} and is due now: {_NEXT[kind]}")


def row_named(typed: str) -> tuple[Kind, UUID]:
    """Read the id of a row that can be parked. Raises Misuse."""
    for kind in TABLES:
        try:
            return kind, parse(kind, typed)
        except NotFound:
            continue
    kinds = ", ".join(f"{kind}_" for kind in TABLES)
    fix = f"copy it from `paylink parked list`: {kinds} and 32 hexadecimal digits"
    raise Misuse("ID", f"{typed} is not the id of anything that can be parked", fix)


def _line(row: ParkedRow) -> tuple[object, ...]:
    about = f"\n{public(*row.about)}" if row.about is not None else ""
    at = f"\nat {row.gateway}" if row.gateway is not None else ""
    means, do = advice(row.reason)
    return (
        f"{public(row.kind, row.id)}{about}",
        state(row.state).append(at),
        f"{row.reason}\nfor {row.owner}\nsince {moment(row.since)}",
        f"{means} {do}",
        ", ".join(row.words),
    )
