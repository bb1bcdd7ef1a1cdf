"""People: the operations on customers, saved payment methods and the merchant itself."""

from __future__ import annotations

from typing import Final

from domain.merchant import Scope
from domain.people import MAX_METHODS
from ingress.contract import Json
from ingress.contract import people_examples as examples
from ingress.contract.answers import RATED
from ingress.contract.bodies import line
from ingress.contract.codes import BEHIND_A_KEY, WITH_A_BODY, refusals
from ingress.contract.list_parameters import OF_METADATA
from ingress.contract.people_schemas import CUSTOMER_ID, METHOD_ID
from ingress.schemas import DEFAULT_LIMIT, MAX_LIMIT


def _id(description: str, example: str) -> Json:
    return {
        "name": "id",
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "examples": [example]},
    }


_CUSTOMER_PATH: Final = _id("A customer's `id`.", CUSTOMER_ID)
_METHOD_PATH: Final = _id("A payment method's `id`.", METHOD_ID)


def _operation(
    operation_id: str,
    tag: str,
    summary: str,
    answer: tuple[str, Json],
    *codes: str,
    parameters: list[Json] | None = None,
    body: tuple[str, Json] | None = None,
    description: str = "",
    body_required: bool = True,
) -> Json:
    """Return an operation; `body` and its examples name a schema."""
    operation: Json = {
        "operationId": operation_id,
        "tags": [tag],
        "summary": summary,
        "parameters": parameters or [],
        "responses": {answer[0]: answer[1]},
    }
    if description:
        operation["description"] = description
    if body is not None:
        content = {"schema": {"$ref": f"#/components/schemas/{body[0]}"}, "example": body[1]}
        operation["requestBody"] = {
            "required": body_required,
            "content": {"application/json": content},
        }
        codes += ("validation_failed", "raw_card_data_refused", *WITH_A_BODY)
    operation["responses"] |= refusals(*codes, *BEHIND_A_KEY)
    return operation


def _says(status: str, description: str, schema: str, example: Json) -> tuple[str, Json]:
    answer: Json = {
        "description": description,
        "headers": dict(RATED),
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{schema}"},
                "example": example,
            }
        },
    }
    if status == "201" and schema != "NewKey":
        answer["headers"] |= {"Location": {"description": "It.", "schema": {"type": "string"}}}
    return status, answer


def _nothing(description: str) -> tuple[str, Json]:
    return "204", {"description": description, "headers": RATED}


_LIST_PARAMETERS: Final[list[Json]] = [
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
        "name": "external_id",
        "in": "query",
        "description": "Only the one that you call so.",
        "schema": line(100),
    },
    OF_METADATA,
]

_CUSTOMERS: Final[Json] = {
    "post": _operation(
        *("createCustomer", "Customers", "Write a customer down"),
        _says("201", "The customer.", "SavedCustomer", examples.CUSTOMER),
        "customer_exists",
        body=("NewCustomer", examples.NEW_CUSTOMER),
    ),
    "get": _operation(
        *("listCustomers", "Customers", "List customers"),
        _says(
            *("200", "One page.", "CustomerPage"),
            {"data": [examples.CUSTOMER], "has_more": False, "next_cursor": None},
        ),
        "validation_failed",
        parameters=_LIST_PARAMETERS,
        description="Newest first; only your own, in the mode of the key.",
    ),
}
_CUSTOMER_ITEM: Final[Json] = {
    "get": _operation(
        *("getCustomer", "Customers", "Read a customer"),
        _says("200", "The customer.", "SavedCustomer", examples.CUSTOMER),
        "not_found",
        parameters=[_CUSTOMER_PATH],
    ),
    "patch": _operation(
        *("updateCustomer", "Customers", "Change a customer"),
        _says("200", "The customer as it is now.", "SavedCustomer", examples.CUSTOMER),
        *("not_found", "customer_exists", "illegal_state"),
        parameters=[_CUSTOMER_PATH],
        body=("NewCustomer", {"phone": "+14155550199", "username": None}),
        description="A field that is null is cleared, one that is left out stays.",
    ),
    "delete": _operation(
        *("anonymizeCustomer", "Customers", "Forget who a customer was"),
        _nothing("It is forgotten, now or before."),
        "not_found",
        parameters=[_CUSTOMER_PATH],
        description=(
            "Erases everything personal and your metadata, and deletes the payment methods; their "
            "providers are told to forget the tokens. The id stays, for the books."
        ),
    ),
}
_METHODS: Final[Json] = {
    "post": _operation(
        *("savePaymentMethod", "Customers", "Save a payment method"),
        _says("201", "The payment method.", "SavedPaymentMethod", examples.METHOD),
        *("not_found", "limit_reached", "illegal_state"),
        body=("NewPaymentMethod", examples.NEW_METHOD),
        description=(
            f"At most {MAX_METHODS} for a customer. Where there is no default it becomes the "
            "default."
        ),
    ),
    "get": _operation(
        *("listPaymentMethods", "Customers", "List a customer's payment methods"),
        _says("200", "All of them.", "PaymentMethodList", {"data": [examples.METHOD]}),
        *("not_found", "validation_failed"),
        parameters=[
            {
                "name": "customer_id",
                "in": "query",
                "required": True,
                "schema": {"type": "string", "examples": [CUSTOMER_ID]},
            }
        ],
    ),
}
_METHOD_ITEM: Final[Json] = {
    "get": _operation(
        *("getPaymentMethod", "Customers", "Read a payment method"),
        _says("200", "The payment method.", "SavedPaymentMethod", examples.METHOD),
        "not_found",
        parameters=[_METHOD_PATH],
    ),
    "delete": _operation(
        *("deletePaymentMethod", "Customers", "Delete a payment method"),
        _nothing("It is deleted; its provider is told to forget the token."),
        "not_found",
        parameters=[_METHOD_PATH],
        description="If it was the default, there is none until another is made it.",
    ),
}
_DEFAULT: Final[Json] = {
    "post": _operation(
        *("makePaymentMethodDefault", "Customers", "Make a payment method the default"),
        _says("200", "It is the only default.", "SavedPaymentMethod", examples.METHOD),
        "not_found",
        parameters=[_METHOD_PATH],
    )
}
_ROTATE: Final[Json] = {
    "post": _operation(
        *("rotateApiKey", "Merchant", "Replace the API key that asks"),
        _says("201", "The new key, shown only now.", "NewKey", examples.NEW_KEY),
        "limit_reached",
        body=("KeyRotation", examples.ROTATION),
        body_required=False,
        description=(
            f"Needs the scope `{Scope.KEYS}`. Of the same mode; the asking key stays in force for "
            "`overlap_s`, so that programs can be changed one by one."
        ),
    )
}

PATHS: Final[Json] = {
    "/v1/customers": _CUSTOMERS,
    "/v1/customers/{id}": _CUSTOMER_ITEM,
    "/v1/payment-methods": _METHODS,
    "/v1/payment-methods/{id}": _METHOD_ITEM,
    "/v1/payment-methods/{id}/default": _DEFAULT,
    "/v1/merchant": {
        "get": _operation(
            *("getMerchant", "Merchant", "Read your settings and what your key may do"),
            _says("200", "You.", "Merchant", examples.MERCHANT),
            "not_found",
        )
    },
    "/v1/merchant/api-keys": _ROTATE,
}
