"""Up: everything on one machine by one command, on embedded servers, with data in one folder."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from domain.payment import Mode
from domain.routing import Route
from ops import apikeys
from ops.dev import simulators
from ops.dev.folder import RUNNING_FILE, write_private
from ops.dev.lock import only_one
from ops.dev.ports import require_free
from ops.dev.probes import answers_http, listens
from ops.dev.program import Program
from ops.dev.secrets import a_secret, development_secrets
from ops.dev.services import Services, services
from ops.dev.supervisor import Supervisor
from ops.migrate import migrate
from ops.procfile import read_procfile
from ops.seed import Sandbox, seed
from ops.settings import Settings
from ops.store.engine import open_engine
from ops.vault import Vault

ROOT = Path(__file__).parents[2]
SECRET_NAMES = (
    "ENCRYPTION_KEY",
    "API_KEY_PEPPER",
    "AUDIT_KEY",
    "DEMO_API_KEY",
    "SANDBOX_A_SECRET_KEY",
    "SANDBOX_A_WEBHOOK_SECRET",
    "SANDBOX_B_SECRET_KEY",
    "SANDBOX_B_WEBHOOK_SECRET",
)
#: Where each sandbox gateway is used: `sandbox-a` first wherever it may, `sandbox-b` everywhere,
#: and in Indonesia `sandbox-b` alone.
ROUTES = {
    "sandbox-a": tuple(Route(country, "*", "*", 10) for country in ("*", "US", "DE", "GB")),
    "sandbox-b": (Route("*", "*", "*", 20), *(Route(c, "*", "*", 20) for c in ("US", "DE", "GB")),
                  Route("ID", "*", "*", 10)),
}  # fmt: skip
SANDBOX_PORTS = {"sandbox-a": (9101, 9151), "sandbox-b": (9102, 9152)}


@dataclass(frozen=True, slots=True)
class Stack:
    """What runs, and how to talk to it."""

    settings: Settings
    environ: Mapping[str, str] = field(repr=False)
    demo_key: str = field(repr=False)
    programs: Sequence[Program | Sequence[Program]]
    services: Services
    sandboxes: Mapping[str, tuple[int, int]]
    #: The same for the simulators of real providers: their API and admin ports, by gateway.
    simulators: Mapping[str, tuple[int, int]]

    @property
    def url(self) -> str:
        """The address of the door."""
        scheme = "https" if self.settings.tls_cert_file else "http"
        return f"{scheme}://{self.settings.host}:{self.settings.port}"


def up(folder: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> int:
    """Bring everything up, keep it up until a signal, take it down. Returns the exit code.

    Raises `DevError` or `BadSettings`, whose texts say what to change.
    """
    with only_one(folder), stack(folder, environ, say) as ours, _findable(folder, ours):
        supervisor = Supervisor(
            ours.programs,
            say,
            folder / "logs",
            ours.services.embedded,
            on_up=lambda: say(banner(ours)),
        )
        return supervisor.run()


@contextmanager
def _findable(folder: Path, ours: Stack) -> Iterator[None]:
    """Say where everything is while it runs, so that the operator's other commands find it."""
    where = folder.absolute() / RUNNING_FILE
    found = {
        "pid": os.getpid(),
        "url": ours.url,
        "database_url": ours.services.database_url,
        "redis_url": ours.services.redis_url,
        "sandboxes": {
            name: f"http://127.0.0.1:{port}"
            for name, (port, _) in {**ours.sandboxes, **ours.simulators}.items()
        },
    }
    write_private(where, json.dumps(found))
    try:
        yield
    finally:
        where.unlink(missing_ok=True)


@contextmanager
def stack(
    folder: Path,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    *,
    durable: bool = True,
    procfile: Path = ROOT / "Procfile",
) -> Iterator[Stack]:
    """Start the servers, migrate, seed, and say which programs are to run; ends the servers."""
    secrets = development_secrets(folder, [*SECRET_NAMES, *simulators.SECRETS], _make_secret)
    ports = _sandbox_ports(environ)
    with services(folder, durable=durable, environ=environ, say=say) as servers:
        given = {
            **secrets,
            **environ,
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis_url,
        }
        settings = Settings.from_env(given)
        require_free(settings.port, "APP_PORT", settings.host)
        for port, admin in ports.values():
            require_free(port, "SANDBOX_A_PORT / SANDBOX_B_PORT")
            require_free(admin, "SANDBOX_A_ADMIN_PORT / SANDBOX_B_ADMIN_PORT")
        simulators.check_ports(environ)
        say(f"database at version {migrate(settings.database_url)}")
        sandboxes = [_sandbox(name, port, secrets) for name, (port, _) in ports.items()]
        engine = open_engine(settings.database_url, "seed", 2)
        demo_key = given["DEMO_API_KEY"]
        try:
            vault = Vault(settings.secrets.keyring)
            others = simulators.accounts(folder, given)
            seed(engine, vault, settings.secrets.pepper, demo_key, sandboxes, others)
        finally:
            engine.dispose()
        door = _door(settings)
        programs = [
            [
                *(_simulator(name, ports[name], door, given, folder, durable) for name in ports),
                *simulators.programs(folder, door, given, _basics(given), durable=durable),
            ],
            *_programs(procfile, settings, _for_programs(given)),
        ]
        theirs = {one.gateway: simulators.ports_of(one, environ) for one in simulators.SIMULATORS}
        yield Stack(settings, given, demo_key, programs, servers, ports, theirs)


