"""What every adapter makes of answers that its simulator never gives: raw bytes from a socket."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import TypeVar

import pytest

from domain.attempt import Attempt
from domain.flows.send import send
from domain.outcome import Lookup, Outcome, Succeeded, Unknown
from tests.contract.deeds import sale
from tests.contract.made import IMPATIENCE_S, an_attempt, within
from tests.contract.rigs import Rig
from tests.workers.raw_server import Peer, Script, answering, http, serving
from workers.gateways import Adapter

Came = TypeVar("Came")

#: A proxy's words about a provider that it does not reach, and bodies that are none of anybody's.
BODIES = (b"", b"<html>busy</html>", b"{}", b"null", b"[" * 100_000, b"<a>" * 50_000, b"\x00\xff")
#: No provider documents any of these as an answer that proves something whatever it carries.
STATUSES = (200, 201, 202, 206, 301, 302, 307, 408, 425, 500, 502, 503, 504)


def an_asked(rig: Rig) -> Attempt:
    """Return a charge whose next call moves the money."""
    attempt = an_attempt(rig.adapter, sale(rig.ways))
    if not rig.ways.splits(attempt.operation):
        return attempt
    return replace(attempt, provider_id="object_1", confirming=True)


def told(rig: Rig, script: Callable[[Peer], None], call: Callable[[Adapter], Came]) -> Came:
    """Return what a call comes to at a provider that follows this, after what precedes everything."""

    def greeting(peer: Peer) -> None:
        for greet in rig.greets():
            if not peer.request():
                return
            peer.send(greet)
        script(peer)

    with serving(greeting) as server, closing(rig.at(server.url)) as adapter:
        return call(adapter)


def came(rig: Rig, attempt: Attempt, script: Script) -> Outcome:
    return told(rig, script, lambda adapter: send(adapter, attempt, within()))


def read(rig: Rig, attempt: Attempt, script: Script) -> Lookup:
    return told(rig, script, lambda adapter: adapter.lookup(attempt, within()))


def test_the_documented_answer_is_a_success(rig: Rig) -> None:
    attempt = an_asked(rig)
    status, body = rig.shown(attempt)

    outcome = came(rig, attempt, answering(rig.spoken(status, body)))

    assert isinstance(outcome, Succeeded), outcome
    assert outcome.money == attempt.money


@pytest.mark.parametrize("status", [202, 301, 302, 307, 408, 425, 500, 502, 503, 504])
def test_a_success_under_another_status_is_not_taken_for_one(rig: Rig, status: int) -> None:
    attempt = an_asked(rig)
    _, body = rig.shown(attempt)

    outcome = came(rig, attempt, answering(rig.spoken(status, body)))

    assert isinstance(outcome, Unknown), outcome


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_status_alone_proves_nothing(rig: Rig, status: int, body: bytes) -> None:
    attempt = an_asked(rig)

    assert isinstance(came(rig, attempt, answering(rig.spoken(status, body))), Unknown)
    found = read(rig, replace(attempt, provider_id="object_1"), answering(rig.spoken(status, body)))
    assert isinstance(found, Unknown), found


@pytest.mark.parametrize("left", [0.02, 0.5, 0.98], ids=str)
def test_a_cut_answer_proves_nothing(rig: Rig, left: float) -> None:
    attempt = an_asked(rig)
    raw = rig.spoken(*rig.shown(attempt))

    def cutting(peer: Peer) -> None:
        peer.request()
        peer.send(raw[: int(len(raw) * left)])

    assert isinstance(came(rig, attempt, cutting), Unknown)


@pytest.mark.parametrize("left", [0.25, 0.5, 0.9], ids=str)
def test_a_body_that_ends_too_early_under_a_length_that_fits_proves_nothing(
    rig: Rig, left: float
) -> None:
    attempt = an_asked(rig)
    status, body = rig.shown(attempt)
    short = rig.spoken(status, body[: int(len(body) * left)])

    assert isinstance(came(rig, attempt, answering(short)), Unknown)


def test_an_answer_without_end_is_not_read_to_the_end(rig: Rig) -> None:
    attempt = an_asked(rig)
    status, _ = rig.shown(attempt)
    head = http(f"{status} OK", b"x")[:-1].replace(b"Content-Length: 1\r\n", b"")

    def flooding(peer: Peer) -> None:
        peer.request()
        peer.send(head)
        while not peer.server.stopping.is_set():
            peer.send(b" " * 65_536)

    assert isinstance(came(rig, attempt, flooding), Unknown)


def test_an_answer_that_drips_is_not_waited_for_beyond_the_deadline(rig: Rig) -> None:
    attempt = an_asked(rig)
    raw = rig.spoken(*rig.shown(attempt))

    def dripping(peer: Peer) -> None:
        peer.request()
        peer.drip(raw, 0.05)

    outcome = told(rig, dripping, lambda it: send(it, attempt, within(IMPATIENCE_S)))

    assert isinstance(outcome, Unknown), outcome


def test_a_look_up_that_is_refused_with_nothing_to_read_is_no_absence(rig: Rig) -> None:
    attempt = replace(an_asked(rig), provider_id="object_1")

    for status in (401, 403, 404, 410, 429):
        found = read(rig, attempt, answering(rig.spoken(status, b"<html>no</html>")))
        assert isinstance(found, Unknown), (status, found)
