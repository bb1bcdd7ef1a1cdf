"""A token that was taken out of the vault is charged no more, also after a restart."""

from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.sandbox.running import Response, Sandbox, an_order


def detach(sandbox: Sandbox, token: str, key: str | None = None) -> Response:
    return sandbox.post(f"/v1/payment_methods/{quote(token, safe='')}/detach", {}, key)


def an_order_with(token: str, **changes: object) -> dict[str, object]:
    return an_order(source={"type": "card", "token": token}) | changes


@pytest.mark.parametrize(
    "token", [f"tok_{uuid4().hex}", "tok/with space?and%ü"], ids=["plain", "odd"]
)
def test_a_detached_token_is_declined_for_good_and_others_are_not(
    sandbox: Sandbox, token: str
) -> None:
    assert sandbox.create(an_order_with(token)).status == 201

    first, again = detach(sandbox, token), detach(sandbox, token)

    assert (first.status, first.json) == (200, {"token": token, "detached": True})
    assert (again.status, again.json) == (200, first.json)
    order = an_order_with(token, capture=False, three_ds="required")
    refused = sandbox.create(order)
    assert (refused.status, refused.error["type"]) == (402, "card_error")
    assert refused.error["code"] == "token_detached"
    payment = refused.error["payment"]
    assert (payment["status"], payment["decline_code"]) == ("declined", "token_detached")
    assert sandbox.charges(str(order["reference"])) == 0
    assert sandbox.create(an_order_with(f"{token}x")).status == 201
    lines = [entry for entry in sandbox.entries() if entry.get("token") == token]
    assert [entry["kind"] for entry in lines] == ["detach"]


def test_what_was_charged_before_can_still_be_captured_and_refunded(sandbox: Sandbox) -> None:
    token = f"tok_{uuid4().hex}"
    payment = sandbox.create(an_order_with(token, capture=False)).json["id"]
    detach(sandbox, token)

    assert sandbox.post(f"/v1/payments/{payment}/capture", {}).status == 200
    assert sandbox.refund(payment).status == 201


def test_it_survives_a_restart_and_so_does_its_key(own: Sandbox) -> None:
    own.start()
    first = detach(own, "tok_gone", "k")
    own.kill()

    own.start()

    assert own.create(an_order_with("tok_gone")).error["code"] == "token_detached"
    again = detach(own, "tok_gone", "k")
    assert (again.body, again.headers["idempotent-replayed"]) == (first.body, "true")


def test_a_transfer_has_no_token_that_could_be_detached(sandbox: Sandbox) -> None:
    token = f"tok_{uuid4().hex}"
    detach(sandbox, token)

    answer = sandbox.create(an_order(source={"type": "bank_transfer", "token": token}))

    assert answer.json["status"] == "requires_action"


@pytest.mark.parametrize("token", ["", "x" * 256, "%ff"])
def test_what_cannot_be_a_token_is_a_404(sandbox: Sandbox, token: str) -> None:
    answer = sandbox.post(f"/v1/payment_methods/{token}/detach", {})

    assert (answer.status, answer.error["code"]) == (404, "not_found")


def test_a_field_that_is_not_known_is_refused(sandbox: Sandbox) -> None:
    answer = sandbox.post("/v1/payment_methods/tok_1/detach", {"note": "x"})

    assert (answer.status, answer.error["param"]) == (400, "note")


def test_a_detach_can_lose_its_answer_too(sandbox: Sandbox) -> None:
    token = f"tok_{uuid4().hex}"
    sandbox.fault("charge_then_500", count=1, on="detach")

    assert detach(sandbox, token).status == 500

    assert sandbox.create(an_order_with(token)).error["code"] == "token_detached"


@pytest.mark.parametrize("token", ["tok_visa", "tok_mastercard", "tok_amex", "tok_test"])
def test_the_tokens_of_the_examples_are_everybodys_and_go_on_working(
    sandbox: Sandbox, token: str
) -> None:
    assert detach(sandbox, token).json == {"token": token, "detached": True}

    assert sandbox.create(an_order_with(token)).status == 201
