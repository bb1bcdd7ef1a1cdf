"""The OpenAPI document, and the page that shows it without asking anybody else for a byte."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ingress.contract import (
    Json,
    answers,
    hop,
    operating,
    operation_bodies,
    operations,
    payment_answers,
    payments,
    people,
    people_schemas,
    providers,
    reading,
    reading_schemas,
    refund_schema,
    requests,
    review_schema,
    transfers,
    transfers_schemas,
    webhooks,
)

STATIC: Final = Path(__file__).parent / "static"
#: The page runs our scripts and no others; images inside the style sheet are data.
DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: The assets change only with a release.
ASSETS_CACHE: Final = "public, max-age=3600"

_ABOUT: Final = """\
PayLink takes a checkout once, charges it once, and can prove it.

**Money** is an integer of minor units and an ISO 4217 code. **Errors** are `application/problem+json`
with a stable `code`. **Repeating** a request is safe with the same `Idempotency-Key`. **Test and
live** are two worlds, told apart by the API key: `pl_test_...` or `pl_live_...`. Times are RFC 3339
in UTC. Everything under `/v1` is there under `/api/v1` too.
"""

_TAGS: Final = [
    {"name": "Payments", "description": "For merchants."},
    {"name": "Money", "description": "What moved, what goes back, and how it came to it."},
    {"name": "Customers", "description": "Payers, and the ways to pay that they saved."},
    {"name": "Merchant", "description": "You and your API key."},
    {"name": "Providers", "description": "What payments go through, and how it is."},
    {"name": "Transfers", "description": "Deposits and withdrawals of users, also in XML."},
    {"name": "Webhooks", "description": "For providers."},
    {"name": "Service", "description": "For operators."},
]


def document() -> Json:
    """Return the OpenAPI 3.1 document of the door."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "PayLink",
            "version": "1",
            "summary": "A payment orchestrator.",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {"url": "/", "description": "Paths as they stand here"},
            {"url": "/api", "description": "The same under the older prefix, /api/v1"},
        ],
        "security": [{"bearer": []}, {"apiKey": []}],
        "tags": _TAGS,
        "paths": _merged(
            payments.PATHS,
            operations.PATHS,
            reading.PATHS,
            hop.PATHS,
            people.PATHS,
            providers.PATHS,
            transfers.PATHS,
            webhooks.PATHS,
            operating.PATHS,
        ),
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key: pl_test_... or pl_live_...",
                },
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
            "headers": answers.HEADERS,
            "schemas": {
                "Checkout": requests.CHECKOUT,
                "PaymentMethod": requests.PAYMENT_METHOD,
                "Card": requests.CARD,
                "Customer": requests.CUSTOMER,
                "BillingAddress": requests.BILLING_ADDRESS,
                "AcceptedPayment": payment_answers.ACCEPTED,
                "Payment": payment_answers.PAYMENT,
                "PaymentStatus": payment_answers.PAYMENT_STATUS,
                "Refund": refund_schema.REFUND,
                "PaymentPage": reading_schemas.page("Payments", "Payment"),
                "Attempt": answers.ATTEMPT,
                "AttemptList": answers.ATTEMPT_LIST,
                "Received": answers.RECEIVED,
                "HealthPart": answers.HEALTH_PART,
                "Problem": answers.PROBLEM,
                "FieldError": answers.FIELD_ERROR,
            }
            | operation_bodies.SCHEMAS
            | reading_schemas.SCHEMAS
            | review_schema.SCHEMAS
            | people_schemas.SCHEMAS
            | transfers_schemas.SCHEMAS
            | providers.SCHEMAS,
        },
    }


def _merged(*parts: Json) -> Json:
    """Return all paths of these parts; one path may have operations in several of them."""
    paths: Json = {}
    for part in parts:
        for path, item in part.items():
            paths[path] = paths.get(path, {}) | item
    return paths


def routes() -> list[BaseRoute]:
    """Return the routes of the document, of the page, and of the page's files."""
    text = msgspec.json.encode(document())
    etag = f'"{hashlib.sha256(text).hexdigest()[:16]}"'
    page = (STATIC / "docs.html").read_text()

    async def contract(request: Request) -> Response:
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(text, headers=headers, media_type="application/json")

    async def docs(_: Request) -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": DOCS_POLICY})

    return [
        Route("/openapi.json", contract),
        Route("/docs", docs),
        Mount("/docs/assets", _Assets(directory=STATIC)),
    ]


class _Assets(StaticFiles):
    """Static files that browsers may keep for a while."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return the file, or that it has not changed."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = ASSETS_CACHE
        return response
