"""What the guide says of PayPal: endpoints, payers, payouts, levers."""

from __future__ import annotations

from ops.sandbox.stage.provider import Section

SECTIONS = (
    Section(
        "Endpoints",
        (
            ("POST /v1/oauth2/token", "client credentials by Basic; an access token"),
            ("POST /v2/checkout/orders", "makes an order; its link leads the payer to approve"),
            ("POST /v2/checkout/orders/{id}/capture, /authorize", "once the payer has approved"),
            ("PATCH /v2/checkout/orders/{id}", "only the intent, of an order without money"),
            ("POST /v2/payments/authorizations/{id}/capture, /void", "of a hold; void has no key"),
            ("POST /v2/payments/captures/{id}/refund", "in whole or in part"),
            ("POST /v1/payments/payouts", "a batch of one; sender_batch_id is the only guard"),
            ("GET /v1/customer/disputes?disputed_transaction_id=", "what payers have won back"),
        ),
    ),
    Section(
        "Payers, by their email_address (whatever follows the @)",
        (
            ("declined@", "capturing is refused: INSTRUMENT_DECLINED; they may approve again"),
            ("refused@", "capturing is refused: TRANSACTION_REFUSED"),
            ("review@, review-declined@", "PENDING, decided after --async-delay-s"),
            ("again@", "capturing is refused: PAYER_ACTION_REQUIRED"),
            ("chargeback@", "captured, and charged back after --async-delay-s"),
        ),
    ),
    Section(
        "Payouts",
        (
            ("note ERRPYO001, 002, 003, 005, 006", "refused, as in PayPal's own sandbox"),
            ("receiver unclaimed...@", "offered and not claimed; the lever return sends it back"),
        ),
    ),
    Section(
        "Errors by header, on every call that changes something",
        (
            (
                'PayPal-Mock-Response: {"mock_application_codes": "INSTRUMENT_DECLINED"}',
                "that error, and nothing is done; also TRANSACTION_REFUSED, INTERNAL_SERVER_ERROR",
            ),
        ),
    ),
    Section(
        "Levers on the admin port",
        (
            ("POST /tokens/revoke", "every access token ends now"),
            ("GET /tokens", "how many have been given"),
        ),
    ),
)
