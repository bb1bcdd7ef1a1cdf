"""What the Stripe adapter promises, and the configurations it can be built from."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.attempt import Operation
from domain.ports import Promise
from tests.contract.made import (
    within,
)
from tests.workers.gateways.stripe_spoken import (
    error,
    spoken,
)
from workers.gateways import Setup, Unusable
from workers.gateways.stripe import Stripe

FAILED = spoken(500, error("api_error"))


def built(credentials: dict[str, str] | None = None, **settings: object) -> Stripe:
    known = {"secret_key": "sk_1"} if credentials is None else credentials
    return Stripe(Setup("https://api.stripe.com", known, settings, lambda what, reference: None))


def test_it_promises_what_the_provider_documents() -> None:
    day, hour = timedelta(days=1), timedelta(hours=1)

    assert built().declaration.promises == {
        Operation.CHARGE: Promise(day, visibility_lag=hour, split=True),
        Operation.CAPTURE: Promise(day, authoritative=True),
        Operation.VOID: Promise(day, authoritative=True),
        Operation.REFUND: Promise(day, visibility_lag=hour),
        Operation.PAYOUT: Promise(day, visibility_lag=hour),
    }


def test_an_operator_may_know_better() -> None:
    promises = built(
        key_window_s=60, search_lag_s=5, lists_are_authoritative=True, api_version="2025-01-27"
    ).declaration.promises

    minute = timedelta(minutes=1)
    assert promises[Operation.CHARGE] == Promise(
        minute, visibility_lag=timedelta(seconds=5), split=True
    )
    assert promises[Operation.REFUND] == Promise(minute, authoritative=True)


def test_the_version_of_the_api_can_be_set() -> None:
    from tests.workers.raw_server import answering, serving

    with serving(answering(FAILED)) as server:
        setup = Setup(
            server.url, {"secret_key": "sk_1"}, {"api_version": "2025-01-27"}, lambda *_: None
        )
        Stripe(setup).probe(within())
        assert b"Stripe-Version: 2025-01-27\r\n" in server.requests[0]


@pytest.mark.parametrize(
    ("credentials", "settings"),
    [
        ({}, {}),
        ({"secret_key": ""}, {}),
        ({"secret_key": "sk_\n"}, {}),
        (None, {"key_window_s": "long"}),
        (None, {"search_lag_s": -1}),
        (None, {"lists_are_authoritative": "yes"}),
        (None, {"api_version": "new\r\nX: y"}),
        (None, {"api_version": 2025}),
        (None, {"ca_file": 7}),
        (None, {"return_url": 7}),
        (None, {"return_url": "http://shop.example"}),
        (None, {"return_url": "https://shop.example/ x"}),
        (None, {"return_url": "https://shop.example/" + "x" * 2048}),
    ],
    ids=str,
)
def test_a_wrong_configuration_says_what_to_fix(
    credentials: dict[str, str] | None, settings: dict[str, object]
) -> None:
    with pytest.raises(Unusable) as error:
        built(credentials, **settings)

    named = next(iter(settings), "secret_key")
    assert named in str(error.value)
    assert "sk_" not in str(error.value).replace("sk_...", "")
