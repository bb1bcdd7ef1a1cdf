"""GET /: what is simulated, how it fails on request, and its levers, for people."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from ops.sandbox.layout import page
from ops.sandbox.replies import Answer
from ops.sandbox.stage.calls import Call
from ops.sandbox.stage.faults import DECISIONS, DURATION_MS, MEANING, WEBHOOKS, Fault
from ops.sandbox.stage.provider import Provider

_EXAMPLE = (
    "curl -X POST http://127.0.0.1:ADMIN_PORT/faults -d "
    '\'{"fault": "drop_after", "on": "charge", "step": "move", "count": 1, "containing": "..."}\''
)
#: What the payer, a bank or an operator does, by POST on the admin port.
_LEVERS = (
    ('/objects/{id}/settle {"to"}', "forces a charge into captured, authorized, declined, ..."),
    ("/objects/{id}/approve", "the payer approves"),
    ("/objects/{id}/reject", "the payer refuses"),
    ('/objects/{id}/chargeback {"amount"}', "takes captured money back (ISO minor units)"),
    ("/objects/{id}/deliver", "sends the latest webhook about it again"),
    ("/refunds/{id}/succeed", "decides a refund"),
    ("/refunds/{id}/fail", "decides a refund, or undoes one that had succeeded"),
    ("/payouts/{id}/pay", "decides a payout"),
    ("/payouts/{id}/fail", "decides a payout"),
    ("/payouts/{id}/return", "a paid payout comes back"),
)
_BOOKS = (
    ("GET /ledger?after=, ?about=", "every line, or those about a reference or an object"),
    ("GET /ledger/summary", "the sums per reference"),
    ("GET /settlements?after_seq=", "every movement of money as a statement shows it"),
    ("GET /requests?reference=", "what reached the API"),
    ("GET, POST, DELETE /faults", "the faults in force"),
)


class Guide:
    """The documentation page of one simulator."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def show(self, _: Call) -> Answer:
        """Return the page."""
        provider, name = self._provider, self._provider.stage.settings.name
        own = "".join(f"<h2>{escape(one.title)}</h2>{_table(one.rows)}" for one in provider.guide())
        return page(
            f"{name}: {provider.name} simulator",
            f"<h1>{escape(name)}</h1><p>{escape(provider.about)}</p>{own}"
            "<h2>Faults</h2><p>On the admin port, which listens on 127.0.0.1 only:</p>"
            f"<pre>{escape(_EXAMPLE)}</pre><p><code>on</code> is charge, capture, void, refund, "
            "payout, read, other, post (all that change something) or any; <code>step</code> is "
            "make or move where an operation takes two calls; <code>containing</code> must stand "
            "in the path, query, headers or body; <code>probability</code> and <code>seed</code> "
            f"throw dice.</p>{_faults(set(Fault) - DECISIONS - WEBHOOKS)}"
            f"<h2>Decisions</h2>{_faults(DECISIONS)}<h2>Webhooks</h2>{_faults(WEBHOOKS)}"
            "<h2>Levers</h2><p>POST on the admin port; a state that forbids it is a 409.</p>"
            f"{_table(_LEVERS)}<h2>Books</h2>{_table(_BOOKS)}",
            wide=True,
        )


def _faults(some: Iterable[Fault]) -> str:
    wanted = set(some)
    return _table(
        (fault, MEANING[fault] + _lasting(DURATION_MS.get(fault)))
        for fault in Fault
        if fault in wanted
    )


def _table(rows: Iterable[tuple[str, str]]) -> str:
    body = "".join(
        f"<tr><td><code>{escape(code)}</code></td><td>{escape(what)}</td></tr>"
        for code, what in rows
    )
    return f'<div class="scroll"><table><tbody>{body}</tbody></table></div>'


def _lasting(ms: int | None) -> str:
    return "" if ms is None else f" ({ms} ms, or as ms says)"
