"""The scripted faults as literal tables: names, magic amounts, durations, when each one strikes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Everything this provider can do wrong, or merely differently, on request."""

    SOFT_DECLINE = "soft_decline"
    HARD_DECLINE = "hard_decline"
    REFUSE = "refuse"
    DROP_BEFORE_CHARGE = "drop_before_charge"
    CHARGE_THEN_DROP = "charge_then_drop"
    CHARGE_THEN_500 = "charge_then_500"
    CHARGE_THEN_GARBAGE = "charge_then_garbage"
    HANG = "hang"
    HANG_BEFORE_CHARGE = "hang_before_charge"
    SLOW_DRIP = "slow_drip"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    UNAVAILABLE = "unavailable"
    WEBHOOK_DUPLICATE = "webhook_duplicate"
    WEBHOOK_LATE = "webhook_late"
    WEBHOOK_EARLY = "webhook_early"
    WEBHOOK_OUT_OF_ORDER = "webhook_out_of_order"
    WRONG_AMOUNT = "wrong_amount"
    WEBHOOKS_OFF = "webhooks_off"
    ASYNC = "async"
    ASYNC_DECLINE = "async_decline"
    THREE_DS = "three_ds"
    LATENCY = "latency"
    PAYOUT_RETURNED = "payout_returned"
    CHARGEBACK = "chargeback"


#: A payment or payout of exactly this many minor units meets this fault, and so does a capture or
#: refund that names this amount as a part of its payment: a whole payment going back must not meet
#: again what it met on its way in. 9003 stays empty: connections are refused before there is a
#: payment, so `refuse` exists only globally.
MAGIC_AMOUNTS: Mapping[int, Fault] = {
    9001: Fault.SOFT_DECLINE,
    9002: Fault.HARD_DECLINE,
    9004: Fault.DROP_BEFORE_CHARGE,
    9005: Fault.CHARGE_THEN_DROP,
    9006: Fault.CHARGE_THEN_500,
    9007: Fault.CHARGE_THEN_GARBAGE,
    9008: Fault.HANG,
    9009: Fault.HANG_BEFORE_CHARGE,
    9010: Fault.SLOW_DRIP,
    9011: Fault.RATE_LIMITED,
    9012: Fault.SERVER_ERROR,
    9013: Fault.UNAVAILABLE,
    9014: Fault.WEBHOOK_DUPLICATE,
    9015: Fault.WEBHOOK_LATE,
    9016: Fault.WEBHOOK_EARLY,
    9017: Fault.WEBHOOK_OUT_OF_ORDER,
    9018: Fault.WRONG_AMOUNT,
    9019: Fault.WEBHOOKS_OFF,
    9020: Fault.ASYNC,
    9021: Fault.ASYNC_DECLINE,
    9022: Fault.THREE_DS,
    9023: Fault.LATENCY,
    9024: Fault.PAYOUT_RETURNED,
    9025: Fault.CHARGEBACK,
}

MEANING: Mapping[Fault, str] = {
    Fault.SOFT_DECLINE: "402 insufficient_funds, capture included; cancel_declined, "
    "refund_declined, payout_declined",
    Fault.HARD_DECLINE: "402 stolen_card, and a capture loses its authorization; cancel_declined, "
    "refund_declined, payout_declined",
    Fault.REFUSE: "connections are refused; only globally",
    Fault.DROP_BEFORE_CHARGE: "closes without an answer; nothing done, key not saved; a request "
    "that brings it along meets it once",
    Fault.CHARGE_THEN_DROP: "does it, saves the answer, closes without sending it",
    Fault.CHARGE_THEN_500: "does it, answers 500, and the 500 is saved under the key",
    Fault.CHARGE_THEN_GARBAGE: "does it, saves the answer, sends 200 with bytes that do not parse",
    Fault.HANG: "does it, then says nothing until the client leaves",
    Fault.HANG_BEFORE_CHARGE: "says nothing until the client leaves; nothing done; a request "
    "that brings it along meets it once",
    Fault.SLOW_DRIP: "does it, then answers one byte at a time",
    Fault.RATE_LIMITED: "429 with Retry-After: 1; never executed, key not saved",
    Fault.SERVER_ERROR: "500, nothing done, saved under the key",
    Fault.UNAVAILABLE: "503, never executed, key not saved",
    Fault.WEBHOOK_DUPLICATE: "every webhook is sent three times at once",
    Fault.WEBHOOK_LATE: "every webhook is sent late",
    Fault.WEBHOOK_EARLY: "the webhook is delivered and answered before the API answers",
    Fault.WEBHOOK_OUT_OF_ORDER: "undecided first, then decided; the webhooks come in reverse order",
    Fault.WRONG_AMOUNT: "one minor unit more than a payment or payout asked for, one less than a "
    "capture or refund did, and says so",
    Fault.WEBHOOKS_OFF: "no webhook is sent",
    Fault.ASYNC: "processing or pending first, decided a moment later",
    Fault.ASYNC_DECLINE: "processing or pending first, declined or failed a moment later",
    Fault.THREE_DS: "requires_action until the customer approves on the payment page",
    Fault.LATENCY: "the answer is held back; money has moved by then",
    Fault.PAYOUT_RETURNED: "a payout is paid and comes back a moment later",
    Fault.CHARGEBACK: "captured, and charged back a moment later",
}

