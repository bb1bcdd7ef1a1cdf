"""The wire tells exactly how far an exchange came, and never outlives its deadline."""

from __future__ import annotations

import socket
import time

import pytest

from domain.ports import Budget
from tests.workers.raw_server import Peer, RawServer, Script, answering, http, serving
from workers.gateways import Unusable
from workers.gateways.paced import CONNECT_S, Exchange, TooLate
from workers.gateways.wire import (
    BODY_LIMIT,
    Answer,
    NeverSent,
    Reply,
    Unanswered,
    Unreadable,
    Wire,
)

OK = http("200 OK", b"fine")
#: Long for a machine under load, short against the deadlines that must not be waited for.
SOON_S = 3.0


def within(deadline_s: float = 10.0, send_s: float = 2.0) -> Budget:
    now = time.monotonic()
    return Budget(now + send_s, now + deadline_s)


def post(wire: Wire, budget: Budget | None = None) -> Reply:
    return wire.send("POST", "/pay", budget or within(), headers={}, body=b'{"amount": 1}')


def get(wire: Wire, budget: Budget | None = None) -> Reply:
    return wire.send("GET", "/pay", budget or within(), headers={})


def to(server: RawServer) -> Wire:
    return Wire(server.url, {})


def hang_up_unread(peer: Peer) -> None:
    """Leave without having read: the client meets a reset."""


def hang_up(peer: Peer) -> None:
    peer.request()


def hang(peer: Peer) -> None:
    peer.request()
    peer.until_gone()


def sending(data: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(data)

    return script


def dripping(data: bytes, every_s: float = 0.02) -> Script:
    def script(peer: Peer) -> None:
        peer.request()
        peer.drip(data, every_s)

    return script


def test_a_refused_connection_was_never_sent() -> None:
    with serving(hang) as server:
        url = server.url

    reply = post(Wire(url, {}))

    assert isinstance(reply, NeverSent)
    assert "refused" in reply.cause


def test_a_name_that_does_not_resolve_was_never_sent() -> None:
    reply = post(Wire("http://no-such-provider.invalid", {}))

    assert isinstance(reply, NeverSent)
    assert "gaierror" in reply.cause


def test_a_connection_that_is_not_accepted_was_never_sent_and_ends_with_the_time_to_send() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]  # more than an empty backlog holds
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        began = time.monotonic()

        reply = post(Wire(f"http://127.0.0.1:{address[1]}", {}), within(send_s=0.3))

        for one in waiting:
            one.close()
    assert isinstance(reply, NeverSent)
    assert time.monotonic() - began < CONNECT_S * 0.8


@pytest.mark.parametrize("script", [hang_up, hang_up_unread], ids=["read", "unread"])
def test_a_post_that_is_hung_up_on_may_have_arrived_and_is_not_repeated(script: Script) -> None:
    with serving(script, answering(OK)) as server:
        reply = post(to(server))

        assert isinstance(reply, Unanswered)
        assert server.connections == 1


def test_a_get_that_is_hung_up_on_is_tried_a_second_time() -> None:
    with serving(hang_up, answering(OK)) as server:
        reply = get(to(server))

        assert isinstance(reply, Answer)
        assert len(server.requests) == 2


def test_a_get_is_not_tried_a_third_time() -> None:
    with serving(hang_up) as server:
        reply = get(to(server))

        assert isinstance(reply, Unanswered)
        assert len(server.requests) == 2


