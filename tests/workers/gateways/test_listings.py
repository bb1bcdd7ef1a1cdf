"""Lists as no provider documents them: nothing is concluded from one, and nothing is left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, cast

import pytest

from domain.outcome import Unknown
from domain.ports import Budget
from domain.reconcile import Stands, Window
from domain.reconcile_books import Listed, Page, Unlisted
from domain.reconcile_ours import Move
from tests.contract.made import money, within
from workers.gateways import sandbox_listing
from workers.gateways.paypal import listing as paypal
from workers.gateways.soapbank import listing as soapbank
from workers.gateways.soapbank.envelopes import Faulted, Said, answer
from workers.gateways.stripe import listing as stripe
from workers.gateways.wire import Answer, NeverSent, Reply, Unanswered, Unreadable
from workers.gateways.xendit import listing as xendit

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
WINDOW = Window(NOON, NOON + timedelta(hours=1))
Json: TypeAlias = dict[str, Any]


@dataclass
class Spoken:
    """A line that answers everything with this, and notes what it was asked."""

    reply: Any
    asked: list[tuple[object, ...]] = field(default_factory=list)

    def get(self, path: str, budget: Budget) -> Reply:
        self.asked.append((path,))
        return cast("Reply", self.reply)

    def made_within(self, what: str, within: Any, after: str | None, budget: Budget) -> Reply:
        self.asked.append((what, within, after))
        return cast("Reply", self.reply)


def shown(body: Json, status: int = 200) -> Answer:
    return Answer(status, {}, json.dumps(body).encode())


SANDBOX: Json = {
    "id": "sl_7",
    "at": "2026-03-31T12:00:01.000Z",
    "type": "charge",
    "amount": 1250,
    "currency": "EUR",
    "payment": "sp_1",
    "reference": "ours",
}
STRIPE: Json = {
    "id": "pi_1",
    "amount": 1250,
    "amount_received": 1250,
    "currency": "eur",
    "status": "succeeded",
    "created": int(NOON.timestamp()),
    "metadata": {"paylink_reference": "ours"},
}
PAYPAL: Json = {
    "transaction_id": "CAP1",
    "transaction_event_code": "T0006",
    "transaction_initiation_date": "2026-03-31T12:00:01Z",
    "transaction_status": "S",
    "transaction_amount": {"currency_code": "EUR", "value": "12.50"},
    "paypal_reference_id": "ORDER1",
    "paypal_reference_id_type": "ODR",
    "custom_field": "ours",
}
XENDIT: Json = {
    "id": "txn_1",
    "product_id": "py-1",
    "type": "PAYMENT",
    "status": "SUCCESS",
    "currency": "IDR",
    "amount": 12500,
    "created": "2026-03-31T12:00:01.000Z",
    "reference_id": "ours",
}


def of_sandbox(line: Json, *, more: bool = False) -> Json:
    return {"data": [line] if line else [], "has_more": more}


def of_paypal(line: Json, *, more: bool = False) -> Json:
    found = [{"transaction_info": line}] if line else []
    return {"transaction_details": found, "page": 1, "total_pages": 2 if more else 1}


@dataclass(frozen=True)
class Listings:
    """One provider's list: how it is read, what a line looks like, and a page of it."""

    reads: Callable[..., Listed]
    line: Json
    page: Callable[..., Json]
    #: What asks for the page after it.
    following: str
    #: Changes after which a line is not documented any more.
    odd: tuple[Json, ...]

    def read(self, reply: object, following: str | None = None) -> Listed:
        return self.reads(Spoken(reply), WINDOW, following, within())

    def said(self, **changes: Any) -> Listed:
        return self.read(shown(self.page(self.line | changes)))


