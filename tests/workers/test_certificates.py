"""Webhooks that waited for a certificate: fetched under every suspicion, then believed or not."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from domain.flows.notice import notice
from domain.ports import Budget
from domain.webhook import Proven
from ops.store.gateways import Account
from ops.store.inbox import Came, Inbox
from tests.builders import a_runtime
from tests.signers import PATH, paypal_headers, pem, rsa_key
from tests.store.conftest import Books, books, database
from tests.workers.certificate_rig import BODY, ROOT, SERVED, Rig, a_notice, account
from tests.workers.certificates import Authority
from tests.workers.raw_server import Peer, Script, answering, http, serving
from workers.certificates import FETCHES, FETCHES_PER_S, MAX_CHAIN_BYTES, Certificates

__all__ = ["account", "books", "database"]
pytestmark = pytest.mark.services


def test_the_certificate_is_fetched_once_and_then_known_to_every_door(
    books: Books, account: Account
) -> None:
    with serving(answering(SERVED)) as server:
        rig = Rig(books, replace(account, base_url=server.url))

        assert rig.proves() is Proven.GENUINE
        assert rig.proves(id_="t-2") is Proven.GENUINE
        assert len(server.requests) == 1
        assert server.requests[0].startswith(f"GET {PATH}CERT-1 HTTP/1.1".encode())
        assert rig.stored() == [{"gateway_id": "pp", "url": rig.url()}]
        (read,) = [one for one in rig.accounts() if one.id == "pp"]
        assert list(read.certificates) == [rig.url()]


def test_what_is_not_signed_by_that_key_is_forged(books: Books, account: Account) -> None:
    with serving(answering(SERVED)) as server:
        rig = Rig(books, replace(account, base_url=server.url))

        assert rig.proves(key=rsa_key(9)) is Proven.FORGED
        assert rig.proves(body=BODY + b" ") is Proven.FORGED
        assert rig.proves(webhook_id="not ours") is Proven.FORGED
        assert rig.proves() is Proven.GENUINE


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (http("404 Not Found"), Proven.FORGED),
        (http("410 Gone"), Proven.FORGED),
        (http("200 OK", b"<html>"), Proven.FORGED),
        (http("200 OK", pem(ROOT.issue(("evil.example",)))), Proven.FORGED),
        (http("200 OK", pem(replace(ROOT, key=rsa_key(3)).issue())), Proven.FORGED),
        (http("200 OK", pem(ROOT.issue(days=(-9, -1)))), Proven.FORGED),
        (http("200 OK", pem(ROOT.issue()) + b"\n" * MAX_CHAIN_BYTES), Proven.FORGED),
        (http("500 Oops"), Proven.LATER),
        (http("429 Slow down"), Proven.LATER),
        (http("403 Forbidden"), Proven.LATER),
        (b"nonsense\r\n\r\n", Proven.LATER),
        (b"", Proven.LATER),
    ],
    ids=range(12),
)
def test_what_cannot_be_had_is_asked_for_later_and_what_cannot_be_believed_never(
    books: Books, account: Account, answer: bytes, expected: Proven
) -> None:
    with serving(answering(answer)) as server:
        rig = Rig(books, replace(account, base_url=server.url))

        assert rig.proves() is expected
        assert rig.stored() == []


def test_a_redirect_is_not_followed(books: Books, account: Account) -> None:
    with serving(answering(SERVED)) as elsewhere:
        moved = http("302 Found", b"", f"Location: {elsewhere.url}{PATH}CERT-1")
        with serving(answering(moved)) as server:
            rig = Rig(books, replace(account, base_url=server.url))

            assert rig.proves() is Proven.LATER
        assert not elsewhere.requests


def test_what_comes_too_slowly_is_given_up_at_the_deadline(books: Books, account: Account) -> None:
    def slow(peer: Peer) -> None:
        peer.request()
        peer.drip(SERVED, 0.05)

    with serving(slow) as server:
        rig = Rig(books, replace(account, base_url=server.url))
        rig.prove = Certificates(books.engine, rig.accounts)
        began = time.monotonic()
        headers = paypal_headers(BODY, rig.url())
        proven = rig.prove(a_notice(headers), Budget(began + 0.5, began + 0.5))

        assert proven is Proven.LATER
        assert time.monotonic() - began < 4


def test_no_stranger_chooses_where_we_fetch(books: Books, account: Account) -> None:
    with serving(answering(SERVED)) as server:
        rig = Rig(books, account)  # its provider is elsewhere

        for url in (f"{server.url}{PATH}CERT-1", "https://evil.example" + PATH + "CERT-1"):
            assert rig.proves(url) is Proven.FORGED
        assert server.connections == 0


def test_strangers_cannot_make_us_flood_the_provider(books: Books, account: Account) -> None:
    with serving(answering(http("404 Not Found"))) as server:
        rig = Rig(books, replace(account, base_url=server.url))

        found = [rig.proves(rig.url(f"CERT-{n}")) for n in range(FETCHES + 5)]
        again = [rig.proves(rig.url(f"CERT-{n}")) for n in range(FETCHES)]

        assert found == [Proven.FORGED] * FETCHES + [Proven.LATER] * 5
        assert again == [Proven.FORGED] * FETCHES  # known to be nothing: not asked for again
        assert len(server.requests) == FETCHES
        rig.now = FETCHES_PER_S
        assert rig.proves(rig.url("CERT-99")) is Proven.FORGED
        assert len(server.requests) == FETCHES + 1


def test_an_expired_certificate_is_as_good_as_none(books: Books, account: Account) -> None:
    with serving(answering(SERVED)) as server:
        rig = Rig(books, replace(account, base_url=server.url))
        rig.proves()
        books.sql("UPDATE webhook_certificates SET not_after = clock_timestamp()")

        assert rig.proves(id_="t-2") is Proven.GENUINE
        assert len(server.requests) == 2
        assert books.sql(
            "SELECT not_after > clock_timestamp() AS good FROM webhook_certificates"
        ) == [{"good": True}]


def test_over_tls_the_host_must_prove_itself_as_well(
    books: Books, account: Account, tmp_path: Path
) -> None:
    """One file names the authorities of both: of the connection and of the certificate."""
    hosts = Authority.new(tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes(Path(hosts.ca_file).read_bytes() + pem(ROOT.certificate()))

    def tls(peer: Peer) -> None:
        peer.tls(hosts.server("127.0.0.1"))
        answering(SERVED)(peer)

    def at(server_url: str, ca_file: str) -> Rig:
        url = server_url.replace("http:", "https:")
        return Rig(books, replace(account, base_url=url, settings={"ca_file": ca_file}))

    script: Script = tls
    with serving(script) as server:
        assert at(server.url, str(account.settings["ca_file"])).proves() is Proven.LATER
        assert at(server.url, str(both)).proves() is Proven.GENUINE


@pytest.mark.parametrize("ca_file", ["nowhere.pem", "empty.pem"])
def test_without_authorities_nobody_is_believed(
    books: Books, account: Account, ca_file: str, tmp_path: Path
) -> None:
    (tmp_path / "empty.pem").write_text("")
    with serving(answering(SERVED)) as server:
        settings = {"ca_file": str(tmp_path / ca_file)}
        rig = Rig(books, replace(account, base_url=server.url, settings=settings))

        assert rig.proves() is Proven.LATER


@pytest.mark.parametrize("change", [{"webhook_secrets": []}, {"webhook_secrets": [""]}])
def test_an_account_without_a_webhook_proves_nothing(
    books: Books, account: Account, change: dict[str, Any]
) -> None:
    with serving(answering(SERVED)) as server:
        rig = Rig(books, replace(account, base_url=server.url, **change))

        assert rig.proves(webhook_id="") is Proven.FORGED


def test_a_gateway_that_is_gone_may_come_back(books: Books, account: Account) -> None:
    rig = Rig(books, account)
    notice = a_notice(paypal_headers(BODY, rig.url()), gateway="gone")

    assert rig.prove(notice, Budget(5, 5)) is Proven.LATER


def test_its_age_is_that_at_the_door_however_long_it_waited(books: Books, account: Account) -> None:
    with serving(answering(SERVED)) as server:
        rig = Rig(books, replace(account, base_url=server.url))
        sent = datetime.now(UTC) - timedelta(days=6)
        headers = paypal_headers(BODY, rig.url(), at=sent)

        waited = replace(a_notice(headers), received_at=sent + timedelta(days=1))
        assert rig.prove(waited, Budget(5, 5)) is Proven.GENUINE
        assert rig.prove(a_notice(headers), Budget(5, 5)) is Proven.FORGED


def test_a_forgery_is_told_in_the_log_without_its_bytes(
    books: Books, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(answering(SERVED)) as server, caplog.at_level(logging.WARNING):
        rig = Rig(books, replace(account, base_url=server.url))
        rig.proves(key=rsa_key(9))

    assert caplog.messages == ["gateway pp: a webhook is not from its provider"]


def test_an_event_that_waited_is_worked_off_like_any_other(books: Books, account: Account) -> None:
    """From the inbox of the door to the row that says `received`, on the real tables."""
    with serving(answering(SERVED)) as server:
        rig = Rig(books, replace(account, base_url=server.url))
        runtime = replace(a_runtime(), store=books.store)
        rig.now = runtime.monotonic()
        came = [
            Came(
                books.new_id(),
                "pp",
                f"unverified:{n}",
                BODY,
                "r",
                paypal_headers(BODY, rig.url(), key=key),
            )
            for n, key in enumerate((None, rsa_key(9)))
        ]

        async def store() -> None:
            async with AsyncConnectionPool(books.url, min_size=1, max_size=2, open=False) as pool:
                await Inbox(pool, books.vault)(came)

        asyncio.run(store())
        for one in came:
            notice(one.id, runtime, rig.prove)

        assert books.sql(
            "SELECT id, status, next_run_at <= clock_timestamp() AS due FROM webhook_events"
        ) == [{"id": came[0].id, "status": "received", "due": True}]
