"""The merchant's program, and the provider that brings a webhook: both insist until answered."""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import urllib3

from tests.crash.deeds import Json
from tests.crash.providers import WEBHOOK_SECRET

#: How long an answer, and the whole affair, is waited for.
PATIENCE_S = 30.0
INSISTENCE_S = 90.0
PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Answer:
    """What the door said."""

    status: int
    body: bytes

    @property
    def is_an_answer(self) -> bool:
        """Whether a client stops asking: not for a 5xx, nor while its first request is written."""
        return self.status < 500 and self.status != 409

    def json(self) -> Json:
        """Return the body."""
        return dict(json.loads(self.body))


@dataclass(frozen=True, slots=True)
class Client:
    """Sends one request, under one key, as often as it takes."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(repr=False)
    #: Signs anew each time, as providers do: a signature is good for minutes.
    signs: bool = False

    def once(self, port: int) -> Answer | None:
        """Send it once. None: no answer."""
        headers = {**self.headers, "Connection": "close"}
        if self.signs:
            headers["Sandbox-Signature"] = _signature(self.body)
        url = f"http://127.0.0.1:{port}{self.path}"
        try:
            answer = urllib3.request(
                "POST", url, body=self.body, headers=headers, retries=False, timeout=PATIENCE_S
            )
        except urllib3.exceptions.HTTPError:
            return None
        return Answer(answer.status, answer.data)

    def insist(self, port: int) -> Answer:
        """Send it until it is answered."""
        until, pause = time.monotonic() + INSISTENCE_S, threading.Event()
        while True:
            answer = self.once(port)
            if answer is not None and answer.is_an_answer:
                return answer
            assert time.monotonic() < until, f"no answer to POST {self.path}, at last {answer}"
            pause.wait(PAUSE_S)


def merchant_client(path: str, body: Json, api_key: str, key: str) -> Client:
    """Return a merchant's request under an idempotency key."""
    headers = {
        "Authorization": f"Bearer {api_key}",
        "Idempotency-Key": key,
        "Content-Type": "application/json",
    }
    return Client(path, json.dumps(body).encode(), headers)


def provider_client(path: str, body: bytes) -> Client:
    """Return a webhook of the sandbox."""
    return Client(path, body, {"Content-Type": "application/json"}, signs=True)


def _signature(body: bytes) -> str:
    now = int(time.time())
    signed = hmac.new(WEBHOOK_SECRET.encode(), f"{now}.".encode() + body, "sha256").hexdigest()
    return f"t={now},v1={signed}"
