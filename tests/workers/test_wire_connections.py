"""Kept connections: used again while they are fit, and never a source of somebody else's answer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from tests.workers.raw_server import PATIENCE_S, Peer, answering, http, serving
from tests.workers.test_wire import OK, post, to, within
from workers.gateways.wire import Answer, NeverSent, Unanswered, Unreadable, Wire


def test_an_interim_answer_is_unreadable_and_its_connection_is_given_up() -> None:
    with serving(answering(b"HTTP/1.1 103 Early Hints\r\n\r\n"), answering(OK)) as server:
        wire = to(server)

        first, second = post(wire), post(wire)

        assert isinstance(first, Unreadable)
        assert isinstance(second, Answer)
        assert server.connections == 2


def test_a_connection_is_kept_for_the_next_call() -> None:
    with serving(answering(OK, OK, OK)) as server:
        wire = to(server)

        replies = [post(wire) for _ in range(3)]

        assert all(isinstance(reply, Answer) for reply in replies)
        assert server.connections == 1


def test_a_connection_that_the_server_closed_while_idle_is_not_used() -> None:
    with serving(answering(OK)) as server:
        wire = to(server)
        post(wire)
        server.until(lambda: server.ended == 1, "the server to hang up")

        reply = post(wire)

        assert isinstance(reply, Answer)
        assert len(server.requests) == 2


def test_a_kept_connection_that_is_closed_on_arrival_is_unanswered_and_not_repeated() -> None:
    def once(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        peer.request()

    with serving(once, answering(OK)) as server:
        wire = to(server)
        post(wire)

        reply = post(wire)

        assert isinstance(reply, Unanswered)
        assert (server.connections, len(server.requests)) == (1, 2)


def test_bytes_that_answer_nothing_never_become_the_next_answer() -> None:
    answered, pushed = threading.Event(), threading.Event()

    def pushing(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        assert answered.wait(PATIENCE_S)
        peer.send(http("200 OK", b"somebody else's"))
        pushed.set()
        peer.until_gone()

    with serving(pushing, answering(OK)) as server:
        wire = to(server)
        post(wire)
        answered.set()
        assert pushed.wait(PATIENCE_S)

        reply = post(wire)

        assert isinstance(reply, Answer)
        assert reply.body == b"fine"


def test_after_the_time_to_send_nothing_leaves_even_on_an_open_connection() -> None:
    with serving(answering(OK, OK)) as server:
        wire = to(server)
        post(wire)

        reply = post(wire, within(send_s=0.0))

        assert isinstance(reply, NeverSent)
        assert len(server.requests) == 1


def test_threads_share_a_wire_and_everybody_gets_their_own_answer() -> None:
    def echo(peer: Peer) -> None:
        while request := peer.request():
            peer.send(http("200 OK", request.partition(b"\r\n\r\n")[2]))

    with serving(echo) as server:
        wire = to(server)

        def call(number: int) -> bool:
            body = str(number).encode()
            reply = wire.send("POST", "/", within(), headers={}, body=body)
            return isinstance(reply, Answer) and reply.body == body

        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(call, range(200)))
        assert server.connections <= 8
        wire.close()


def test_closing_hangs_up_idle_connections_and_those_in_use_after_their_exchange() -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def slow(peer: Peer) -> None:
        peer.request()
        arrived.set()
        assert go_on.wait(PATIENCE_S)
        peer.send(OK)
        peer.until_gone()

    with serving(answering(OK, OK), slow) as server, ThreadPoolExecutor(2) as threads:
        wire = to(server)
        one = threads.submit(post, wire)
        assert isinstance(one.result(), Answer)
        with serving(slow) as other:
            busy = Wire(other.url, {})
            call = threads.submit(post, busy)
            assert arrived.wait(PATIENCE_S)

            busy.close()
            wire.close()
            go_on.set()

            assert isinstance(call.result(), Answer)
            other.until(lambda: other.ended == 1, "the busy connection to be closed")
        server.until(lambda: server.ended == 1, "the idle connection to be closed")
