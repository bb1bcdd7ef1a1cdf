"""The frame of every HTML page: plain, readable in light and dark, nothing loaded from elsewhere."""

from html import escape

from ops.sandbox.replies import HTML, Answer

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #60646c; --paper: #fcfcfd;
  --card: #ffffff; --line: #d9d9e0; --yes: #18794e; --no: #c62a2f; }
@media (prefers-color-scheme: dark) { :root { --ink: #edeef0; --soft: #b0b4ba; --paper: #111113;
  --card: #18191b; --line: #43484e; --yes: #3dd68c; --no: #ff9592; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 26rem; margin: 0 auto; padding: 1.5rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .75rem; overflow-wrap: anywhere; }
main.wide { max-width: 56rem; }
h1 { margin: 0 0 .75rem; font-size: 1.25rem; }
h2 { margin: 1.75rem 0 .5rem; font-size: 1.05rem; }
p { margin: .5rem 0; }
.amount { font-size: 2rem; font-weight: 650; font-variant-numeric: tabular-nums; }
.soft { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 1rem 0; }
dt { color: var(--soft); } dd { margin: 0; }
form { display: flex; gap: .75rem; margin-top: 1.25rem; }
button { flex: 1; padding: .7rem 1rem; font: inherit; font-weight: 600; cursor: pointer;
  border: 2px solid var(--yes); border-radius: .5rem; background: var(--yes); color: var(--card); }
button.no { background: transparent; border-color: var(--no); color: var(--no); }
button:focus-visible, a:focus-visible { outline: 3px solid var(--soft); outline-offset: 2px; }
a { color: inherit; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .35rem .75rem .35rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th, td code { white-space: nowrap; }
code, pre { font: .9em ui-monospace, monospace; }
.scroll, pre { overflow-x: auto; }
"""


def page(title: str, content: str, *, status: int = 200, wide: bool = False) -> Answer:
    """Return an HTML page. `content` is HTML: whoever wrote it escaped what is not theirs."""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main{' class=wide' if wide else ''}>{content}</main></body></html>"
    )
    return Answer(status, html.encode(), HTML, _HEADERS)
