"""Telling: one payment's tale for people, in order of time, and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from domain.attempt import State
from ops.cli.meanings import advice
from ops.cli.show import amount, cell, moment, state, table
from ops.store.tale import Row, Tale
from ops.telemetry.redaction import redact

#: What a lease, a wake-up and a version are is no part of the story.
_INSIDE = ("key", "version", "wakes", "lease_until")
_OPEN = frozenset({State.SENDING, State.UNKNOWN, State.PENDING, State.REQUIRES_ACTION})
_MONEY = frozenset({State.AUTHORIZED, State.CAPTURED, State.LATE_SUCCESS})


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of the story."""

    at: datetime
    what: str
    said: str


def as_json(tale: Tale) -> dict[str, Any]:
    """Return the whole tale as JSON values, without secrets and personal data."""
    route = tale.route
    return {
        "payment": _plain(tale.payment),
        "fraud": None if tale.fraud is None else _plain(tale.fraud),
        "route": None
        if route is None
        else {"order": [row.id for row in route.order], "skipped": dict(route.skipped)},
        "attempts": [_plain(row) for row in tale.attempts],
        "facts": [_plain(row) for row in tale.facts],
        "transactions": [_plain(row) for row in tale.transactions],
        "refunds": [_plain(row) for row in tale.refunds],
        "cases": [_plain(row) for row in tale.cases],
        "webhooks": [_plain(row) for row in tale.webhooks],
        "audit": [_plain(row) for row in tale.audit],
        "events": [_plain(row) for row in tale.events],
        "story": [
            {"at": line.at.isoformat(), "what": line.what, "said": line.said}
            for line in story(tale)
        ],
    }


def story(tale: Tale) -> list[Happened]:
    """Return everything that happened, in order of time."""
    lines = [*_decisions(tale), *_sent(tale), *_heard(tale), *_written(tale)]
    return sorted(lines, key=lambda line: line.at)


def rendered(tale: Tale) -> RenderableType:
    """Return the tale for a terminal: how it stands, why, and what happened when."""
    began = tale.payment["created_at"]
    lines = [
        (moment(line.at), f"{(line.at - began).total_seconds():+.3f}", line.what, line.said)
        for line in story(tale)
    ]
    parts: list[RenderableType] = [_head(tale)]
    if tale.fraud is not None:
        parts += _fraud(tale.fraud)
    parts += [Text(), _route(tale), Text(), _attempts(tale)]
    if tale.transactions:
        parts += [_title("Money that moved"), _money(tale.transactions)]
    if tale.refunds:
        parts += [_title("Money that goes back"), _refunds(tale.refunds)]
    if tale.cases:
        parts += [_title("Asked of a person"), _cases(tale.cases)]
    parts += [_title("In order of time"), table(("UTC", "s", "what", ""), lines)]
    return Group(*parts)


def _title(text: str) -> Text:
    return Text.assemble("\n", (text, "bold"))


def _head(tale: Tale) -> Table:
    row = tale.payment
    code = row["currency"]
    made = Table.grid(padding=(0, 2))
    for name, value in (
        ("payment", Text(row["id"], style="bold")),
        ("status", state(row["status"])),
        ("amount", amount(row["amount"], code)),
        ("authorized", amount(row["amount_authorized"], code)),
        ("captured", amount(row["amount_captured"], code)),
        ("refunded", amount(row["amount_refunded"] + row["amount_refund_pending"], code)),
        ("gateway", row["gateway_id"]),
        ("failure", _joined(row["failure_code"], row["failure_reason"])),
        ("merchant", f"{row['merchant_id']} ({row['mode']})"),
        ("order", row["order_id"]),
        ("method", _joined(row["method_type"], row["country"])),
        ("created", row["created_at"]),
        ("expires", row["expires_at"]),
        ("request", row["request_id"]),
        ("next", _next(row)),
    ):
        if value:
            made.add_row(Text(name, style="dim"), value if isinstance(value, Text) else cell(value))
    return made


