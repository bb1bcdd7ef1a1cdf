"""Payments: one payment's whole story, and the newest ones of all merchants."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Final

import typer

from domain.errors import NotFound
from domain.ids import Kind, parse
from domain.payment import Status
from ops.cli.refusals import Misuse, Refusal
from ops.cli.show import amount, note, screen, state, table
from ops.cli.telling import as_json, rendered
from ops.cli.where import open_books
from ops.store.tale import newest_payments, read_tale

MOST_LISTED: Final = 1_000


def show(
    payment_id: Annotated[
        str, typer.Argument(metavar="PAYMENT_ID", help="As the API returned it: pay_...")
    ],
    as_data: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Tell one payment's whole story in order of time.

    Amounts and status, the fraud decision with its factors, the route and the gateways passed over,
    every attempt with its proof, what the provider said and how we came to know it, money that
    moved, webhooks, audit entries and events. No tokens, no personal data.
    """
    try:
        id_ = parse(Kind.PAYMENT, payment_id.strip())
    except NotFound:
        fix = "copy it from `paylink payments list`: pay_ and 32 hexadecimal digits"
        raise Misuse("PAYMENT_ID", f"{payment_id} is not a payment's id", fix) from None
    with open_books() as books:
        # One snapshot: a payment that moves meanwhile must not contradict itself.
        engine = books.engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        with engine.connect() as db:
            tale = read_tale(db, id_)
    if tale is None:
        fix = "`paylink payments list` shows the newest"
        raise Refusal("PAYMENT_ID", f"there is no payment {payment_id}", fix)
    if as_data:
        json.dump(as_json(tale), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        screen().print(rendered(tale))


def list_(
    status: Annotated[Status | None, typer.Option(help="Only in this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST_LISTED, help="How many.")] = 20,
) -> None:
    """List the newest payments of all merchants and modes."""
    with open_books() as books, books.engine.connect() as db:
        found = newest_payments(db, status, limit)
    if not found:
        note("there is no such payment yet")
        return
    columns = ("payment", "created", "mode", "status", "amount", "captured", "gateway", "why")
    lines = [
        (
            row["id"],
            row["created_at"],
            row["mode"],
            state(row["status"]),
            amount(row["amount"], row["currency"]),
            amount(row["amount_captured"], row["currency"]),
            row["gateway_id"],
            f"parked: {row['parked_reason']}" if row["parked_reason"] else row["failure_code"],
        )
        for row in found
    ]
    screen().print(table(columns, lines))
