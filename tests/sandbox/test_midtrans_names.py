"""Whether a name at the Midtrans simulator is used up: an order_id is, unless it ended unpaid."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.warung import Warung, a_hold, a_transfer


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warung]:
    shop = Warung.opened(tmp_path_factory.mktemp("names"))
    yield shop
    shop.close()


@pytest.mark.parametrize("end", ["cancel", "expire"])
def test_an_order_id_that_nobody_has_paid_is_free_again_once_it_is_ended(
    shop: Warung, end: str
) -> None:
    order = a_transfer("bca")
    first = shop.charged(order)
    shop.post(f"/v2/{first['order_id']}/{end}", {})

    second = shop.charged(order)

    assert second["transaction_id"] != first["transaction_id"]
    assert shop.get(f"/v2/{first['order_id']}/status").json["transaction_status"] == "pending"
    assert shop.get(f"/v2/{first['transaction_id']}/status").json["transaction_status"] == end


def test_an_order_id_whose_money_was_cancelled_stays_used(shop: Warung) -> None:
    order = a_hold()
    first = shop.charged(order)
    gone = shop.post(f"/v2/{first['order_id']}/cancel", {})

    assert gone.json["transaction_status"] == "cancel"
    assert shop.post("/v2/charge", order).json["status_code"] == "406"
