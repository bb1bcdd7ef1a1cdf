"""The verdict finds every wrong that is planted, and only that."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from domain.due import Reason
from domain.ids import Kind, public
from ops.harness.verdict.standing import SETTLED_BY
from tests.ops.harness.conftest import World, found

pytestmark = pytest.mark.services


def test_a_world_in_which_all_is_right_is_clean(world: World) -> None:
    verdict = world.verdict()

    assert verdict.clean, verdict.report()
    assert (verdict.parked, verdict.waiting, verdict.given_back, verdict.untold) == ((),) * 4
    assert dict(verdict.judged)["movements"] == 3


def test_a_charge_that_happened_twice_is_doubled(world: World) -> None:
    charge = world.attempt(world.payment, "charge")
    world.write("charge", charge, 1000)

    words = found(world.verdict(), "doubled", "wrong_sums")

    assert f"att_{charge.hex}: taken 2 times at one" in words
    assert public(Kind.PAYMENT, world.payment) in words


def test_two_captures_of_one_payment_are_doubled_although_each_has_its_row(world: World) -> None:
    other = uuid4()
    world.tamper(
        "INSERT INTO payment_attempts SELECT (jsonb_populate_record(a, jsonb_build_object("
        " 'id', CAST(:id AS text), 'number', 2, 'state', 'late_success'))).* FROM payment_attempts a"
        " WHERE a.id = :charge",
        id=str(other),
        charge=world.attempt(world.payment, "charge"),
    )
    world.write("charge", other, 1000)

    verdict = world.verdict()

    (twice,) = verdict.doubled
    assert twice.what == public(Kind.PAYMENT, world.payment)
    assert "captured 2 times" in twice.words


def test_a_refund_paid_twice_is_doubled(world: World) -> None:
    world.write("refund", world.attempt(world.refund, "refund"), 400)

    words = found(world.verdict(), "doubled", "wrong_sums")

    assert "refunded 2 times" in words
    assert "refunded 400, by the ledgers 800" in words


def test_more_than_was_agreed_to_is_doubled(world: World) -> None:
    world.forget("charge")
    world.write("charge", world.attempt(world.payment, "charge"), 1001)

    words = found(world.verdict(), "doubled", "wrong_sums")

    assert "1001 taken of 1000 agreed to" in words


def test_another_currency_is_a_wrong_sum(world: World) -> None:
    world.forget("payout")
    world.write("payout", world.attempt(world.payout, "payout"), 700, currency="EUR")

    words = found(world.verdict(), "wrong_sums")

    assert "only in the ledger: 700 EUR paid_out" in words
    assert "only in our books: 700 USD paid_out" in words


@pytest.mark.parametrize("kind", ["charge", "refund", "payout"])
def test_what_only_our_books_tell_of_is_a_wrong_sum(world: World, kind: str) -> None:
    world.forget(kind)

    assert "only in our books" in found(world.verdict(), "wrong_sums")


def test_a_sum_of_ours_that_is_not_the_ledgers_is_wrong(world: World) -> None:
    world.tamper("UPDATE payments SET amount_refunded = 399 WHERE id = :id", id=world.payment)

    assert "refunded 399, by the ledgers 400" in found(world.verdict(), "wrong_sums")


def test_a_refund_that_nobody_asked_for_is_wrong(world: World) -> None:
    world.tamper("UPDATE refunds SET requested_by = '' WHERE id = :id", id=world.refund)

    assert "nobody has asked for it" in found(world.verdict(), "wrong_sums")


def test_money_that_no_attempt_asked_for_is_unwritten(world: World) -> None:
    stranger = uuid4()
    world.write("charge", stranger, 10)
    world.write("key", stranger, key=f"{stranger.hex}a")

    words = found(world.verdict(), "unwritten", "wrong_sums")

    assert f"{stranger.hex}: no attempt asked for this: 1 x 10 USD taken at one" in words
    assert f"{stranger.hex}: no attempt asked one for step a" in words


def test_a_request_that_is_carried_out_after_its_keys_window_is_found(world: World) -> None:
    world.tamper(
        "UPDATE payment_attempts SET key_window_ends = created_at - interval '1 second'"
        " WHERE id = :id",
        id=world.attempt(world.payment, "charge"),
    )

    assert "window ended" in found(world.verdict(), "expired_keys")


@pytest.mark.parametrize("key", ["{}v2", "{}d1"], ids=["void", "detach"])
def test_keys_that_move_no_money_have_no_window(world: World, key: str) -> None:
    charge = world.attempt(world.payment, "charge")
    world.write("key", charge, key=key.format(charge.hex), at="2999-01-01T00:00:00Z")

    assert world.verdict().clean


def test_a_ledger_without_keys_is_said_to_tell_none(world: World) -> None:
    world.forget("key")

    verdict = world.verdict()

    assert verdict.clean
    assert [str(one) for one in verdict.untold] == [
        "one: 3 movements show no key: their windows cannot be judged"
    ]


def test_a_promise_without_a_row_is_lost(world: World) -> None:
    nobody = public(Kind.PAYMENT, uuid4())
    mine = [
        public(Kind.PAYMENT, world.payment),
        public(Kind.REFUND, world.refund),
        public(Kind.PAYOUT, world.payout),
    ]

    assert nobody in found(world.verdict(accepted=[*mine, nobody]), "lost")


def test_an_open_row_that_nothing_moves_is_lost(world: World) -> None:
    world.tamper("UPDATE payouts SET status = 'processing' WHERE id = :id", id=world.payout)

    words = "\n".join(map(str, world.verdict().lost))

    assert f"{public(Kind.PAYOUT, world.payout)}: processing, and nothing is due" in words


def test_what_is_due_after_everything_should_have_settled_is_stuck(world: World) -> None:
    world.tamper(
        "UPDATE payouts SET status = 'processing', next_run_at = now() WHERE id = :id",
        id=world.payout,
    )

    (late,) = world.verdict().stuck

    assert late.what == public(Kind.PAYOUT, world.payout)


@pytest.mark.parametrize(
    ("status", "whom"),
    [
        ("authorized", "its merchant"),
        ("requires_action", "its payer"),
        ("in_review", "a reviewer"),
    ],
)
def test_who_waits_for_a_person_outside_is_neither_lost_nor_stuck(
    world: World, status: str, whom: str
) -> None:
    world.tamper(
        "UPDATE payments SET status = :status, next_run_at = now() WHERE id = :id",
        status=status,
        id=world.payment,
    )

    verdict = world.verdict()

    assert [str(one) for one in verdict.waiting] == [
        f"{public(Kind.PAYMENT, world.payment)}: {status}, waits for {whom}"
    ]
    assert (verdict.lost, verdict.stuck) == ((), ())


def test_a_parked_row_is_told_with_reason_owner_and_way_out_and_is_no_fault(world: World) -> None:
    payout = world.attempt(world.payout, "payout")
    world.tamper(
        "UPDATE payment_attempts SET state = 'unknown', parked_at = now(),"
        " parked_reason = 'unresolved', owner = 'operations' WHERE id = :id",
        id=payout,
    )
    world.tamper("UPDATE payouts SET status = 'processing' WHERE id = :id", id=world.payout)

    verdict = world.verdict()

    (row,) = verdict.parked
    assert (row.what, row.reason, row.owner) == (f"att_{payout.hex}", "unresolved", "operations")
    assert "statement" in row.settled_by
    assert row.seen == "the ledger: 700 USD paid_out"
    assert (verdict.lost, verdict.stuck, verdict.wrong_sums) == ((), (), ())
    assert verdict.parked_by_reason == {"unresolved": 1}


def test_a_state_that_the_facts_do_not_lead_to_is_unexplained(world: World) -> None:
    charge = world.attempt(world.payment, "charge")
    world.tamper("UPDATE payment_attempts SET captured = 999 WHERE id = :id", id=charge)

    words = found(world.verdict(), "unexplained")

    assert f"att_{charge.hex}: charge, 1 facts: captured is 999, by its facts 1000" in words


@pytest.mark.parametrize(
    "plant",
    [
        lambda world: world.write("refund", world.attempt(world.refund, "refund"), 400),
        lambda world: world.forget("charge"),
    ],
    ids=["doubled", "missing"],
)
def test_of_one_merchant_only_its_own_rows_and_lines_are_judged(
    world: World, plant: Callable[[World], None]
) -> None:
    plant(world)

    assert world.verdict(merchant_id=uuid4()).clean
    theirs = world.verdict(merchant_id=world.merchant)
    assert not theirs.clean
    assert theirs.counts == world.verdict().counts


def test_money_that_is_nobodys_is_found_whoever_is_judged(world: World) -> None:
    world.write("charge", uuid4(), 10)

    found(world.verdict(merchant_id=uuid4()), "unwritten")


def test_every_reason_for_parking_has_a_way_out() -> None:
    assert SETTLED_BY.keys() == set(Reason)
    assert all(SETTLED_BY.values())
