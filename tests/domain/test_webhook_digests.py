"""Digests: SHA-512 over fields or the body and a secret, compared without telling how far they agree."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhook_claims import MAX_UNPROVEN, Digested, claimed
from native.verifier import verify
from ops.providers import PROVIDERS

SCHEME = PROVIDERS["midtrans"].scheme
#: The provider's own example of a notification, and a key that opens nothing.
ORDER = {"order_id": "1111", "status_code": "200", "gross_amount": "100000.00"}
SECRET = "askvnoibnosifnboseofinbofinfgbiufglnbfg"
SIGNATURE = (
    "edc076b21793ebe3e17926350f5b8ae67d902fe657b3d0aa31b932d5c127e237"
    "5d308a2bc94f3265ac2d80a1f181a79b997ac178a236fcff35af263fc4d4c231"
)
GENUINE = ORDER | {"signature_key": SIGNATURE, "transaction_status": "pending"}


def believed(said: dict[str, Any] | bytes, secret: str = SECRET) -> bool:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    claim = claimed(SCHEME, {}, body, 0)
    return isinstance(claim, Digested) and all(
        verify(*one) for one in claim.checks(secret.encode())
    )


def test_the_published_example_is_believed_under_its_key_alone() -> None:
    assert believed(GENUINE)
    assert not believed(GENUINE, SECRET[:-1])
    assert not believed(GENUINE, "")


@pytest.mark.parametrize(
    "change",
    [
        {"order_id": "1112"},
        {"status_code": "201"},
        {"gross_amount": "100000"},
        {"gross_amount": "100000.0"},
        {"signature_key": SIGNATURE[:-1] + "0"},
        {"signature_key": SIGNATURE.upper()},
        {"signature_key": SIGNATURE[:-1]},
        {"signature_key": SIGNATURE + "0"},
        {"signature_key": "\xe9" * 128},
        {"signature_key": None},
        {"signature_key": [SIGNATURE]},
        {"order_id": None},
        {"order_id": ["1111"]},
        {"order_id": "\ud800"},
    ],
    ids=range(14),
)
def test_anything_else_is_not(change: dict[str, Any]) -> None:
    assert not believed(GENUINE | change)


def test_numbers_are_signed_as_they_are_written() -> None:
    text = json.dumps(GENUINE)
    bare = text.replace('"100000.00"', "100000.00").replace('"200"', "200")

    assert believed(bare.encode())
    assert not believed(bare.replace("100000.00", "1e5").encode())
    assert not believed(bare.replace("100000.00", "1" * 9_000).encode())


@pytest.mark.parametrize("status", ["settlement", "refund", "deny", "capture"])
def test_one_signature_fits_every_status_which_is_why_the_object_is_read_back(status: str) -> None:
    """So the provider made it; what a forger gains is one more question to the provider: see
    `test_what_midtrans_does_not_sign_is_not_believed`."""
    assert believed(GENUINE | {"transaction_status": status, "fraud_status": "accept"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe{\x00}\x00",
        b'{"order_id":',
        b"[" * 100_000,
        json.dumps(GENUINE).encode("utf-16"),
        json.dumps(GENUINE).encode() + b" " * MAX_UNPROVEN,
    ],
    ids=range(8),
)
def test_what_is_no_small_json_object_proves_nothing(body: bytes) -> None:
    assert claimed(SCHEME, {}, body, 0) is None


@given(st.binary(max_size=200))
def test_no_body_is_a_crash(body: bytes) -> None:
    assert claimed(SCHEME, {}, body, 0) is None


@given(st.dictionaries(st.sampled_from(list(GENUINE)), st.text() | st.integers() | st.none()))
def test_no_fields_are_a_crash(fields: dict[str, Any]) -> None:
    assert not believed(fields)


def test_a_digest_in_a_header_is_of_the_whole_body() -> None:
    _, payouts = SCHEME.ways()
    body = b'{"reference_no": "p-1", "status": "completed"}'
    shown = hashlib.sha512(body + b"merchant key").hexdigest()

    def proven(body: bytes, shown: str, secret: bytes = b"merchant key") -> bool:
        claim = claimed(payouts, {"iris-signature": shown}, body, 0)
        return isinstance(claim, Digested) and all(verify(*one) for one in claim.checks(secret))

    assert proven(body, shown)
    assert not proven(body.replace(b"completed", b"failed"), shown)
    assert not proven(body, shown, b"server key")
    assert not proven(body, "")
    assert not proven(body + b" " * MAX_UNPROVEN, shown)
