"""Forced moves over HTTP: an operator ends what no command would end, and never against proof."""

from __future__ import annotations

from typing import Any

import pytest

from domain.outcome import Unknown
from domain.payment import NOTED, Status
from tests.builders import Scripted, paid
from tests.ingress.till import ID, Till, a_till, charged

PATH = f"/v1/transactions/{ID}/status"
END = {"status": "cancelled", "reason": "agreed on the telephone"}


def move(till: Till, body: Any = END) -> tuple[int, dict[str, Any]]:
    answer = till.post(PATH, body)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("to", ["cancelled", "failed", "expired"])
def test_a_payment_that_holds_no_money_is_ended_with_the_reason(to: str) -> None:
    till = a_till(Scripted("one"))
    with till.open():
        status, shown = move(till, END | {"status": to})

        assert (status, shown["status"]) == (200, to)
        noted = {name for name in NOTED.values() if shown[name] is not None}
        assert noted == {f"{to}_at"}
        assert move(till, END | {"status": to})[0] == 200, "twice is once"
    told = [one for one in till.stage.memory.books.told if one.entry.action == "payment.forced"]
    assert len(told) == 1
    assert (told[0].entry.actor, told[0].entry.after["reason"]) == ("operator", END["reason"])


def test_while_a_charge_may_move_money_nobody_ends_it() -> None:
    till = a_till(Scripted("one", Unknown("timed out")))
    till.stage.run_due()
    with till.open():
        status, refused = move(till)

    assert (status, refused["code"]) == (409, "operation_in_flight")
    assert till.payment().status is Status.PROCESSING


def test_held_money_is_let_go_of_and_not_forgotten() -> None:
    till = charged(manual=True, captures=[paid])
    with till.open():
        assert move(till)[1]["code"] == "operation_in_flight"


def test_only_legal_moves_and_never_to_money() -> None:
    till = charged()
    with till.open():
        status, refused = move(till)
        assert (status, refused["code"], refused["allowed_operations"]) == (
            409,
            "illegal_state",
            [],
        )
        assert move(till, END | {"status": "captured"})[0] == 422
        assert move(till, {"status": "failed"})[0] == 422


def test_a_merchants_everyday_key_may_not() -> None:
    till = a_till(Scripted("one"))
    everyday = till.book.add(
        merchant_id=till.payment().merchant_id, scopes=("payments:read", "payments:write")
    )
    with till.open() as client:
        client.headers["Authorization"] = f"Bearer {everyday}"
        assert move(till)[0] == 403
