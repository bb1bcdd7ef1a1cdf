"""Operations on payments, and reviews, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Final

from domain.merchant import Scope
from ingress.contract import Json
from ingress.contract.answers import PAYMENT_ID, RATED
from ingress.contract.codes import BEHIND_A_KEY, WITH_A_BODY, refusals
from ingress.contract.operation_bodies import EXAMPLES
from ingress.contract.payment_answers import (
    AUTHORIZED_EXAMPLE,
    CANCELLED_EXAMPLE,
    CAPTURED_EXAMPLE,
    links,
)
from ingress.contract.refund_schema import EXAMPLE as REFUND_EXAMPLE
from ingress.contract.review_schema import PAGE_EXAMPLE
from ingress.reviews import OPEN
from ingress.schemas import DEFAULT_LIMIT, MAX_LIMIT

_UNDER_WAY: Final = AUTHORIZED_EXAMPLE | {
    "allowed_operations": [],
    "links": links(),
}
_AUTHORIZING: Final = CAPTURED_EXAMPLE | {
    "status": "pending",
    "amount_authorized": 0,
    "amount_captured": 0,
    "amount_refundable": 0,
    "provider": None,
    "fraud_score": None,
    "risk_level": None,
    "authorized_at": None,
    "captured_at": None,
    "allowed_operations": ["cancel"],
    "links": links(cancel="cancel"),
}
_APPROVED: Final = _AUTHORIZING | {"status": "processing", "review": "approved"}
_REFUNDED: Final = REFUND_EXAMPLE | {
    "status": "succeeded",
    "processed_at": "2026-04-02T09:00:01.100Z",
}
_REVERSAL: Final = REFUND_EXAMPLE | {"kind": "reversal", "amount": 10000}


def _path_id(name: str) -> Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": "A payment's `id`, which is also its `transaction_id`.",
        "schema": {"type": "string", "examples": [PAYMENT_ID]},
    }


_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": (
        "Names this request: the same key with the same body gives the same answer and is done "
        "once. Required in live mode; in test mode one is made up."
    ),
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
}
_PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "description": "`wait=5`: answer 200 with the outcome if it is there within 5 seconds (at most 10).",
    "schema": {"type": "string", "examples": ["wait=5"]},
}


def _header(description: str) -> Json:
    return {"description": description, "schema": {"type": "string"}}


_MADE: Final = {
    "Location": _header("The refund, else the payment."),
    "Idempotency-Key": _header("The key that counts, made up or not."),
    "Idempotent-Replayed": _header("`true`: this answer was given before."),
}


def _answer(description: str, example: Json, *schemas: str) -> Json:
    """Return an answer with any of these schemas, by default the example's."""
    own = "Refund" if example["object"] == "refund" else "Payment"
    refs = [{"$ref": f"#/components/schemas/{name}"} for name in schemas or (own,)]
    return {
        "description": description,
        "headers": RATED | _MADE,
        "content": {
            "application/json": {
                "schema": {"oneOf": refs} if len(refs) > 1 else refs[0],
                "example": example,
            }
        },
    }


def _operation(
    operation_id: str,
    summary: str,
    description: str,
    body: str,
    under_way: tuple[str, Json, *tuple[str, ...]],
    over: tuple[str, Json, *tuple[str, ...]],
    *codes: str,
    scope: Scope = Scope.WRITE,
    parameter: str = "id",
) -> Json:
    """Return an operation; `under_way` is its 202 and `over` its 200."""
    content: Json = {"schema": {"$ref": f"#/components/schemas/{body}"}}
    return {
        "operationId": operation_id,
        "tags": ["Payments"],
        "summary": summary,
        "description": f"Needs the scope `{scope}`. {description}",
        "parameters": [_path_id(parameter), _KEY, _PREFER],
        "requestBody": {
            "required": body in ("RefundRequest", "ReversalRequest"),
            "content": {"application/json": content | {"examples": EXAMPLES[body]}},
        },
        "responses": {
            "200": _answer(*over),
            "202": _answer(*under_way),
            **refusals(
                "idempotency_key_required",
                "not_found",
                "illegal_state",
                "operation_in_flight",
                "request_in_progress",
                "lease_lost",
                *codes,
                "validation_failed",
                "raw_card_data_refused",
                "idempotency_key_reused",
                *WITH_A_BODY,
                *BEHIND_A_KEY,
            ),
        },
    }


def _authorize(operation_id: str, summary: str) -> Json:
    return _operation(
        operation_id,
        summary,
        "Only for a payment that was made with `confirm: false`; from now on it goes on by itself.",
        "PlainRequest",
        ("It is on its way.", _AUTHORIZING),
        ("The outcome, which was waited for.", CAPTURED_EXAMPLE),
    )


def _refund(operation_id: str, summary: str) -> Json:
    return _operation(
        operation_id,
        summary,
        "All that is left, or a part of it, and as often as something is left.",
        "RefundRequest",
        ("The refund is written down.", REFUND_EXAMPLE),
        ("The outcome, which was waited for.", _REFUNDED),
        "amount_exceeds_refundable",
        "refund_window_closed",
        "operation_not_supported",
        scope=Scope.REFUNDS,
    )


