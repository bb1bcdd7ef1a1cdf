"""Where Xendit sends the payer, and what it shows them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.outcome import NotCharged, Pending, Proof, RequiresAction
from tests.contract.made import an_attempt, within
from tests.workers.gateways.xendit_spoken import (
    CHARGE,
    OFFLINE,
    VIRTUAL_ACCOUNT,
    a_charge,
    answer,
    looked_up,
    read_back,
    rupiah,
    sent,
    shown_request,
    told,
)

PAGE = [{"type": "REDIRECT_CUSTOMER", "descriptor": "WEB_URL", "value": "https://bank.example/3"}]
NUMBER = [
    {
        "type": "PRESENT_TO_CUSTOMER",
        "descriptor": "VIRTUAL_ACCOUNT_NUMBER",
        "value": "3816523906568",
    }
]


@pytest.mark.parametrize(
    ("actions", "outcome"),
    [
        (PAGE, RequiresAction(CHARGE, "https://bank.example/3")),
        (
            [{"type": "REDIRECT_CUSTOMER", "descriptor": "DEEPLINK_URL", "value": "https://d.ex/"}],
            RequiresAction(CHARGE, "https://d.ex/"),
        ),
        (
            [
                {"type": "REDIRECT_CUSTOMER", "descriptor": "DEEPLINK_URL", "value": "dana://p"},
                *PAGE,
            ],
            RequiresAction(CHARGE, "https://bank.example/3"),
        ),
        (
            NUMBER,
            RequiresAction(
                CHARGE,
                "https://shop.example/wait",
                (
                    ("type", "bank_transfer"),
                    ("channel", "BCA_VIRTUAL_ACCOUNT"),
                    ("account_number", "3816523906568"),
                ),
            ),
        ),
        (
            [{"type": "PRESENT_TO_CUSTOMER", "descriptor": "QR_STRING", "value": "0002010102"}],
            RequiresAction(
                CHARGE,
                "https://shop.example/wait",
                (
                    ("type", "qr_code"),
                    ("channel", "BCA_VIRTUAL_ACCOUNT"),
                    ("qr_string", "0002010102"),
                ),
            ),
        ),
        (
            [{"type": "PRESENT_TO_CUSTOMER", "descriptor": "PAYMENT_CODE", "value": "0002010102"}],
            RequiresAction(
                CHARGE,
                "https://shop.example/wait",
                (
                    ("type", "payment_code"),
                    ("channel", "BCA_VIRTUAL_ACCOUNT"),
                    ("payment_code", "0002010102"),
                ),
            ),
        ),
    ],
    ids=[
        "a page",
        "an app",
        "a page rather than an app",
        "a number",
        "a code",
        "a word for the shop",
    ],
)
def test_the_payer_is_told_where_to_go_and_what_they_need(
    actions: list[dict[str, str]], outcome: RequiresAction
) -> None:
    charge = an_attempt(OFFLINE, rupiah(method=VIRTUAL_ACCOUNT))
    shown = shown_request(
        charge,
        status="REQUIRES_ACTION",
        channel_code="BCA_VIRTUAL_ACCOUNT",
        latest_payment_id=None,
        actions=actions,
        metadata={"paylink_return_url": "https://shop.example/wait"},
    )

    assert sent(charge, answer(201, shown)) == outcome
    assert read_back(replace(charge, provider_id=CHARGE), shown) == outcome


@pytest.mark.parametrize("metadata", [None, {}, {"paylink_return_url": "javascript:0"}], ids=str)
def test_a_number_without_a_way_back_is_shown_by_the_gateways_own_page(metadata: object) -> None:
    request = {
        "status": "REQUIRES_ACTION",
        "latest_payment_id": None,
        "actions": NUMBER,
        "metadata": metadata,
    }

    found = looked_up(request, instructions_url="https://pay.example/how")

    assert isinstance(found, RequiresAction)
    assert found.url == "https://pay.example/how"
    assert ("account_number", "3816523906568") in found.shown


@pytest.mark.parametrize(
    "actions",
    [
        {"type": "REDIRECT_CUSTOMER"},
        "x",
        [{"descriptor": "WEB_URL", "value": "https://bank.example/"}],
        [{"type": "API_POST_REQUEST", "descriptor": "VALIDATE_OTP", "value": "https://x.ex/"}],
        [{"type": "REDIRECT_CUSTOMER", "descriptor": "WEB_URL", "value": "javascript:alert(1)"}],
        [{"type": "REDIRECT_CUSTOMER", "descriptor": "WEB_URL", "value": "bank.example"}],
        [{"type": "PRESENT_TO_CUSTOMER", "descriptor": "HOLOGRAM", "value": "x"}],
        [{"type": "PRESENT_TO_CUSTOMER", "descriptor": "QR_STRING", "value": ""}],
        [{"type": "PRESENT_TO_CUSTOMER", "descriptor": "QR_STRING", "value": "a\nb"}],
    ],
    ids=str,
)
def test_an_action_that_nobody_can_take_is_waited_for_until_it_is_cancelled(
    actions: object, caplog: pytest.LogCaptureFixture
) -> None:
    request = {"latest_payment_id": None, "actions": actions, "status": "REQUIRES_ACTION"}

    assert looked_up(request) == Pending(CHARGE)
    assert f"{CHARGE} requires an action" in caplog.text
    # It is known to be open: so it can be cancelled, by its id, which an answer has told.
    charge = replace(a_charge(), provider_id=CHARGE)
    shown = answer(200, shown_request(charge, **request))
    ended = answer(200, shown_request(charge, latest_payment_id=None, status="CANCELED"))
    over = told(lambda adapter: adapter.cancel(charge, within()), shown, ended, ended)
    assert over == NotCharged(Proof.VOIDED, "read as canceled", CHARGE)


@pytest.mark.parametrize("actions", [None, []], ids=str)
@pytest.mark.parametrize("status", ["REQUIRES_ACTION", "ACCEPTING_PAYMENTS"])
def test_a_channel_that_asks_the_payer_itself_is_waited_for(status: str, actions: object) -> None:
    request = {"status": status, "latest_payment_id": None, "actions": actions}

    assert looked_up(request) == Pending(CHARGE)
