"""Which rigs run: all that are registered, or those that the environment names."""

from __future__ import annotations

import pytest

from tests.contract.conftest import CHOICE, RIGS, chosen
from tests.contract.sandbox_rig import SandboxRig


def test_without_a_choice_every_registered_rig_runs() -> None:
    assert sorted(chosen({})) == sorted(RIGS)
    assert chosen({})["sandbox"] is SandboxRig


def test_a_choice_names_registered_rigs_and_others_with_their_class() -> None:
    path = "tests.contract.sandbox_rig:SandboxRig"

    assert chosen({CHOICE: f"sandbox,mine={path}"}) == {"sandbox": SandboxRig, "mine": SandboxRig}
    assert list(chosen({CHOICE: f"mine={path}"})) == ["mine"]


def test_a_name_that_nobody_registered_is_refused_and_says_how_to_name_it() -> None:
    with pytest.raises(pytest.UsageError, match="nobodys=module:Class"):
        chosen({CHOICE: "nobodys"})


def test_every_registered_rig_is_registered_under_its_providers_name() -> None:
    assert {name: built.ways.provider for name, built in chosen({}).items()} == {n: n for n in RIGS}
