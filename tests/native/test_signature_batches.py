"""Many signatures in one call: each answer is the one its check would get alone."""

from __future__ import annotations

import base64
import gc
import hmac
import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native import verifier
from native.verifier import KERNELS, MAX_CHECKS, BatchTooLarge, Check
from tests.native.conftest import KERNELS as KNOWN
from tests.native.conftest import Batcher

needs_native = pytest.mark.skipif(
    verifier.BACKEND != "native", reason="the native verifier is not loaded"
)


def signed(key: bytes, message: bytes) -> Check:
    return Check(key, message, hmac.digest(key, message, "sha256"))


def forged(key: bytes, message: bytes) -> Check:
    return Check(key, message, hmac.digest(key + b"!", message, "sha256"))


#: One signature, and the check that it answers.
MAC = hmac.digest(b"key", b"body", "sha256")
RIGHT = Check(b"key", b"body", MAC)


def asked(batcher: Batcher, *signatures: bytes | str) -> list[bool]:
    return batcher([Check(b"key", b"body", signature) for signature in signatures])


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


def test_an_empty_batch_has_no_answers(batcher: Batcher) -> None:
    assert batcher([]) == []


@pytest.mark.parametrize("size", [1, 2, 3, 64, MAX_CHECKS])
def test_a_batch_with_mixed_keys_answers_in_order(batcher: Batcher, size: int) -> None:
    checks, answers = a_mixed_batch(seed=size, size=size)

    assert batcher(checks) == answers


def test_answers_are_booleans(batcher: Batcher) -> None:
    answers = batcher([signed(b"k", b"m"), forged(b"k", b"m")])

    assert [type(answer) for answer in answers] == [bool, bool]


def test_a_key_is_not_taken_for_its_neighbour(batcher: Batcher) -> None:
    keys = [b"", b"key-1", b"key-2", b"key-2\0x", b"key-2\0y", b"", b"k" * 64, b"k" * 65]
    checks = [signed(key, b"body") for key in keys]
    crossed = [
        Check(key, b"body", neighbour.signature)
        for key, neighbour in zip(keys[1:], checks, strict=False)
    ]

    assert batcher(checks) == [True] * len(checks)
    assert batcher(crossed) == [False] * len(crossed)


def test_the_border_between_key_message_and_signature_counts(batcher: Batcher) -> None:
    key, message = b"ab", b"cd"
    mac = hmac.digest(key, message, "sha256")
    right = Check(key, message, mac)
    moved = [
        Check(b"a", b"bcd", mac),
        Check(b"abc", b"d", mac),
        Check(b"ab", b"cd" + mac[:1], mac[1:]),
        Check(b"ab", b"c", b"d" + mac),
    ]

    assert batcher([right, *moved, right]) == [True, *[False] * len(moved), True]


def test_a_signature_of_another_length_is_false_and_harms_no_neighbour(
    batcher: Batcher,
) -> None:
    right = RIGHT
    wrong = [
        right._replace(signature=signature)
        for signature in (b"", MAC[:31], MAC + b"\0", bytes(100), MAC.hex().encode())
    ]
    batch = [check for each in wrong for check in (each, right)]

    assert batcher(batch) == [False, True] * len(wrong)


def test_a_batch_beyond_the_bound_is_refused(batcher: Batcher) -> None:
    with pytest.raises(BatchTooLarge, match=f"{MAX_CHECKS + 1} checks .* limit is {MAX_CHECKS}"):
        batcher([signed(b"k", b"m")] * (MAX_CHECKS + 1))


