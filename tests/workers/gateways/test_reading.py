"""What is believed of a JSON answer, whoever sent it."""

from __future__ import annotations

import pytest

from domain.outcome import Outcome, Unknown
from tests.workers.gateways import midtrans_spoken as midtrans
from tests.workers.gateways import paypal_spoken as paypal
from workers.gateways.reading import parsed

#: Which no table of ours can store: whoever says it would keep the answer from being written down.
NUL = "\x00"


@pytest.mark.parametrize("body", [b'"a\\u0000b"', b'["\\u0000"]', b'{"\\u0000": 1}'])
def test_a_text_that_cannot_be_stored_is_not_read(body: bytes) -> None:
    assert parsed(body, object) is None


def test_other_control_characters_and_escaped_backslashes_are_read() -> None:
    assert parsed(b'"a\\u0001\\n\\u00e9"', str) == "a\x01\n\xe9"


def outcomes() -> list[Outcome]:
    attempt, charge = paypal.asking(), midtrans.a_charge()
    odd, odder = paypal.order(attempt, f"APPROVED{NUL}"), paypal.paid(attempt)
    odder["purchase_units"][0]["custom_id"] = NUL
    refusal = paypal.problem("UNPROCESSABLE_ENTITY", f"NEW{NUL}")
    return [
        paypal.sent(attempt, paypal.answer(201, odd)),
        paypal.sent(attempt, paypal.answer(201, odder)),
        paypal.sent(attempt, paypal.answer(422, refusal)),
        midtrans.paid(charge, transaction_status="deny", channel_response_code=NUL),
    ]


def test_no_adapter_repeats_a_text_that_cannot_be_stored() -> None:
    for outcome in outcomes():
        assert isinstance(outcome, Unknown)
        assert NUL not in outcome.cause
