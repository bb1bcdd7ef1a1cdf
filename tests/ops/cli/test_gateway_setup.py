"""Gateway setup by command: secrets from anywhere but argv, everything validated, all of it told."""

from __future__ import annotations

import json
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from domain.webhook import scheme_of
from ops.cli.secret_sources import read_secrets
from ops.providers import PROVIDERS
from ops.vault import Vault
from tests.ops.cli.stage import KEY, Stage

pytestmark = pytest.mark.services

SECRET, WEBHOOK = "sk_that_must_never_be_shown", "wh_that_must_never_be_shown"
SECRETS = json.dumps({"credentials": {"secret_key": SECRET}, "webhook_secrets": [WEBHOOK]})
ADD = ("gateways", "add", "three", "--provider", "sandbox", "--mode", "test")
AT = ("--base-url", "http://127.0.0.1:3")


@pytest.fixture
def secrets(tmp_path: Path) -> str:
    """A file with everything that opens the account."""
    file = tmp_path / "secrets.json"
    file.write_text(SECRETS)
    return str(file)


def stored(stage: Stage, column: str = "credentials", id_: str = "three") -> object:
    (row,) = stage.sql(f"SELECT {column} FROM gateways WHERE id = :id", id=id_)
    opened = Vault({"k1": KEY}).open(row[column], table="gateways", column=column, row=id_)
    return json.loads(opened)


def test_an_added_gateway_has_its_secrets_sealed_no_route_and_an_audit_entry(
    stage: Stage, secrets: str
) -> None:
    ran = stage.run(*ADD, *AT, "--secrets", secrets, "--name", "Third", "--setting", "pace=3")

    assert "paylink routes add three" in ran.err
    assert "/v1/webhooks/sandbox/three, proven by its signing secret" in ran.err
    assert stored(stage) == {"secret_key": SECRET}
    assert stored(stage, "webhook_secrets") == [WEBHOOK]
    assert stage.sql("SELECT settings FROM gateways WHERE id = 'three'") == [
        {"settings": {"pace": 3}}
    ]
    assert stage.audit() == [("operator", "gateway.added", "three")]
    shown = stage.run("gateways", "show", "three").out
    assert "none: it gets no payment" in shown
    assert "Third" in shown
    assert "never shown" in shown
    everything = ran.out + ran.err + shown + str(stage.sql("SELECT after FROM audit_logs"))
    assert SECRET not in everything
    assert WEBHOOK not in everything


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_can_be_configured_with_its_own_scheme(
    stage: Stage, secrets: str, provider: str
) -> None:
    options = ("--provider", provider, "--mode", "test", *AT, "--secrets", secrets)

    ran = stage.run("gateways", "add", "three", *options)

    assert f"/v1/webhooks/{provider}/three" in ran.err
    (row,) = stage.sql("SELECT provider, webhook_scheme FROM gateways WHERE id = 'three'")
    assert row["provider"] == provider
    assert scheme_of(row["webhook_scheme"]) == PROVIDERS[provider].scheme


def test_secrets_may_come_from_the_environment(stage: Stage) -> None:
    stage.run(*ADD, *AT, "--secrets", "env:SECRETS_HERE", environ={"SECRETS_HERE": SECRETS})

    assert stored(stage) == {"secret_key": SECRET}


def test_a_change_leaves_alone_what_it_does_not_name(stage: Stage, secrets: str) -> None:
    stage.run(*ADD, *AT, "--secrets", secrets, "--setting", "pace=3", "--setting", "note=x")

    ran = stage.run(
        *("gateways", "set", "three", "--inactive", "--priority", "7", "--setting", "note="),
        *("--ip-allow", "203.0.113.0/24", "--type", "wallet"),
    )

    assert "version 2" in ran.out
    (row,) = stage.sql(
        "SELECT is_active, priority, settings, ip_allowlist, type, base_url, version FROM gateways"
        " WHERE id = 'three'"
    )
    assert list(row.values()) == [
        *(False, 7, {"pace": 3}, ["203.0.113.0/24"], "wallet", "http://127.0.0.1:3", 2)
    ]
    assert stored(stage) == {"secret_key": SECRET}
    assert [action for _, action, _ in stage.audit()] == ["gateway.added", "gateway.changed"]


