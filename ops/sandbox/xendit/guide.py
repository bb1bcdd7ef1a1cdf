"""What the guide says of Xendit besides faults and levers."""

from ops.sandbox.stage.provider import Section
from ops.sandbox.xendit.channels import (
    CHANNELS,
    FAILING,
    FAILING_ACCOUNTS,
    FAILING_IN_VIETNAM,
    PAYOUT_CHANNELS,
    RETURNS,
    STAYS,
)

SECTIONS = (
    Section(
        "Payment tokens",
        (
            ("pt-card, pt-card-*", "a card; its bank asks for 3DS unless skip_three_ds is true"),
            ("pt-frictionless", "a card; its bank never asks"),
            ("pt-expired", "400 CARD_EXPIRED"),
            ("pt-blocked", "400 BLOCKED_TOKEN"),
            ("pt-advice", "declined by the issuer with merchant advice 03: never try it again"),
            ("pt-linked-dana", "a linked DANA wallet, charged without a page"),
        ),
    ),
    Section(
        "Amounts of a card's charge, in major units",
        (
            *((str(amount), code) for amount, code in FAILING.items()),
            *((f"VND {amount}", code) for amount, code in FAILING_IN_VIETNAM.items()),
        ),
    ),
    Section(
        "Channels",
        tuple(
            (one.code, f"{one.currency or 'any currency'}, {one.flow.name.lower()}")
            for one in CHANNELS.values()
        ),
    ),
    Section(
        "Payouts",
        (
            (", ".join(PAYOUT_CHANNELS), "channels"),
            *((account, f"FAILED, {code}") for account, code in FAILING_ACCOUNTS.items()),
            (RETURNS, "SUCCEEDED, then REVERSED after five minutes"),
            (STAYS, "stays ACCEPTED"),
        ),
    ),
    Section(
        "Levers of its own",
        (
            (
                "POST /objects/{id}/pay_late",
                "the money of an expired or canceled request arrives; it stays as it ended",
            ),
        ),
    ),
)
