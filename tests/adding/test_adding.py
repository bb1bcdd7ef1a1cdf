"""A sixth provider: one adapter, one line. The contract suite itself runs over it by its rig."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from domain.payment import Mode
from domain.webhook import Scheme
from ops.providers import PROVIDERS, Provider
from ops.store.gateways import Account
from tests.adding.till import Till
from tests.contract.conftest import RIGS
from workers.gateways.registry import Registry, imported

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "workers" / "gateways" / "ADDING.md").read_text()
LINE = '"till": Provider(Scheme("till-signature"), "tests.adding.till:Till", "the signing secret"),'


def registered() -> Provider:
    """The guide's registration, as it is written there."""
    assert LINE in GUIDE
    line: dict[str, Provider] = eval(f"{{{LINE}}}", {"Provider": Provider, "Scheme": Scheme})
    return line["till"]


def an_account(**credentials: str) -> Account:
    return Account(
        id="till-1",
        provider="till",
        mode=Mode.TEST,
        base_url="http://127.0.0.1:9",
        credentials=credentials,
        webhook_secrets=["whsec"],
        scheme=registered().scheme,
        routes=(),
    )


def test_the_guides_line_is_all_that_workers_need() -> None:
    registry = Registry(
        lambda: [an_account(secret_key="sk_1")],
        alarm=lambda what, reference: None,
        find=lambda provider: imported({"till": registered()}[provider].adapter),
    )

    adapter = registry.get("till-1")

    assert isinstance(adapter, Till)
    registry.close()


def test_a_gateway_without_its_key_is_not_usable_and_harms_nobody() -> None:
    registry = Registry(
        lambda: [an_account()],
        alarm=lambda what, reference: None,
        find=lambda provider: imported(registered().adapter),
    )

    assert registry.get("till-1") is None


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_every_registered_provider_can_be_imported_and_has_a_rig(name: str) -> None:
    assert callable(imported(PROVIDERS[name].adapter))
    assert name in RIGS


def test_what_the_guide_names_is_there() -> None:
    paths = re.findall(r"`((?:tests|ops|workers|domain)/[\w/.]+\.(?:py|md))`", GUIDE)

    assert len(paths) >= 5
    assert [path for path in paths if not (ROOT / path).exists()] == []