_CAPTURE: Final = _operation(
    "capturePayment",
    "Capture an authorized payment",
    "All that is held, or a part of it: then the rest is let go. Once.",
    "CaptureRequest",
    ("It will be captured.", _UNDER_WAY),
    ("It is captured; this was waited for.", CAPTURED_EXAMPLE | {"capture_method": "manual"}),
    "amount_exceeds_authorized",
    "operation_not_supported",
)
_CANCEL: Final = _operation(
    "cancelPayment",
    "Cancel a payment",
    "Safe to repeat. What is at a provider already is cancelled there first.",
    "PlainRequest",
    (
        "It will be, unless the provider has taken the money already.",
        _UNDER_WAY | {"cancel_requested": True},
    ),
    ("It is cancelled.", CANCELLED_EXAMPLE),
)
_REVERSE: Final = _operation(
    "reversePayment",
    "Undo a whole payment",
    (
        "Lets go of what is held, and answers with the payment; gives back everything that was "
        "captured, and answers with a refund of the kind `reversal`."
    ),
    "ReversalRequest",
    ("It will be undone.", _REVERSAL, "Refund", "Payment"),
    ("It is undone.", CANCELLED_EXAMPLE, "Refund", "Payment"),
    "refund_window_closed",
    "operation_not_supported",
    scope=Scope.REFUNDS,
)
_APPROVE: Final = _operation(
    "approveReview",
    "Let a payment pass",
    (
        "What is held is captured, else the payment is charged. Where the provider reported other "
        "money than was asked for, that becomes the payment's."
    ),
    "DecisionRequest",
    ("The payment goes on.", _APPROVED),
    ("The outcome, which was waited for.", CAPTURED_EXAMPLE | {"review": "approved"}),
    scope=Scope.REVIEWS,
    parameter="payment_id",
)
_REJECT: Final = _operation(
    "rejectReview",
    "Stop a payment",
    (
        "What is held is let go. Where the provider reported other money than was asked for, that is "
        "given back."
    ),
    "DecisionRequest",
    (
        "Its money is being let go.",
        _UNDER_WAY | {"status": "in_review", "review": "rejected", "capture_method": "automatic"},
    ),
    ("It is stopped.", CANCELLED_EXAMPLE | {"review": "rejected", "cancel_requested": False}),
    scope=Scope.REVIEWS,
    parameter="payment_id",
)
_MOVE: Final = {
    "operationId": "movePayment",
    "tags": ["Payments"],
    "summary": "End a payment by hand",
    "description": (
        f"Needs the scope `{Scope.OPS}`. For a payment that no command would end any more; a legal "
        "move only, and only once no charge of it may still move money. Audited with the reason."
    ),
    "parameters": [_path_id("id")],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/MoveRequest"},
                "examples": EXAMPLES["MoveRequest"],
            }
        },
    },
    "responses": {
        "200": {
            "description": "It has ended.",
            "headers": RATED,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/Payment"},
                    "example": CANCELLED_EXAMPLE,
                }
            },
        },
        **refusals(
            "not_found",
            "illegal_state",
            "operation_in_flight",
            "validation_failed",
            "raw_card_data_refused",
            *WITH_A_BODY,
            *BEHIND_A_KEY,
        ),
    },
}
_REVIEWS: Final = {
    "operationId": "listReviews",
    "tags": ["Payments"],
    "summary": "List what only a person may decide",
    "description": f"Needs the scope `{Scope.READ}`. Newest first; what is open, unless you ask.",
    "parameters": [
        {
            "name": "limit",
            "in": "query",
            "schema": {
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_LIMIT,
                "default": DEFAULT_LIMIT,
            },
        },
        {
            "name": "cursor",
            "in": "query",
            "description": "The `next_cursor` of the page before, unchanged.",
            "schema": {"type": "string"},
        },
        {
            "name": "decision",
            "in": "query",
            "schema": {"enum": [OPEN, "approved", "rejected", "timed_out"], "default": OPEN},
        },
    ],
    "responses": {
        "200": {
            "description": "One page.",
            "headers": RATED,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/ReviewPage"},
                    "example": PAGE_EXAMPLE,
                }
            },
        },
        **refusals("validation_failed", *BEHIND_A_KEY),
    },
}

PATHS: Final[Json] = {
    "/v1/payments/{id}/authorize": {
        "post": _authorize("authorizePayment", "Send a payment on its way")
    },
    "/v1/transactions/{id}/process": {
        "post": _authorize("processTransaction", "Send a payment on its way, by its older name")
    },
    "/v1/transactions/{id}/status": {"post": _MOVE},
    "/v1/payments/{id}/capture": {"post": _CAPTURE},
    "/v1/payments/{id}/cancel": {"post": _CANCEL},
    "/v1/payments/{id}/refunds": {"post": _refund("createRefund", "Give money back")},
    "/v1/payments/{id}/refund": {
        "post": _refund("refundPayment", "Give money back: the same as /refunds")
    },
    "/v1/payments/{id}/reverse": {"post": _REVERSE},
    "/v1/reviews": {"get": _REVIEWS},
    "/v1/reviews/{payment_id}/approve": {"post": _APPROVE},
    "/v1/reviews/{payment_id}/reject": {"post": _REJECT},
}
