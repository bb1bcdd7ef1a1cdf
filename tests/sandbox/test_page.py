"""The payment page in the hands of a browser without scripts."""

from html.parser import HTMLParser

import pytest

from ops.sandbox.pages import money
from tests.sandbox.running import Response, Sandbox, an_order, send

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Reader(HTMLParser):
    """Collects the text, the buttons and every address a page refers to."""

    def __init__(self, page: Response) -> None:
        super().__init__()
        self.text = ""
        self.buttons: list[str | None] = []
        self.addresses: list[str | None] = []
        self.tags: list[str] = []
        self.feed(page.body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = dict(attrs)
        if tag == "button":
            self.buttons.append(named["value"])
        self.addresses += [named[name] for name in ("href", "src", "action") if name in named]

    def handle_data(self, data: str) -> None:
        self.text += data


def page(sandbox: Sandbox, payment: str) -> Response:
    return send(sandbox.port, "GET", f"/pay/{payment}")


def click(sandbox: Sandbox, payment: str, decision: str) -> Response:
    return send(sandbox.port, "POST", f"/pay/{payment}", f"decision={decision}".encode(), FORM)


def waiting(sandbox: Sandbox, **changes: object) -> str:
    return str(sandbox.create(an_order(three_ds="required", **changes)).json["id"])


def test_the_page_shows_what_is_paid_and_two_buttons_and_loads_nothing(
    sandbox: Sandbox,
) -> None:
    order = an_order(three_ds="required", amount=123_450, description="Two tickets")
    answer = page(sandbox, sandbox.create(order).json["id"])

    shown = Reader(answer)

    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "1,234.50 USD" in shown.text
    assert order["reference"] in shown.text
    assert "Two tickets" in shown.text
    assert shown.buttons == ["approve", "decline"]
    assert shown.addresses == []
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_nothing_a_merchant_sends_becomes_markup(sandbox: Sandbox) -> None:
    nasty = "</p><script>alert(1)</script>\"'&"
    payment = waiting(
        sandbox, reference=nasty, description=nasty, return_url='https://shop.test/"><b>'
    )

    asking = Reader(page(sandbox, payment))
    click(sandbox, payment, "approve")
    ended = Reader(page(sandbox, payment))

    for shown in (asking, ended):
        assert nasty in shown.text
        assert not {"script", "b"} & set(shown.tags)
    assert ended.addresses == ['https://shop.test/"><b>']


@pytest.mark.parametrize(
    ("decision", "capture", "ends_as", "code"),
    [
        ("approve", True, "captured", None),
        ("approve", False, "authorized", None),
        ("decline", True, "declined", "authentication_failed"),
    ],
)
def test_the_decision_is_taken_and_the_browser_goes_back_to_the_shop(
    sandbox: Sandbox, decision: str, capture: bool, ends_as: str, code: str | None
) -> None:
    back = "https://shop.test/done?order=7"
    payment = waiting(sandbox, return_url=back, capture=capture)

    answer = click(sandbox, payment, decision)

    assert (answer.status, answer.headers["location"]) == (303, back)
    shown = sandbox.get(f"/v1/payments/{payment}").json
    assert (shown["status"], shown["decline_code"]) == (ends_as, code)
    assert shown["next_action"] is None


def test_a_second_click_changes_nothing_and_the_page_says_it_is_over(sandbox: Sandbox) -> None:
    order = an_order(three_ds="required")
    payment = sandbox.create(order).json["id"]
    first = Reader(click(sandbox, payment, "approve"))

    second = Reader(click(sandbox, payment, "decline"))

    for shown in (first, second, Reader(page(sandbox, payment))):
        assert "This payment is paid." in shown.text
        assert "close this page" in shown.text
        assert shown.buttons == []
    assert sandbox.get(f"/v1/payments/{payment}").json["status"] == "captured"
    assert sandbox.charges(order["reference"]) == 1


def test_an_issuer_that_declines_does_so_after_the_customer_approved(sandbox: Sandbox) -> None:
    payment = waiting(sandbox, metadata={"sandbox": "hard_decline"})

    shown = Reader(click(sandbox, payment, "approve"))

    assert "This payment was declined." in shown.text
    assert sandbox.get(f"/v1/payments/{payment}").json["decline_code"] == "stolen_card"


def test_a_click_that_says_nothing_decides_nothing(sandbox: Sandbox) -> None:
    payment = waiting(sandbox)

    assert click(sandbox, payment, "perhaps").status == 400
    assert sandbox.get(f"/v1/payments/{payment}").json["status"] == "requires_action"


def test_an_unknown_payment_has_no_page(sandbox: Sandbox) -> None:
    assert page(sandbox, "sp_nobody").status == 404
    assert click(sandbox, "sp_nobody", "approve").status == 404


def test_the_guide_is_a_page_that_loads_nothing(sandbox: Sandbox) -> None:
    answer = send(sandbox.port, "GET", "/")

    shown = Reader(answer)

    assert answer.status == 200
    assert "9005" in shown.text
    assert "charge_then_drop" in shown.text
    assert shown.addresses == ["/?format=json"]


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (5, "USD", "0.05 USD"),
        (1_234_567, "EUR", "12,345.67 EUR"),
        (1500, "JPY", "1,500 JPY"),
        (1500, "KWD", "1.500 KWD"),
    ],
)
def test_money_is_shown_with_its_currency_s_digits(amount: int, currency: str, shown: str) -> None:
    assert money(amount, currency) == shown
