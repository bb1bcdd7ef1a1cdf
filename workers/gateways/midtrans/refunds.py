"""Midtrans' refunds: what the answer to one, and the transaction's list of them, say of our order."""

from __future__ import annotations

from typing import Final

from domain.attempt import Attempt, Operation
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotFound,
    Outcome,
    Pending,
    Succeeded,
    Unknown,
)
from workers.gateways import DOUBLES, Alarm
from workers.gateways.midtrans.account import Terms
from workers.gateways.midtrans.answers import Went
from workers.gateways.midtrans.charges import Meaning, meant
from workers.gateways.midtrans.shapes import RefundAnswer, ShownRefund, Transaction, rupiah
from workers.gateways.reading import parsed

#: With this code under HTTP 200 the bank said no, and the transaction is as it was.
REFUSED: Final = "202"
#: The bank said no; it may say yes another time.
DENIED: Final = "refund_denied"
#: A card's money can be given back once it has settled, which takes a day.
NOT_SETTLED: Final = "not_settled"
#: The transaction has no money that could be given back.
NOT_REFUNDABLE: Final = "not_refundable"


def refunded(shown: Transaction, attempt: Attempt, terms: Terms, alarm: Alarm) -> Lookup:
    """Return what a transaction says of one of its refunds, which its refund_key names exactly.

    `NotFound`: there is none of that name. Two of one name are told to people.
    """
    if shown.transaction_id != attempt.target:
        return Unknown(f"{shown.transaction_id} is not the charge that was asked about")
    ours = [one for one in shown.refunds or () if one.refund_key == attempt.reference]
    if len(ours) > 1:
        alarm(DOUBLES[Operation.REFUND], attempt.reference)
    if ours:
        return _given_back(ours[0], terms)
    if attempt.provider_id is not None:
        # One that Midtrans named before and does not list now is a riddle, not an absence.
        return Unknown(f"the refund {attempt.provider_id} is not in the list any more")
    return NotFound()


def answered(told: Went, attempt: Attempt, terms: Terms) -> Outcome:
    """Return what the answer to a refund says. `Unknown`: only the transaction's list can tell."""
    answer = parsed(told.answer.body, RefundAnswer)
    if answer is None or answer.transaction_id != attempt.target:
        return Unknown("the answer to a refund speaks of no refund of this charge")
    if told.code == REFUSED:
        stood = answer.transaction_status.lower() == "settlement"
        if stood and told.answer.status == 200:
            return Declined(DENIED, Hardness.SOFT)
        return Unknown(f"a refund was answered with {told.code}, and may be under way")
    if answer.refund_key != attempt.reference or answer.refund_amount is None:
        return Unknown("the answer to a refund names another one, or none")
    shown = ShownRefund(
        refund_key=answer.refund_key,
        refund_amount=answer.refund_amount,
        refund_chargeback_id=answer.refund_chargeback_id,
        bank_confirmed_at=answer.bank_confirmed_at,
    )
    outcome = _given_back(shown, terms)
    if isinstance(outcome, Succeeded) and outcome.money != attempt.money:
        # Some channels answer with what was given back in all: the list tells them apart.
        return Unknown("the answer to a refund tells of another amount")
    return outcome


def unrefundable(shown: Transaction) -> Outcome:
    """Return why a transaction cannot be refunded now, after Midtrans has refused to."""
    meaning = meant(shown)
    if isinstance(meaning, Unknown):
        return meaning
    if shown.status == "capture" or meaning is Meaning.SCREENED:
        return Declined(NOT_SETTLED, Hardness.SOFT)
    return Declined(NOT_REFUNDABLE, Hardness.HARD)


def _given_back(one: ShownRefund, terms: Terms) -> Outcome:
    id_ = str(one.refund_chargeback_id or one.refund_key)
    money = rupiah(one.refund_amount)
    if money is None:
        return Unknown(f"the refund {id_} has an amount that is none")
    if terms.refunds_need_bank and not one.bank_confirmed_at:
        return Pending(id_)
    return Succeeded(id_, money, reference=one.refund_key)
