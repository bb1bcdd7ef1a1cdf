"""What every adapter reads of a webhook, and how far the provider's proof of it goes."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from domain.attempt import Attempt
from domain.outcome import Succeeded
from domain.webhook import Hint
from tests.contract.cases import across, only
from tests.contract.deeds import carried, charged, held, id_of, minor, payout_row
from tests.contract.made import a_capture, a_payout, a_refund, within
from tests.contract.proofs import is_proven
from tests.contract.rigs import Delivery, News, Rig

#: No provider's proof is good for so long.
MONTH_S = 30 * 86_400


def brought_about(rig: Rig, news: News) -> Attempt:
    """Make something happen that the provider tells of, and return what it is about."""
    match news:
        case News.AUTHORIZED:
            return held(rig)
        case News.CAPTURED:
            return charged(rig)
        case News.CHARGED_BACK:
            charge = charged(rig)
            assert charge.provider_id is not None
            part = minor(rig.ways, 1) if rig.ways.charges_back_in_part else charge.money.minor
            rig.charges_back(charge.provider_id, part)
            return charge
        case News.REFUNDED | News.REFUND_FAILED:
            refund = a_refund(rig.adapter, charged(rig))
            refund = replace(refund, provider_id=id_of(rig.adapter.refund(refund, within())))
            assert refund.provider_id is not None
            if news is News.REFUND_FAILED:
                rig.decides_refund(refund.provider_id, succeeds=False)
            return refund
        case News.PAYOUT_BEGUN | News.PAID_OUT | News.PAYOUT_RETURNED:
            payout, outcome = carried(rig, a_payout(rig.adapter, payout_row(rig.ways)))
            if news is not News.PAYOUT_BEGUN and rig.ways.payouts_pend:
                rig.decides_payout(id_of(outcome), succeeds=True)
            if news is News.PAYOUT_RETURNED:
                rig.returns_payout(id_of(outcome))
            return payout


def heard(rig: Rig, delivery: Delivery) -> Hint:
    """Check how it is proven, and return what it speaks of."""
    assert is_proven(rig, delivery, int(time.time()))
    hint = rig.adapter.read_notice(delivery[1])
    assert hint is not None
    return hint


def is_about(hint: Hint, attempt: Attempt) -> bool:
    """Whether a hint names this attempt, and nothing else; a provider that speaks only of charges
    may name the charge of a refund."""
    names = {(hint.reference, attempt.reference), (hint.provider_id, attempt.provider_id)}
    said = {(theirs, ours) for theirs, ours in names if theirs is not None}
    if said and all(theirs == ours for theirs, ours in said):
        return True
    return attempt.target is not None and hint.provider_id == attempt.target


@across("news", lambda ways: sorted(ways.news))
def test_a_webhook_is_proven_and_names_what_it_is_about(rig: Rig, news: News) -> None:
    attempt = brought_about(rig, news)

    hint = heard(rig, rig.webhook(news, attempt))

    assert hint.type == rig.ways.news[news]
    assert is_about(hint, attempt), hint


@only(lambda ways: News.AUTHORIZED in ways.news and News.CAPTURED in ways.news)
def test_a_capture_is_told_under_the_name_of_its_charge(rig: Rig) -> None:
    charge = held(rig)
    capture = rig.adapter.capture(a_capture(rig.adapter, charge), within())
    assert isinstance(capture, Succeeded), capture

    assert is_about(heard(rig, rig.webhook(News.CAPTURED, charge)), charge)


@across("news", lambda ways: sorted(ways.news)[:1])
def test_a_forged_status_is_refused_or_defeated_by_reading_back(rig: Rig, news: News) -> None:
    attempt = brought_about(rig, news)
    headers, body = rig.webhook(news, attempt)
    before = rig.adapter.lookup(attempt, within())
    forged = rig.tampered(body)
    assert forged != body

    assert is_proven(rig, (headers, forged), int(time.time())) is not rig.ways.proves_body
    if not rig.ways.proves_body:
        hint = rig.adapter.read_notice(forged)
        assert hint is None or is_about(hint, attempt)
    assert rig.adapter.lookup(attempt, within()) == before


@across("news", lambda ways: sorted(ways.news)[:1])
@pytest.mark.parametrize("off_s", [-MONTH_S, MONTH_S], ids=["ahead of us", "long ago"])
def test_a_webhook_of_another_time_is_refused_where_its_proof_covers_the_time(
    rig: Rig, news: News, off_s: int
) -> None:
    delivery = rig.webhook(news, brought_about(rig, news))

    assert is_proven(rig, delivery, int(time.time()))
    assert is_proven(rig, delivery, int(time.time()) + off_s) is not rig.ways.proves_time


@across("news", lambda ways: sorted(ways.news)[:1])
def test_without_its_proof_a_webhook_is_refused(rig: Rig, news: News) -> None:
    _, body = rig.webhook(news, brought_about(rig, news))

    unsigned = b"{}" if not rig.ways.proves_body else body
    assert not is_proven(rig, ({}, unsigned), int(time.time()))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"7",
        b"\x00\xff",
        b"<a/>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b'{"type": "x", "data": null}',
        b'{"data":' * 100_000,
        b"<a>" * 100_000,
        b"{} x",
    ],
    ids=range(12),
)
def test_a_webhook_that_cannot_be_read_is_nothing(rig: Rig, body: bytes) -> None:
    assert rig.adapter.read_notice(body) is None
