"""One signature at a time: the published vectors, every awkward length, and hmac as the judge."""

from __future__ import annotations

import hmac
import random
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

LONG_KEY = b"\xaa" * 131

#: RFC 4231, section 4: key, data, HMAC-SHA-256. Case 5 is published cut to 128 bits.
RFC_4231 = {
    1: (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    2: (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    3: (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    4: (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    5: (b"\x0c" * 20, b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
    6: (
        LONG_KEY,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    7: (
        LONG_KEY,
        b"This is a test using a larger than block-size key and a larger than block-size data."
        b" The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
}

#: Padding takes 9 bytes and a block 64, so these are the lengths where an off-by-one would live.
MESSAGE_LENGTHS = [*range(261), *(n * 1024 + d for n in (1, 4, 8, 64) for d in (-9, -8, -1, 0, 1))]
KEY_LENGTHS = [0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000]


def judged(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, "sha256").digest()


@pytest.mark.parametrize("case", RFC_4231, ids="case {}".format)
def test_the_vectors_of_rfc_4231_come_out(backend: ModuleType, case: int) -> None:
    key, message, published = RFC_4231[case]

    mac = backend.hmac_sha256(key, message)

    assert len(mac) == 32
    assert mac.hex().startswith(published)
    assert backend.verify(key, message, mac)


def test_a_truncated_signature_is_refused_even_where_an_rfc_publishes_it(
    backend: ModuleType,
) -> None:
    key, message, published = RFC_4231[5]

    assert not backend.verify(key, message, bytes.fromhex(published))


@pytest.mark.parametrize("key_length", KEY_LENGTHS)
def test_every_message_length_agrees_with_hmac(backend: ModuleType, key_length: int) -> None:
    source = random.Random(key_length)
    key = source.randbytes(key_length)
    for length in MESSAGE_LENGTHS if key_length in {32, 65} else (0, 1, 55, 56, 64, 119, 120):
        message = source.randbytes(length)
        assert backend.hmac_sha256(key, message) == judged(key, message), length


def test_an_empty_key_and_an_empty_message_are_legal(backend: ModuleType) -> None:
    mac = backend.hmac_sha256(b"", b"")

    assert mac.hex() == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
    assert backend.verify(b"", b"", mac)


def test_bytes_behind_a_nul_count(backend: ModuleType) -> None:
    key, body, other_body = b"secret", b'{"a":1}\0{"amount":1}', b'{"a":1}\0{"amount":9}'
    mac = backend.hmac_sha256(key, body)

    assert mac == judged(key, body)
    assert mac != backend.hmac_sha256(key, other_body)
    assert not backend.verify(key, other_body, mac)
    assert backend.hmac_sha256(b"\0one", body) != backend.hmac_sha256(b"\0two", body)


def test_one_wrong_bit_anywhere_is_refused(backend: ModuleType) -> None:
    key, message = b"key", b"message"
    mac = backend.hmac_sha256(key, message)
    for bit in range(256):
        wrong = bytearray(mac)
        wrong[bit // 8] ^= 1 << bit % 8
        assert not backend.verify(key, message, bytes(wrong)), bit


@pytest.mark.parametrize("length", [0, 1, 16, 31, 33, 64, 1000])
def test_a_signature_of_another_length_is_false_not_an_error(
    backend: ModuleType, length: int
) -> None:
    mac = backend.hmac_sha256(b"key", b"message")
    signature = (mac + bytes(1000))[:length]

    assert backend.verify(b"key", b"message", signature) is False


def test_text_is_not_bytes(backend: ModuleType) -> None:
    with pytest.raises(TypeError):
        backend.hmac_sha256("key", b"message")
    with pytest.raises(TypeError):
        backend.verify(b"key", "message", bytes(32))


@settings(max_examples=300, deadline=None, print_blob=True)
@given(key=st.binary(max_size=200), message=st.binary(max_size=600), other=st.binary(max_size=40))
def test_any_key_and_message_agree_with_hmac(
    backend: ModuleType, key: bytes, message: bytes, other: bytes
) -> None:
    mac = judged(key, message)

    assert backend.hmac_sha256(key, message) == mac
    assert backend.verify(key, message, mac) is True
    assert backend.verify(key, message, other) is (other == mac)
