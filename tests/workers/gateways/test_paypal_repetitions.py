"""What an answer of PayPal's proves once a byte of the same request may have got through before."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from domain.attempt import Attempt, State
from domain.flows.send import send
from domain.outcome import Declined, Hardness, NotCharged, Outcome, Proof, Succeeded, Unknown
from tests.contract.made import money, within
from tests.workers.gateways.paypal_spoken import (
    BATCH,
    adapter_at,
    answer,
    asking,
    batch,
    paid,
    paying_out,
    problem,
    refunding,
    requests,
    sent,
    token,
)
from tests.workers.raw_server import answering, serving

INVALID = answer(401, {"error": "invalid_token", "error_description": "no"})
POOR = answer(422, problem("INSUFFICIENT_FUNDS"))


def said(attempt: Attempt, *answers: bytes) -> tuple[Outcome, list[bytes]]:
    """Return what a call comes to whose answers are these, and what was asked for with a token."""
    with serving(answering(*answers)) as server, closing(adapter_at(server.url)) as adapter:
        outcome = send(adapter, attempt, within(0.5))
    return outcome, [one for one in requests(server) if b"Bearer" in one]


@pytest.mark.parametrize("body", [b"<html>", b"{}", b""])
def test_a_401_that_paypal_does_not_document_may_have_been_executed(body: bytes) -> None:
    attempt, strange = asking(), answer(401, body)

    for renewed in (token("new"), answer(500, {}), answer(401, b"<html>")):
        outcome, asked = said(attempt, token("old"), strange, renewed, answer(429, problem("X")))

        assert isinstance(outcome, Unknown)
        assert len(asked) == 1


def test_after_a_401_of_nobodys_the_next_call_has_another_token() -> None:
    attempt = asking()
    script = answering(
        token("old"), answer(401, b""), token("new"), answer(201, paid(attempt)), answer(200, {})
    )

    with serving(script) as server, closing(adapter_at(server.url)) as adapter:
        assert isinstance(send(adapter, attempt, within()), Unknown)
        assert isinstance(send(adapter, attempt, within()), Succeeded)

    assert b"Bearer new" in requests(server)[-1]


def test_a_documented_401_is_a_refusal_even_where_no_new_token_can_be_had() -> None:
    outcome, asked = said(asking(), token("old"), INVALID, answer(500, {}))

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.REJECTED  # not "never sent": it was sent, and refused
    assert len(asked) == 1


def test_an_empty_account_says_nothing_about_a_payout_that_was_sent_before() -> None:
    first = paying_out()
    again = replace(first, state=State.UNKNOWN)

    assert sent(first, POOR) == Declined("INSUFFICIENT_FUNDS", Hardness.SOFT)
    assert isinstance(sent(again, POOR), Unknown)


def test_a_refund_that_may_work_later_goes_on_under_its_key_while_a_copy_may_be_under_way() -> None:
    first = refunding()
    again = replace(first, state=State.UNKNOWN)
    before = answer(200, paid(first))
    poor = answer(422, problem("UNPROCESSABLE_ENTITY", "REFUND_FAILED_INSUFFICIENT_FUNDS"))
    never = answer(422, problem("UNPROCESSABLE_ENTITY", "REFUND_TIME_LIMIT_EXCEEDED"))

    soft = Declined("REFUND_FAILED_INSUFFICIENT_FUNDS", Hardness.SOFT)
    assert sent(first, before, poor) == soft
    assert isinstance(sent(again, before, poor), Unknown)  # another attempt has another key
    assert isinstance(sent(again, before, never), Declined)


def test_a_payout_that_was_sent_before_is_known_by_its_batch() -> None:
    again = replace(paying_out(), state=State.UNKNOWN)
    link = {"href": f"https://api.paypal.example/v1/payments/payouts/{BATCH}", "rel": "self"}
    used = {"issue": "used", "field": "SENDER_BATCH_ID", "link": [link]}
    twice = answer(400, problem("USER_BUSINESS_ERROR") | {"details": [used]})

    denied = sent(again, twice, answer(200, batch(again, "DENIED")))

    assert denied == Declined("denied", Hardness.SOFT, BATCH)
    found = sent(again, twice, answer(200, batch(again)))
    assert found == Succeeded(BATCH, money(4200), reference=again.reference)