def test_new_secrets_of_the_same_account_replace_only_what_is_given(
    stage: Stage, secrets: str
) -> None:
    stage.run(*ADD, *AT, "--secrets", secrets)

    given = {"FRESH": json.dumps({"webhook_secrets": ["new", WEBHOOK]})}
    stage.run("gateways", "set", "three", "--secrets", "env:FRESH", environ=given)

    assert stored(stage, "webhook_secrets") == ["new", WEBHOOK]
    assert stored(stage) == {"secret_key": SECRET}


def test_a_gateway_that_was_never_used_is_removed(stage: Stage) -> None:
    assert "is gone" in stage.run("gateways", "remove", "two").out

    assert stage.sql("SELECT id FROM gateways") == [{"id": "one"}]
    assert stage.audit() == [("operator", "gateway.removed", "two")]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--provider", "nobody"], "--provider"),
        (["--base-url", "127.0.0.1:3"], "--base-url"),
        (["--base-url", "https://user:pw@provider.example"], "--base-url"),
        (["--base-url", "https://provider.example?key=1"], "--base-url"),
        (["--mode", "live", "--base-url", "http://provider.example"], "https only"),
        (["--type", "cash"], "--type"),
        (["--data-format", "csv"], "--data-format"),
        (["--ip-allow", "10.1.2.3/8"], "--ip-allow"),
        (["--setting", "No=1"], "--setting"),
        (["--name", " "], "--name"),
        (["--priority", "-1"], "--priority"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    stage: Stage, secrets: str, args: list[str], said: str
) -> None:
    ran = stage.run(*ADD, *AT, "--secrets", secrets, *args, code=2)

    assert said in ran.err
    assert len(stage.sql("SELECT id FROM gateways")) == 2
    assert stage.audit() == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SECRET, "not JSON"),
        ("[]", "not a JSON object"),
        (json.dumps({"credentials": {"k": SECRET}, SECRET: 1}), "1 unknown fields"),
        (json.dumps({"credentials": {"k": SECRET}}), "one of the two is missing"),
        (json.dumps({"credentials": {}, "webhook_secrets": []}), "credentials are not"),
        (json.dumps({"credentials": {"k": 7}, "webhook_secrets": []}), "credentials are not"),
        (json.dumps({"credentials": {"k": SECRET}, "webhook_secrets": [""]}), "webhook_secrets"),
        (f'"{SECRET * 4000}"', "longer than"),
    ],
)
def test_secrets_of_the_wrong_form_are_refused_without_repeating_them(
    stage: Stage, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "wrong.json"
    file.write_text(text)

    ran = stage.run(*ADD, *AT, "--secrets", str(file), code=2)

    assert said in ran.err
    assert SECRET not in ran.err


@pytest.mark.parametrize("source", ["no/such/file", "env:NO_SUCH_VARIABLE"])
def test_a_source_that_is_not_there_is_named(stage: Stage, source: str) -> None:
    assert "--secrets" in stage.run(*ADD, *AT, "--secrets", source, code=2).err


def test_there_is_no_option_that_takes_a_secret_itself(stage: Stage) -> None:
    for command in ("add", "set"):
        shown = stage.run("gateways", command, "--help").out
        assert "--secrets" in shown
        assert "--credentials" not in shown
        assert "--webhook-secret " not in shown


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["add", "one", *ADD[3:], *AT, "--secrets", "env:S"], 1, "already"),
        (["add", "Three!", *ADD[3:], *AT, "--secrets", "env:S"], 2, "not a gateway's id"),
        (["set", "three", "--name", "x"], 1, "there is no gateway three"),
        (["set", "one"], 2, "nothing to change"),
        (["remove", "three"], 1, "there is no gateway three"),
        (["show", "three"], 1, "choose one of: one, two"),
    ],
)
def test_an_unknown_or_taken_id_is_refused_with_the_fix(
    stage: Stage, args: list[str], code: int, said: str
) -> None:
    assert said in stage.run("gateways", *args, code=code, environ={"S": SECRETS}).err

    assert stage.audit() == []


def test_secrets_may_be_piped_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(SECRETS.encode())))

    found = read_secrets("-")

    assert (found.credentials, found.webhook_secrets) == ({"secret_key": SECRET}, [WEBHOOK])
    assert SECRET not in repr(found)
