"""Hostile webhooks: only the gateway's own bytes, signed by it a moment ago, are believed."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.e2e.hostile_tenants import refused, without_request_id
from tests.e2e.hostile_wire import Heard, chunked, one_raw, request
from tests.e2e.system import System

pytestmark = pytest.mark.e2e

PATH = "/v1/webhooks/sandbox/sandbox-a"
#: What the contract promises to providers.
PROVIDER_BYTES = 1024 * 1024
#: Not the border itself: seconds pass between signing and reading.
OLD_S, YOUNG_S = 302, 297


def _secret(system: System, gateway: str = "SANDBOX_A") -> str:
    return str(system.stack.environ[f"{gateway}_WEBHOOK_SECRET"])


def _v1(secret: str, at: int | str, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def _event() -> bytes:
    """Return an event about a payment that nobody knows."""
    about = {"payment": {"id": f"sp_{uuid4().hex}", "reference": uuid4().hex}}
    event = {"id": f"evt_{uuid4().hex}", "type": "payment.captured", "data": about}
    return json.dumps(event, separators=(",", ":")).encode()


def _post(system: System, body: bytes, *signatures: str, path: str = PATH) -> Heard:
    headers = [f"Sandbox-Signature: {signature}".encode() for signature in signatures]
    asked = request("POST", path, [*headers, b"Connection: close"], body)
    return one_raw(system.stack.url, asked)


def _stored(system: System, body: bytes) -> int:
    found = system.sql(
        "SELECT coalesce(sum(copies), 0) AS n FROM webhook_events WHERE dedupe_key = %s",
        [json.loads(body)["id"]],
    )
    return int(found[0]["n"])


Sign = Callable[[str, int, bytes], str]

FORGED: dict[str, Sign] = {
    "old": lambda s, t, b: f"t={t - OLD_S},v1={_v1(s, t - OLD_S, b)}",
    "future": lambda s, t, b: f"t={t + OLD_S},v1={_v1(s, t + OLD_S, b)}",
    "fresh time on an old signature": lambda s, t, b: f"t={t},v1={_v1(s, t - OLD_S, b)}",
    "v0 only": lambda s, t, b: f"t={t},v0={_v1(s, t, b)}",
    "no time": lambda s, t, b: f"v1={_v1(s, t, b)}",
    "no signature": lambda s, t, b: f"t={t}",
    "nothing": lambda s, t, b: "",
    "only commas": lambda s, t, b: "," * 5_000,
    "upper-case hex": lambda s, t, b: f"t={t},v1={_v1(s, t, b).upper()}",
    "upper-case name": lambda s, t, b: f"t={t},V1={_v1(s, t, b)}",
    "cut short": lambda s, t, b: f"t={t},v1={_v1(s, t, b)[:-1]}",
    "prolonged": lambda s, t, b: f"t={t},v1={_v1(s, t, b)}0",
    "zeros": lambda s, t, b: f"t={t},v1={'0' * 64}",
    "empty secret": lambda s, t, b: f"t={t},v1={_v1('', t, b)}",
    "secret without its prefix": lambda s, t, b: f"t={t},v1={_v1(s.removeprefix('whsec_'), t, b)}",
    "another body": lambda s, t, b: f"t={t},v1={_v1(s, t, b + b' ')}",
    "body alone": lambda s, t, b: f"t={t},v1={hmac.new(s.encode(), b, hashlib.sha256).hexdigest()}",
    "plain digest": lambda s, t, b: f"t={t},v1={hashlib.sha256(b).hexdigest()}",
    "the same time twice": lambda s, t, b: f"t={t},t={t},v1={_v1(s, t, b)}",
    "two times": lambda s, t, b: f"t={t - OLD_S},t={t},v1={_v1(s, t - OLD_S, b)}",
    "time in words": lambda s, t, b: f"t=now,v1={_v1(s, 'now', b)}",
    "negative time": lambda s, t, b: f"t=-{t},v1={_v1(s, f'-{t}', b)}",
    "time with a fraction": lambda s, t, b: f"t={t}.0,v1={_v1(s, f'{t}.0', b)}",
    "time in other digits": lambda s, t, b: "t=١٧٦٣٦٦٨٥٠٠,v1=" + _v1(s, "١٧٦٣٦٦٨٥٠٠", b),
    "endless time": lambda s, t, b: f"t={'9' * 5_000},v1={_v1(s, '9' * 5_000, b)}",
    "the right one behind a crowd": lambda s, t, b: (
        f"t={t}," + f"v1={'0' * 64}," * 40 + f"v1={_v1(s, t, b)}"
    ),
}


@pytest.mark.parametrize("sign", FORGED.values(), ids=FORGED.keys())
def test_a_signature_that_is_not_quite_right_is_wrong(system: System, sign: Sign) -> None:
    body = _event()

    answer = _post(system, body, sign(_secret(system), int(time.time()), body))

    refused(answer, 401, "unauthorized")
    assert _stored(system, body) == 0


GENUINE: dict[str, Sign] = {
    "plain": lambda s, t, b: f"t={t},v1={_v1(s, t, b)}",
    "spaced": lambda s, t, b: f"t={t}, v1={_v1(s, t, b)}",
    "signature first": lambda s, t, b: f"v1={_v1(s, t, b)},t={t}",
    "a while ago": lambda s, t, b: f"t={t - YOUNG_S},v1={_v1(s, t - YOUNG_S, b)}",
    "by a fast clock": lambda s, t, b: f"t={t + YOUNG_S},v1={_v1(s, t + YOUNG_S, b)}",
    "two, the right one last": lambda s, t, b: f"t={t},v1={'0' * 64},v1={_v1(s, t, b)}",
    "two, the right one first": lambda s, t, b: f"t={t},v1={_v1(s, t, b)},v1={'f' * 64}",
    "beside an older scheme": lambda s, t, b: f"t={t},v0={'0' * 64},v1={_v1(s, t, b)}",
}


@pytest.mark.parametrize("sign", GENUINE.values(), ids=GENUINE.keys())
def test_a_right_signature_is_believed_once_and_counted_twice(system: System, sign: Sign) -> None:
    body = _event()
    signature = sign(_secret(system), int(time.time()), body)

    answers = [_post(system, body, signature).json() for _ in range(2)]

    assert answers == [
        {"received": True, "duplicate": False},
        {"received": True, "duplicate": True},
    ]
    assert _stored(system, body) == 2


def test_a_body_that_was_written_anew_has_lost_its_signature(system: System) -> None:
    body, now = _event(), int(time.time())
    signature = f"t={now},v1={_v1(_secret(system), now, body)}"
    anew = [
        json.dumps(json.loads(body)).encode(),
        json.dumps(json.loads(body), separators=(",", ":"), sort_keys=True).encode(),
        body + b"\n",
        b"\xef\xbb\xbf" + body,
    ]

    for other in anew:
        assert other != body
        refused(_post(system, other, signature), 401, "unauthorized")
    assert _stored(system, body) == 0
    assert _post(system, body, signature).status == 200


def test_a_missing_header_is_a_wrong_signature(system: System) -> None:
    body = _event()

    refused(_post(system, body), 401, "unauthorized")

    assert _stored(system, body) == 0


def test_one_gateway_does_not_speak_for_another(system: System) -> None:
    body, now = _event(), int(time.time())
    of_a = f"t={now},v1={_v1(_secret(system), now, body)}"
    of_b = f"t={now},v1={_v1(_secret(system, 'SANDBOX_B'), now, body)}"

    refused(_post(system, body, of_b), 401, "unauthorized")
    refused(_post(system, body, of_a, path="/v1/webhooks/sandbox/sandbox-b"), 401, "unauthorized")
    assert _stored(system, body) == 0
    assert _post(system, body, of_b, path="/v1/webhooks/sandbox").status == 200
    found = system.sql(
        "SELECT gateway_id FROM webhook_events WHERE dedupe_key = %s", [json.loads(body)["id"]]
    )
    assert found == [{"gateway_id": "sandbox-b"}]


def test_a_gateway_that_does_not_exist_looks_like_a_wrong_signature(system: System) -> None:
    body, now = _event(), int(time.time())
    wrong = f"t={now},v1={'0' * 64}"
    right = f"t={now},v1={_v1(_secret(system), now, body)}"

    answers = [
        refused(_post(system, body, signature, path=path), 401, "unauthorized")
        for path, signature in ((PATH, wrong), (PATH + "-x", wrong), (PATH + "-x", right))
    ]

    assert len({json.dumps(without_request_id(answer)) for answer in answers}) == 1
    refused(_post(system, body, right, path="/v1/webhooks/nobody/sandbox-a"), 404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"id": ' + b"9" * 5_000 + b"}",
        b'{"id": NaN}',
        b'{"id": "\\ud800"}',
        b'{"id": "\xff"}',
        b"id=1",
        b"",
    ],
    ids=["deep", "deep objects", "5000 digits", "NaN", "surrogate", "no utf-8", "form", "empty"],
)
def test_signed_nonsense_is_refused_and_not_stored(system: System, body: bytes) -> None:
    now = int(time.time())
    before = system.sql("SELECT count(*) AS n FROM webhook_events")

    answer = _post(system, body, f"t={now},v1={_v1(_secret(system), now, body)}")

    refused(answer, 400, "malformed_body")
    assert system.sql("SELECT count(*) AS n FROM webhook_events") == before


def test_a_webhook_is_read_to_a_mebibyte_and_not_further(system: System) -> None:
    now, filled = int(time.time()), _event()[:-1] + b',"more":"%s"}'
    fits = filled % (b"a" * (PROVIDER_BYTES - len(filled) + 2))
    over = fits + b" "
    assert len(fits) == PROVIDER_BYTES
    signed = b"Sandbox-Signature: t=%d,v1=" % now

    def sent(body: bytes, *, told: bool) -> Heard:
        signature = signed + _v1(_secret(system), now, body).encode()
        headers = [signature, b"Connection: close"]
        if told:
            return one_raw(system.stack.url, request("POST", PATH, headers, body))
        headers.append(b"Transfer-Encoding: chunked")
        head = request("POST", PATH, headers, counted=False)
        return one_raw(system.stack.url, head + chunked(body))

    for told in (True, False):
        refused(sent(over, told=told), 413, "body_too_large")
    assert [sent(fits, told=told).status for told in (True, False)] == [200, 200]
    assert _stored(system, fits) == 2


def test_an_api_key_opens_no_webhook_and_a_signature_no_payment(system: System) -> None:
    body, now = _event(), int(time.time())

    refused(system.call("POST", PATH, body), 401, "unauthorized")
    signature = {"Sandbox-Signature": f"t={now},v1={_v1(_secret(system), now, body)}"}
    answer = system.http.request("GET", f"{system.stack.url}/v1/payments", headers=signature)
    refused(answer, 401, "unauthorized")
