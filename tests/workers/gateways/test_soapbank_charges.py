"""What a SOAP bank's charges mean: every documented status, and everything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from domain.attempt import Attempt
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Outcome,
    Pending,
    Proof,
    Succeeded,
    TakenBack,
    Unknown,
)
from tests.contract.made import a_payment, an_attempt, money, within
from tests.workers.gateways.soapbank_spoken import (
    CHARGE,
    HELD,
    NONE,
    OFFLINE,
    a_charge,
    adapter_at,
    answer,
    charged,
    looked_up,
    sent,
    shown,
    signed,
)
from tests.workers.raw_server import answering, serving

MEANINGS: dict[str, tuple[dict[str, str], Callable[[str], Outcome]]] = {
    "settled": ({}, lambda ref: Succeeded(CHARGE, money(1250), reference=ref)),
    "captured in part": (
        {"AuthorisedAmount": "12.50", "SettledAmount": "7.00"},
        lambda ref: Succeeded(CHARGE, money(700), reference=ref),
    ),
    "refunded": (
        {"Status": "REFUNDED", "RefundedAmount": "12.50"},
        lambda ref: Succeeded(CHARGE, money(1250), reference=ref),
    ),
    "reversed": (
        {"Status": "REVERSED", "ReversedAmount": "10.00"},
        lambda ref: TakenBack(CHARGE, money(1250), money(1000), "charged_back", ref),
    ),
    "reversed under another status": (
        {"ReversedAmount": "12.50"},
        lambda ref: TakenBack(CHARGE, money(1250), money(1250), "charged_back", ref),
    ),
    "authorised": (
        HELD,
        lambda ref: Succeeded(CHARGE, money(1250), captured=False, reference=ref),
    ),
    "pending": ({"Status": "PENDING", **NONE}, lambda _: Pending(CHARGE)),
    "pending capture": (
        {**HELD, "Status": "PENDING"},
        lambda ref: Succeeded(CHARGE, money(1250), captured=False, reference=ref),
    ),
    "rejected": (
        {"Status": "REJECTED", "Reason": "51", **NONE},
        lambda _: Declined("51", Hardness.SOFT, CHARGE),
    ),
    "rejected after it was held": (
        {**HELD, "Status": "REJECTED", "Reason": "41"},
        lambda _: NotCharged(
            Proof.READ_BACK, "read as rejected after it was held: 41", CHARGE, lapsed=True
        ),
    ),
    "cancelled": (
        {"Status": "CANCELLED", **NONE},
        lambda _: NotCharged(Proof.VOIDED, "read as cancelled", CHARGE),
    ),
}


@pytest.mark.parametrize(("changes", "expected"), MEANINGS.values(), ids=MEANINGS)
def test_every_documented_status_has_its_meaning(
    changes: dict[str, str], expected: Callable[[str], Outcome]
) -> None:
    attempt = a_charge()

    assert charged(attempt, shown(attempt, **changes)) == expected(attempt.reference)
    assert looked_up(attempt, shown(attempt, **changes)) == expected(attempt.reference)


@pytest.mark.parametrize(
    "changes",
    [
        {"Status": "BOOKED"},
        {"Status": "settled"},
        {"Status": ""},
        {"Kind": "PAYOUT"},
        {"Currency": "XXX"},
        {"Currency": "JPY"},
        {"Amount": "12.5"},
        {"Amount": "12,50"},
        {"SettledAmount": "12.500"},
        {"SettledAmount": "-12.50"},
        {"SettledAmount": "012.50"},
        {"SettledAmount": ""},
        {"SettledAmount": "0.00"},
        {"Status": "REVERSED"},
        {"Status": "REVERSED", "ReversedAmount": "12.51"},
        {"Status": "PENDING"},
        {"Status": "CANCELLED"},
        {"Status": "AUTHORISED", "SettledAmount": "0.00"},
        {"BankId": ""},
        {"BankId": "a b"},
        {"BankId": "x" * 65},
    ],
    ids=str,
)
def test_what_is_not_documented_or_contradicts_itself_is_unknown(changes: dict[str, str]) -> None:
    attempt = a_charge()

    assert isinstance(charged(attempt, shown(attempt, **changes)), Unknown)


@pytest.mark.parametrize(
    ("currency", "text", "minor"), [("JPY", "1250", 1250), ("KWD", "1.250", 1250)]
)
def test_other_exponents_are_read_exactly(currency: str, text: str, minor: int) -> None:
    attempt = an_attempt(OFFLINE, a_payment(minor, currency))
    zero = text.replace("1", "0").replace("2", "0").replace("5", "0") if "." in text else "0"
    changes = {"Currency": currency, "Amount": text, "SettledAmount": text} | dict.fromkeys(
        ("AuthorisedAmount", "RefundedAmount", "ReversedAmount"), zero
    )

    outcome = charged(attempt, shown(attempt, **changes))

    assert outcome == Succeeded(CHARGE, money(minor, currency), reference=attempt.reference)


@pytest.mark.parametrize("status", ["PENDING", "REJECTED", "CANCELLED"])
def test_somebody_elses_no_is_no_answer_but_their_money_is_told(status: str) -> None:
    attempt = a_charge()
    theirs = {"Reference": "f" * 32}

    assert isinstance(charged(attempt, shown(attempt, Status=status, **NONE, **theirs)), Unknown)
    paid = charged(attempt, shown(attempt, **theirs))
    assert paid == Succeeded(CHARGE, money(1250), reference="f" * 32)


def test_the_answer_to_another_request_is_none() -> None:
    attempt = a_charge()
    other = answer("Sale", shown(attempt), request_id="f" * 33)
    nameless = answer("Sale", shown(attempt))
    another = answer("Authorise", shown(attempt), request_id=attempt.key("a"))
    two = answer("Sale", shown(attempt), shown(attempt), request_id=attempt.key("a"))
    good = answer("Sale", shown(attempt), request_id=attempt.key("a"))
    unsure = good.replace(b">false<", b">maybe<")
    nested = good.replace(b"</Record>", b"</Record><Record><Status><a/></Status></Record>")

    assert isinstance(sent(attempt, signed("200 OK", good)), Succeeded)
    for body in (other, nameless, another, two, unsure, nested):
        assert isinstance(sent(attempt, signed("200 OK", body)), Unknown)


def test_a_reason_that_cannot_be_shown_is_replaced() -> None:
    attempt = a_charge()
    refused = {"Status": "REJECTED", **NONE}

    nothing = charged(attempt, shown(attempt, **refused))
    odd = charged(attempt, shown(attempt, **refused, Reason="a&#9;b"))

    assert nothing == odd == Declined("declined", Hardness.HARD, CHARGE)


def test_a_look_up_by_id_asks_by_id_and_believes_only_that_object() -> None:
    attempt = replace(a_charge(), provider_id="sbc_9")
    body = answer("GetStatus", shown(attempt, BankId="sbc_9"))
    with serving(answering(signed("200 OK", body))) as server:
        adapter = adapter_at(server.url)
        found = adapter.lookup(attempt, within())
        adapter.close()

    assert isinstance(found, Succeeded)
    assert b"<BankId>sbc_9</BankId>" in server.requests[0]
    assert attempt.reference.encode() not in server.requests[0]
    assert isinstance(looked_up(attempt, shown(attempt, BankId="sbc_8")), Unknown)


@pytest.mark.parametrize("changes", [{"Reference": "f" * 32}, {"Kind": "REFUND"}], ids=str)
def test_a_search_that_shows_something_else_says_nothing(changes: dict[str, str]) -> None:
    attempt = a_charge()

    assert isinstance(looked_up(attempt, shown(attempt), shown(attempt, **changes)), Unknown)


def test_a_search_shows_no_more_than_the_bank_would() -> None:
    attempt = a_charge()
    records = [shown(attempt, BankId=f"sbc_{number}") for number in range(21)]

    assert isinstance(looked_up(attempt, *records), Unknown)
    assert isinstance(looked_up(attempt, *records[:20]), Succeeded)


def test_of_several_charges_under_one_reference_money_counts_and_people_are_told() -> None:
    attempt = a_charge()
    refused = shown(attempt, BankId="sbc_0", Status="REJECTED", Reason="51", **NONE)
    held = shown(attempt, BankId="sbc_2", **HELD)

    assert _told_of(attempt, refused, shown(attempt)) == (CHARGE, [])
    assert _told_of(attempt, held, shown(attempt), shown(attempt, BankId="sbc_3")) == (
        CHARGE,
        [("double_charge", attempt.reference)],
    )


def _told_of(attempt: Attempt, *records: str) -> tuple[str, list[tuple[str, str]]]:
    """Which of the records counts, and what people were told."""
    alarms: list[tuple[str, str]] = []
    reply = signed("200 OK", answer("GetStatus", *records))
    with serving(answering(reply)) as server:
        adapter = adapter_at(server.url, lambda what, reference: alarms.append((what, reference)))
        found = adapter.lookup(attempt, within())
        adapter.close()
    assert isinstance(found, Succeeded)
    return found.provider_id, alarms