def banner(ours: Stack) -> str:
    """Return what a person needs: addresses, the key, and a command that works when pasted."""
    sandboxes = "\n".join(
        f"  {name:<11} http://127.0.0.1:{port}  (faults and {how} at /)"
        for found, how in ((ours.sandboxes, "magic amounts"), (ours.simulators, "test cards"))
        for name, (port, _) in found.items()
    )
    return f"""
PayLink is up.

  API         {ours.url}/v1      docs: {ours.url}/docs
{sandboxes}
  API key     {ours.demo_key}   (test mode, this machine only)

Try it (202 at once; the second command shows what became of it):

  curl -sS -i {ours.url}/v1/checkout \\
    -H 'Authorization: Bearer {ours.demo_key}' \\
    -H "Idempotency-Key: demo-$(date +%s%N)" \\
    -d '{{"amount": 10000, "currency": "USD"}}'

  curl -sS '{ours.url}/v1/payments?limit=1' \\
    -H 'Authorization: Bearer {ours.demo_key}'

More of it: make demo. Ctrl-C stops everything; the data stays.
"""


def _programs(
    procfile: Path, settings: Settings, environ: Mapping[str, str]
) -> list[Program | Sequence[Program]]:
    """Return the Procfile's programs; `release` has been done already."""
    ready = {
        "ingress": listens(settings.port, settings.host)
        if settings.tls_cert_file
        else answers_http(settings.port, "/health/ready", settings.host),
        "worker": answers_http(settings.worker_metrics_port, "/ready"),
        "clock": answers_http(settings.clock_metrics_port, "/ready"),
    }
    lines = read_procfile(procfile)
    lines.pop("release", None)
    return [
        [
            Program(name, argv, environ, ready.get(name), stop_timeout_s=settings.drain_s + 10)
            for name, argv in lines.items()
        ]
    ]


def _simulator(
    name: str,
    ports: tuple[int, int],
    door: str,
    given: Mapping[str, str],
    folder: Path,
    durable: bool,
) -> Program:
    prefix = name.upper().replace("-", "_")
    argv = [
        *(sys.executable, "-m", "ops.sandbox", "--name", name),
        *("--port", str(ports[0]), "--admin-port", str(ports[1])),
        *("--ledger", str(folder.absolute() / f"{name}.jsonl")),
        *("--webhook-url", f"{door}/v1/webhooks/sandbox/{name}"),
        *([] if durable else ["--no-fsync"]),
    ]
    environ = _basics(given) | {
        "SANDBOX_SECRET_KEY": given[f"{prefix}_SECRET_KEY"],
        "SANDBOX_WEBHOOK_SECRET": given[f"{prefix}_WEBHOOK_SECRET"],
    }
    return Program(name, argv, environ, answers_http(ports[0], "/"), stop_timeout_s=10)


def _door(settings: Settings) -> str:
    """Return where simulators bring webhooks; they speak plain HTTP."""
    host = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host  # noqa: S104
    return f"http://{host}:{settings.port}"


def _sandbox(name: str, port: int, secrets: Mapping[str, str]) -> Sandbox:
    prefix = name.upper().replace("-", "_")
    return Sandbox(
        name,
        f"http://127.0.0.1:{port}",
        secrets[f"{prefix}_SECRET_KEY"],
        secrets[f"{prefix}_WEBHOOK_SECRET"],
        ROUTES[name],
    )


def _sandbox_ports(environ: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    ports = {}
    for name, (port, admin) in SANDBOX_PORTS.items():
        prefix = name.upper().replace("-", "_")
        ports[name] = (
            int(environ.get(f"{prefix}_PORT", port)),
            int(environ.get(f"{prefix}_ADMIN_PORT", admin)),
        )
    return ports


def _make_secret(name: str) -> str:
    if name in simulators.SECRETS:
        return simulators.made(name)
    if name == "DEMO_API_KEY":
        return apikeys.new_key(Mode.TEST)[1]
    if name.endswith("_WEBHOOK_SECRET"):
        return "whsec_" + a_secret(name)
    if name.startswith("SANDBOX_"):
        return "sk_sandbox_" + a_secret(name)
    return a_secret(name)


def _basics(given: Mapping[str, str]) -> dict[str, str]:
    """Return what any process needs, and none of our secrets."""
    names = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "TMPDIR")
    path = os.pathsep.join([str(ROOT), *filter(None, [given.get("PYTHONPATH", "")])])
    return {name: given[name] for name in names if name in given} | {
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
    }


def _for_programs(given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of our own programs: not the simulators' side of the secrets."""
    theirs = ("SANDBOX_", "DEMO_API_KEY", *simulators.SECRETS)
    ours = {name: value for name, value in given.items() if not name.startswith(theirs)}
    return ours | _basics(given)
