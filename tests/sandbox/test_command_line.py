"""The command line: what it needs, what it says, what it answers with."""

import subprocess
import sys
from pathlib import Path

import pytest

from ops.sandbox.__main__ import parser, settings
from tests.sandbox.running import Sandbox, a_payout, an_order

NEEDED = ["--name", "a", "--port", "0", "--admin-port", "0", "--ledger", "x.jsonl"]
WITH_WEBHOOKS = [*NEEDED, "--webhook-url", "http://127.0.0.1:1/"]
SECRETS = {"SANDBOX_SECRET_KEY": "from env", "SANDBOX_WEBHOOK_SECRET": "also"}


def test_help_names_every_option_and_no_default_is_made_up() -> None:
    text = subprocess.run(
        [sys.executable, "-m", "ops.sandbox", "--help"], capture_output=True, text=True, check=True
    ).stdout
    read = settings(NEEDED, SECRETS)

    for option in ("--name", "--ledger", "--webhook-url", "--no-fsync", "--public-url"):
        assert option in text
    assert parser().get_default("key_window_s") == read.key_window_s == 86_400.0
    assert (read.async_delay_s, read.visibility_lag_s, read.durable) == (1.0, 0.0, True)
    assert read.authorization_life_s == 7 * 86_400
    assert read.webhook_url is None


def test_secrets_come_from_the_environment_unless_given() -> None:
    assert settings(WITH_WEBHOOKS, SECRETS).secret_key == "from env"
    assert settings(WITH_WEBHOOKS, SECRETS).webhook_secret == "also"
    assert settings([*NEEDED, "--secret-key", "given"], SECRETS).secret_key == "given"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (WITH_WEBHOOKS, "set SANDBOX_SECRET_KEY, SANDBOX_WEBHOOK_SECRET"),
        ([*NEEDED, "--webhook-url", "ftp://x"], "http or https"),
        ([*NEEDED, "--key-window-s", "-1"], "0 or more"),
        ([*NEEDED, "--port", "70000"], "between 0 and 65535"),
        (NEEDED[:-2], "--ledger"),
    ],
)
def test_what_is_missing_or_wrong_is_said(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        settings(arguments, {})

    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_without_a_webhook_url_and_without_fsync_it_works_as_well(tmp_path: Path) -> None:
    plain = Sandbox(tmp_path / "deep" / "ledger.jsonl", ("--no-fsync",)).start()
    order = an_order()

    assert plain.create(order).status == 201

    assert plain.charges(order["reference"]) == 1
    assert plain.stop() == 0
    assert plain.start().charges(order["reference"]) == 1
    plain.kill()


def test_a_lag_hides_new_payments_from_the_search_but_not_from_their_id(
    tmp_path: Path,
) -> None:
    lagging = Sandbox(tmp_path / "ledger.jsonl", ("--visibility-lag-s", "600")).start()
    order = an_order()
    payment = lagging.create(order).json

    assert lagging.get(f"/v1/payments?reference={order['reference']}").json == {"data": []}
    assert lagging.get(f"/v1/payments/{payment['id']}").json == payment
    refund = lagging.refund(payment["id"], reference="back").json
    payout = lagging.pay_out(a_payout(reference="out")).json
    assert lagging.get("/v1/refunds?reference=back").json == {"data": []}
    assert lagging.get(f"/v1/refunds/{refund['id']}").json == refund
    assert lagging.get("/v1/payouts?reference=out").json == {"data": []}
    assert lagging.get(f"/v1/payouts/{payout['id']}").status == 200
    assert lagging.stop() == 0


def test_a_taken_port_is_an_error_and_not_a_hang(own: Sandbox, tmp_path: Path) -> None:
    own.start()
    second = Sandbox(tmp_path / "other.jsonl", port=own.port)

    with pytest.raises(AssertionError, match="address already in use"):
        second.start()
    assert second.process.returncode == 2
