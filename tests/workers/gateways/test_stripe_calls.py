"""What the Stripe adapter sends: paths, keys, forms, and a second try in older words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import stripe
from stripe._api_version import _ApiVersion

from domain.attempt import Attempt, Operation
from domain.outcome import NotCharged, Prepared, Proof, Succeeded
from tests.contract.made import (
    a_detachment,
    within,
)
from tests.workers.gateways.stripe_spoken import (
    INTENT,
    OFFLINE,
    a_card_payment,
    capturing,
    confirming,
    error,
    hearing,
    intent,
    making,
    page,
    paying_out,
    refunding,
    spoken,
    voiding,
)
from workers.gateways.stripe import Stripe
from workers.gateways.stripe.line import API_VERSION

FAILED = spoken(500, error("api_error"))


def request_of(raw: bytes) -> tuple[str, dict[str, str], list[tuple[str, str]]]:
    """Return the first line, the headers and the form of a request."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return first, headers, parse_qsl(body.decode(), keep_blank_values=True)


def requests(call: Callable[[Stripe], object], *answers: bytes) -> list[tuple[str, str | None]]:
    """Return method and path, and the key, of every request."""
    _, raw = hearing(call, *answers or (FAILED,) * 5)
    seen = [request_of(one) for one in raw]
    return [
        (first.removesuffix(" HTTP/1.1"), headers.get("Idempotency-Key"))
        for first, headers, _ in seen
    ]


def test_every_call_has_its_path_and_a_key_of_ours() -> None:
    make, confirm, capture = making(), confirming(), capturing(1000)
    refund, payout = refunding(250), paying_out()

    def key(attempt: Attempt, step: str) -> str:
        return attempt.id.hex + step

    assert requests(lambda s: s.charge(make, within())) == [
        ("POST /v1/payment_intents", key(make, "a"))
    ]
    assert requests(lambda s: s.charge(confirm, within())) == [
        ("POST /v1/payment_intents/pi_1/confirm", key(confirm, "b"))
    ]
    assert requests(lambda s: s.capture(capture, within())) == [
        ("POST /v1/payment_intents/pi_1/capture", key(capture, "a"))
    ]
    assert requests(lambda s: s.refund(refund, within())) == [
        ("POST /v1/refunds", key(refund, "a"))
    ]
    assert requests(lambda s: s.payout(payout, within())) == [
        ("POST /v1/payouts", key(payout, "a"))
    ]


def test_each_round_asks_anew_for_a_cancel_and_reads_back() -> None:
    void = voiding()
    read = ("GET /v1/payment_intents/pi_1?expand[0]=latest_charge", None)

    for polls in (0, 3):
        again = replace(void, polls=polls)
        post, *reads = requests(lambda s, again=again: s.void(again, within()))  # type: ignore[misc]
        assert post == ("POST /v1/payment_intents/pi_1/cancel", f"{void.id.hex}v{polls}")
        assert reads == [read]


def test_the_form_carries_the_stored_parameters_and_the_headers_nothing_of_this_machine() -> None:
    attempt = making(a_card_payment(wants_3ds=True))

    _, raw = hearing(lambda s: s.charge(attempt, within()), FAILED)

    first, headers, form = request_of(raw[0])
    assert first == "POST /v1/payment_intents HTTP/1.1"
    assert headers["Authorization"] == "Bearer sk_test_1"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert headers["Stripe-Version"] == "2026-10-28.endive"
    assert not [name for name in headers if name.lower().startswith("x-stripe-client")]
    assert "linux" not in str(headers).lower()
    assert sorted(form) == sorted(
        [
            ("amount", "1250"),
            ("currency", "eur"),
            ("payment_method", "pm_card_visa"),
            ("allowed_payment_method_types[0]", "card"),
            ("capture_method", "automatic"),
            ("payment_method_options[card][request_three_d_secure]", "any"),
            ("metadata[cart]", "42"),
            ("metadata[paylink_reference]", attempt.reference),
            (
                "metadata[paylink_payment_id]",
                json.loads(attempt.request)["create"]["metadata"]["paylink_payment_id"],
            ),
        ]
    )


