"""The registry: adapters follow their gateways' rows, at most a second behind."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from domain.attempt import Operation
from domain.payment import Mode
from ops.providers import PROVIDERS
from ops.store.gateways import Account
from tests.workers.caller_rig import Scripted
from workers.gateways import Build, Setup, Unusable
from workers.gateways.registry import FRESH_S, Find, Registry, builder, imported
from workers.gateways.sandbox import Sandbox


def an_account(id_: str = "one", **changes: Any) -> Account:
    account = Account(
        id=id_,
        provider="sandbox",
        mode=Mode.TEST,
        base_url="http://127.0.0.1:9",
        credentials={"secret_key": "sk_1"},
        webhook_secrets=["whsec_1"],
        scheme=PROVIDERS["sandbox"].scheme,
    )
    return replace(account, **changes)


@dataclass
class Rig:
    """A registry over a list of rows, on a clock that the test moves."""

    accounts: list[Account]
    find: Find = builder
    reads: int = 0
    now: float = 0.0
    alarms: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.registry = Registry(
            self._read,
            alarm=lambda what, reference: self.alarms.append((what, reference)),
            clock=lambda: self.now,
            find=self.find,
        )

    def _read(self) -> list[Account]:
        self.reads += 1
        return list(self.accounts)


def scripted(setup: Setup) -> Scripted:
    if setup.credentials["secret_key"] == "bad":
        raise Unusable("the key is bad")
    setup.alarm("built", setup.credentials["secret_key"])
    return Scripted()


def scripted_ones(provider: str) -> Build:
    if provider != "sandbox":
        return builder(provider)
    return scripted


def test_a_configured_gateway_has_its_providers_adapter() -> None:
    rig = Rig([an_account(settings={"key_window_s": 60})])

    adapter = rig.registry.get("one")

    assert isinstance(adapter, Sandbox)
    assert adapter.declaration.promises[Operation.CHARGE].key_window.total_seconds() == 60
    assert rig.registry.get("two") is None
    rig.registry.close()


def test_an_inactive_gateway_keeps_its_adapter_for_the_money_that_is_out_there() -> None:
    rig = Rig([an_account(active=False)], scripted_ones)

    assert rig.registry.get("one") is not None


def test_rows_are_read_once_a_second_and_kept_adapters_are_the_same() -> None:
    rig = Rig([an_account(), an_account("two")], scripted_ones)

    first = rig.registry.get("one")
    rig.registry.get("two")
    rig.now = FRESH_S * 0.99
    assert rig.registry.get("one") is first
    assert rig.reads == 1

    rig.now = FRESH_S
    assert rig.registry.get("one") is first
    assert rig.reads == 2


@pytest.mark.parametrize(
    "change",
    [
        {"credentials": {"secret_key": "sk_2"}},
        {"base_url": "http://127.0.0.1:10"},
        {"settings": {"x": 1}},
        {"version": 2},
    ],
    ids=str,
)
def test_a_changed_row_gets_a_new_adapter_and_the_old_one_is_closed(
    change: dict[str, Any],
) -> None:
    rig = Rig([an_account()], scripted_ones)
    old = cast("Scripted", rig.registry.get("one"))

    rig.accounts, rig.now = [an_account(**change)], FRESH_S

    assert rig.registry.get("one") is not old
    assert old.calls == ["close"]


def test_a_removed_row_has_no_adapter_any_more_and_the_old_one_is_closed() -> None:
    rig = Rig([an_account()], scripted_ones)
    old = cast("Scripted", rig.registry.get("one"))

    rig.accounts, rig.now = [], FRESH_S

    assert rig.registry.get("one") is None
    assert old.calls == ["close"]


def test_a_provider_that_nobody_speaks_is_no_gateway_and_is_logged_once_per_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig([an_account(provider="nobody"), an_account("two")], scripted_ones)

    with caplog.at_level(logging.ERROR):
        assert rig.registry.get("one") is None
        assert rig.registry.get("two") is not None
        rig.now = FRESH_S
        assert rig.registry.get("one") is None

    assert len(caplog.messages) == 1
    assert "one" in caplog.messages[0]
    assert "there is no provider nobody" in caplog.messages[0]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("workers.gateways.nowhere:Nobody", "ModuleNotFoundError"),
        ("workers.gateways.sandbox:Nobody", "AttributeError"),
        ("tests.workers.broken_adapter:Broken", "ZeroDivisionError"),
    ],
)
def test_an_adapter_that_cannot_be_imported_takes_no_other_along_and_says_why_once(
    name: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    def find(provider: str) -> Build:
        return imported(name) if provider == "stripe" else scripted

    rig = Rig([an_account(provider="stripe"), an_account("two")], find)

    with caplog.at_level(logging.ERROR):
        assert rig.registry.get("one") is None
        assert rig.registry.get("two") is not None
        rig.now = FRESH_S
        assert rig.registry.get("one") is None

    (said,) = caplog.messages
    assert name in said
    assert why in said


def test_every_registered_provider_names_a_module_of_the_gateways() -> None:
    for name, provider in PROVIDERS.items():
        module, _, class_ = provider.adapter.partition(":")
        assert module == f"workers.gateways.{name}"
        assert class_.isidentifier()


def test_a_configuration_that_cannot_work_is_no_gateway_and_its_secret_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig([an_account(credentials={"secret_key": "bad"}), an_account("two")], scripted_ones)

    with caplog.at_level(logging.ERROR):
        assert rig.registry.get("one") is None

    assert rig.registry.get("two") is not None
    assert caplog.messages == [
        "gateway one cannot be used as configured: the key is bad",
    ]


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        ("https://api.provider.example", True),
        ("http://127.0.0.1:9000", True),
        ("http://localhost", True),
        ("http://api.provider.example", False),
        ("http://127.0.0.1.provider.example", False),
        ("http://[nonsense", False),
    ],
)
def test_a_live_key_never_leaves_the_machine_in_the_clear(url: str, usable: bool) -> None:
    rig = Rig([an_account(mode=Mode.LIVE, base_url=url)], scripted_ones)

    assert (rig.registry.get("one") is not None) is usable


def test_an_adapter_alarms_through_the_registry() -> None:
    rig = Rig([an_account()], scripted_ones)

    rig.registry.get("one")

    assert rig.alarms == [("built", "sk_1")]


def test_closing_closes_every_adapter() -> None:
    rig = Rig([an_account(), an_account("two")], scripted_ones)
    adapters = [cast("Scripted", rig.registry.get(id_)) for id_ in ("one", "two")]

    rig.registry.close()

    assert [adapter.calls for adapter in adapters] == [["close"], ["close"]]


def test_what_reading_the_rows_raises_comes_through_and_the_next_call_reads_again() -> None:
    rig = Rig([an_account()], scripted_ones)
    failing = [OSError("the database is away")]

    def read() -> list[Account]:
        if failing:
            raise failing.pop()
        return rig.accounts

    registry = Registry(read, alarm=lambda *_: None, find=scripted_ones)

    with pytest.raises(OSError, match="away"):
        registry.get("one")
    assert registry.get("one") is not None
