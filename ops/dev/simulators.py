"""The providers' simulators that `make run` starts: ports, secrets, and where each is routed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from domain.payment import Mode
from domain.routing import ANY, Route
from ops.dev.ports import require_free
from ops.dev.probes import answers_http
from ops.dev.program import Program
from ops.dev.secrets import a_secret
from ops.providers import PROVIDERS
from ops.store.gateways import Account


@dataclass(frozen=True, slots=True)
class Held:
    """One secret that a simulator and its gateway share."""

    #: The simulator's environment variable.
    variable: str
    #: The gateway's credential; None: it only signs webhooks.
    credential: str | None = None
    #: Whether it is what webhooks are verified with.
    signs: bool = False
    #: How the provider's secrets of this kind begin.
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Simulated:
    """One simulator, and the gateway that reaches it."""

    gateway: str
    provider: str
    port: int
    admin_port: int
    held: Mapping[str, Held]
    routes: Sequence[Route]
    settings: Mapping[str, object] = field(default_factory=dict)
    #: Settings that name a path on the simulator beside its base URL.
    paths: Mapping[str, str] = field(default_factory=dict)
    #: Files that the simulator writes for its gateway: the setting that names each, by option.
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        """How its settings and secrets begin."""
        return self.gateway.upper().replace("-", "_")

    def secret(self, name: str) -> str:
        """Return the name of a secret in the folder of this machine."""
        return f"{self.prefix}_{name}"


def _first_of(countries: Sequence[str], currency: str, priority: int) -> tuple[Route, ...]:
    return tuple(Route(country, currency, ANY, priority) for country in countries)


#: The providers' own waits between two tries of a webhook are minutes to days.
FAST_FORWARD: Final = 0.01
#: Where euros are taken by Stripe and then PayPal.
EURO: Final = ("DE", "ES", "FR", "IT", "NL")

SIMULATORS: Final = (
    Simulated(
        "stripe-eu",
        "stripe",
        9103,
        9153,
        {
            "SECRET_KEY": Held("SIM_SECRET_KEY", "secret_key", prefix="sk_test_"),
            "WEBHOOK_SECRET": Held("SIM_WEBHOOK_SECRET", signs=True, prefix="whsec_"),
        },
        (*_first_of(EURO, "EUR", 10), *_first_of(("JP",), "JPY", 10)),
    ),
    Simulated(
        "paypal-eu",
        "paypal",
        9104,
        9154,
        {
            "CLIENT_ID": Held("SIM_CLIENT_ID", "client_id"),
            "CLIENT_SECRET": Held("SIM_CLIENT_SECRET", "client_secret"),
            "WEBHOOK_ID": Held("SIM_WEBHOOK_ID", signs=True),
        },
        _first_of(EURO, "EUR", 20),
        files={"--ca-out": ("ca_file", "paypal-ca.pem")},
    ),
    Simulated(
        "midtrans-id",
        "midtrans",
        9105,
        9155,
        {
            "SERVER_KEY": Held("SIM_SERVER_KEY", "server_key", signs=True, prefix="SB-Mid-server-"),
            "CREATOR_KEY": Held("SIM_IRIS_CREATOR_KEY", "iris_creator_key", prefix="IRIS-"),
            "APPROVER_KEY": Held("SIM_IRIS_APPROVER_KEY", "iris_approver_key", prefix="IRIS-"),
            "MERCHANT_KEY": Held("SIM_IRIS_MERCHANT_KEY", signs=True, prefix="IRIS-"),
        },
        _first_of(("ID",), "IDR", 10),
        paths={"iris_url": "/iris", "instructions_url": "/va/{va_number}"},
    ),
    Simulated(
        "xendit-id",
        "xendit",
        9106,
        9156,
        {
            "SECRET_KEY": Held("SIM_SECRET_KEY", "secret_key", prefix="xnd_development_"),
            "CALLBACK_TOKEN": Held("SIM_CALLBACK_TOKEN", signs=True),
        },
        _first_of(("ID",), "IDR", 20),
        settings={"skip_three_ds": True},
    ),
    Simulated(
        "soapbank-ch",
        "soapbank",
        9107,
        9157,
        {
            "KEY_ID": Held("SIM_KEY_ID", "key_id"),
            "SECRET": Held("SIM_SECRET", "secret", signs=True),
        },
        (Route("CH", ANY, ANY, 10),),
    ),
)

#: The secrets of all simulators, and how each is made.
SECRETS: Final[Mapping[str, Held]] = {
    one.secret(name): held for one in SIMULATORS for name, held in one.held.items()
}


def made(name: str) -> str:
    """Make the secret of this name."""
    return SECRETS[name].prefix + a_secret(name)


def ports_of(one: Simulated, environ: Mapping[str, str]) -> tuple[int, int]:
    """Return the port of its API and of its admin side."""
    return (
        int(environ.get(f"{one.prefix}_PORT", one.port)),
        int(environ.get(f"{one.prefix}_ADMIN_PORT", one.admin_port)),
    )


def check_ports(environ: Mapping[str, str]) -> None:
    """Refuse ports that are taken, naming the setting to change."""
    for one in SIMULATORS:
        port, admin_port = ports_of(one, environ)
        require_free(port, f"{one.prefix}_PORT")
        require_free(admin_port, f"{one.prefix}_ADMIN_PORT")


def accounts(folder: Path, environ: Mapping[str, str]) -> Iterator[Account]:
    """Yield each simulator's gateway. `environ` has the secrets."""
    for one in SIMULATORS:
        port, _ = ports_of(one, environ)
        files = {setting: str(folder.absolute() / file) for setting, file in one.files.values()}
        base_url = f"http://127.0.0.1:{port}"
        paths = {setting: base_url + path for setting, path in one.paths.items()}
        yield Account(
            id=one.gateway,
            provider=one.provider,
            mode=Mode.TEST,
            base_url=base_url,
            credentials={
                held.credential: environ[one.secret(name)]
                for name, held in one.held.items()
                if held.credential is not None
            },
            webhook_secrets=[
                environ[one.secret(name)] for name, held in one.held.items() if held.signs
            ],
            scheme=PROVIDERS[one.provider].scheme,
            routes=one.routes,
            settings={**one.settings, **paths, **files},
        )


def programs(
    folder: Path,
    door: str,
    environ: Mapping[str, str],
    basics: Mapping[str, str],
    *,
    durable: bool,
) -> Iterator[Program]:
    """Yield each simulator as a program; `door` is where webhooks go, `basics` what any process
    needs of the environment."""
    for one in SIMULATORS:
        port, admin_port = ports_of(one, environ)
        argv = [
            *(sys.executable, "-m", f"ops.sandbox.{one.provider}", "--name", one.gateway),
            *("--port", str(port), "--admin-port", str(admin_port)),
            *("--ledger", str(folder.absolute() / f"{one.gateway}.jsonl")),
            *("--webhook-time-scale", str(FAST_FORWARD)),
            *("--webhook-url", f"{door}/v1/webhooks/{one.provider}/{one.gateway}"),
            *([] if durable else ["--no-fsync"]),
        ]
        for option, (_, file) in one.files.items():
            argv += [option, str(folder.absolute() / file)]
        given = {held.variable: environ[one.secret(name)] for name, held in one.held.items()}
        ready = answers_http(port, "/")
        yield Program(one.gateway, argv, {**basics, **given}, ready, stop_timeout_s=10)