LISTINGS: Mapping[str, Listings] = {
    "sandbox": Listings(
        sandbox_listing.listed,
        SANDBOX,
        of_sandbox,
        "sl_7",
        (
            {"type": "gift"},
            {"currency": "EURO"},
            {"amount": 0},
            {"amount": "much"},
            {"payment": None},
            {"at": "2026-03-31T12:00:01"},
        ),
    ),
    "stripe": Listings(
        stripe.listed,
        STRIPE,
        of_sandbox,
        "payment_intents:pi_1",
        ({"status": "settled"}, {"currency": "xxx"}, {"amount_received": None}, {"id": "a b"}),
    ),
    "paypal": Listings(
        paypal.listed,
        PAYPAL,
        of_paypal,
        "2",
        (
            {"transaction_status": "X"},
            {"transaction_amount": None},
            {"transaction_amount": {"currency_code": "EUR", "value": "12.505"}},
            {"transaction_initiation_date": "2026-03-31T12:00:01"},
            {"transaction_id": "a b"},
        ),
    ),
    "xendit": Listings(
        xendit.listed,
        XENDIT,
        of_sandbox,
        "txn_1",
        ({"status": "DONE"}, {"currency": "RP"}, {"amount": -1}, {"created": "today"}),
    ),
}
of_each = pytest.mark.parametrize("name", LISTINGS)


@of_each
def test_a_documented_line_is_one_movement_under_our_name(name: str) -> None:
    page = LISTINGS[name].said()

    assert isinstance(page, Page), page
    (entry,) = page.entries
    assert (entry.move, entry.stands, entry.reference) == (Move.CHARGE, Stands.MOVED, "ours")
    assert entry.money in (money(1250), money(1_250_000, "IDR"))
    assert abs(entry.at - NOON) < timedelta(minutes=1)


@of_each
@pytest.mark.parametrize("number", range(6))
def test_a_line_that_is_not_documented_fails_the_whole_page(name: str, number: int) -> None:
    listings = LISTINGS[name]
    changes = listings.odd[number % len(listings.odd)]

    assert isinstance(listings.said(**changes), Unlisted)


@of_each
@pytest.mark.parametrize(
    "reply",
    [
        NeverSent("refused"),
        Unanswered("reset"),
        Unreadable(200, "cut"),
        Answer(200, {}, b"<html>"),
        Answer(200, {}, b'{"data": []}'),
        Answer(503, {}, b"{}"),
        Answer(401, {}, b"{}"),
    ],
    ids=["unsent", "unanswered", "unreadable", "html", "half", "away", "stranger"],
)
def test_no_answer_is_no_list(name: str, reply: Reply) -> None:
    assert isinstance(LISTINGS[name].read(reply), Unlisted)


@of_each
def test_a_page_says_where_the_next_one_begins_and_an_empty_one_cannot(name: str) -> None:
    listings = LISTINGS[name]

    more = listings.read(shown(listings.page(listings.line, more=True)))
    stuck = listings.read(shown(listings.page({}, more=True)))

    assert isinstance(more, Page), more
    assert more.following == listings.following
    assert isinstance(stuck, Unlisted)


def test_stripes_lists_are_read_one_after_another() -> None:
    line, names, following = Spoken(shown({"data": [], "has_more": False})), [], None
    while True:
        page = stripe.listed(cast("Any", line), WINDOW, following, within())
        assert isinstance(page, Page), page
        names.append(line.asked[-1][0])
        following = page.following
        if following is None:
            break

    assert names == ["payment_intents", "refunds", "payouts", "disputes"]
    assert line.asked[0][1] == {
        "gte": int(NOON.timestamp()),
        "lt": int((NOON + timedelta(hours=1)).timestamp()),
    }


@pytest.mark.parametrize(
    ("status", "stands"),
    [
        ("requires_capture", Stands.HELD),
        ("processing", Stands.PENDING),
        ("canceled", Stands.FAILED),
        ("requires_payment_method", Stands.FAILED),
        ("requires_action", None),
        ("requires_confirmation", None),
    ],
)
def test_how_an_intent_stands_is_how_its_money_does(status: str, stands: Stands | None) -> None:
    page = LISTINGS["stripe"].said(status=status)

    assert isinstance(page, Page)
    assert [one.stands for one in page.entries] == ([] if stands is None else [stands])


def test_a_payout_that_was_reversed_after_it_was_paid_is_nothing_any_more() -> None:
    payout = {"id": "po_1", "amount": 100, "currency": "eur", "status": "paid", "created": 1}
    reply = shown({"data": [payout | {"reversed_by": "po_2"}], "has_more": False})

    page = LISTINGS["stripe"].read(reply, "payouts:")

    assert isinstance(page, Page)
    assert [one.stands for one in page.entries] == [Stands.FAILED]


