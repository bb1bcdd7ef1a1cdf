"""What the sandbox adapter sends, and the configurations it can be built from."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.attempt import Operation
from domain.ids import Kind, public
from domain.means import Method
from domain.money import CURRENCIES, Money
from domain.outcome import Succeeded
from domain.payment import Review
from domain.payout import Destination
from domain.ports import Budget
from domain.task import Capture, Charge, GiveBack, PayOut, Task, Void
from tests.contract.made import (
    a_capture,
    a_detachment,
    a_hold,
    a_payment,
    a_payout,
    a_payout_row,
    a_refund,
    a_refund_row,
    a_void,
    an_attempt,
    money,
    within,
)
from tests.contract.spoken import CHARGE, OFFLINE, adapter_at, paid
from tests.workers.raw_server import answering, http, serving
from workers.gateways import Setup, Unusable
from workers.gateways.sandbox import Sandbox

R = "r" * 32
HELD = replace(an_attempt(OFFLINE, a_hold()), provider_id=CHARGE)


def seen(call: Callable[[Sandbox, Budget], object]) -> list[tuple[str, str | None, bytes]]:
    """Return (method and path, key, body) of every request that a call makes."""
    answers = serving(answering(http("500 Whatever")))
    with answers as server, closing(adapter_at(server.url)) as adapter:
        call(adapter, within())
        raw = list(server.requests)
    found = []
    for head, _, body in (request.partition(b"\r\n\r\n") for request in raw):
        first, *lines = head.decode().split("\r\n")
        named = dict(line.split(": ", 1) for line in lines)
        found.append((first.removesuffix(" HTTP/1.1"), named.get("Idempotency-Key"), body))
    return found


def test_the_stored_bytes_leave_as_they_are_under_the_attempts_key() -> None:
    payment = a_payment(method=Method("wallet", "tok_9"), wants_3ds=True, description="Zwölf Äpfel")
    attempt = an_attempt(OFFLINE, payment)
    with serving(answering(http("500 Whatever"))) as server:
        adapter_at(f"{server.url}/base").charge(attempt, within())
        head, _, body = server.requests[0].partition(b"\r\n\r\n")

    lines = set(head.decode().split("\r\n"))
    assert "POST /base/v1/payments HTTP/1.1" in lines
    assert f"Idempotency-Key: {attempt.id.hex}a" in lines
    assert {"Authorization: Bearer sk_1", "X-Request-ID: req-0123456789"} <= lines
    assert body == attempt.request
    assert json.loads(body) == {
        "reference": attempt.reference,
        "amount": 1250,
        "currency": "EUR",
        "capture": True,
        "source": {"type": "wallet", "token": "tok_9"},
        "three_ds": "required",
        "return_url": "https://shop.example/done",
        "expires_at": payment.expires_at.isoformat(),
        "description": "Zwölf Äpfel",
        "metadata": {"cart": "42", "paylink_payment_id": public(Kind.PAYMENT, payment.id)},
    }


def test_a_providers_id_stays_one_part_of_the_path() -> None:
    attempt = an_attempt(OFFLINE, provider_id="sp/../1?x=\r\n")
    with serving(answering(http("404 Whatever"))) as server:
        adapter_at(server.url).lookup(attempt, within())

        assert server.requests[0].startswith(b"GET /v1/payments/sp%2F..%2F1%3Fx%3D%0D%0A HTTP/1.1")


def test_a_request_id_that_no_header_can_carry_does_not_stop_a_charge() -> None:
    attempt = an_attempt(OFFLINE, request_id="naïve\r\nX-Evil: 1")

    assert isinstance(paid(attempt), Succeeded)


def test_every_operation_goes_to_its_place_under_its_key_with_its_stored_bytes() -> None:
    capture, void = a_capture(OFFLINE, HELD, 700), replace(a_void(OFFLINE, HELD), polls=3)
    refund, payout = a_refund(OFFLINE, HELD, 250), a_payout(OFFLINE)
    detachment = a_detachment("tok/1")

    assert seen(lambda it, budget: it.capture(capture, budget)) == [
        ("POST /v1/payments/sp_1/capture", capture.key("a"), b'{"amount":700}')
    ]
    assert seen(lambda it, budget: it.refund(refund, budget)) == [
        ("POST /v1/payments/sp_1/refunds", refund.key("a"), refund.request)
    ]
    assert seen(lambda it, budget: it.payout(payout, budget)) == [
        ("POST /v1/payouts", payout.key("a"), payout.request)
    ]
    assert seen(lambda it, budget: it.detach(detachment, budget)) == [
        ("POST /v1/payment_methods/tok%2F1/detach", detachment.key, b"{}")
    ]
    cancel = ("POST /v1/payments/sp_1/cancel", void.key("v3"), b"{}")
    assert seen(lambda it, budget: it.void(void, budget))[0] == cancel


def test_looking_up_only_reads() -> None:
    capture, void = a_capture(OFFLINE, HELD), a_void(OFFLINE, HELD)
    refund, payout = a_refund(OFFLINE, HELD), a_payout(OFFLINE)
    named = replace(payout, provider_id="so_1")
    expected = {
        HELD: "/v1/payments/sp_1",
        replace(HELD, provider_id=None): f"/v1/payments?reference={HELD.reference}",
        capture: "/v1/payments/sp_1",
        void: "/v1/payments/sp_1",
        refund: f"/v1/refunds?reference={refund.reference}",
        replace(refund, provider_id="sr_1"): "/v1/refunds/sr_1",
        payout: f"/v1/payouts?reference={payout.reference}",
        named: "/v1/payouts/so_1",
    }

    for attempt, path in expected.items():
        requests = seen(lambda it, budget, asked=attempt: it.lookup(asked, budget))  # type: ignore[misc]
        assert requests == [(f"GET {path}", None, b"")]


def composed(task: Task) -> Any:
    body = OFFLINE.compose(task, R)
    return None if body is None else json.loads(body)


def test_money_is_held_or_taken_as_the_payment_says() -> None:
    held = [
        a_hold(),
        a_payment(review=Review.OPEN),
        a_hold(method=Method("paypal", "tok")),
    ]
    taken = [
        a_payment(),
        a_payment(review=Review.APPROVED),
        a_hold(method=Method("wallet", "tok")),
        a_hold(method=Method("bank_transfer")),
    ]

    assert [composed(Charge(payment))["capture"] for payment in held] == [False] * 3
    assert [composed(Charge(payment))["capture"] for payment in taken] == [True] * 4


def test_whoever_holds_the_card_stays_between_us() -> None:
    payment = a_payment(method=Method("card", "tok_1", holder_name="A. Payer"))

    assert composed(Charge(payment)) == composed(
        Charge(replace(payment, method=Method("card", "tok_1")))
    )


@pytest.mark.parametrize("type_", ["paypal", "bank_transfer"])
def test_where_the_payer_is_named_elsewhere_no_token_is_needed(type_: str) -> None:
    assert composed(Charge(a_payment(method=Method(type_))))["source"] == {
        "type": type_,
        "token": "none",
    }
    named = composed(Charge(a_payment(method=Method(type_, "tok_2"))))
    assert named["source"] == {"type": type_, "token": "tok_2"}


def test_what_follows_a_charge_is_composed_exactly() -> None:
    row = a_refund_row(HELD, 250, reason="zu groß")

    assert composed(Capture(HELD, money(1250))) == {"amount": 1250}
    assert composed(Void(HELD)) == {}
    assert composed(GiveBack(HELD, row)) == {"amount": 250, "reference": R, "reason": "zu groß"}


def test_a_payout_is_composed_exactly() -> None:
    row = a_payout_row(destination=Destination("wallet", "w_1"), description="Oktober")

    assert composed(PayOut(row)) == {
        "reference": R,
        "amount": 4200,
        "currency": "EUR",
        "destination": {"type": "wallet", "token": "w_1"},
        "description": "Oktober",
        "metadata": {"invoice": "7", "paylink_payout_id": public(Kind.PAYOUT, row.id)},
    }


LIMIT = {str(n): "v" for n in range(49)}
DOLLARS = Money(1, CURRENCIES["USD"])


@pytest.mark.parametrize(
    ("task", "fits"),
    [
        (Charge(a_payment(method=Method("wallet", ""))), False),
        (Charge(a_payment(method=Method("carrier_pigeon", "tok"))), False),
        (Charge(a_payment(method=Method("card", "t" * 255))), True),
        (Charge(a_payment(method=Method("card", "t" * 256))), False),
        (Charge(a_payment(description="d" * 1000)), True),
        (Charge(a_payment(description="d" * 1001)), False),
        (Charge(a_payment(description="half \ud83d")), False),
        (Charge(a_payment(return_url="https://shop.example/" + "d" * 2048)), False),
        (Charge(a_payment(metadata={"k" * 40: "v" * 500})), True),
        (Charge(a_payment(metadata={"k" * 41: "v"})), False),
        (Charge(a_payment(metadata={"": "v"})), False),
        (Charge(a_payment(metadata=LIMIT)), True),
        (Charge(a_payment(metadata=LIMIT | {"49": "v"})), False),
        (Charge(a_payment(metadata=dict.fromkeys(LIMIT, "\u4e2d" * 500))), False),
        (Charge(a_payment(1)), True),
        (Charge(a_payment(0)), False),
        (Capture(HELD, money(0)), False),
        (Capture(HELD, money(1251)), False),
        (Capture(HELD, DOLLARS), False),
        (GiveBack(HELD, a_refund_row(HELD, 0)), False),
        (GiveBack(HELD, a_refund_row(HELD, reason="r" * 500)), True),
        (GiveBack(HELD, a_refund_row(HELD, reason="r" * 501)), False),
        (GiveBack(HELD, a_refund_row(HELD, money=DOLLARS)), False),
        (PayOut(a_payout_row(0)), False),
        (PayOut(a_payout_row(destination=Destination("cash", "under the mat"))), False),
        (PayOut(a_payout_row(destination=Destination("card", ""))), False),
        (PayOut(a_payout_row(destination=Destination("card", "t" * 256))), False),
        (PayOut(a_payout_row(description="d" * 1001)), False),
        (PayOut(a_payout_row(metadata=LIMIT | {"49": "v"})), False),
    ],
)
def test_what_passes_the_providers_limits_is_not_composed(task: Task, fits: bool) -> None:
    assert (OFFLINE.compose(task, R) is not None) is fits


@pytest.mark.parametrize(("reference", "fits"), [("", False), ("r" * 64, True), ("r" * 65, False)])
def test_a_reference_fits_the_provider(reference: str, fits: bool) -> None:
    assert (OFFLINE.compose(Charge(a_payment()), reference) is not None) is fits


def test_windows_are_configured_per_gateway() -> None:
    declared = adapter_at("http://h", key_window_s=60, visibility_lag_s=0.5).declaration

    for operation in Operation:
        promise = declared.promises[operation]
        assert promise.key_window == timedelta(seconds=60)
        assert promise.visibility_lag == timedelta(seconds=0.5)
        assert OFFLINE.declaration.promises[operation].key_window == timedelta(hours=24)


def test_this_provider_can_do_everything() -> None:
    declared = OFFLINE.declaration

    assert (declared.can_hold, declared.can_void, declared.can_3ds) == (True, True, True)
    assert (declared.can_refund, declared.can_pay_out) == (True, True)


@pytest.mark.parametrize(
    "setup",
    [
        Setup("http://h", {}, {}, lambda *_: None),
        Setup("http://h", {"secret_key": "sk\n"}, {}, lambda *_: None),
        Setup("not a url", {"secret_key": "sk"}, {}, lambda *_: None),
        Setup("http://h", {"secret_key": "sk"}, {"key_window_s": "1 day"}, lambda *_: None),
        Setup("http://h", {"secret_key": "sk"}, {"visibility_lag_s": -1}, lambda *_: None),
        Setup("http://h", {"secret_key": "sk"}, {"key_window_s": True}, lambda *_: None),
        Setup("http://h", {"secret_key": "sk"}, {"ca_file": 1}, lambda *_: None),
        Setup("https://h", {"secret_key": "sk"}, {"ca_file": "/nowhere.pem"}, lambda *_: None),
    ],
    ids=range(8),
)
def test_a_configuration_that_cannot_work_is_refused_when_it_is_read(setup: Setup) -> None:
    with pytest.raises(Unusable):
        Sandbox(setup)
