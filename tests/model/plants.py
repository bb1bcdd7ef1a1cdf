"""Planted bugs: each is one mistake that loses or doubles money; a model that misses one is blind."""

from __future__ import annotations

from collections.abc import Mapping

from domain.attempt import Operation
from tests.model import plants_books as books
from tests.model import plants_money as money
from tests.model.planting import Plant

PLANTS: Mapping[str, Plant] = {
    "timeout_fails_over": Plant(
        "a charge without an answer counts as not charged",
        lambda: money.no_answer_is_a_failure(Operation.CHARGE),
    ),
    "timeout_refunds_again": Plant(
        "a refund without an answer is sent as a new one",
        lambda: money.no_answer_is_a_failure(Operation.REFUND),
    ),
    "timeout_pays_out_again": Plant(
        "a payout without an answer goes to the next gateway",
        lambda: money.no_answer_is_a_failure(Operation.PAYOUT),
    ),
    "unknown_does_not_block": Plant(
        "an attempt of unknown outcome lets another one be written", money.unknown_does_not_block
    ),
    "any_copy_proves": Plant(
        "a refused replay proves that nothing was charged", money.any_copy_proves
    ),
    "fresh_key": Plant("a repetition has a key of its own", money.fresh_key),
    "lease_is_not_checked": Plant("who has lost the lease goes on", books.lease_is_not_checked),
    "rows_are_not_locked": Plant(
        "what was read is written back over what others wrote since", books.rows_are_not_locked
    ),
    "lease_never_ends": Plant("a dead worker's row stays his", books.lease_never_ends),
    "answered_before_done": Plant(
        "the key is recorded first, the work done after", books.answered_before_done
    ),
    "keys_are_forgotten": Plant("no key is ever found again", books.keys_are_forgotten),
    "refunds_are_not_counted": Plant(
        "what went back before is not subtracted", books.refunds_are_not_counted
    ),
    "left_in_sending": Plant("nobody takes over what a dead worker sent", books.left_in_sending),
    "sending_was_never_sent": Plant(
        "what a dead worker may have sent counts as not sent", money.sending_was_never_sent
    ),
    "keys_last_for_ever": Plant(
        "the bytes go again after the key's window", money.keys_last_for_ever
    ),
    "margin_is_forgotten": Plant(
        "a repetition that begins in the key's window may leave after it",
        money.margin_is_forgotten,
    ),
    "adopted_beside_another": Plant(
        "late money becomes the payment's own beside another charge",
        money.adopted_beside_another,
    ),
    "not_found_is_proof": Plant("what is not found was not charged", money.not_found_is_proof),
    "lag_is_forgotten": Plant(
        "what is not found after the send window was not charged", money.lag_is_forgotten
    ),
    "confirmed_without_a_commit": Plant(
        "the second call of a split charge leaves before it is written down",
        money.confirmed_without_a_commit,
    ),
    "late_money_is_kept": Plant("late money stays where it is", money.late_money_is_kept),
    "late_money_twice": Plant("late money goes back twice", money.late_money_goes_back_twice),
    "webhooks_are_believed": Plant("a webhook counts without a look", money.webhooks_are_believed),
    "written_after_sending": Plant(
        "the attempt is stored after its call", books.written_after_sending
    ),
    "sent_inside_a_transaction": Plant(
        "a refund is sent before its transaction ends", books.sent_inside_the_transaction
    ),
    "lost_wakes": Plant(
        "the sweep does not see what was due at once", books.lost_wakes_are_not_swept
    ),
    "cancelled_too_early": Plant(
        "a cancel does not wait for an open charge", books.cancelled_beside_an_open_charge
    ),
    "expired_too_early": Plant(
        "a payment fails beside its open charge", books.expired_beside_an_open_charge
    ),
    "captured_and_voided": Plant(
        "a capture does not see the void that is under way", books.captured_and_voided
    ),
    "any_amount": Plant(
        "whatever was taken counts as what was asked for", money.any_amount_will_do
    ),
    "another_gateway_is_asked": Plant(
        "a lost answer is looked for at another gateway", money.asked_again_at_another
    ),
    "no_send_window": Plant(
        "a stalled worker sends whenever it wakes", books.send_window_is_not_checked
    ),
    "refund_believed": Plant(
        "a refund without an answer counts as done", money.refund_is_final_at_once
    ),
}
