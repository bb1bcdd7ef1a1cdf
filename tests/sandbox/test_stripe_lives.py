"""What becomes of money at the simulated Stripe: cards, payers, refunds, payouts, disputes."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.sandbox.running import wait_until
from tests.sandbox.stripes import Stripes, account, shared

__all__ = ["account", "shared"]  # fixtures

REQUIRED, OPTIONAL = "pm_card_threeDSecure2Required", "pm_card_threeDSecureOptional"
ANY = {"payment_method_options[card][request_three_d_secure]": "any"}


def test_an_intent_moves_nothing_until_it_is_confirmed(account: Stripes) -> None:
    intent = account.made()

    assert account.status(intent) == "requires_confirmation"
    assert account.simulated.kinds(intent)[0] == "made"
    confirmed = account.confirm(intent).json
    assert (confirmed["status"], confirmed["amount_received"]) == ("succeeded", 1000)
    assert account.simulated.kinds(intent).count("sale") == 1


def test_an_intent_can_be_confirmed_as_it_is_made(account: Stripes) -> None:
    made = account.make(confirm="true").json

    assert made["status"] == "succeeded"


@pytest.mark.parametrize(
    ("card", "code", "decline_code", "advice"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline", "try_again_later"),
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
            "try_again_later",
        ),
        (
            "pm_card_visa_chargeDeclinedStolenCard",
            "card_declined",
            "stolen_card",
            "do_not_try_again",
        ),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card", "do_not_try_again"),
        (
            "pm_card_chargeDeclinedIncorrectCvc",
            "incorrect_cvc",
            "incorrect_cvc",
            "confirm_card_data",
        ),
    ],
)
def test_a_declined_card_says_why_and_leaves_the_intent_without_one(
    account: Stripes, card: str, code: str, decline_code: str, advice: str
) -> None:
    intent = account.made(card)

    answer = account.confirm(intent)

    error = answer.error
    assert (answer.status, error["type"], error["code"]) == (402, "card_error", code)
    assert (error["decline_code"], error["advice_code"]) == (decline_code, advice)
    assert error["payment_intent"]["id"] == intent
    shown = account.shown(intent)
    assert (shown["status"], shown["payment_method"]) == ("requires_payment_method", None)
    assert shown["last_payment_error"]["decline_code"] == decline_code
    again = account.confirm(intent, payment_method="pm_card_visa").json
    assert again["status"] == "succeeded"
    assert again["last_payment_error"] is None


def test_a_hold_is_collected_in_part_and_let_go_of_for_the_rest(account: Stripes) -> None:
    intent = account.held()
    assert account.shown(intent)["amount_capturable"] == 1000

    account.post(f"payment_intents/{intent}/capture", {"amount_to_capture": 700})

    shown = account.shown(intent)
    assert (shown["status"], shown["amount_received"], shown["amount_capturable"]) == (
        "succeeded",
        700,
        0,
    )
    assert shown["latest_charge"]["amount_captured"] == 700
    assert account.get("refunds", {"payment_intent": intent}).json["data"] == []


def test_a_hold_is_let_go_of_once(account: Stripes) -> None:
    intent = account.held()

    canceled = account.post(
        f"payment_intents/{intent}/cancel", {"cancellation_reason": "abandoned"}
    ).json

    assert (canceled["status"], canceled["cancellation_reason"]) == ("canceled", "abandoned")
    assert account.post(f"payment_intents/{intent}/cancel").status == 400
    assert account.simulated.kinds(intent).count("void") == 1


def page_of(account: Stripes, intent: str) -> str:
    """Return the path of the page that the payer is sent to."""
    url = account.shown(intent)["next_action"]["redirect_to_url"]["url"]
    return urlsplit(str(url)).path


@pytest.mark.parametrize(
    ("decision", "status"), [("approve", "succeeded"), ("decline", "requires_payment_method")]
)
def test_the_payer_decides_on_the_page_of_their_bank(
    account: Stripes, decision: str, status: str
) -> None:
    intent = account.made(REQUIRED)
    asked = account.confirm(intent, return_url="https://shop.example/done").json
    assert asked["status"] == "requires_action"
    path = page_of(account, intent)
    page = account.simulated.send("GET", path)
    assert page.status == 200
    assert b"10.00" in page.body

    ended = account.simulated.send("POST", path, f"decision={decision}".encode())

    assert b"https://shop.example/done" in ended.body
    shown = account.shown(intent)
    assert shown["status"] == status
    if decision == "decline":
        code = shown["last_payment_error"]["code"]
        assert code == "payment_intent_authentication_failure"
    assert account.simulated.send("GET", "/3ds/" + intent + "/wrong").status == 404


def test_a_card_may_be_declined_after_its_owner_has_agreed(account: Stripes) -> None:
    intent = account.made("pm_card_threeDSecureRequiredChargeDeclined")
    account.confirm(intent, return_url="https://shop.example")
    account.simulated.admin("POST", f"/objects/{intent}/approve")

    assert account.shown(intent)["last_payment_error"]["decline_code"] == "generic_decline"
    assert account.simulated.pull(f"/objects/{intent}/approve").status == 409


def test_a_bank_asks_only_those_whom_it_has_to(account: Stripes) -> None:
    back = {"return_url": "https://shop.example"}

    def confirmed(card: str, confirm: dict[str, Any], **make: Any) -> Any:
        return account.confirm(account.made(card, **make), **confirm)

    assert confirmed("pm_card_visa", back, **ANY).json["status"] == "succeeded"
    assert confirmed(OPTIONAL, back).json["status"] == "succeeded"
    assert confirmed(OPTIONAL, back, **ANY).json["status"] == "requires_action"
    script = confirmed(REQUIRED, {}).json["next_action"]
    assert script["type"] == "use_stripe_sdk"
    absent = confirmed(REQUIRED, {"off_session": "true"})
    assert (absent.status, absent.error["code"]) == (402, "authentication_required")


def test_a_method_is_charged_once_unless_it_is_somebodys(account: Stripes) -> None:
    card = {"type": "card", "card[number]": "4242424242424242"}
    loose, saved = (account.post("payment_methods", card).json["id"] for _ in range(2))
    customer = account.post("customers", {"name": "A payer"}).json["id"]
    account.post(f"payment_methods/{saved}/attach", {"customer": customer})

    assert account.confirm(account.made(loose)).status == 200
    spent = account.confirm(account.made(loose))
    assert (spent.status, spent.error["param"]) == (400, "payment_method")
    assert account.make(saved).error["code"] == "resource_missing"
    for _ in range(2):
        assert account.confirm(account.made(saved, customer=customer)).status == 200
    assert account.post(f"payment_methods/{saved}/detach").json["customer"] is None
    assert account.post(f"payment_methods/{saved}/detach").status == 400
    assert account.confirm(account.made(saved)).error["param"] == "payment_method"
    wrong = account.post("payment_methods", card | {"card[number]": "4111111111111111"})
    assert wrong.error["code"] == "incorrect_number"


@pytest.mark.parametrize(
    ("card", "first", "last", "kinds"),
    [
        ("pm_card_pendingRefund", "pending", "succeeded", ["refund.pending", "refund"]),
        ("pm_card_refundFail", "succeeded", "failed", ["refund", "refund_failed"]),
    ],
)
def test_a_refund_has_a_life_of_its_own(
    account: Stripes, card: str, first: str, last: str, kinds: list[str]
) -> None:
    intent = account.paid(card)

    refund = account.post("refunds", {"payment_intent": intent, "amount": 300}).json

    assert refund["status"] == first
    wait_until(lambda: account.get(f"refunds/{refund['id']}").json["status"] == last)
    lines = account.simulated.kinds(refund["id"])
    assert [kind for kind in lines if kind in kinds] == kinds
    left = 0 if last == "failed" else 300
    assert account.shown(intent)["latest_charge"]["amount_refunded"] == left


@pytest.mark.parametrize(
    ("destination", "last", "code"),
    [("ba_1", "paid", None), ("ba_no_account", "failed", "no_account")],
)
def test_a_payout_is_paid_and_may_come_back(
    account: Stripes, destination: str, last: str, code: str | None
) -> None:
    order = {"amount": 1000, "currency": "usd", "destination": destination}

    payout = account.post("payouts", order).json

    assert payout["status"] == "pending"
    wait_until(lambda: account.get(f"payouts/{payout['id']}").json["status"] == last)
    assert account.get(f"payouts/{payout['id']}").json["failure_code"] == code
    money = [kind for kind in account.simulated.kinds(payout["id"]) if kind.startswith("payout")]
    assert money == ["payout.begun", "payout"] + ["payout_returned"] * (code is not None)


def test_only_a_pending_payout_is_cancelled(account: Stripes) -> None:
    payout = account.post("payouts", {"amount": 1000, "currency": "usd"}).json["id"]

    first, again = (account.post(f"payouts/{payout}/cancel") for _ in range(2))

    assert (first.json["status"], again.status) == ("canceled", 400)


def test_a_dispute_takes_money_until_the_bank_gives_in(account: Stripes) -> None:
    intent = account.paid()
    account.simulated.admin("POST", f"/objects/{intent}/chargeback", {"amount": 400})

    (dispute,) = account.get("disputes", {"payment_intent": intent}).json["data"]
    assert (dispute["status"], dispute["amount"]) == ("needs_response", 400)
    assert account.shown(intent)["latest_charge"]["disputed"] is True
    refund = account.post("refunds", {"payment_intent": intent})
    assert refund.error["code"] == "charge_disputed"
    account.simulated.admin("POST", f"/disputes/{dispute['id']}/win")
    assert account.get(f"disputes/{dispute['id']}").json["status"] == "won"
    assert account.post("refunds", {"payment_intent": intent}).status == 200
    assert account.simulated.pull(f"/disputes/{dispute['id']}/lose").status == 409
    too_much = account.simulated.pull(f"/objects/{intent}/chargeback", {"amount": 1001})
    assert too_much.status == 409


@pytest.mark.parametrize(
    ("card", "status", "kind"),
    [
        ("pm_card_createDispute", "needs_response", "chargeback"),
        ("pm_card_createDisputeInquiry", "warning_needs_response", "inquiry"),
    ],
)
def test_some_cards_dispute_whatever_they_pay(
    account: Stripes, card: str, status: str, kind: str
) -> None:
    intent = account.paid(card)

    def disputes() -> list[str]:
        listed = account.get("disputes", {"payment_intent": intent}).json["data"]
        return [one["status"] for one in listed]

    wait_until(lambda: disputes() == [status])
    assert kind in account.simulated.kinds(intent)


@pytest.mark.parametrize(
    ("to", "status", "reason"),
    [
        ("captured", "succeeded", None),
        ("canceled", "canceled", "requested_by_customer"),
        ("expired", "canceled", "expired"),
    ],
)
def test_an_operator_can_end_a_hold(
    account: Stripes, to: str, status: str, reason: str | None
) -> None:
    intent = account.held()

    account.simulated.admin("POST", f"/objects/{intent}/settle", {"to": to})

    shown = account.shown(intent)
    assert (shown["status"], shown["cancellation_reason"]) == (status, reason)
    assert account.simulated.pull(f"/objects/{intent}/settle", {"to": "authorized"}).status == 409


def test_the_guide_lists_every_card(account: Stripes) -> None:
    page = account.simulated.send("GET", "/").body.decode()

    for card in ("pm_card_visa", REQUIRED, "pm_card_createDispute", "ba_no_account"):
        assert card in page
    assert "prefers-color-scheme: dark" in page
