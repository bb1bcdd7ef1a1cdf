"""The scripted faults as literal tables: names, durations, when each one strikes."""

from collections.abc import Mapping
from enum import StrEnum


class Fault(StrEnum):
    """Everything a simulator can do wrong, or merely differently, on request."""

    REFUSE = "refuse"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    FAIL_BEFORE = "fail_before"
    FAIL_AFTER = "fail_after"
    GARBAGE_AFTER = "garbage_after"
    HANG_BEFORE = "hang_before"
    HANG_AFTER = "hang_after"
    DRIP_AFTER = "drip_after"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    LATENCY = "latency"
    SOFT_DECLINE = "soft_decline"
    HARD_DECLINE = "hard_decline"
    WRONG_AMOUNT = "wrong_amount"
    LATER = "later"
    LATER_DECLINE = "later_decline"
    ASKS = "asks"
    PAYOUT_RETURNED = "payout_returned"
    CHARGEBACK = "chargeback"
    WEBHOOKS_OFF = "webhooks_off"
    WEBHOOK_DUPLICATE = "webhook_duplicate"
    WEBHOOK_LATE = "webhook_late"
    WEBHOOK_EARLY = "webhook_early"
    WEBHOOK_OUT_OF_ORDER = "webhook_out_of_order"


MEANING: Mapping[Fault, str] = {
    Fault.REFUSE: "connections are refused until DELETE /faults, or for ms",
    Fault.DROP_BEFORE: "closes without an answer; nothing done",
    Fault.DROP_AFTER: "does it, closes without sending the answer",
    Fault.FAIL_BEFORE: "the provider's 500; nothing done",
    Fault.FAIL_AFTER: "does it, answers with the provider's 500",
    Fault.GARBAGE_AFTER: "does it, sends 200 with bytes that do not parse",
    Fault.HANG_BEFORE: "says nothing until the client leaves; nothing done",
    Fault.HANG_AFTER: "does it, then says nothing until the client leaves",
    Fault.DRIP_AFTER: "does it, then answers one byte at a time",
    Fault.RATE_LIMITED: "the provider's 429; nothing done",
    Fault.UNAVAILABLE: "the provider's 503; nothing done",
    Fault.LATENCY: "does it, and holds the answer back",
    Fault.SOFT_DECLINE: "declined; another try may succeed",
    Fault.HARD_DECLINE: "declined for good",
    Fault.WRONG_AMOUNT: "moves another amount than was asked for, and says so",
    Fault.LATER: "undecided first, decided after --async-delay-s",
    Fault.LATER_DECLINE: "undecided first, declined after --async-delay-s",
    Fault.ASKS: "the payer has to approve on a page first",
    Fault.PAYOUT_RETURNED: "a payout is paid, and comes back after --async-delay-s",
    Fault.CHARGEBACK: "captured, and charged back after --async-delay-s",
    Fault.WEBHOOKS_OFF: "no webhook is sent",
    Fault.WEBHOOK_DUPLICATE: "the webhook is sent three times at once",
    Fault.WEBHOOK_LATE: "the webhook is sent late",
    Fault.WEBHOOK_EARLY: "the webhook is delivered and answered before the API answers",
    Fault.WEBHOOK_OUT_OF_ORDER: "the webhook goes out after the next one about the same object",
}

#: How long a fault lasts when nobody says otherwise, in milliseconds.
DURATION_MS: Mapping[Fault, int] = {
    Fault.HANG_BEFORE: 120_000,
    Fault.HANG_AFTER: 120_000,
    Fault.DRIP_AFTER: 500,
    Fault.LATENCY: 1_000,
    Fault.WEBHOOK_LATE: 5_000,
}
#: No fault may be told to last longer than this.
DURATION_LIMIT_MS = 600_000

#: Strike the exchange, whatever it is about.
EXCHANGE = frozenset(
    {
        Fault.DROP_BEFORE,
        Fault.DROP_AFTER,
        Fault.FAIL_BEFORE,
        Fault.FAIL_AFTER,
        Fault.GARBAGE_AFTER,
        Fault.HANG_BEFORE,
        Fault.HANG_AFTER,
        Fault.DRIP_AFTER,
        Fault.RATE_LIMITED,
        Fault.UNAVAILABLE,
        Fault.LATENCY,
    }
)
#: Are played by the provider: `Call.decision`.
DECISIONS = frozenset(
    {
        Fault.SOFT_DECLINE,
        Fault.HARD_DECLINE,
        Fault.WRONG_AMOUNT,
        Fault.LATER,
        Fault.LATER_DECLINE,
        Fault.ASKS,
        Fault.PAYOUT_RETURNED,
        Fault.CHARGEBACK,
    }
)
#: Strike when a webhook is due.
WEBHOOKS = frozenset(
    {
        Fault.WEBHOOKS_OFF,
        Fault.WEBHOOK_DUPLICATE,
        Fault.WEBHOOK_LATE,
        Fault.WEBHOOK_EARLY,
        Fault.WEBHOOK_OUT_OF_ORDER,
    }
)
