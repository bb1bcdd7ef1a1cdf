"""TLS: what cannot prove who it is gets not one byte."""

from __future__ import annotations

import socket
import ssl
import time

import pytest

from tests.workers.certificates import Authority
from tests.workers.raw_server import Peer, RawServer, Script, http, serving
from tests.workers.test_wire import SOON_S, post, within
from workers.gateways.paced import CONNECT_S
from workers.gateways.wire import Answer, NeverSent, Unanswered, Unreadable, Wire

OK = http("200 OK", b"fine")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.new(tmp_path_factory.mktemp("certificates"))


def to(server: RawServer, authority: Authority | None) -> Wire:
    url = server.url.replace("http:", "https:")
    return Wire(url, {}, ca_file=authority.ca_file if authority else None)


def behind(context: ssl.SSLContext, script: Script) -> Script:
    def tls(peer: Peer) -> None:
        peer.tls(context)
        script(peer)

    return tls


def answer(peer: Peer) -> None:
    while peer.request():
        peer.send(OK)


def test_a_provider_that_proves_its_name_is_answered_over_a_kept_connection(
    authority: Authority,
) -> None:
    with serving(behind(authority.server("127.0.0.1"), answer)) as server:
        wire = to(server, authority)

        assert [isinstance(post(wire), Answer) for _ in range(3)] == [True] * 3
        assert server.connections == 1
        wire.close()


@pytest.mark.parametrize("trusted", [True, False], ids=["wrong name", "unknown authority"])
def test_a_certificate_that_proves_nothing_gets_no_byte(
    authority: Authority, trusted: bool
) -> None:
    address = "127.0.0.2" if trusted else "127.0.0.1"
    with serving(behind(authority.server(address), answer)) as server:
        reply = post(to(server, authority if trusted else None))

        assert isinstance(reply, NeverSent)
        assert "CERTIFICATE_VERIFY_FAILED" in reply.cause
        assert server.requests == []


def test_a_server_without_tls_gets_no_byte(authority: Authority) -> None:
    with serving(lambda peer: peer.send(OK)) as server:
        assert isinstance(post(to(server, authority)), NeverSent)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_server_that_only_speaks_old_tls_gets_no_byte(authority: Authority) -> None:
    old, lenient = authority.server("127.0.0.1"), ssl.create_default_context()
    lenient.load_verify_locations(authority.ca_file)
    for context in (old, lenient):
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(behind(old, answer)) as server:
        with (
            socket.create_connection(("127.0.0.1", server.port)) as plain,
            lenient.wrap_socket(plain, server_hostname="127.0.0.1") as shaken,
        ):
            assert shaken.version() == "TLSv1.1"  # somebody else would talk to it

        assert isinstance(post(to(server, authority)), NeverSent)
        assert server.requests == []


def test_a_handshake_that_stalls_ends_with_the_time_to_send(authority: Authority) -> None:
    with serving(lambda peer: peer.until_gone()) as server:
        began = time.monotonic()

        reply = post(to(server, authority), within(send_s=0.3))

        assert isinstance(reply, NeverSent)
        assert time.monotonic() - began < CONNECT_S * 0.8


def test_a_post_whose_handshake_failed_is_tried_a_second_time(authority: Authority) -> None:
    def hang_up(peer: Peer) -> None:
        """Leave in the middle of the handshake."""

    with serving(hang_up, behind(authority.server("127.0.0.1"), answer)) as server:
        wire = to(server, authority)

        reply = post(wire)

        assert isinstance(reply, Answer)
        assert (server.connections, len(server.requests)) == (2, 1)
        wire.close()


@pytest.mark.parametrize(
    ("head", "kind"),
    [(b"", Unanswered), (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", Unreadable)],
    ids=["head", "body"],
)
def test_a_drip_under_tls_does_not_outlive_the_deadline(
    authority: Authority, head: bytes, kind: type
) -> None:
    def drip(peer: Peer) -> None:
        peer.request()
        peer.send(head)
        peer.drip(b"HTTP/1.1 200 OK\r\n" + b"x" * 1000, 0.02)

    with serving(behind(authority.server("127.0.0.1"), drip)) as server:
        began = time.monotonic()

        reply = post(to(server, authority), within(deadline_s=0.4))

        assert isinstance(reply, kind)
        assert time.monotonic() - began < SOON_S
