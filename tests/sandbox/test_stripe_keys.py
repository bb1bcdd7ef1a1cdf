"""Idempotency keys at the simulated Stripe, with their traps."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.sandbox.running import wait_until
from tests.sandbox.stripes import Stripes, account, an_intent, own, running, shared

__all__ = ["account", "own", "shared"]  # fixtures


def a_key() -> str:
    return uuid4().hex


def sales(account: Stripes, intent: str) -> int:
    return account.simulated.kinds(intent).count("sale")


def test_a_repetition_brings_the_first_answer_byte_for_byte(account: Stripes) -> None:
    order, key = an_intent(), a_key()
    first, again = (account.post("payment_intents", order, key) for _ in range(2))

    assert first.status == again.status == 200
    assert first.body == again.body
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert account.post("payment_intents", order, a_key()).json["id"] != first.json["id"]


def test_the_saved_answer_is_that_of_then_not_of_now(account: Stripes) -> None:
    intent, key = account.held(), a_key()
    captured = account.post(f"payment_intents/{intent}/capture", {}, key)
    account.post("refunds", {"payment_intent": intent})

    again = account.post(f"payment_intents/{intent}/capture", {}, key)

    assert again.body == captured.body
    assert account.simulated.kinds(intent).count("capture") == 1


@pytest.mark.parametrize(
    ("path", "changes"),
    [("payment_intents", {"amount": 1001}), ("payouts", {})],
    ids=["other parameters", "another endpoint"],
)
def test_a_key_belongs_to_one_request(account: Stripes, path: str, changes: dict[str, Any]) -> None:
    order, key = an_intent(), a_key()
    account.post("payment_intents", order, key)

    answer = account.post(path, order | changes, key)

    assert answer.status == 400
    assert answer.error["type"] == "idempotency_error"


def test_the_order_of_the_parameters_does_not_matter(account: Stripes) -> None:
    order, key = an_intent(), a_key()
    first = account.post("payment_intents", order, key)

    again = account.post("payment_intents", dict(reversed(order.items())), key)

    assert again.body == first.body


def test_wrong_parameters_leave_a_key_free_and_a_decline_does_not(account: Stripes) -> None:
    order, key = an_intent(), a_key()
    assert account.post("payment_intents", order | {"amount": "much"}, key).status == 400
    assert account.post("payment_intents", order, key).status == 200

    poor, again = account.made("pm_card_visa_chargeDeclined"), a_key()
    declined = account.confirm(poor, again)
    assert declined.status == 402
    assert account.confirm(poor, again).body == declined.body
    assert account.simulated.kinds(poor).count("declined") == 1


def test_a_wrong_state_is_kept_under_the_key(account: Stripes) -> None:
    intent, key = account.made(), a_key()
    refused = account.post(f"payment_intents/{intent}/capture", {}, key)
    account.confirm(intent)

    assert refused.error["code"] == "payment_intent_unexpected_state"
    assert account.post(f"payment_intents/{intent}/capture", {}, key).body == refused.body


@pytest.mark.parametrize(("fault", "done"), [("fail_before", 0), ("fail_after", 1)])
def test_a_500_is_kept_whatever_was_done(account: Stripes, fault: str, done: int) -> None:
    intent, key = account.made(), a_key()
    account.simulated.fault(fault, on="charge", step="move", count=1)

    failed, again = (account.confirm(intent, key) for _ in range(2))

    assert failed.status == again.status == 500
    assert again.headers["idempotent-replayed"] == "true"
    assert sales(account, intent) == done
    assert account.status(intent) == ("succeeded" if done else "requires_confirmation")


@pytest.mark.parametrize("fault", ["rate_limited", "unavailable", "drop_before"])
def test_what_never_reached_the_endpoint_leaves_the_key_free(account: Stripes, fault: str) -> None:
    intent, key = account.made(), a_key()
    account.simulated.fault(fault, on="charge", step="move", count=1)
    if fault == "drop_before":
        with pytest.raises(OSError):
            account.confirm(intent, key)
    else:
        assert account.confirm(intent, key).status in (429, 503)

    assert account.confirm(intent, key).json["status"] == "succeeded"
    assert sales(account, intent) == 1


def test_a_second_request_under_a_key_in_use_is_a_conflict(account: Stripes) -> None:
    intent, key = account.made(), a_key()
    account.simulated.fault("latency", on="charge", step="move", count=1, ms=2_000)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(account.confirm, intent, key)
        wait_until(lambda: sales(account, intent) == 1)

        conflict = account.confirm(intent, key)

        assert conflict.status == 409
        assert conflict.error["type"] == "idempotency_error"
        assert conflict.error["code"] == "idempotency_key_in_use"
        assert account.confirm(intent, a_key()).status == 400
        first = slow.result()
    assert account.confirm(intent, key).body == first.body
    assert sales(account, intent) == 1


def test_a_key_that_is_too_long_is_refused(account: Stripes) -> None:
    assert account.post("payment_intents", an_intent(), "k" * 255).status == 200
    assert account.post("payment_intents", an_intent(), "k" * 256).status == 400


def test_a_key_protects_for_its_window_only(tmp_path: Path) -> None:
    for forgetful in running(tmp_path, "--key-window-s", "0"):
        order, key = an_intent(), a_key()
        first, again = (forgetful.post("payment_intents", order, key) for _ in range(2))
        assert first.json["id"] != again.json["id"]


def test_keys_and_objects_outlive_a_kill(own: Stripes) -> None:
    intent, key = own.made(), a_key()
    paid = own.confirm(intent, key)
    refund = own.post("refunds", {"payment_intent": intent, "amount": 300}).json["id"]
    own.simulated.kill()
    own.simulated.start()

    assert own.confirm(intent, key).body == paid.body
    assert own.shown(intent)["latest_charge"]["amount_refunded"] == 300
    assert own.get(f"refunds/{refund}").json["status"] == "succeeded"
    assert sales(own, intent) == 1
