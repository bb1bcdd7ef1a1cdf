"""GET /: what this provider can do wrong and how to ask for it, for people and as JSON."""

from html import escape
from typing import Any
from urllib.parse import parse_qsl

from ops.sandbox.faults import DURATION_MS, MAGIC_AMOUNTS, MEANING, Fault
from ops.sandbox.layout import page
from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.wire import Request

_METADATA = '{"sandbox": "charge_then_drop"}'
_ADMIN = (
    "curl -X POST http://127.0.0.1:ADMIN_PORT/faults -d "
    '\'{"fault": "unavailable", "count": 3, "on": "any"}\''
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
        rows = "".join(
            f"<tr><td>{fault['amount'] or ''}</td><td><code>{escape(fault['fault'])}</code></td>"
            f"<td>{escape(fault['meaning'])}{_lasting(fault['ms'])}</td></tr>"
            for fault in self._faults
        )
        return (
            f"<h1>{escape(self._name)}</h1>"
            "<p>An imaginary payment provider. Every payment succeeds unless a fault is asked for "
            "in one of three ways.</p>"
            "<h2>By amount</h2><p>A payment of exactly this many minor units meets the fault "
            "beside it.</p>"
            '<div class="scroll"><table><thead><tr><th>Amount</th><th>Fault</th><th>What happens'
            f"</th></tr></thead><tbody>{rows}</tbody></table></div>"
            f"<h2>By metadata</h2><p><code>{escape(_METADATA)}</code>, several separated by "
            f"commas; <code>{escape(self._name)}:hang</code> only at this gateway; "
            "<code>latency=250</code> with another duration in milliseconds.</p>"
            "<h2>For everyone</h2><p>On the admin port, which listens on 127.0.0.1 only:</p>"
            f"<pre>{escape(_ADMIN)}</pre>"
            "<p><code>count</code> null has no end; <code>on</code> is create, capture, cancel, "
            "refund, read, post (every POST, the default) or any. DELETE /faults ends all of them."
            '</p><p><a href="/?format=json">The same as JSON</a></p>'
        )


def _lasting(ms: int | None) -> str:
    return "" if ms is None else f" ({ms} ms)"
