"""The checkout link: it leads on, it leads back, and it leads nowhere else."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest

from domain.due import NEVER
from domain.payment import Mode, Status
from ingress import hop
from ingress.hop import VISITS_PER_MINUTE, back_to
from ingress.hop_links import HopLinks
from ops.settings import BadSettings, Settings
from tests.builders import PAYMENT, Scripted, a_payment, a_runtime, paid
from tests.ingress.till import ID, Till, a_till

SHOP = "https://shop.example.com/thanks?order=7&note=a%20b#top"
BANK = "https://bank.example.com/pay?token=abc%2F1&x=%C3%A9"
#: A payment that waits for its payer.
ASKED: dict[str, Any] = {"status": Status.REQUIRES_ACTION, "action_url": BANK, "due": NEVER}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hop, "WAIT_S", 0.05)


def ended(status: Status, **changes: Any) -> Till:
    """A till whose payment is over, or waits for nobody at the door."""
    money: dict[str, Any] = {}
    if status in (Status.CAPTURED, Status.PARTIALLY_REFUNDED, Status.REFUNDED, Status.REVERSED):
        money = {"amount_authorized": 5_000, "amount_captured": 5_000}
    return a_till(status=status, due=NEVER, **(money | changes))


def test_a_payer_is_led_to_the_providers_page() -> None:
    till = a_till(**ASKED, return_url=SHOP)
    with till.open() as client:
        client.headers.pop("Authorization")
        for prefix in ("", "/api"):
            answer = client.get(prefix + till.hop())
            assert (answer.status_code, answer.headers["Location"]) == (303, BANK)
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.content == b""


@pytest.mark.parametrize(
    "status",
    [
        *(Status.IN_REVIEW, Status.AUTHORIZED, Status.CAPTURED, Status.PARTIALLY_REFUNDED),
        *(Status.REFUNDED, Status.REVERSED, Status.FAILED, Status.CANCELLED, Status.EXPIRED),
    ],
)
def test_with_a_result_the_payer_goes_back_to_the_shop(status: Status) -> None:
    with_url, without = ended(status, return_url=SHOP), ended(status)
    with with_url.open() as client:
        answer = client.get(with_url.hop())
    with without.open() as client:
        page = client.get(without.hop())

    assert answer.status_code == 303
    back = urlsplit(answer.headers["Location"])
    assert (back.netloc, back.path, back.fragment) == ("shop.example.com", "/thanks", "top")
    assert dict(parse_qsl(back.query)) == {
        **{"order": "7", "note": "a b"},
        **{"payment_id": ID, "status": status.value},
    }
    assert (page.status_code, "http-equiv" in page.text) == (200, False)
    assert "You can close this page." in page.text


@pytest.mark.parametrize("status", [Status.PENDING, Status.PROCESSING, Status.REQUIRES_ACTION])
def test_without_a_result_the_page_asks_again(status: Status) -> None:
    till = a_till(status=status, due=NEVER, return_url=SHOP)
    with till.open() as client:
        page = client.get(till.hop())

    assert page.status_code == 200
    assert '<meta http-equiv="refresh" content="2">' in page.text
    assert "color-scheme:light dark" in page.text


def test_the_page_loads_nothing_and_tells_nothing() -> None:
    till = a_till(due=NEVER, return_url=SHOP, description="secret plans", order_id="o-1")
    with till.open() as client:
        page = client.get(till.hop())

    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.search(r"https?://|<script|<img|<link|src=|href=", page.text)
    for hidden in (ID, "5000", "secret plans", "o-1", "shop.example.com", "tok_secret"):
        assert hidden not in page.text


def test_a_payer_who_comes_early_is_led_on_as_soon_as_there_is_somewhere_to_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hop, "WAIT_S", 30.0)
    till = Till(a_runtime(Scripted("one", paid), holding=a_payment(return_url=SHOP)))
    looks = 0
    read = till.stage.memory.begin

    def begin() -> Any:
        nonlocal looks
        looks += 1
        if looks == 2:  # somebody has looked once, and waits now
            till.stage.run_due()
        return read()

    with till.open() as client:
        monkeypatch.setattr(till.stage.memory, "begin", begin)
        answer = client.get(till.hop())

    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("&status=captured#top")


def test_an_unconfirmed_payment_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hop, "WAIT_S", 3_600.0)
    till = a_till(confirmed=False)
    with till.open() as client:
        assert "http-equiv" in client.get(till.hop()).text


def flip(token: str) -> str:
    return token[:-5] + ("A" if token[-5] != "A" else "B") + token[-4:]


FORGERIES: list[Callable[[HopLinks], str]] = [
    lambda links: "x",
    lambda links: "A" * 43,
    lambda links: links.token(PAYMENT)[:-1],
    lambda links: links.token(PAYMENT) + "=",
    lambda links: flip(links.token(PAYMENT)),
    lambda links: links.token(UUID(int=3))[:22] + links.token(PAYMENT)[22:],
    lambda links: HopLinks(links.public_url, b"another key").token(PAYMENT),
    lambda links: base64.urlsafe_b64encode(PAYMENT.bytes + bytes(16)).rstrip(b"=").decode(),
    # The last character has four bits that mean nothing: one spelling counts.
    lambda links: links.token(PAYMENT)[:-1] + chr(ord(links.token(PAYMENT)[-1]) + 1),
    lambda links: links.token(UUID(int=12345)),
]


@pytest.mark.parametrize("forge", FORGERIES)
def test_every_wrong_link_shows_the_same_page(forge: Callable[[HopLinks], str]) -> None:
    till = a_till(**ASKED, return_url=SHOP)
    with till.open() as client:
        answer = client.get(f"/v1/checkout/{forge(till.links)}/go")
        unknown = client.get(f"/v1/checkout/{'B' * 43}/go")

    assert (answer.status_code, answer.text) == (404, unknown.text)
    assert "Location" not in answer.headers


def test_a_link_ends_a_day_after_its_payment_could_have_ended() -> None:
    till = a_till(**ASKED)
    with till.open() as client:
        till.stage.clock.advance(timedelta(days=1, minutes=30).total_seconds())
        assert client.get(till.hop()).status_code == 303
        till.stage.clock.advance(1)
        late = client.get(till.hop())
        assert (late.status_code, "Location" in late.headers) == (404, False)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example.com/x",
        "https:/one-slash",
        "https://bank.example.com/a b",
        "https://bank.example.com/\r\nSet-Cookie: a=b",
        "https://bank.example.com/\u202e",
        "https://[bank",
        "https://bank.example.com/" + "x" * 9_000,
    ],
)
def test_a_providers_address_that_no_browser_should_follow_is_not_given(url: str) -> None:
    till = a_till(**(ASKED | {"action_url": url}), return_url=SHOP)
    with till.open() as client:
        answer = client.get(till.hop())

    assert (answer.status_code, "Location" in answer.headers) == (200, False)
    assert "Set-Cookie" not in answer.headers
    assert "evil" not in answer.text


def test_who_pays_by_transfer_reads_to_which_account() -> None:
    shown = (("type", "bank_transfer"), ("bank", "bca"), ("account_number", "<7280121529117516>"))
    till = a_till(**(ASKED | {"action_url": "", "action_shown": shown}), return_url=SHOP)
    with till.open() as client:
        answer = client.get(till.hop())

    assert (answer.status_code, "Location" in answer.headers) == (200, False)
    assert "<dt>Account number</dt><dd>&lt;7280121529117516&gt;</dd>" in answer.text
    assert "<dt>Bank</dt><dd>bca</dd>" in answer.text
    assert "<dt>Amount</dt>" in answer.text
    assert "bank_transfer" not in answer.text


def test_only_test_payments_may_lead_to_an_unencrypted_page() -> None:
    plain = "http://127.0.0.1:9000/pay/1"
    answers = {}
    for mode in Mode:
        till = a_till(**(ASKED | {"action_url": plain, "mode": mode}))
        with till.open() as client:
            answers[mode] = client.get(till.hop()).headers.get("Location")

    assert answers == {Mode.TEST: plain, Mode.LIVE: None}


def test_nothing_in_the_request_says_where_to_go() -> None:
    till = ended(Status.CAPTURED, return_url=SHOP)
    with till.open() as client:
        plain = client.get(till.hop()).headers["Location"]
        told = client.get(
            till.hop() + "?return_url=https://evil.example.com&next=//evil.example.com",
            headers={"Host": "evil.example.com", "X-Forwarded-Host": "evil.example.com"},
        ).headers["Location"]

    assert told == plain
    assert "evil" not in told


@pytest.mark.parametrize(
    ("url", "back"),
    [
        ("https://shop.example.com", "https://shop.example.com?{}"),
        ("https://shop.example.com/?", "https://shop.example.com/?{}"),
        ("https://shop.example.com/#a", "https://shop.example.com/?{}#a"),
        ("https://shop.example.com/?a=%26%3D&b", "https://shop.example.com/?a=%26%3D&b&{}"),
        ("https://shop.example.com/?status=paid&a=1", "https://shop.example.com/?a=1&{}"),
        ("https://shop.example.com/?%73tatus=paid", "https://shop.example.com/?{}"),
        ("https://shop.example.com/?payment_id=x&", "https://shop.example.com/?{}"),
    ],
)
def test_what_is_told_the_shop_is_told_once_and_the_rest_stays(url: str, back: str) -> None:
    payment = a_payment(status=Status.CAPTURED)

    assert back_to(url, payment) == back.format(f"payment_id={ID}&status=captured")


def test_an_address_may_not_come_too_often() -> None:
    till = ended(Status.CAPTURED)
    with till.open() as client:
        answers = [client.get(till.hop()) for _ in range(VISITS_PER_MINUTE + 1)]

    assert {answer.status_code for answer in answers[:-1]} == {200}
    assert (answers[-1].status_code, answers[-1].json()["code"]) == (429, "rate_limited")
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_links_begin_where_payers_reach_the_door() -> None:
    def url(**environ: str) -> str:
        return Settings.from_env({"USE_MOCK_DB": "true"} | environ).public_url

    assert url() == "http://127.0.0.1:8080"
    assert url(APP_PORT="9000") == "http://127.0.0.1:9000"
    assert url(PUBLIC_URL="https://pay.example.com/door/") == "https://pay.example.com/door"
    for wrong in ("pay.example.com", "ftp://pay.example.com", "https://", "https://a.example/?b=c"):
        with pytest.raises(BadSettings, match="PUBLIC_URL"):
            url(PUBLIC_URL=wrong)


def test_a_link_cannot_be_guessed_from_another() -> None:
    links = HopLinks("https://pay.example.com", b"key")
    first, second = links.token(UUID(int=1)), links.token(UUID(int=2))

    assert first[22:] != second[22:]
    assert links.token(UUID(int=1)) == first
    assert links.payment_id(first) == UUID(int=1)
    assert "key" not in repr(links)
