"""The checkout link, as the OpenAPI document shows it: payers come there, not programs."""

from __future__ import annotations

from typing import Final

from ingress.contract import Json
from ingress.contract.answers import PAYMENT_ID
from ingress.contract.codes import ANYWHERE, refusals
from ingress.hop import WAIT_S
from ingress.hop_links import TOKEN


def _page(title: str, text: str) -> Json:
    """Return a page's content; its style sheet is left out of the example."""
    html = (
        f'<!doctype html><html lang="en"><head><title>{title}</title></head>'
        f'<body><main role="status"><h1>{title}</h1><p>{text}</p></main></body></html>'
    )
    return {"text/html": {"schema": {"type": "string"}, "example": html}}


PATHS: Final[Json] = {
    "/v1/checkout/{token}/go": {
        "get": {
            "operationId": "followCheckout",
            "tags": ["Payments"],
            "summary": "Send a payer on",
            "description": (
                "For browsers; needs no API key, because the link itself is the proof. Leads to the "
                "provider's page, or back to the merchant's `return_url` with `payment_id` and "
                f"`status`. Waits up to {WAIT_S:g} seconds for the provider. Valid for a day after "
                "the payment's `expires_at`."
            ),
            "security": [],
            "parameters": [
                {
                    "name": "token",
                    "in": "path",
                    "required": True,
                    "description": "From a payment's `checkout_url`.",
                    "schema": {"type": "string", "pattern": f"^{TOKEN.pattern}$"},
                }
            ],
            "responses": {
                "200": {
                    "description": "There is nowhere to go, or not yet: the page asks again.",
                    "content": _page("One moment", "The payment is being prepared."),
                },
                "303": {
                    "description": "On to the provider, or back to the shop.",
                    "headers": {
                        "Location": {
                            "description": "Where to.",
                            "schema": {"type": "string", "format": "uri"},
                            "example": (
                                "https://shop.example.com/thanks?payment_id="
                                f"{PAYMENT_ID}&status=captured"
                            ),
                        }
                    },
                },
                "404": {
                    "description": "The link is wrong, or too old; which of these is not told.",
                    # What cannot be a path of ours at all, as one with a line break, ends earlier.
                    "content": _page(
                        "This link is not valid", "It may have expired. Please go back to the shop."
                    )
                    | refusals("not_found")["404"]["content"],
                },
                **refusals("rate_limited", *ANYWHERE),
            },
        }
    }
}
