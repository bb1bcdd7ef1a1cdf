"""Hop page: what a payer reads while there is nowhere to go: one sentence, nothing loaded."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape
from typing import Final

from starlette.responses import HTMLResponse

_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{margin:0;display:grid;place-items:center;min-height:100vh;"
    "font:1.1rem/1.5 system-ui,sans-serif}"
    "main{max-width:26rem;padding:1.5rem;text-align:center}"
    "h1{font-size:1.3rem;margin:0 0 .5rem}p{margin:0}"
    "dl{display:grid;grid-template-columns:auto auto;gap:.5rem 1rem;text-align:left;margin:1rem 0 0}"
    "dt{opacity:.75}dd{margin:0;font-weight:600;overflow-wrap:anywhere}"
)
_DIGEST: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
#: Our one style sheet and nothing else: no script, no image, no form, no frame around it.
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def page(
    title: str,
    text: str,
    status: int = 200,
    reload_s: int | None = None,
    told: Iterable[tuple[str, str]] = (),
) -> HTMLResponse:
    """Return a page that follows the reader's light or dark; with `reload_s` it asks again. `told`
    is what the reader needs to know: pairs of a name and a text."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(said)}</dd>" for name, said in told)
    table = f"<dl>{rows}</dl>" if rows else ""
    again = "" if reload_s is None else f'<meta http-equiv="refresh" content="{reload_s}">'
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex">{again}'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f'<body><main role="status"><h1>{escape(title)}</h1><p>{escape(text)}</p>{table}'
        "</main></body>"
        "</html>"
    )
    return HTMLResponse(html, status, {"Content-Security-Policy": POLICY})