def test_a_refund_names_its_intent_and_a_name_stays_one_part_of_the_path() -> None:
    refund = refunding(250)
    hostile = replace(confirming(), provider_id="pi_1/../../x?y")

    _, raw = hearing(lambda s: s.refund(refund, within()), FAILED)

    assert ("payment_intent", "pi_1") in request_of(raw[0])[2]
    assert requests(lambda s: s.charge(hostile, within()))[0][0] == (
        "POST /v1/payment_intents/pi_1%2F..%2F..%2Fx%3Fy/confirm"
    )


@pytest.mark.parametrize(
    "refusal",
    [
        error(code="parameter_unknown", param="description"),
        error(message="Unexpected description"),
    ],
    ids=["as documented", "by a smaller service"],
)
def test_a_service_that_does_not_know_a_spare_parameter_is_asked_without_it(
    refusal: dict[str, Any],
) -> None:
    attempt = making(a_card_payment(description="Apples"))
    made = spoken(200, intent(attempt, "requires_confirmation"))

    outcome, raw = hearing(lambda s: s.charge(attempt, within()), spoken(400, refusal), made)

    assert outcome == Prepared(INTENT)
    first, second = (request_of(one) for one in raw)
    assert ("description", "Apples") in first[2]
    assert [pair for pair in first[2] if pair[0] != "description"] == second[2]
    assert first[1]["Idempotency-Key"] != second[1]["Idempotency-Key"]


def test_a_service_of_before_is_told_the_types_by_their_former_name() -> None:
    attempt = making()
    refusal = error(message="Unexpected allowed_payment_method_types")
    made = spoken(200, intent(attempt, "requires_confirmation"))

    outcome, raw = hearing(lambda s: s.charge(attempt, within()), spoken(400, refusal), made)

    assert outcome == Prepared(INTENT)
    types = [pair for pair in request_of(raw[1])[2] if "types" in pair[0]]
    assert types == [("payment_method_types[0]", "card")]


def test_the_version_is_of_the_same_generation_as_the_package_that_checks_the_parameters() -> None:
    assert API_VERSION.partition(".")[2] == _ApiVersion.CURRENT_MAJOR


def test_a_confirmation_goes_without_its_page_only_where_that_was_refused_by_name() -> None:
    attempt = confirming()
    paid, unknown = (
        spoken(200, intent(attempt)),
        spoken(400, error(message="Unexpected return_url")),
    )

    outcome, raw = hearing(lambda s: s.charge(attempt, within()), unknown, paid)
    refused, once = hearing(lambda s: s.charge(attempt, within()), spoken(400, error()), paid)

    assert isinstance(outcome, Succeeded)
    assert request_of(raw[1])[2] == []
    assert isinstance(refused, NotCharged)
    assert len(once) == 1


@pytest.mark.parametrize(
    "attempt",
    [making(), confirming(), capturing(), refunding(), paying_out()],
    ids=["make", "confirm", "capture", "refund", "payout"],
)
def test_a_stored_request_that_cannot_be_read_is_not_sent(attempt: Attempt) -> None:
    broken = replace(attempt, request=b"[")
    call = {
        Operation.CHARGE: OFFLINE.charge,
        Operation.CAPTURE: OFFLINE.capture,
        Operation.REFUND: OFFLINE.refund,
        Operation.PAYOUT: OFFLINE.payout,
    }[attempt.operation]

    outcome = call(broken, within())

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT
    assert outcome.request_wrong


def test_a_token_is_forgotten_by_its_own_name() -> None:
    detachment = a_detachment("cus_1:pm_1")

    assert requests(lambda s: s.detach(detachment, within())) == [
        ("POST /v1/payment_methods/pm_1/detach", detachment.key)
    ]


def test_a_probe_reads_one_intent() -> None:
    assert requests(lambda s: s.probe(within())) == [("GET /v1/payment_intents?limit=1", None)]


def test_the_package_tells_nobody_how_we_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    probed = spoken(200, page(), "Request-Id: req_1")

    _, raw = hearing(lambda s: [s.probe(within()) for _ in range(2)], probed, probed)

    assert len(raw) == 2
    assert not [one for one in raw if b"telemetry" in one.lower()]
    assert list(tmp_path.iterdir()) == []
    assert not stripe.enable_telemetry
