"""The page on which a payer approves or refuses, and what it says afterwards."""

from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qsl

from ops.sandbox.layout import page
from ops.sandbox.pages import money
from ops.sandbox.replies import Answer


def asking(title: str, amount: int, currency: str, about: Mapping[str, str]) -> Answer:
    """Ask for a decision: POSTs decision=approve or decision=decline to the page's own URL."""
    return page(
        title,
        f'<h1>{escape(title)}</h1><p class="amount">{escape(money(amount, currency))}</p>'
        f'<dl>{_details(about)}</dl><form method="post">'
        '<button name="decision" value="approve">Approve</button>'
        '<button name="decision" value="decline" class="no">Decline</button></form>'
        '<p class="soft">Simulated: no real money moves.</p>',
    )


def ended(title: str, about: Mapping[str, str], back: str | None = None) -> Answer:
    """Say how it ended, with the way back to the shop."""
    leave = (
        "You can close this page."
        if back is None
        else f'<a href="{escape(back)}">Return to the shop</a>'
    )
    return page(title, f"<h1>{escape(title)}</h1><dl>{_details(about)}</dl><p>{leave}</p>")


def missing() -> Answer:
    """Say that there is no such page."""
    return page("Not found", "<h1>There is no such payment.</h1>", status=404)


def decision(body: bytes) -> str | None:
    """Return "approve" or "decline"; None: neither button."""
    said = dict(parse_qsl(body.decode("latin-1"))).get("decision")
    return said if said in ("approve", "decline") else None


def _details(about: Mapping[str, str]) -> str:
    return "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(what)}</dd>" for name, what in about.items()
    )