@pytest.mark.parametrize(
    "check",
    [
        ("key", b"message", bytes(32)),
        (b"key", "message", bytes(32)),
        (b"key", b"message", None),
        (b"key", b"message"),
        None,
    ],
    ids=["key", "message", "signature", "two of three", "nothing"],
)
def test_what_is_no_check_is_refused(batcher: Batcher, check: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        batcher([RIGHT, check])


def test_a_header_s_text_is_read_as_what_it_stands_for(batcher: Batcher) -> None:
    text = base64.b64encode(MAC).decode()

    assert asked(batcher, MAC.hex(), MAC.hex().upper(), text) == [True, True, True]


def test_a_text_that_is_not_exactly_a_signature_s_is_false(batcher: Batcher) -> None:
    hex_, text = MAC.hex(), base64.b64encode(MAC).decode()
    last_bits = text[:-2] + chr(ord(text[-2]) + 1) + "="
    assert base64.b64decode(last_bits) == MAC, "it stands for the same bytes"
    wrong = [
        *("", hex_[1:], hex_ + "0", " " + hex_[1:], hex_[:-1] + "g", hex_[:-2] + "\0\0"),
        *(f"{hex_[:2]} {hex_[2:]}", f"{hex_[:30]}  {hex_[32:]}", "\u0661" + hex_[1:]),
        *(text[:-1], text + "=", text[1:] + "=", " " + text[1:], text[:-2] + "==", last_bits),
        *("\ud800" * 64, "\ud800" + hex_[1:], "\xe9" * 32, "\xe9" * 22),
        MAC.decode("latin-1"),
    ]

    assert asked(batcher, *wrong) == [False] * len(wrong)
    assert asked(batcher, *wrong, MAC)[-1] is True


def test_every_wrong_letter_is_seen(batcher: Batcher) -> None:
    for right in (MAC.hex(), base64.b64encode(MAC).decode()):
        wrong = [f"{right[:at]}{'~'}{right[at + 1 :]}" for at in range(len(right))]
        other = [
            right[:at] + ("1" if right[at] == "0" else "0") + right[at + 1 :]
            for at in range(len(right) - 1)
        ]

        assert not any(asked(batcher, *wrong, *other))


def test_a_batch_of_very_unlike_lengths_answers_like_its_checks(batcher: Batcher) -> None:
    source = random.Random(20)
    lengths = [0, 1, 1_500_000, 55, 64, 3_000_000, *[400] * 40, 100_000, 0]
    checks = [signed(b"key", source.randbytes(length)) for length in lengths]
    checks += [forged(b"key", check.message) for check in checks]

    assert batcher(checks) == [True] * len(lengths) + [False] * len(lengths)


def test_more_keys_than_are_remembered_are_not_mixed_up(batcher: Batcher) -> None:
    keys = [b"key %d" % number for number in range(300)]
    checks = [signed(key, b"body") for key in keys + keys[::-1] + keys[::7]]

    assert batcher(checks) == [True] * len(checks)
    assert not any(batcher([one._replace(key=one.key + b"!") for one in checks]))


def test_the_verdicts_of_a_list_that_changes_meanwhile_are_those_of_before() -> None:
    """What the library reads must live as long as it reads, whatever becomes of the list."""
    done = threading.Event()
    checks: list[Check] = []

    def spoil() -> None:
        while not done.is_set():
            checks.clear()
            gc.collect(0)

    thread = threading.Thread(target=spoil, daemon=True)
    thread.start()
    answered = 0
    try:
        for _ in range(30):
            fresh = [signed(b"key", random.randbytes(20_000)) for _ in range(50)]
            checks.extend(fresh)
            del fresh
            answers = verifier.verify_batch(checks)
            answered += len(answers)
            assert all(answers)
    finally:
        done.set()
        thread.join(timeout=30)
    assert answered >= 50


def test_a_kernel_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no kernel 'quantum' here"):
        verifier.verify_batch([RIGHT], kernel="quantum")


@needs_native
def test_a_number_of_threads_that_cannot_be_is_refused() -> None:
    for threads in (0, -1, 10**6):
        with pytest.raises(ValueError, match="the verifier returned -2"):
            verifier.verify_batch([RIGHT], threads=threads)


@needs_native
def test_the_portable_kernel_is_everywhere_and_nobody_s_first_choice() -> None:
    assert set(KERNELS) <= set(KNOWN)
    assert KERNELS[-1] == "portable"


def in_hex(key: bytes, message: bytes) -> Check:
    return Check(key, message, hmac.digest(key, message, "sha256").hex())


keys_from_a_small_ring = st.sampled_from([b"", b"one", b"two", b"k" * 64, b"k" * 65])
any_check = st.builds(
    lambda key, message, make: make(key, message),
    keys_from_a_small_ring | st.binary(max_size=140),
    st.binary(max_size=300),
    st.sampled_from([signed, forged, in_hex, lambda key, message: Check(key, message, message)]),
)


@settings(max_examples=100, deadline=None, print_blob=True)
@given(checks=st.lists(any_check, max_size=30))
def test_any_batch_agrees_with_hmac(batcher: Batcher, checks: list[Check]) -> None:
    assert batcher(checks) == [
        check in (signed(*check[:2]), in_hex(*check[:2])) for check in checks
    ]


def test_threads_that_verify_at_once_do_not_disturb_each_other(batcher: Batcher) -> None:
    batches = [a_mixed_batch(seed=seed, size=200) for seed in range(8)]
    together = threading.Barrier(len(batches), timeout=30)

    def answers_of(checks: list[Check]) -> list[list[bool]]:
        together.wait()
        return [batcher(checks) for _ in range(20)]

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