#: How long a fault lasts when nobody says otherwise, in milliseconds.
DURATION_MS: Mapping[Fault, int] = {
    Fault.HANG: 120_000,
    Fault.HANG_BEFORE_CHARGE: 120_000,
    Fault.SLOW_DRIP: 500,
    Fault.WEBHOOK_LATE: 5_000,
    Fault.LATENCY: 1_000,
}
#: No fault may be told to last longer than this.
DURATION_LIMIT_MS = 600_000

#: Strike before anything is done or remembered.
GATES = frozenset({Fault.RATE_LIMITED, Fault.UNAVAILABLE, Fault.DROP_BEFORE_CHARGE})
#: Strike once the key is taken, instead of the work or after it.
ANSWERS = frozenset(
    {
        Fault.HANG_BEFORE_CHARGE,
        Fault.SERVER_ERROR,
        Fault.CHARGE_THEN_DROP,
        Fault.CHARGE_THEN_500,
        Fault.CHARGE_THEN_GARBAGE,
        Fault.HANG,
        Fault.SLOW_DRIP,
        Fault.LATENCY,
    }
)
#: A request that brings one of these along is lost the first time only: the same one under the
#: same key gets through, as it would after a cable was plugged in again.
ONCE = frozenset({Fault.DROP_BEFORE_CHARGE, Fault.HANG_BEFORE_CHARGE})
#: Strike whenever a webhook leaves.
WEBHOOKS = frozenset(
    {
        Fault.WEBHOOK_DUPLICATE,
        Fault.WEBHOOK_LATE,
        Fault.WEBHOOK_EARLY,
        Fault.WEBHOOKS_OFF,
    }
)


class UnknownFaultError(Exception):
    """The text does not name a fault that a single payment can have."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault that applies now, with its duration (0 where it has none)."""

    fault: Fault
    ms: int

    def __str__(self) -> str:
        return f"{self.fault}={self.ms}"


def by_fault(strikes: Iterable[Strike]) -> dict[Fault, int]:
    """Return {fault: milliseconds}; of the same fault twice, the first counts."""
    found: dict[Fault, int] = {}
    for strike in strikes:
        found.setdefault(strike.fault, strike.ms)
    return found


def for_amount(amount: int) -> list[Strike]:
    """Return what a payment or payout of exactly this amount meets."""
    fault = MAGIC_AMOUNTS.get(amount)
    return [] if fault is None else [strike_of(fault)]


def for_part(amount: int | None, whole: int) -> tuple[Strike, ...]:
    """Return what a capture or refund of this amount meets: nothing, unless it is only a part."""
    return () if amount is None or amount >= whole else tuple(for_amount(amount))


def strike_of(fault: Fault, ms: int | None = None) -> Strike:
    """Return the fault with this duration, or with its own."""
    return Strike(fault, DURATION_MS.get(fault, 0) if ms is None else ms)


def named(text: str, gateway: str) -> list[Strike]:
    """Read "fault", "gateway:fault" and "fault=milliseconds", several separated by commas.

    Faults for other gateways are skipped unread. UnknownFaultError for a name that is not one.
    """
    strikes = []
    for part in text.split(","):
        only, colon, name = part.strip().rpartition(":")
        if colon and only != gateway:
            continue
        word, equals, ms = name.partition("=")
        fault = _of_one_payment(word)
        if equals and not (
            fault in DURATION_MS and ms.isdecimal() and int(ms) <= DURATION_LIMIT_MS
        ):
            raise UnknownFaultError(f"{word} cannot last {ms!r} milliseconds.")
        strikes.append(strike_of(fault, int(ms) if equals else None))
    return strikes


def _of_one_payment(word: str) -> Fault:
    try:
        fault = Fault(word)
    except ValueError:
        raise UnknownFaultError(f"{word!r} is not a fault.") from None
    if fault is Fault.REFUSE:
        raise UnknownFaultError("refuse exists only for everyone: use the admin port.")
    return fault


def webhook_part(strikes: Iterable[Strike]) -> tuple[str, ...]:
    """Return, in text, the faults that stay with a payment for all its webhooks."""
    lasting = WEBHOOKS | {Fault.WEBHOOK_OUT_OF_ORDER}
    return tuple(str(strike) for strike in strikes if strike.fault in lasting)


def webhook_strikes(texts: Iterable[str]) -> list[Strike]:
    """Read back what `webhook_part` wrote."""
    pairs = (text.partition("=") for text in texts)
    return [Strike(Fault(name), int(ms)) for name, _, ms in pairs]
