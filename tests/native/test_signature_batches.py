"""Many signatures in one call: each answer is the one its check would get alone."""

from __future__ import annotations

import hmac
import random
import sys
import threading
from array import array
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native import verifier
from native.verifier import MAX_CHECKS, BatchTooLarge, Check, LibraryRefused

needs_native = pytest.mark.skipif(
    verifier.BACKEND != "native", reason="the native verifier is not loaded"
)


def signed(key: bytes, message: bytes) -> Check:
    return Check(key, message, hmac.new(key, message, "sha256").digest())


def forged(key: bytes, message: bytes) -> Check:
    return Check(key, message, hmac.new(key + b"!", message, "sha256").digest())


def a_mixed_batch(seed: int, size: int) -> tuple[list[Check], list[bool]]:
    """Checks over few keys, so that some neighbours share one, and the right answers."""
    source = random.Random(seed)
    keys = [source.randbytes(source.choice([0, 16, 38, 64, 65, 131])) for _ in range(4)]
    answers = [source.random() < 0.5 for _ in range(size)]
    make = {True: signed, False: forged}
    checks = [
        make[right](source.choice(keys), source.randbytes(source.randrange(400)))
        for right in answers
    ]
    return checks, answers


def test_an_empty_batch_has_no_answers(backend: ModuleType) -> None:
    assert backend.verify_batch([]) == []


@pytest.mark.parametrize("size", [1, 2, 3, 64, MAX_CHECKS])
def test_a_batch_with_mixed_keys_answers_in_order(backend: ModuleType, size: int) -> None:
    checks, answers = a_mixed_batch(seed=size, size=size)

    assert backend.verify_batch(checks) == answers


def test_answers_are_booleans(backend: ModuleType) -> None:
    answers = backend.verify_batch([signed(b"k", b"m"), forged(b"k", b"m")])

    assert [type(answer) for answer in answers] == [bool, bool]


def test_a_key_is_not_taken_for_its_neighbour(backend: ModuleType) -> None:
    keys = [b"", b"key-1", b"key-2", b"key-2\0x", b"key-2\0y", b"", b"k" * 64, b"k" * 65]
    checks = [signed(key, b"body") for key in keys]
    crossed = [
        Check(key, b"body", neighbour.signature)
        for key, neighbour in zip(keys[1:], checks, strict=False)
    ]

    assert backend.verify_batch(checks) == [True] * len(checks)
    assert backend.verify_batch(crossed) == [False] * len(crossed)


def test_the_border_between_key_message_and_signature_counts(backend: ModuleType) -> None:
    right = signed(b"ab", b"cd")
    moved = [
        Check(b"a", b"bcd", right.signature),
        Check(b"abc", b"d", right.signature),
        Check(b"ab", b"cd" + right.signature[:1], right.signature[1:]),
        Check(b"ab", b"c", b"d" + right.signature),
    ]

    assert backend.verify_batch([right, *moved, right]) == [True, *[False] * len(moved), True]


def test_a_signature_of_another_length_is_false_and_harms_no_neighbour(
    backend: ModuleType,
) -> None:
    right = signed(b"key", b"body")
    wrong = [
        right._replace(signature=signature)
        for signature in (b"", right.signature[:31], right.signature + b"\0", bytes(100))
    ]
    batch = [check for each in wrong for check in (each, right)]

    assert backend.verify_batch(batch) == [False, True] * len(wrong)


def test_a_batch_beyond_the_bound_is_refused(backend: ModuleType) -> None:
    with pytest.raises(BatchTooLarge, match=f"{MAX_CHECKS + 1} checks .* limit is {MAX_CHECKS}"):
        backend.verify_batch([signed(b"k", b"m")] * (MAX_CHECKS + 1))


def test_text_is_not_bytes(backend: ModuleType) -> None:
    with pytest.raises(TypeError):
        backend.verify_batch([("key", b"message", bytes(32))])


@needs_native
def test_lengths_that_do_not_add_up_are_refused_not_guessed() -> None:
    four_items_of_four_bytes = cast("Any", memoryview(array("I", [1, 2, 3, 4])))

    with pytest.raises(LibraryRefused, match="do not add up"):
        verifier.verify_batch([Check(b"key", four_items_of_four_bytes, bytes(32))])


keys_from_a_small_ring = st.sampled_from([b"", b"one", b"two", b"k" * 64, b"k" * 65])
any_check = st.builds(
    lambda key, message, make: make(key, message),
    keys_from_a_small_ring | st.binary(max_size=140),
    st.binary(max_size=300),
    st.sampled_from([signed, forged, lambda key, message: Check(key, message, message)]),
)


@settings(max_examples=150, deadline=None, print_blob=True)
@given(checks=st.lists(any_check, max_size=30))
def test_any_batch_agrees_with_hmac(backend: ModuleType, checks: list[Check]) -> None:
    assert backend.verify_batch(checks) == [signed(*check[:2]) == check for check in checks]


def test_threads_that_verify_at_once_do_not_disturb_each_other(backend: ModuleType) -> None:
    batches = [a_mixed_batch(seed=seed, size=200) for seed in range(8)]
    together = threading.Barrier(len(batches), timeout=30)

    def answers_of(checks: list[Check]) -> list[list[bool]]:
        together.wait()
        return [backend.verify_batch(checks) for _ in range(20)]

    with ThreadPoolExecutor(len(batches)) as pool:
        all_answers = list(pool.map(answers_of, [checks for checks, _ in batches]))

    for (_, right), answers in zip(batches, all_answers, strict=True):
        assert answers == [right] * 20


@needs_native
def test_other_threads_run_while_a_batch_is_verified() -> None:
    """With forced switches put off for an hour, another thread runs only if the call lets it."""
    gate, ran = threading.Lock(), threading.Event()
    batch = [signed(b"key", bytes(1_000_000))] * 8

    def other() -> None:
        with gate:
            ran.set()

    gate.acquire()
    thread = threading.Thread(target=other, daemon=True)
    thread.start()
    normal = sys.getswitchinterval()
    sys.setswitchinterval(3600)
    try:
        gate.release()
        for _ in range(1000):  # a call takes milliseconds: seconds in all, and one should do
            verifier.verify_batch(batch)
            if ran.is_set():
                break
        ran_meanwhile = ran.is_set()
    finally:
        sys.setswitchinterval(normal)
    thread.join(timeout=30)

    assert ran_meanwhile
