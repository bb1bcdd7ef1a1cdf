"""GET /: what this provider can do wrong and how to ask for it, for people and as JSON."""

from collections.abc import Iterable
from html import escape
from typing import Any
from urllib.parse import parse_qsl

from ops.sandbox.board import Operation, Target
from ops.sandbox.courses import can_strike
from ops.sandbox.faults import DURATION_MS, MAGIC_AMOUNTS, MEANING, Fault
from ops.sandbox.layout import page
from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.wire import Request

_METADATA = '{"sandbox": "charge_then_drop"}'
_ADMIN = (
    "curl -X POST http://127.0.0.1:ADMIN_PORT/faults -d "
    '\'{"fault": "unavailable", "count": 3, "on": "any"}\''
)
#: What an operator or a bank does, by POST on the admin port.
_LEVERS = (
    ("/settle", '{"payment", "status"}', "forces a payment into a state; captured pays a transfer"),
    ("/payments/{id}/chargeback", '{"amount"?, "reason"?}', "takes captured money back"),
    ("/refunds/{id}/succeed", "", "decides a pending refund"),
    ("/refunds/{id}/fail", '{"code"?}', "the same, or undoes a refund that had succeeded"),
    ("/payouts/{id}/pay", "", "decides a processing payout"),
    ("/payouts/{id}/fail", '{"code"?}', "the same"),
    ("/payouts/{id}/return", '{"code"?}', "a paid payout comes back"),
    ("/deliver", '{"payment" or "refund" or "payout"}', "sends its latest webhook again"),
)
_ENDPOINTS = (
    ("POST /v1/payments", "charges or authorizes; GET ?reference= finds"),
    ("POST /v1/payments/{id}/capture", "collects an authorization, once, in part or whole"),
    ("POST /v1/payments/{id}/cancel", "ends what is not captured"),
    ("POST /v1/payments/{id}/refunds", "gives back; GET /v1/refunds?reference= finds"),
    ("POST /v1/payouts", "pays out; GET ?reference= finds"),
    ("GET /v1/settlements?since=&until=", "lists what moved, page by page"),
    ("POST /v1/payment_methods/{token}/detach", "nothing is charged with the token any more"),
)
_SOURCES = (
    ("card", "charged at once; three_ds required asks the customer first"),
    ("wallet", "the same, but cannot be authorized first and captured later"),
    ("paypal", "always asks the customer on the payment page"),
    ("bank_transfer", "waits until the customer says on the payment page that they have paid"),
)


class Guide:
    """The documentation page of one sandbox."""

    def __init__(self, name: str) -> None:
        self._name = name
        amounts = {fault: amount for amount, fault in MAGIC_AMOUNTS.items()}
        self._faults: list[dict[str, Any]] = [
            {
                "fault": fault.value,
                "amount": amounts.get(fault),
                "meaning": MEANING[fault],
                "ms": DURATION_MS.get(fault),
                "only_on": _only_on(fault),
            }
            for fault in Fault
        ]

    async def show(self, request: Request, _: str) -> Answer:
        """Return the table of faults: HTML, or JSON with ?format=json."""
        if dict(parse_qsl(request.query)).get("format") == "json":
            return json_answer(
                200,
                {
                    "name": self._name,
                    "magic_amounts": {
                        str(amount): fault.value for amount, fault in MAGIC_AMOUNTS.items()
                    },
                    "faults": self._faults,
                },
            )
        return page(f"{self._name}: sandbox", self._content(), wide=True)

    def _content(self) -> str:
        rows = [
            (
                str(fault["amount"] or ""),
                f"<code>{escape(fault['fault'])}</code>",
                f"{escape(fault['meaning'])}{_lasting(fault['ms'])}",
                escape(", ".join(fault["only_on"] or ["all"])),
            )
            for fault in self._faults
        ]
        levers = [
            (f"<code>{escape(path)}</code>", f"<code>{escape(body)}</code>", escape(what))
            for path, body, what in _LEVERS
        ]
        endpoints = [(f"<code>{escape(one)}</code>", escape(what)) for one, what in _ENDPOINTS]
        sources = [(f"<code>{source}</code>", escape(what)) for source, what in _SOURCES]
        return (
            f"<h1>{escape(self._name)}</h1>"
            "<p>An imaginary payment provider. Everything succeeds unless a fault is asked for "
            "in one of three ways.</p>"
            "<h2>By amount</h2><p>A payment or payout of exactly this many minor units meets the "
            "fault beside it. So does a capture or refund that names this amount as a part of its "
            "payment.</p>"
            + _table(("Amount", "Fault", "What happens", "Operations"), rows)
            + f"<h2>By metadata</h2><p><code>{escape(_METADATA)}</code> of a payment or payout, "
            f"several separated by commas; <code>{escape(self._name)}:hang</code> only at this "
            "gateway; <code>latency=250</code> with another duration in milliseconds.</p>"
            "<h2>For everyone</h2><p>On the admin port, which listens on 127.0.0.1 only:</p>"
            f"<pre>{escape(_ADMIN)}</pre>"
            "<p><code>count</code> null has no end; <code>on</code> is create, capture, cancel, "
            "refund, payout, detach, read, post (every POST) or any. Left out, it is post; create "
            "for a fault that only some operations can meet; payout for payout_returned. DELETE "
            "/faults ends all of them.</p>"
            "<h2>Sources</h2>"
            + _table(("Type", "How it is paid"), sources)
            + "<h2>Endpoints</h2>"
            + _table(("Request", "What it does"), endpoints)
            + "<h2>Levers</h2><p>POST on the admin port; the state must allow it, or it is a 409."
            "</p>"
            + _table(("Path", "Body", "What happens"), levers)
            + "<p>GET /ledger, /ledger/summary, /settlements and /requests show the books.</p>"
            '<p><a href="/?format=json">The faults as JSON</a></p>'
        )


def _only_on(fault: Fault) -> list[str] | None:
    """Return the operations that can meet the fault; None where all can."""
    found = [one.value for one in Operation if can_strike(fault, Target(one.value))]
    return found if len(found) < len(Operation) else None


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{one}</th>" for one in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        "</div>"
    )


def _lasting(ms: int | None) -> str:
    return "" if ms is None else f" ({ms} ms)"
