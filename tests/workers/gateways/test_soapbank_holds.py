"""What a SOAP bank's charges say of their captures and voids."""

from __future__ import annotations

import pytest

from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Proof,
    Succeeded,
    Unknown,
)
from tests.contract.made import money
from tests.workers.gateways.soapbank_spoken import (
    CHARGE,
    HELD,
    answer,
    capturing,
    fault,
    looked_up,
    sent,
    shown,
    signed,
    voiding,
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Succeeded(CHARGE, money(1250))),
        ({"SettledAmount": "12.49"}, Succeeded(CHARGE, money(1249))),
        ({**HELD, "Reason": "51"}, Declined("51", Hardness.SOFT, CHARGE)),
        ({**HELD, "Reason": "04"}, Declined("04", Hardness.HARD, CHARGE)),
        ({**HELD, "Status": "PENDING"}, Pending(CHARGE)),
        ({**HELD, "Status": "REJECTED", "Reason": "41"}, Declined("41", Hardness.HARD, CHARGE)),
        ({**HELD, "Status": "CANCELLED"}, Declined("hold_released", Hardness.HARD, CHARGE)),
    ],
    ids=str,
)
def test_what_the_answer_to_a_capture_means(changes: dict[str, str], expected: Outcome) -> None:
    capture = capturing()
    body = answer("Capture", shown(capture, **changes), request_id=capture.key("a"))

    assert sent(capture, signed("200 OK", body)) == expected


@pytest.mark.parametrize("changes", [HELD, {"BankId": "sbc_2"}, {"Status": "BOOKED"}], ids=str)
def test_a_capture_that_its_answer_does_not_show_is_unknown(changes: dict[str, str]) -> None:
    capture = capturing()
    body = answer("Capture", shown(capture, **changes), request_id=capture.key("a"))

    assert isinstance(sent(capture, signed("200 OK", body)), Unknown)


def refusal() -> bytes:
    """The bank's refusal, signed now: a signature is good for five minutes."""
    return signed("500 Error", fault("Client.VALIDATION"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (HELD, NotCharged(Proof.REJECTED, "Client.VALIDATION", request_wrong=True)),
        ({}, Succeeded(CHARGE, money(1250))),
        ({"SettledAmount": "7.00"}, Declined("captured_otherwise", Hardness.HARD, CHARGE)),
        ({**HELD, "Status": "CANCELLED"}, Declined("hold_released", Hardness.HARD, CHARGE)),
        ({**HELD, "Status": "PENDING"}, Pending(CHARGE)),
    ],
    ids=str,
)
def test_a_capture_that_the_bank_calls_wrong_is_judged_by_the_charge(
    changes: dict[str, str], expected: Outcome
) -> None:
    capture = capturing()
    read = signed("200 OK", answer("GetStatus", shown(capture, **changes)))

    assert sent(capture, refusal(), read) == expected


def test_a_capture_that_the_bank_calls_wrong_and_cannot_be_read_back_is_unknown() -> None:
    away = signed("500 Error", fault("Server.UNAVAILABLE"))

    assert isinstance(sent(capturing(), refusal(), away), Unknown)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({**HELD, "Status": "CANCELLED"}, Succeeded(CHARGE, money(1250))),
        ({**HELD, "Status": "REJECTED", "Reason": "41"}, Succeeded(CHARGE, money(1250))),
        ({}, Declined("already_captured", Hardness.HARD, CHARGE)),
        (
            {"Status": "REVERSED", "ReversedAmount": "1.00"},
            Declined("already_captured", Hardness.HARD, CHARGE),
        ),
        (HELD, NotFound()),
        ({**HELD, "Status": "PENDING"}, NotFound()),
    ],
    ids=str,
)
def test_what_a_charge_says_of_its_void(changes: dict[str, str], expected: Lookup) -> None:
    void = voiding()

    assert looked_up(void, shown(void, **changes)) == expected
    read = signed("200 OK", answer("GetStatus", shown(void, **changes)))
    unknown = signed("500 Error", fault("Server.INTERNAL"))
    voided = sent(void, unknown, read)
    if isinstance(expected, NotFound):
        assert isinstance(voided, Unknown)
        refused = NotCharged(Proof.REJECTED, "Client.VALIDATION", request_wrong=True)
        assert sent(void, refusal(), read) == refused
    else:
        assert voided == expected
