"""The rigs, one per adapter: a new adapter joins the suite with one line here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol

import pytest

from tests.contract import cases
from tests.contract.rigs import Rig, Ways

RIGS: Mapping[str, str] = {
    "midtrans": "tests.contract.midtrans_rig:MidtransRig",
    "paypal": "tests.contract.paypal_rig:PayPalRig",
    "sandbox": "tests.contract.sandbox_rig:SandboxRig",
    "soapbank": "tests.contract.soapbank_rig:SoapBankRig",
    "stripe": "tests.contract.stripe_rig:StripeRig",
    "till": "tests.contract.till_rig:TillRig",
    "xendit": "tests.contract.xendit_rig:XenditRig",
}
#: These run with the fast tests; the others, a minute each, with those that need services.
FAST = frozenset({"sandbox", "till"})
#: Which of them to run, separated by commas; one that is not registered as `name=module:Class`.
CHOICE = "PAYLINK_RIGS"


class Built(Protocol):
    """A rig's class."""

    @property
    def ways(self) -> Ways:
        """What its provider documents."""

    def __call__(self, folder: Path) -> Rig:
        """Start it in a folder of its own."""


def chosen(environ: Mapping[str, str] = os.environ) -> dict[str, Built]:
    """Return the classes of the chosen rigs by name; only these are imported."""
    named = dict.fromkeys(RIGS, "")
    if choice := environ.get(CHOICE, ""):
        named = {name: path for name, _, path in (one.partition("=") for one in choice.split(","))}
    if unknown := [name for name, path in named.items() if not path and name not in RIGS]:
        raise pytest.UsageError(f"{CHOICE}: say {unknown[0]}=module:Class, it is not registered")
    return {name: _class(path or RIGS[name]) for name, path in sorted(named.items())}


def _class(path: str) -> Built:
    module, _, name = path.partition(":")
    built: Built = getattr(import_module(module), name)
    return built


def pytest_configure(config: pytest.Config) -> None:
    for line in (cases.ACROSS, cases.ONLY):
        config.addinivalue_line("markers", line)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "rig" in metafunc.fixturenames:
        cases.parametrise(metafunc, [(name, built.ways) for name, built in chosen().items()], FAST)


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Rig]]:
    """Start each rig when it is first asked for, and stop them all at the end."""
    running: dict[str, Rig] = {}

    def start(name: str) -> Rig:
        if name not in running:
            running[name] = chosen()[name](tmp_path_factory.mktemp(name))
        return running[name]

    yield start
    for rig in running.values():
        rig.close()


@pytest.fixture
def rig(request: pytest.FixtureRequest, started: Callable[[str], Rig]) -> Iterator[Rig]:
    """One provider with no fault in force and an adapter without history."""
    running = started(request.param)
    running.renew()
    yield running
    running.calm()
    running.adapter.close()