def test_a_get_that_was_answered_is_not_tried_again_whatever_the_answer() -> None:
    with serving(answering(http("503 Service Unavailable"))) as server:
        reply = get(to(server))

        assert isinstance(reply, Answer)
        assert (reply.status, len(server.requests)) == (503, 1)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\nhalf", 201),
        (b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal", 201),
        (b"HTTP/1.1 2", None),
        (b"\x00\xff\x00 this is not HTTP\r\n\r\n", None),
        (b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n", None),
    ],
    ids=["half a body", "half a chunk", "half a status line", "garbage", "endless line"],
)
def test_an_answer_that_began_and_is_no_use_is_unreadable(data: bytes, status: int | None) -> None:
    with serving(sending(data)) as server:
        reply = post(to(server))

        assert isinstance(reply, Unreadable)
        assert reply.status == status
        assert server.connections == 1


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (hang, Unanswered),
        (dripping(OK), Unanswered),
        (dripping(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000), Unanswered),
    ],
    ids=["silence", "slow status line", "slow header"],
)
def test_no_answer_within_the_deadline_is_unanswered_however_it_drips(
    script: Script, kind: type
) -> None:
    with serving(script) as server:
        began = time.monotonic()

        reply = post(to(server), within(deadline_s=0.3))

        assert isinstance(reply, kind)
        assert 0.3 <= time.monotonic() - began < SOON_S


def test_a_body_that_drips_is_cut_at_the_deadline() -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        peer.drip(b"x" * 1000, 0.02)

    with serving(script) as server:
        began = time.monotonic()

        reply = post(to(server), within(deadline_s=0.3))

        assert isinstance(reply, Unreadable)
        assert reply.status == 200
        assert 0.3 <= time.monotonic() - began < SOON_S


def test_an_endless_body_is_cut_at_the_limit_and_the_largest_one_is_read() -> None:
    def endless(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            peer.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    largest = http("200 OK", b"x" * BODY_LIMIT)
    with serving(endless, answering(http("200 OK", b"x" * (BODY_LIMIT + 1)), largest)) as server:
        wire = to(server)

        assert isinstance(post(wire), Unreadable)
        assert isinstance(post(wire), Unreadable)
    with serving(answering(largest)) as server:
        whole = post(to(server))
    assert isinstance(whole, Answer)
    assert len(whole.body) == BODY_LIMIT


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with serving(answering(OK)) as elsewhere:
        moved = http("307 Temporary Redirect", b"", f"Location: {elsewhere.url}/pay")
        with serving(answering(moved)) as server:
            reply = post(to(server))

        assert isinstance(reply, Answer)
        assert (reply.status, elsewhere.connections) == (307, 0)


def test_the_first_byte_asks_for_the_time_and_the_ones_after_it_do_not() -> None:
    now = [0.0]
    exchange = Exchange(send_by=1.0, deadline=10.0, clock=lambda: now[0])
    late = Exchange(send_by=1.0, deadline=10.0, clock=lambda: now[0])

    assert exchange.departs() == 10.0
    now[0] = 1.0
    assert exchange.departs() == 9.0
    with pytest.raises(TooLate):
        late.departs()
    assert not late.started


def test_reading_is_bound_by_the_deadline_alone() -> None:
    with serving(answering(OK)) as server:
        assert isinstance(get(to(server), within(send_s=-1.0)), Answer)
        assert isinstance(get(to(server), within(deadline_s=0.0)), NeverSent)


def test_headers_path_and_body_arrive_as_given() -> None:
    with serving(answering(OK)) as server:
        wire = Wire(f"{server.url}/api/", {"Authorization": "Bearer secret"})
        headers = {"X-Request-ID": "req-1"}

        wire.send("POST", "/pay?a=b", within(), headers=headers, body=b"exact \x00 bytes")

        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert lines[0] == b"POST /api/pay?a=b HTTP/1.1"
        assert {b"Authorization: Bearer secret", b"X-Request-ID: req-1"} <= set(lines)
        assert b"Accept-Encoding: identity" in lines
        assert body == b"exact \x00 bytes"


@pytest.mark.parametrize(
    "url",
    ["", "ftp://host", "http://", "https://user:pass@host", "http://host?x=1", "http://a..b", "x"],
)
def test_a_base_url_that_could_never_work_is_refused_at_once(url: str) -> None:
    with pytest.raises(Unusable):
        Wire(url, {})


def test_a_key_that_no_header_can_carry_is_refused_at_once() -> None:
    with pytest.raises(Unusable):
        Wire("http://127.0.0.1", {"Authorization": "Bearer key\n"})
