"""Starting, migrating and seeding, and how a command says what keeps it from working."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

from domain.payment import Mode
from ops import apikeys
from ops.cli import NOUNS, VERBS
from ops.cli.running import say
from ops.dev.lock import only_one
from tests.ops.cli.stage import Stage, run

EVERY_COMMAND = [
    *((verb,) for verb in VERBS),
    *((noun, verb) for noun, (_, verbs) in NOUNS.items() for verb in verbs),
]


@pytest.mark.parametrize("command", [(), *EVERY_COMMAND], ids=lambda words: " ".join(words) or "-")
def test_every_command_explains_itself(command: tuple[str, ...]) -> None:
    ran = run(*command, "--help", COLUMNS="100")

    assert ran.code == 0
    text = re.sub(r"\s+", " ", ran.out)
    assert "Usage:" in text
    assert len(text) > 200
    assert run(*command, "-h", COLUMNS="100").out == ran.out


def test_a_mistyped_command_is_refused() -> None:
    assert run("payment", "show").code == 2


def test_a_line_has_its_time_and_the_banner_is_left_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    banner = "\nPayLink is up.\n\n  curl -sS http://x/v1/checkout " + "-H 'A: b' " * 40 + "[bold]\n"

    say("ingress [ready] " + "x" * 300)
    say(banner)

    line, _, rest = capsys.readouterr().out.partition("\n")
    assert re.fullmatch(r"\d\d:\d\d:\d\d  ingress \[ready\] x{300}", line)
    assert rest == banner + "\n"


def test_up_says_who_holds_the_folder(tmp_path: Path) -> None:
    with only_one(tmp_path):
        ran = run("up", "--data", str(tmp_path))

    assert ran.code == 2
    assert "already runs on" in ran.err
    assert "choose another data folder" in ran.err


def test_up_names_every_wrong_setting(tmp_path: Path) -> None:
    ran = run(
        *("up", "--data", str(tmp_path)),
        DATABASE_URL="postgresql://127.0.0.1:1/x",
        REDIS_URL="redis://127.0.0.1:1/0",
        APP_PORT="many",
        LOG_LEVEL="LOUD",
    )

    assert ran.code == 2
    assert "APP_PORT=many is not an integer" in ran.err
    assert "LOG_LEVEL=LOUD" in ran.err


@pytest.mark.parametrize(
    ("environ", "code", "said"),
    [
        ({}, 2, "DATABASE_URL is missing"),
        ({"DATABASE_URL": "postgresql://127.0.0.1:1/x"}, 2, "REDIS_URL is missing"),
        ({"DATABASE_URL": "nonsense", "REDIS_URL": "redis://x"}, 2, "postgresql://user:password@"),
        ({"DATABASE_URL": "mysql://h/x", "REDIS_URL": "redis://x"}, 2, "PostgreSQL"),
        ({"DATABASE_URL": "postgresql://h:hunter2/x", "REDIS_URL": "x"}, 2, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql:///x?foo=hunter2", "REDIS_URL": "x"}, 1, "DATABASE_URL"),
        (
            {"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x", "REDIS_URL": "redis://x"},
            1,
            "start the server",
        ),
    ],
    ids=["nothing", "half", "malformed", "another kind", "port", "option", "unreachable"],
)
@pytest.mark.parametrize("command", [("payments", "list"), ("migrate",)], ids=" ".join)
def test_settings_that_do_not_lead_to_a_database_are_named(
    tmp_path: Path, command: tuple[str, ...], environ: dict[str, str], code: int, said: str
) -> None:
    ran = run(*command, PAYLINK_DATA=str(tmp_path), **environ)

    assert ran.code == code
    assert said in ran.err
    assert "hunter2" not in ran.err + ran.out
    assert "Traceback" not in ran.err


@pytest.mark.services
def test_an_empty_database_is_migrated_once_and_until_then_says_so(built: Stage) -> None:
    url = built.environ["DATABASE_URL"]
    empty = {"DATABASE_URL": url.rpartition("/")[0] + "/paylink_cli_empty"}
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("CREATE DATABASE paylink_cli_empty")
        try:
            before = built.run("payments", "list", code=1, environ=empty)
            assert "paylink migrate" in before.err
            first = built.run("migrate", environ=empty).out
            assert built.run("migrate", environ=empty).out == first
            assert (
                "there is no such payment yet" in built.run("payments", "list", environ=empty).err
            )
        finally:
            db.execute("DROP DATABASE paylink_cli_empty")


def seeding() -> dict[str, str]:
    keys = [
        f"SANDBOX_{letter}_{end}" for letter in "AB" for end in ("SECRET_KEY", "WEBHOOK_SECRET")
    ]
    return dict.fromkeys(keys, "s" * 32) | {"DEMO_API_KEY": apikeys.new_key(Mode.TEST)[1]}


@pytest.mark.services
def test_seeding_twice_writes_the_demo_once(stage: Stage) -> None:
    environ = seeding() | {"SANDBOX_A_URL": "http://sandbox.example", "SANDBOX_B_PORT": "9999"}

    stage.run("seed", environ=environ)
    stage.run("seed", environ=environ)

    found = stage.sql("SELECT id, base_url FROM gateways WHERE id LIKE 'sandbox-%' ORDER BY id")
    assert [tuple(row.values()) for row in found] == [
        ("sandbox-a", "http://sandbox.example"),
        ("sandbox-b", "http://127.0.0.1:9999"),
    ]
    key = apikeys.parse(environ["DEMO_API_KEY"])
    assert key is not None
    assert len(stage.sql("SELECT id FROM api_keys WHERE id = :id", id=key.id)) == 1


@pytest.mark.services
def test_seeding_refuses_what_would_not_work(stage: Stage) -> None:
    missing = stage.run("seed", code=2).err
    for name in seeding():
        assert f"{name} is missing" in missing
    wrong = stage.run("seed", code=2, environ=seeding() | {"DEMO_API_KEY": "pl_live_x"})
    assert "DEMO_API_KEY" in wrong.err
    production = stage.run("seed", code=2, environ=seeding() | {"APP_ENV": "production"})
    assert "APP_ENV" in production.err
    assert stage.sql("SELECT id FROM gateways WHERE id LIKE 'sandbox-%'") == []
