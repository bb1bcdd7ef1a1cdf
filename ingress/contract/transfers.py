"""Transfers: the operations on deposits and withdrawals, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Final

from domain.payout import PayoutStatus
from ingress import deposits, withdrawals
from ingress.contract import Json
from ingress.contract import transfers_examples as examples
from ingress.contract.answers import PAYMENT_ID, RATED
from ingress.contract.codes import BEHIND_A_KEY, WITH_A_BODY, refusals
from ingress.orders import ORDER_ID
from ingress.schemas import DEFAULT_LIMIT, MAX_LIMIT, MAX_WAIT_S

#: What an operation may answer that reads XML as well.
READS_XML: Final = (
    "unsupported_media_type",
    "soap_version_unsupported",
    "soap_header_not_understood",
)
_TAKES: Final = (
    *("idempotency_key_required", "request_in_progress", "validation_failed"),
    *("raw_card_data_refused", "idempotency_key_reused", "amount_out_of_range"),
    *READS_XML,
    *WITH_A_BODY,
    *BEHIND_A_KEY,
)
_FORMS: Final = (
    "In JSON, in XML, or in a SOAP 1.1 envelope: Content-Type says which, and the answer comes in "
    "the same form unless Accept asks for another. All of them are one command: with the same "
    "Idempotency-Key they are one request. Problems come in that form too: as "
    "`application/problem+xml`, or as a SOAP fault whose detail is the problem."
)

_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": (
        "The same key with the same request gives the same answer and never moves money twice. "
        "Required in live mode; in test mode one is made up."
    ),
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
}
_PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "description": "`wait=5`: answer 200 with the outcome if it is there within 5 seconds (at most 10).",
    "schema": {"type": "string", "examples": ["wait=5"]},
}
_WAIT: Final = {
    "name": "wait",
    "in": "query",
    "description": "Seconds to wait for the outcome; the answer comes when it does.",
    "schema": {"type": "number", "minimum": 0, "maximum": MAX_WAIT_S, "default": 0},
}


def problems(*codes: str) -> Json:
    """Return error answers that are said in JSON or XML, as the request is written."""
    answers = refusals(*codes)
    for answer in answers.values():
        answer["content"]["application/problem+xml"] = {"schema": {"type": "string"}}
    return answers


def _header(description: str) -> Json:
    return {"description": description, "schema": {"type": "string"}}


_MADE: Final[Json] = RATED | {
    "Location": _header("Where to ask for the outcome."),
    "Idempotency-Key": _header("The key that counts, made up or not."),
    "Idempotent-Replayed": _header("`true`: this answer was given before."),
}
_WAITED: Final[Json] = _MADE | {"Preference-Applied": _header("How long was waited at most.")}


def _answer(description: str, content: Json, headers: Json = RATED) -> Json:
    return {"description": description, "headers": headers, "content": content}


def _take(operation_id: str, summary: str, asked: Json, said: Json, *codes: str) -> Json:
    return {
        "operationId": operation_id,
        "tags": ["Transfers"],
        "summary": summary,
        "description": _FORMS,
        "parameters": [_KEY, _PREFER],
        "requestBody": {"required": True, "content": asked},
        "responses": {
            "200": _answer("The outcome, which was waited for.", said, _WAITED),
            "202": _answer("It is written down; workers do the rest.", said, _MADE),
            **problems(*codes, *_TAKES),
        },
    }


def _read(operation_id: str, summary: str, id_: str, said: Json) -> Json:
    return {
        "operationId": operation_id,
        "tags": ["Transfers"],
        "summary": summary,
        "parameters": [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "description": "Its `id`, which is also its `transaction_id`.",
                "schema": {"type": "string", "examples": [id_]},
            },
            _WAIT,
        ],
        "responses": {
            "200": _answer("So it is.", said),
            **problems("not_found", "validation_failed", *BEHIND_A_KEY),
        },
    }


def _list(operation_id: str, summary: str) -> Json:
    said = examples.said("PayoutPage", examples.PAYOUT_PAGE, withdrawals.LIST_ROOT)
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    cursor = {"type": "string", "description": "The `next_cursor` of the page before, unchanged."}
    filters: Json = {
        "limit": limit,
        "cursor": cursor,
        "status": {"enum": list(PayoutStatus)},
        "reference": {"type": "string", "pattern": f"^{ORDER_ID.pattern}$"},
    }
    return {
        "operationId": operation_id,
        "tags": ["Transfers"],
        "summary": summary,
        "description": "Newest first; only your own, in the mode of the key.",
        "parameters": [
            {"name": name, "in": "query", "schema": schema} for name, schema in filters.items()
        ],
        "responses": {
            "200": _answer("One page.", said),
            **problems("validation_failed", *BEHIND_A_KEY),
        },
    }


_DEPOSIT: Final = examples.said("Deposit", examples.DEPOSIT, deposits.ROOT)
_PAYOUT: Final = examples.said("Payout", examples.PAYOUT, withdrawals.ROOT)


def _deposit(operation_id: str, summary: str) -> Json:
    asked = examples.asked("NewDeposit", examples.NEW_DEPOSIT, examples.NEW_DEPOSIT_XML)
    return _take(operation_id, summary, asked, _DEPOSIT, "order_already_active")


def _withdraw(operation_id: str, summary: str) -> Json:
    asked = examples.asked("NewWithdrawal", examples.NEW_WITHDRAWAL, examples.NEW_WITHDRAWAL_XML)
    return _take(operation_id, summary, asked, _PAYOUT, "withdrawal_refused")


#: Not under the older prefix.
_BARE: Final[Json] = {"servers": [{"url": "/"}]}

PATHS: Final[Json] = {
    "/v1/deposits": {"post": _deposit("createDeposit", "Take a user's money in")},
    "/v1/deposits/{id}": {"get": _read("getDeposit", "Read a deposit", PAYMENT_ID, _DEPOSIT)},
    "/v1/deposit": {"post": _deposit("createDepositOlder", "The same, under its older name")},
    "/deposit": _BARE | {"post": _deposit("createDepositOldest", "The same, without a version")},
    "/v1/withdrawals": {
        "post": _withdraw("createWithdrawal", "Send a user's money out"),
        "get": _list("listWithdrawals", "List withdrawals"),
    },
    "/v1/withdrawals/{id}": {
        "get": _read("getWithdrawal", "Read a withdrawal", examples.PAYOUT_ID, _PAYOUT)
    },
    "/v1/withdrawal": {
        "post": _withdraw("createWithdrawalOlder", "The same, under its older name")
    },
    "/withdrawal": _BARE
    | {"post": _withdraw("createWithdrawalOldest", "The same, without a version")},
    "/v1/payouts": {
        "post": _withdraw("createPayout", "Send money out: the same as a withdrawal"),
        "get": _list("listPayouts", "List payouts: the same as withdrawals"),
    },
    "/v1/payouts/{id}": {
        "get": _read(
            "getPayout", "Read a payout: the same as a withdrawal", examples.PAYOUT_ID, _PAYOUT
        )
    },
}
