"""Refusals: each has a stable code of its own and says what is wrong, never what was sent."""

from __future__ import annotations

from domain.commands import QUEUES, Command
from domain.errors import (
    DomainError,
    FieldError,
    InvalidRequest,
    KeyReused,
    NotFound,
    Overloaded,
    RateLimited,
    RawCardDataRefused,
)


def kinds(of: type[DomainError] = DomainError) -> list[type[DomainError]]:
    return [kind for sub in of.__subclasses__() for kind in (sub, *kinds(sub))]


def test_every_refusal_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in kinds()]

    assert len(codes) == len(set(codes))
    assert DomainError.code not in codes
    assert all(code.replace("_", "").islower() for code in codes)


def test_without_a_detail_the_refusals_own_sentence_stands() -> None:
    assert KeyReused().detail == "The same Idempotency-Key arrived with a different body."
    assert KeyReused("said", fix="do this").fix == "do this"


def test_a_wrong_request_names_every_field() -> None:
    refusal = InvalidRequest([FieldError("a", "is missing", "send a"), FieldError("b", "bad", "x")])

    assert refusal.detail == "a: is missing; b: bad"
    assert [error.field for error in refusal.errors] == ["a", "b"]


def test_refused_card_data_is_named_and_not_repeated() -> None:
    refusal = RawCardDataRefused("metadata.note")

    assert refusal.field == "metadata.note"
    assert "metadata.note" in refusal.detail
    assert refusal.fix


def test_a_full_house_says_when_to_come_back() -> None:
    assert RateLimited(7).retry_after_s == 7
    assert "7 s" in RateLimited(7).detail
    assert Overloaded("full").retry_after_s == 1
    assert Overloaded("full", 9).retry_after_s == 9


def test_what_is_missing_is_named() -> None:
    assert NotFound("payment").detail == "no such payment"


def test_every_command_has_a_queue_of_its_own() -> None:
    assert set(QUEUES) == set(Command)
    assert len({command.queue for command in Command}) == len(Command)
