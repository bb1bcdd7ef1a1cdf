"""The HTTP layer itself: kept connections, pipelining, broken and hostile requests."""

import http.client
import json
import select
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.sandbox.running import PATIENCE_S, SECRET_KEY, Sandbox, an_order, send

HEAD = f"Host: sandbox\r\nAuthorization: Bearer {SECRET_KEY}\r\n"
SEARCH = f"GET /v1/payments?reference=nobody HTTP/1.1\r\n{HEAD}\r\n".encode()
FOUND_NOTHING = b'{"data":[]}'


@contextmanager
def connected(sandbox: Sandbox) -> Iterator[socket.socket]:
    with closing(socket.create_connection(("127.0.0.1", sandbox.port), PATIENCE_S)) as client:
        yield client


def until_closed(client: socket.socket) -> bytes:
    received = b""
    while chunk := client.recv(65_536):
        received += chunk
    return received


def until_seen(client: socket.socket, wanted: bytes, times: int = 1) -> bytes:
    received = b""
    while received.count(wanted) < times:
        chunk = client.recv(65_536)
        assert chunk, received
        received += chunk
    return received


def test_one_connection_carries_many_requests(sandbox: Sandbox) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", sandbox.port)) as connection:
        headers = {"Authorization": f"Bearer {SECRET_KEY}", "Content-Type": "application/json"}
        sockets = set()
        for number in range(200):
            order = an_order()
            key = {"Idempotency-Key": order["reference"]}
            connection.request("POST", "/v1/payments", json.dumps(order), headers | key)
            answer = connection.getresponse()
            assert (answer.status, json.load(answer)["reference"]) == (201, order["reference"])
            sockets.add(connection.sock)
            assert number == 0 or len(sockets) == 1


def test_requests_sent_ahead_are_answered_in_order(sandbox: Sandbox) -> None:
    with connected(sandbox) as client:
        for _ in range(50):
            client.sendall(SEARCH * 2)
        received = until_seen(client, FOUND_NOTHING, 100)

    assert received.count(b"HTTP/1.1 200 OK\r\n") == 100


def test_a_request_may_come_byte_by_byte_or_in_chunks(sandbox: Sandbox) -> None:
    order = json.dumps(an_order()).encode()
    head = (
        f"POST /v1/payments HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\n"
        f"Idempotency-Key: {json.loads(order)['reference']}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    chunks = b"".join(b"1\r\n" + bytes((byte,)) + b"\r\n" for byte in order) + b"0\r\n\r\n"
    with connected(sandbox) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in head + chunks:
            client.sendall(bytes((byte,)))
        assert b"201 Created" in until_seen(client, b"captured")


def test_a_client_that_has_finished_sending_still_gets_its_answer(sandbox: Sandbox) -> None:
    for _ in range(100):  # the end may overtake or trail the answer
        with connected(sandbox) as client:
            client.sendall(SEARCH)
            client.shutdown(socket.SHUT_WR)

            assert until_closed(client).endswith(FOUND_NOTHING)


def test_close_means_close_and_http_1_0_means_it_too(sandbox: Sandbox) -> None:
    for request in (
        SEARCH.replace(b"Host:", b"Connection: close\r\nHost:"),
        SEARCH.replace(b"HTTP/1.1", b"HTTP/1.0"),
    ):
        with connected(sandbox) as client:
            client.sendall(request)
            received = until_closed(client)
        assert b"\r\nConnection: close\r\n" in received
        assert received.endswith(FOUND_NOTHING)


def test_a_head_request_gets_the_head_alone_and_keeps_the_connection(sandbox: Sandbox) -> None:
    with connected(sandbox) as client:
        client.sendall(SEARCH.replace(b"GET", b"HEAD", 1) + SEARCH)
        received = until_seen(client, FOUND_NOTHING)

    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert received.count(FOUND_NOTHING) == 1


def test_a_wish_to_upgrade_is_ignored_and_the_request_answered(sandbox: Sandbox) -> None:
    wish = SEARCH.replace(b"Host:", b"Connection: upgrade\r\nUpgrade: h2c\r\nHost:")
    with connected(sandbox) as client:
        client.sendall(wish + b"not http")

        assert until_closed(client).endswith(FOUND_NOTHING)


def test_a_client_is_told_to_continue(sandbox: Sandbox) -> None:
    head = f"POST /v1/payments HTTP/1.1\r\n{HEAD}Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    with connected(sandbox) as client:
        client.sendall(head.encode())
        until_seen(client, b"HTTP/1.1 100 Continue\r\n\r\n")
        client.sendall(b"{}")
        assert b"HTTP/1.1 415" in until_seen(client, b"invalid_request")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"this is not http\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nBig: " + b"x" * 400_000, 431),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n" + b"x" * 65_537, 413),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 4
            + b"0\r\n\r\n",
            413,
        ),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    ],
    ids=["nonsense", "huge head", "huge body", "huge chunks", "two lengths"],
)
def test_what_cannot_be_read_is_refused_and_closed(
    sandbox: Sandbox, request_: bytes, status: int
) -> None:
    with connected(sandbox) as client:
        client.sendall(SEARCH)
        until_seen(client, FOUND_NOTHING)
        client.sendall(request_)
        received = until_closed(client)

    assert received.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Connection: close" in received
    assert received.count(b"HTTP/1.1 ") == 1
    assert send(sandbox.port, "GET", "/").status == 200


def test_a_refused_client_may_finish_sending_before_it_reads_the_refusal(
    sandbox: Sandbox,
) -> None:
    with connected(sandbox) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n")
        select.select([client], [], [], PATIENCE_S)
        for _ in range(70):
            client.sendall(b"x" * 1000)
        client.shutdown(socket.SHUT_WR)

        assert until_closed(client).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_goes_away_in_the_middle_does_no_harm(sandbox: Sandbox) -> None:
    order = json.dumps(an_order()).encode()
    for cut in (10, 80, 200):
        with connected(sandbox) as client:
            head = f"POST /v1/payments HTTP/1.1\r\n{HEAD}Content-Length: {len(order)}\r\n\r\n"
            client.sendall((head.encode() + order)[:cut])

    assert sandbox.create(an_order()).status == 201
    assert sandbox.process.poll() is None
