"""Reading: the operations that show and change nothing, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Final

from domain.merchant import Scope
from ingress.contract import Json
from ingress.contract import list_parameters as lists
from ingress.contract import reading_schemas as schemas
from ingress.contract.answers import PAYMENT_ID, RATED
from ingress.contract.codes import BEHIND_A_KEY, refusals
from ingress.contract.refund_schema import EXAMPLE as REFUND
from ingress.contract.refund_schema import REFUND_ID
from ingress.exports import COLUMNS, MOST_OF_ONE
from ingress.schemas import MAX_WAIT_S
from ops.csv_out import csv_lines

_WRONG: Final = "validation_failed"


def _path(name: str, description: str, *examples: str) -> Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "examples": list(examples)},
    }


_PAYMENT: Final = _path("id", "A payment's `id`.", PAYMENT_ID)


def _content(schema: str, example: Json) -> Json:
    return {
        "application/json": {
            "schema": {"$ref": f"#/components/schemas/{schema}"},
            "example": example,
        }
    }


def _operation(
    id_: str,
    summary: str,
    says: str,
    content: Json,
    *codes: str,
    parameters: list[Json],
    headers: Json | None = None,
    description: str = "",
) -> Json:
    """Return a GET operation; one with an ETag may answer 304."""
    headers = RATED | (headers or {})
    answers: Json = {"200": {"description": says, "headers": headers, "content": content}}
    if "ETag" in headers:
        answers["304"] = {"description": "You have it already.", "headers": headers}
    about = {"description": description} if description else {}
    return {
        "get": {
            "operationId": id_,
            "tags": ["Money"],
            "summary": summary,
            **about,
            "parameters": parameters,
            "responses": answers | refusals(*codes, *BEHIND_A_KEY),
        }
    }


def _header(description: str) -> Json:
    return {"description": description, "schema": {"type": "string"}}


_ETAG: Final = {"ETag": _header("Changes whenever the refund does.")}
_REFUND_PARAMETERS: Final[list[Json]] = [
    _path("id", "A refund's `id`.", REFUND_ID),
    {
        "name": "wait",
        "in": "query",
        "description": "Seconds to wait for the refund to end; the answer comes when it does.",
        "schema": {"type": "number", "minimum": 0, "maximum": MAX_WAIT_S, "default": 0},
    },
    {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag you have. With `wait`, waits for the next change.",
        "schema": {"type": "string"},
    },
]
_CSV: Final = csv_lines([COLUMNS, [schemas.TRANSACTION_EXAMPLE[name] for name in COLUMNS]]).decode()

PATHS: Final[Json] = {
    "/v1/transactions": _operation(
        "listTransactions",
        "List the money that moved",
        "One page.",
        _content("TransactionPage", schemas.TRANSACTIONS_EXAMPLE),
        _WRONG,
        parameters=lists.OF_TRANSACTIONS,
        description="Newest first; only your own, in the mode of the key.",
    ),
    "/v1/transactions/{id}": _operation(
        "readTransaction",
        "Read a transaction, or a payment by its `transaction_id`",
        "The transaction; for the id of a payment, the payment.",
        {
            "application/json": {
                "schema": {
                    "oneOf": [
                        {"$ref": "#/components/schemas/Transaction"},
                        {"$ref": "#/components/schemas/Payment"},
                    ]
                },
                "example": schemas.TRANSACTION_EXAMPLE,
            }
        },
        *("not_found", _WRONG),
        parameters=[
            _path("id", "Of a transaction or a payment.", schemas.TRANSACTION_ID, PAYMENT_ID)
        ],
        description="A payment is answered as under /v1/payments/{id}, `wait` and ETag included.",
    ),
    "/v1/refunds": _operation(
        "listRefunds",
        "List refunds",
        "One page.",
        _content("RefundPage", schemas.REFUNDS_EXAMPLE),
        _WRONG,
        parameters=lists.OF_REFUNDS,
    ),
    "/v1/refunds/{id}": _operation(
        "getRefund",
        "Read a refund",
        "The refund.",
        _content("Refund", REFUND),
        *("not_found", _WRONG),
        parameters=_REFUND_PARAMETERS,
        headers=_ETAG,
    ),
    "/v1/payments/{id}/refunds": _operation(
        "listRefundsOfPayment",
        "List the refunds of a payment",
        "One page.",
        _content("RefundPage", schemas.REFUNDS_EXAMPLE),
        *("not_found", _WRONG),
        parameters=[_PAYMENT, *lists.OF_ONE_PAYMENTS_REFUNDS],
    ),
    "/v1/payments/{id}/timeline": _operation(
        "getTimeline",
        "Read all that happened to a payment",
        "Its story.",
        _content("Timeline", schemas.TIMELINE_EXAMPLE),
        "not_found",
        parameters=[_PAYMENT],
    ),
    "/v1/fraud/scores/{payment_id}": _operation(
        "getFraudScore",
        "Read what screening made of a payment",
        "The score, the decision, and why.",
        _content("FraudScore", schemas.SCORE_EXAMPLE),
        "not_found",
        parameters=[_path("payment_id", "A payment's `id`.", PAYMENT_ID)],
    ),
    "/v1/reports/transactions": _operation(
        "reportTransactions",
        "Export the transactions of a span of time",
        "The report, oldest first; it ends in the middle if it cannot be read to its end.",
        {
            "text/csv": {"schema": {"type": "string"}, "example": _CSV},
            **_content("TransactionReport", {"data": [schemas.TRANSACTION_EXAMPLE]}),
        },
        _WRONG,
        parameters=lists.OF_A_REPORT,
        headers={"Content-Disposition": _header("A name for the file.")},
        description=(
            "Streamed, however long it is. CSV as RFC 4180 has it, with a line of names; a text "
            "that a spreadsheet would take for a formula begins with an apostrophe. At most "
            f"{MOST_OF_ONE} of yours are written at a time. Needs the scope `{Scope.READ}`."
        ),
    ),
}
