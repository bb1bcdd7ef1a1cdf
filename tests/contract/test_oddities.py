"""What no adapter may break at: an answer whose every field may be anything that JSON has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from domain.flows.send import send
from domain.outcome import Lookup
from tests.contract.made import within
from tests.contract.rigs import Rig
from tests.contract.test_answers import an_asked
from tests.workers.raw_server import Peer, serving

#: One of each kind that a field may hold by mistake; a list and an object cannot be looked for in a
#: table, a text with a NUL cannot be stored.
ODD: tuple[Any, ...] = ([], {}, "a\x00b", -1, 1.5, True, None, "x" * 70_000)
#: What providers call the parts that only explain; of any of them an odd value must not hide money.
EXPLAINING = (
    *("cancellation_reason", "last_payment_error", "next_action", "metadata", "latest_charge"),
    *("failure_code", "failure_reason", "actions", "channel_code", "payment_details", "links"),
    *("fraud_status", "payment_type", "va_numbers", "refunds", "settlement_time", "captures"),
    *("status_details", "purchase_units", "channel_response_code", "merchant_advice_code"),
)
#: Words for the ends and the waits of a charge, in which other fields are read.
WORDS = (
    *("canceled", "requires_payment_method", "requires_action", "requires_capture", "refused"),
    *("CANCELED", "FAILED", "EXPIRED", "REQUIRES_ACTION", "PENDING", "VOIDED", "DECLINED"),
    *("deny", "pending", "expire", "authorize", "settlement", "refund", "chargeback"),
)
#: How providers write an error, whatever is in it.
PROBLEMS = (
    lambda odd: {"error": {"type": odd, "code": odd, "decline_code": odd, "advice_code": odd}},
    lambda odd: {"error": {"type": "card_error", "code": odd, "payment_intent": odd}},
    lambda odd: {"error": {"type": "invalid_request_error", "param": odd, "message": odd}},
    lambda odd: {"name": odd, "details": odd, "links": odd},
    lambda odd: {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": odd, "links": odd}]},
    lambda odd: {"error_code": odd, "message": odd, "errors": odd},
    lambda odd: {"status_code": odd, "status_message": odd, "validation_messages": odd},
    lambda odd: {"status_code": "202", "transaction_status": odd, "fraud_status": odd},
)
STATUSES = (200, 201, 400, 401, 402, 403, 404, 409, 411, 422, 429, 500, 503)


def changed(document: Any) -> Iterator[Any]:
    """Yield the document with one of its fields odd, for every field and every oddity."""
    if isinstance(document, dict):
        for name, value in document.items():
            for odd in (*ODD, *changed(value)):
                yield document | {name: odd}
    elif isinstance(document, list):
        for index, value in enumerate(document):
            for odd in (*ODD, *changed(value)):
                yield [*document[:index], odd, *document[index + 1 :]]


@pytest.mark.parametrize("reads", [False, True], ids=["call", "look-up"])
def test_no_answer_is_an_exception(rig: Rig, reads: bool) -> None:
    attempt = an_asked(rig)
    made, body = rig.shown(attempt)
    try:
        document = json.loads(body)
    except ValueError:
        document = {}  # its answers are not JSON; what is must not break it either
    success = [*changed(document), *(document | {n: o} for n in EXPLAINING for o in ODD)]
    unpaid = {name: said for name, said in document.items() if name != "amount_received"}
    success += [
        unpaid | {"status": word, "transaction_status": word, name: odd}
        for word in WORDS
        for name in EXPLAINING
        for odd in ODD[:3]
    ]
    spoken = [rig.spoken(200 if reads else made, json.dumps(one).encode()) for one in success]
    for status in STATUSES:
        spoken += [
            rig.spoken(status, json.dumps(problem(odd)).encode())
            for problem in PROBLEMS
            for odd in ODD
        ]

    def saying_all(peer: Peer) -> None:
        for greet in rig.greets():
            if not peer.request():
                return
            peer.send(greet)
        while peer.request():
            peer.send(coming.pop() if coming else spoken[0])

    coming = list(spoken)
    asked = replace(attempt, provider_id="object_1") if reads else attempt
    with serving(saying_all) as server, closing(rig.at(server.url)) as adapter:
        while coming:
            found: Lookup = (
                adapter.lookup(asked, within()) if reads else send(adapter, asked, within())
            )
            assert isinstance(found, Lookup)