@pytest.mark.parametrize(
    ("status", "taken"), [("lost", 1), ("needs_response", 1), ("won", 0), ("warning_closed", 0)]
)
def test_a_dispute_is_a_line_as_long_as_it_has_the_money(status: str, taken: int) -> None:
    about = {"id": "dp_1", "amount": 100, "currency": "eur", "created": 1, "payment_intent": "pi_1"}
    reply = shown({"data": [about | {"status": status}], "has_more": False})

    page = LISTINGS["stripe"].read(reply, "disputes:")

    assert isinstance(page, Page)
    assert [(one.move, one.provider_id) for one in page.entries] == [
        (Move.CHARGEBACK, "pi_1")
    ] * taken


def test_what_paypal_does_on_its_own_is_no_movement_of_a_merchants() -> None:
    page = LISTINGS["paypal"].said(transaction_event_code="T0400", transaction_amount=None)

    assert page == Page(())


def test_only_an_order_is_paypals_name_of_a_charge() -> None:
    by_order = LISTINGS["paypal"].said()
    by_capture = LISTINGS["paypal"].said(paypal_reference_id_type="TXN")

    assert isinstance(by_order, Page)
    assert isinstance(by_capture, Page)
    assert [(one.provider_id, one.is_object) for one in by_order.entries] == [("ORDER1", True)]
    assert [(one.provider_id, one.is_object) for one in by_capture.entries] == [("CAP1", False)]


def test_what_xendit_does_on_its_own_is_no_movement_of_a_merchants() -> None:
    assert LISTINGS["xendit"].said(type="WITHDRAWAL", status="WHATEVER") == Page(())


# The bank speaks XML


LINE: Json = {
    "LineId": "9",
    "At": "2026-03-31T12:00:01.000Z",
    "Kind": "CHARGE",
    "BankId": "sbc_1",
    "Reference": "ours",
    "Amount": "12.50",
    "Currency": "EUR",
}


def heard(reply: object) -> Listed:
    @dataclass
    class Bank:
        def post(self, operation: str, body: bytes, budget: Budget) -> object:
            assert operation == "GetStatement"
            return reply

    return soapbank.listed(cast("Any", Bank()), WINDOW, None, within())


@pytest.mark.parametrize(
    "changes",
    [{"Kind": "GIFT"}, {"Amount": "12.5"}, {"Currency": "EURO"}, {"At": "today"}, {"BankId": ""}],
    ids=str,
)
def test_a_line_that_no_bank_writes_fails_the_whole_page(changes: Json) -> None:
    assert isinstance(heard(Said((LINE,), None)), Page)
    assert isinstance(heard(Said((LINE | changes,), None)), Unlisted)


@pytest.mark.parametrize(
    "reply",
    [Faulted("Client.LIMIT"), NeverSent("refused"), Unknown("garbage"), Said((), None, more=True)],
    ids=["fault", "unsent", "garbage", "stuck"],
)
def test_a_statement_that_cannot_be_read_says_nothing(reply: object) -> None:
    assert isinstance(heard(reply), Unlisted)


@pytest.mark.parametrize(
    ("inner", "is_statement"),
    [
        ("<More>false</More>", True),
        ("<More>true</More><Line><LineId>1</LineId></Line>", True),
        ("", False),
        ("<More>maybe</More>", False),
        ("<More>false</More><Line><LineId>1</LineId><LineId>1</LineId></Line>", False),
        ("<More>false</More>" + "<Line><LineId>1</LineId></Line>" * 101, False),
    ],
    ids=["empty", "a line", "bare", "odd", "twice", "too long"],
)
def test_a_statement_says_whether_it_is_whole(inner: str, is_statement: bool) -> None:
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<GetStatementResponse xmlns="urn:soapbank:v1">{inner}</GetStatementResponse>'
        "</s:Body></s:Envelope>"
    ).encode()

    assert (answer(body, "GetStatement") is not None) is is_statement