def _next(row: Row) -> str:
    if row["parked_at"] is not None:
        means, do = advice(row["parked_reason"])
        since = moment(row["parked_at"])
        return f"parked since {since} for {row['owner']}: {row['parked_reason']}. {means} {do}"
    if row["next_run_at"] is not None:
        again = f", started {row['starts']} times without a result" if row["starts"] else ""
        return f"{row['next_command']} at {moment(row['next_run_at'])}{again}"
    if row["awaits_payer"]:
        return "the payer has the provider's page open"
    return ""


def _fraud(row: Row) -> list[RenderableType]:
    why = f" because of {row['reason']}" if row["reason"] else ""
    scored = f"score {row['score']} ({row['risk_level']}), scored {row['mode']}"
    by = f"rules {row['ruleset_version']}, model {row['model_id'] or 'none'}"
    title = _title(f"Fraud: {row['decision']}{why}; {scored} by {by}")
    if not row["factors"]:
        return [title, Text("no factor raised the score")]
    names = ("name", "source", "contribution", "value", "text")
    lines = [tuple(factor[name] for name in names) for factor in row["factors"]]
    return [title, table(("factor", "from", "adds", "saw", "means"), lines)]


def _route(tale: Tale) -> Tree:
    """Show where it was, where it would go now, and why not elsewhere."""
    row = tale.payment
    tree = Tree(Text("Route", style="bold"))
    if row["preference"]:
        tree.add(cell(f"the merchant prefers {row['preference']}"))
    tried = [f"{one['gateway_id']} ({one['state']})" for one in tale.attempts]
    tree.add(cell(f"tried: {', then '.join(tried) or 'none yet'}"))
    for id_, reason in row["skipped"].items():
        tree.add(cell(f"passed over in the last run: {id_} ({reason})"))
    open_ = [one["gateway_id"] for one in tale.attempts if State(one["state"]) in _OPEN]
    if open_:
        tree.add(cell(f"nowhere else before it is known what became of it at {open_[0]}"))
    if tale.route is not None:
        order = ", then ".join(one.id for one in tale.route.order)
        tree.add(cell(f"as configured now it would go to: {order or 'none'}"))
        for id_, reason in tale.route.skipped.items():
            tree.add(cell(f"not to {id_} ({reason})"))
    return tree


def _attempts(tale: Tale) -> Tree:
    tree = Tree(Text("Attempts" if tale.attempts else "No attempt yet", style="bold"))
    for row in tale.attempts:
        line = Text.assemble(f"{row['number']}. {row['operation']} at ", row["gateway_id"], ": ")
        line.append_text(state(row["state"]))
        if row["proof"]:
            line.append(f", no money moved: {row['proof']}")
        branch = tree.add(line)
        branch.add(cell(_joined(row["id"], row["provider_id"])))
        if why := _why(row):
            branch.add(cell(f"cause: {why}"))
        branch.add(cell(f"written {moment(row['created_at'])}, {_end(row)}"))
        for fact in tale.facts:
            if fact["attempt_id"] == row["id"]:
                branch.add(cell(f"{fact['source']} said {fact['outcome']} {_said(fact['told'])}"))
    return tree


def _why(row: Row) -> str:
    """Return why it is as it is; money that moved keeps the cause of an earlier doubt, untold here."""
    return "" if row["state"] in _MONEY else _joined(row["code"], row["cause"])


def _end(row: Row) -> str:
    if row["parked_at"] is not None:
        means, do = advice(row["parked_reason"])
        return f"parked for {row['owner']}: {row['parked_reason']}. {means} {do}"
    if row["finished_at"] is not None:
        return f"finished {moment(row['finished_at'])}"
    if row["next_run_at"] is not None:
        return f"looked up again at {moment(row['next_run_at'])}, {row['polls']} times so far"
    return "open"


def _money(rows: Sequence[Row]) -> Table:
    columns = ("transaction", "kind", "amount", "gateway", "at the provider")
    lines = [
        (
            row["id"],
            row["type"],
            amount(row["amount"], row["currency"]),
            row["gateway_id"],
            row["provider_id"],
        )
        for row in rows
    ]
    return table(columns, lines)


