"""The bank's own parts of the guide at /: operations, test tokens, what they do."""

from ops.sandbox.stage.provider import Section

SECTIONS = (
    Section(
        "Operations",
        (
            ("POST /soapbank", "the one endpoint; SOAPAction names the operation"),
            ("Sale, Authorise", "charge a card or an account; hold money of a card"),
            ("Capture, Cancel", "collect from a hold once; let go of it"),
            ("Refund", "give money of a charge back; an object of its own"),
            ("Payout, ApprovePayout", "write a payout down; have it leave"),
            ("GetStatus", "show what has a BankId or a Reference"),
            ("GetStatement", "show what moved in a window, page by page"),
            ("X-Bank-Key-Id, X-Bank-Timestamp, X-Bank-Signature", "hex HMAC-SHA256 of time.body"),
        ),
    ),
    Section(
        "Test tokens of cards",
        (
            ("tok_1, or any that begins with a small letter", "settled, or held"),
            ("tok_reject_51", "REJECTED with that reason: 51 61 91, 04 41 43 54 59, 14 82"),
            ("tok_pending", "PENDING, decided after --async-delay-s"),
            ("tok_pending_reject", "PENDING, then REJECTED"),
            ("tok_chargeback", "SETTLED, and REVERSED after --async-delay-s"),
        ),
    ),
    Section(
        "Test accounts, for charges and payouts",
        (
            ("DE89370400440532013000, or any like an IBAN", "SETTLED; of a payout, SENT"),
            ("DE00REJECT5100000", "REJECTED with the reason behind the word"),
            ("DE00PENDING000000", "a charge that is decided after --async-delay-s"),
            ("DE00RETURN0000000", "a payout that is SENT, and RETURNED after --async-delay-s"),
        ),
    ),
)
