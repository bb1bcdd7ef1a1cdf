"""Every provider's webhook at the running door: the genuine one, and everything that only looks so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from domain.webhook import RECEIVED
from ingress import knocks
from ingress.knocks import Taken, knocked
from ingress.webhooks import read_event
from native.checks import Check
from native.verifier import verify_batch
from tests.dev.waiting import wait_until
from tests.ingress.webhook_rig import (
    CERT_URL,
    EVERY,
    SECRET,
    SERVER_KEY,
    TOKEN,
    Doorstep,
    account,
    bank_headers,
    doorstep,
    every_kind,
    notification,
    stamped,
)
from tests.signers import WEBHOOK_ID, paypal_headers

EVENT = b'{"id": "evt_1"}'
PROVIDERS = ("midtrans", "paypal", "sandbox", "soapbank", "stripe", "xendit")


@pytest.fixture
def step() -> Iterator[Doorstep]:
    with doorstep() as opened:
        yield opened


@pytest.mark.parametrize("index", range(len(every_kind())))
def test_a_genuine_webhook_is_taken_in_under_both_addresses(step: Doorstep, index: int) -> None:
    gateway, body, headers = every_kind()[index]
    provider = gateway.partition("-")[0]

    answers = [step.knock(path, body, headers) for path in (f"{provider}/{gateway}", provider)]

    assert [one.status_code for one in answers] == [200, 200]
    (notice,) = step.notices()
    assert (notice.gateway_id, notice.body, notice.status) == (gateway, body, RECEIVED)
    assert step.heard == [(gateway, "accepted"), (gateway, "duplicate")]
    wait_until(lambda: step.woken == [notice.id] * 2)


@pytest.mark.parametrize("index", range(len(every_kind())))
def test_no_other_gateway_believes_it(step: Doorstep, index: int) -> None:
    gateway, body, headers = every_kind()[index]
    others = [one for one in EVERY if one.id != gateway]
    # The sandbox and Stripe sign alike, but not in the same header.
    assert {
        step.knock(f"{one.provider}/{one.id}", body, headers).status_code for one in others
    } == {401}
    assert not step.notices()


def test_webhooks_that_come_together_are_verified_in_one_native_call(
    step: Doorstep, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def counted(checks: list[Check]) -> list[bool]:
        calls.append(len(checks))
        return verify_batch(checks)

    monkeypatch.setattr(knocks, "verify_batch", counted)
    kinds = every_kind()
    forged = [("stripe-one", EVENT, {"Stripe-Signature": stamped(EVENT, "wrong")})]

    async def together() -> list[Taken | BaseException]:
        knocked_ = [
            knocked(
                body,
                {name.lower(): value for name, value in headers.items()},
                [one for one in EVERY if one.provider == gateway.partition("-")[0]],
                int(time.time()),
                read_event,
                "r",
            )
            for gateway, body, headers in kinds + forged
        ]
        taken = [step.door.take(one, "x") for one in knocked_]
        return await asyncio.gather(*taken, return_exceptions=True)

    found = asyncio.run(together())

    assert [isinstance(one, Taken) for one in found] == [True] * len(kinds) + [False]
    assert len(calls) == 1
    assert sorted(step.senders()) == sorted(gateway for gateway, _, _ in kinds)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_whatever_comes_no_provider_is_told_that_we_are_broken(
    step: Doorstep, provider: str
) -> None:
    bodies = [
        b"",
        b"\0",
        b"null",
        b"[]",
        b'{"id": ' + b"9" * 5_000 + b"}",
        b"<a/>",
        b"\xef\xbb\xbf",
    ]
    found = {
        step.knock(path, body, headers).status_code
        for path in (provider, f"{provider}/{provider}-one", f"{provider}/nobody")
        for body in bodies
        for headers in (
            {"Stripe-Signature": stamped(body), "Sandbox-Signature": stamped(body)},
            bank_headers(body) | {"X-Callback-Token": TOKEN},
            paypal_headers(body, CERT_URL),
            {"Content-Type": "application/xml", "Content-Encoding": "gzip"},
        )
    }

    assert found <= {200, 400, 401}
    assert step.knock("nobody", EVENT, {}).status_code == 404
    assert step.knock(provider, b"x" * (1024 * 1024 + 1), {}).status_code == 413


def test_a_short_address_tries_no_more_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [account("stripe", SECRET, id_=f"stripe-{n}") for n in range(40)]
    body = EVENT

    found = knocked(
        body, {"stripe-signature": stamped(body)}, many, int(time.time()), read_event, "r"
    )

    assert len(found.checks) == knocks.MAX_TRIES
    other = [account("paypal", WEBHOOK_ID, id_=f"paypal-{n}") for n in range(40)]
    headers = paypal_headers(body, CERT_URL)
    assert len(knocked(body, headers, other, int(time.time()), read_event, "r").doubtful) == (
        knocks.MAX_TRIES
    )


def test_no_secret_shows_in_what_is_printed() -> None:
    headers = {"x-callback-token": TOKEN} | paypal_headers(EVENT, CERT_URL)
    found = knocked(notification(), headers, EVERY, int(time.time()), read_event, "r")

    assert found.checks
    for secret in (TOKEN, SERVER_KEY, SECRET, headers["paypal-transmission-sig"]):
        assert secret not in repr(found)
