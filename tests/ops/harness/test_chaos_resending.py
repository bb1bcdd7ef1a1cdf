"""What a provider gave up telling is asked for once, by what it is about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ops.harness.chaos.faults import Providers
from ops.harness.chaos.resending import Resending
from ops.harness.verdict.lines import Kind, LedgerFile

Asked = list[tuple[str, str, Mapping[str, Any] | None]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    found: Asked = []
    pull = lambda _, *words: found.append(words)  # noqa: E731
    monkeypatch.setattr(Providers, "pull", pull)
    return found


def resending(folder: Path, kind: Kind, *lines: dict[str, object]) -> Resending:
    path = folder / "ledger.jsonl"
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    return Resending(Providers({}, 1, False), {"gateway": LedgerFile(path, kind)})


def event(id_: str, **about: object) -> dict[str, object]:
    return {"kind": "event", "event": id_, **about}


def given_up(id_: str, tries: int = 7) -> dict[str, object]:
    return {"kind": "event.given_up", "event": id_, "event_seq": 1, "tries": tries}


def notice(id_: str, object_: str, tries: int, type_: str = "SETTLED") -> dict[str, object]:
    return {
        "seq": 1,
        "kind": "event.given_up",
        "object": object_,
        "state": {"id": id_, "type": type_, "tries": tries},
    }


def test_the_houses_webhook_is_asked_for_by_what_it_was_about(tmp_path: Path, asked: Asked) -> None:
    again = resending(
        tmp_path,
        Kind.HOUSE,
        *(event("e1", payment="p1"), event("e2", payment="p2", refund="r2")),
        *(event("e3", payout="o3"), event("e4", payment="p4")),
        *(given_up("e1"), given_up("e2"), given_up("e3")),
    )

    assert again() == 3
    assert asked == [
        ("gateway", "/deliver", {"payment": "p1"}),
        ("gateway", "/deliver", {"payout": "o3"}),
        ("gateway", "/deliver", {"refund": "r2"}),
    ]


def test_two_webhooks_about_one_object_are_one_question(tmp_path: Path, asked: Asked) -> None:
    again = resending(tmp_path, Kind.STAGE, notice("n1", "ch_1", 6), notice("n2", "ch_1", 6))

    assert again() == 2
    assert asked == [("gateway", "/objects/ch_1/deliver", None)]


def test_each_is_asked_for_once(tmp_path: Path, asked: Asked) -> None:
    again = resending(tmp_path, Kind.STAGE, notice("n1", "ch_1", 6))

    assert (again(), again()) == (1, 0)
    assert len(asked) == 1


def test_what_a_provider_never_meant_to_send_is_not_asked_for(tmp_path: Path, asked: Asked) -> None:
    paid = event("e1", payment="p1", type="payment.captured", send=False)
    house = resending(tmp_path, Kind.HOUSE, paid, given_up("e1", tries=0))
    assert house() == 0
    stage = resending(tmp_path, Kind.STAGE, notice("n1", "ch_1", 0))
    assert stage() == 0
    assert asked == []


def test_news_that_no_look_up_would_find_is_asked_for(tmp_path: Path, asked: Asked) -> None:
    taken = event("e1", payment="p1", type="payment.charged_back", send=False)
    sent = event("e2", payment="p2", type="payment.charged_back")
    assert resending(tmp_path, Kind.HOUSE, taken, sent)() == 1
    assert resending(tmp_path, Kind.STAGE, notice("n1", "ch_1", 0, "REVERSED"))() == 1
    assert asked == [
        ("gateway", "/deliver", {"payment": "p1"}),
        ("gateway", "/objects/ch_1/deliver", None),
    ]