def _refunds(rows: Sequence[Row]) -> Table:
    lines = [
        (
            row["id"],
            row["kind"],
            amount(row["amount"], row["currency"]),
            state(row["status"]),
            _joined(row["requested_by"], row["failure_code"], row["parked_reason"]),
        )
        for row in rows
    ]
    return table(("refund", "kind", "amount", "status", "by, why"), lines)


def _cases(rows: Sequence[Row]) -> Table:
    lines = [
        (
            row["kind"],
            _joined(row["reason"], row["found_amount"], row["found_currency"]),
            _joined(row["decision"] or "open", row["decided_by"]),
        )
        for row in rows
    ]
    return table(("asked about", "why", "decision"), lines)


def _decisions(tale: Tale) -> Iterator[Happened]:
    row = tale.payment
    asked = f"{amount(row['amount'], row['currency'])} by {row['method_type']}"
    yield Happened(row["created_at"], "payment accepted", asked)
    if tale.fraud is not None:
        said = _joined(tale.fraud["decision"], tale.fraud["score"], tale.fraud["reason"])
        yield Happened(tale.fraud["created_at"], "fraud decision", said)
    if row["cancel_requested_at"] is not None:
        yield Happened(row["cancel_requested_at"], "cancel asked for", "")
    if row["parked_at"] is not None:
        yield Happened(row["parked_at"], "payment parked", row["parked_reason"])


def _sent(tale: Tale) -> Iterator[Happened]:
    for row in tale.attempts:
        what = f"attempt {row['number']}"
        where = (
            f"{row['operation']} {amount(row['amount'], row['currency'])} at {row['gateway_id']}"
        )
        yield Happened(row["created_at"], f"{what} written", where)
        if row["finished_at"] is not None:
            proof = f"proof: {row['proof']}" if row["proof"] else ""
            end = _joined(row["state"], proof, _why(row))
            yield Happened(row["finished_at"], f"{what} ended", end)
        if row["parked_at"] is not None:
            yield Happened(row["parked_at"], f"{what} parked", row["parked_reason"])


def _heard(tale: Tale) -> Iterator[Happened]:
    numbers = {row["id"]: row["number"] for row in tale.attempts}
    for fact in tale.facts:
        about = f"attempt {numbers[fact['attempt_id']]}: {fact['outcome']} {_said(fact['told'])}"
        yield Happened(fact["observed_at"], f"fact by {fact['source']}", about)
    for row in tale.webhooks:
        copies = f", {row['copies']} copies" if row["copies"] > 1 else ""
        said = f"{row['id']} from {row['gateway_id']}: {row['status']}{copies}"
        yield Happened(row["received_at"], "webhook", said)
        if row["parked_at"] is not None:
            yield Happened(
                row["parked_at"], "webhook parked", f"{row['id']} {row['parked_reason']}"
            )
    for row in tale.transactions:
        said = f"{row['type']} {amount(row['amount'], row['currency'])} at {row['gateway_id']}"
        yield Happened(row["created_at"], "money moved", said)


def _written(tale: Tale) -> Iterator[Happened]:
    for row in tale.audit:
        seal = f"sealed as {row['sealed_as']}" if row["sealed_as"] else "not sealed yet"
        said = f"{row['action']} by {row['actor']} {row['actor_id']} {_said(row['after'])} ({seal})"
        yield Happened(row["created_at"], f"audit {row['id']}", said)
    for row in tale.events:
        out = "published" if row["published_at"] else "not published yet"
        yield Happened(row["created_at"], f"event {row['id']}", f"{row['type']} ({out})")


def _said(told: Mapping[str, Any]) -> str:
    """Return what was told, without what every line of the story has in common."""
    shown = redact({name: value for name, value in told.items() if name != "payment_id"})
    return " ".join(f"{name}={value}" for name, value in shown.items() if value is not None)


def _joined(*parts: object) -> str:
    return ", ".join(str(part) for part in parts if part)


def _plain(row: Row) -> dict[str, Any]:
    return redact({name: value for name, value in row.items() if name not in _INSIDE})
