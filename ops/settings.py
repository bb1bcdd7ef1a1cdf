"""Settings: read once from the environment, frozen, and complete about what is wrong."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

from domain.backoff import Backoff, Schedule
from domain.breaker import Policy as BreakerPolicy
from domain.policy import Policy

KEY_BYTES = 32
MIN_SECRET = 32
#: Values that stand in public documents: whoever reads them could open our data.
PUBLIC_SAMPLES = frozenset({"1234567890123456", "changeme", "secret", "your-encryption-key"})

T = TypeVar("T")


class BadSettings(Exception):
    """One or more settings are missing or wrong; the text names all of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("cannot start:\n" + "\n".join(f"  - {problem}" for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must never be printed."""

    #: Encryption keys by id; the first one encrypts, every one decrypts.
    keyring: Mapping[str, bytes] = field(repr=False)
    #: Peppers API keys and keys the fingerprints.
    pepper: bytes = field(repr=False)
    #: Keys the audit checkpoints.
    audit: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default; seconds unless the name says otherwise."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    secrets: Secrets
    env: str = "development"
    host: str = "127.0.0.1"
    port: int = 8080
    #: Where payers reach the door: checkout links begin with it.
    public_url: str = "http://127.0.0.1:8080"
    grpc_port: int = 9090
    log_level: str = "INFO"
    use_mock_db: bool = False
    pci_mode: bool = False
    jaeger_endpoint: str = ""
    ingress_processes: int = 1
    worker_processes: int = 2
    worker_threads: int = 16
    worker_metrics_port: int = 9191
    clock_metrics_port: int = 9192
    db_pool_size: int = 10
    tls_cert_file: str = ""
    tls_key_file: str = ""
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ("127.0.0.1",)
    ip_rate_per_minute: int = 60
    drain_s: float = 25.0
    checkout_ttl_s: float = 1800.0
    key_ttl_days: int = 30
    #: What the fraud windows may cost one payment; beyond it they count as absent.
    velocity_budget_s: float = 0.1
    intake_batch: int = 64
    intake_queue: int = 2000
    queue_depth: int = 5000
    #: Two cores work off some 50 payments a second: what waits behind more than this would expire
    #: (`checkout_ttl_s`) before its turn, and it is better to say so at the door.
    max_backlog: int = 50_000
    #: Above so many whole units of its currency, two people must agree on what became of money.
    settle_alone_up_to: int = 1_000
    policy: Policy = field(default_factory=Policy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)

    @property
    def production(self) -> bool:
        """Whether real money may be behind this: strict about secrets."""
        return self.env == "production" or self.pci_mode

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read everything once, at boot. Raises `BadSettings` naming every problem at once.

        `NAME_FILE` may name a mounted file holding the value of `NAME`.
        """
        read = _Reader(environ)
        env = read.choice("APP_ENV", "development", ("development", "test", "production"))
        mock = read.flag("USE_MOCK_DB")
        pci = read.flag("PCI_COMPLIANCE_MODE")
        tls = read.text("TLS_CERT_FILE"), read.text("TLS_KEY_FILE")
        if mock and env == "production":
            read.problems.append("USE_MOCK_DB is refused with APP_ENV=production: unset it")
        if bool(tls[0]) != bool(tls[1]):
            read.problems.append("TLS needs both TLS_CERT_FILE and TLS_KEY_FILE")
        port = read.integer("APP_PORT", "PORT", "SERVER_PORT", default=8080, top=65535)
        settings = cls(
            database_url=_database_url(read, mock),
            redis_url=_redis_url(read, mock),
            secrets=_secrets(read, strict=env == "production" or pci),
            env=env,
            host=read.text("APP_HOST", default="127.0.0.1"),
            port=port,
            public_url=_public_url(read, port),
            grpc_port=read.integer("GRPC_PORT", default=9090, top=65535),
            log_level=read.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
            use_mock_db=mock,
            pci_mode=pci,
            jaeger_endpoint=read.text("JAEGER_ENDPOINT"),
            ingress_processes=read.integer("INGRESS_PROCESSES", default=1, least=1, top=64),
            worker_processes=read.integer("WORKER_PROCESSES", default=2, least=1, top=64),
            worker_threads=read.integer("WORKER_THREADS", default=16, least=1, top=256),
            worker_metrics_port=read.integer("WORKER_METRICS_PORT", default=9191, top=65535),
            clock_metrics_port=read.integer("CLOCK_METRICS_PORT", default=9192, top=65535),
            db_pool_size=read.integer("DB_POOL_SIZE", default=10, least=2, top=200),
            tls_cert_file=tls[0],
            tls_key_file=tls[1],
            cors_origins=read.items("CORS_ORIGINS"),
            trusted_proxies=read.items("FORWARDED_ALLOW_IPS", default=("127.0.0.1",)),
            ip_rate_per_minute=read.integer("IP_RATE_LIMIT_PER_MINUTE", default=60, least=1),
            drain_s=read.seconds("DRAIN_TIMEOUT_S", 25.0),
            checkout_ttl_s=read.seconds("CHECKOUT_TTL_S", 1800.0),
            key_ttl_days=read.integer("IDEMPOTENCY_TTL_DAYS", default=30, least=1, top=3650),
            velocity_budget_s=read.seconds("VELOCITY_BUDGET_S", 0.1, 60),
            intake_batch=read.integer("INTAKE_BATCH", default=64, least=1, top=1000),
            intake_queue=read.integer("INTAKE_QUEUE", default=2000, least=1, top=100_000),
            queue_depth=read.integer("QUEUE_DEPTH_LIMIT", default=5000, least=10),
            max_backlog=read.integer("MAX_BACKLOG", default=50_000, least=1),
            settle_alone_up_to=read.integer("SETTLE_SECOND_TOKEN_ABOVE", default=1_000, top=10**12),
            policy=_policy(read),
            breaker=_breaker(read),
        )
        if settings.drain_s <= settings.policy.call_s:
            read.problems.append(
                f"DRAIN_TIMEOUT_S={settings.drain_s:g} must be longer than a provider call "
                f"({settings.policy.call_s:g} s): raise it, or lower PROVIDER_DEADLINE_S"
            )
        if read.problems:
            raise BadSettings(read.problems)
        return settings

    @classmethod
    def with_stores(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings of a program that cannot do without PostgreSQL and Redis."""
        settings = cls.from_env(environ)
        if settings.use_mock_db:
            raise BadSettings(
                ["USE_MOCK_DB serves the ingress alone: unset it for workers, clock and commands"]
            )
        return settings


class _Reader:
    """Looks names up (with aliases and `_FILE`) and collects every problem."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, *names: str, default: str = "") -> str:
        for name in names:
            if value := self._environ.get(name, "").strip():
                return value
            if path := self._environ.get(f"{name}_FILE", "").strip():
                try:
                    return Path(path).read_text().strip()
                except OSError as error:
                    self.problems.append(f"{name}_FILE cannot be read: {error.strerror}")
        return default

    def items(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        text = self.text(name)
        return tuple(part.strip() for part in text.split(",") if part.strip()) or default

    def flag(self, name: str) -> bool:
        return self.choice(name, "false", ("true", "false", "1", "0")) in ("true", "1")

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        text = self.text(name, default=default)
        for one in allowed:
            if text.lower() == one.lower():
                return one
        self.problems.append(f"{name}={text} is not one of {', '.join(allowed)}")
        return default

    def integer(self, *names: str, default: int, least: int = 0, top: int = 10**9) -> int:
        text = self.text(*names)
        if not text:
            return default
        try:
            value = int(text)
        except ValueError:
            self.problems.append(f"{names[0]}={text} is not an integer")
            return default
        if not least <= value <= top:
            self.problems.append(f"{names[0]}={value} is outside {least}..{top}")
        return value

    def seconds(self, name: str, default: float, top: float = 10**7) -> float:
        text = self.text(name)
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            self.problems.append(f"{name}={text} is not a number of seconds")
            return default
        if not 0 < value <= top:
            self.problems.append(f"{name}={text} is outside 0..{top:g} seconds")
        return value

    def secret(self, name: str, strict: bool) -> bytes:
        text = self.text(name)
        if text and (len(text) < MIN_SECRET or text.lower() in PUBLIC_SAMPLES):
            self.problems.append(f"{name} is too short: use at least {MIN_SECRET} characters")
        if not text and strict:
            self.problems.append(f"{name} is missing: generate one with `openssl rand -hex 32`")
        return (text or f"development-only-{name.lower()}-do-not-use").encode()


def _public_url(read: _Reader, port: int) -> str:
    """Read where payers reach the door: a scheme, a host and perhaps a path, without a slash."""
    text = read.text("PUBLIC_URL", default=f"http://127.0.0.1:{port}").rstrip("/")
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.netloc or url.query or url.fragment:
        read.problems.append(f"PUBLIC_URL={text} is not an address such as https://pay.example.com")
    return text


def _database_url(read: _Reader, mock: bool) -> str:
    if url := read.text("DATABASE_URL"):
        return url.replace("postgres://", "postgresql://", 1)
    host = read.text("DB_HOST")
    if not host:
        if not mock:
            read.problems.append(
                "DATABASE_URL is missing: set it, or DB_HOST, DB_PORT, DB_NAME, DB_USER and "
                "DB_PASSWORD (`make run` brings its own PostgreSQL)"
            )
        return ""
    user, password = read.text("DB_USER", default="paylink"), read.text("DB_PASSWORD")
    port = read.integer("DB_PORT", default=5432, top=65535)
    name = read.text("DB_NAME", default="paylink")
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    return f"postgresql://{login}@{host}:{port}/{name}"


def _redis_url(read: _Reader, mock: bool) -> str:
    if url := read.text("REDIS_URL"):
        return url
    host = read.text("REDIS_HOST")
    if not host:
        if not mock:
            read.problems.append(
                "REDIS_URL is missing: set it, or REDIS_HOST and REDIS_PORT "
                "(`make run` brings its own server)"
            )
        return ""
    password = read.text("REDIS_PASSWORD")
    login = f":{quote(password, safe='')}@" if password else ""
    return f"redis://{login}{host}:{read.integer('REDIS_PORT', default=6379, top=65535)}/0"


def _secrets(read: _Reader, *, strict: bool) -> Secrets:
    return Secrets(
        keyring=_keyring(read, strict),
        pepper=read.secret("API_KEY_PEPPER", strict),
        audit=read.secret("AUDIT_KEY", strict),
    )


def _keyring(read: _Reader, strict: bool) -> Mapping[str, bytes]:
    """Read `ENCRYPTION_KEY`: one key, or `id:key,id:key` with the encrypting one first."""
    text = read.text("ENCRYPTION_KEY")
    if not text:
        if strict:
            read.problems.append(
                "ENCRYPTION_KEY is missing: generate one with `openssl rand -hex 32`"
            )
        return {"dev": b"development-only-key-do-not-use!"}
    ring: dict[str, bytes] = {}
    for part in text.split(","):
        id_, separator, key_text = part.strip().rpartition(":")
        key = _key(key_text)
        if key is None:
            read.problems.append(
                "ENCRYPTION_KEY must be 32 bytes as 64 hexadecimal digits or base64 "
                "(`openssl rand -hex 32`); several as id:key,id:key"
            )
            break
        ring[id_ if separator else "k1"] = key
    return ring


def _key(text: str) -> bytes | None:
    try:
        if len(text) == 2 * KEY_BYTES:
            return bytes.fromhex(text)
        key = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return key if len(key) == KEY_BYTES else None


def _policy(read: _Reader) -> Policy:
    default = Policy()
    delays = read.items("RESOLVE_SCHEDULE_S")
    try:
        schedule = Schedule(tuple(float(delay) for delay in delays)) if delays else default.resolve
    except ValueError:
        read.problems.append("RESOLVE_SCHEDULE_S is a comma-separated list of seconds")
        schedule = default.resolve
    return Policy(
        call_deadline_s=read.seconds("PROVIDER_DEADLINE_S", default.call_deadline_s, 120),
        max_runs=read.integer("MAX_CHARGE_RUNS", default=default.max_runs, least=1, top=100),
        backoff=Backoff(
            base_s=read.seconds("BACKOFF_BASE_S", default.backoff.base_s),
            cap_s=read.seconds("BACKOFF_CAP_S", default.backoff.cap_s),
        ),
        resolve=schedule,
        orphan_s=read.seconds("ORPHAN_S", default.orphan_s),
        hold_s=read.seconds("HOLD_S", default.hold_s),
        review_s=read.seconds("REVIEW_S", default.review_s),
        refund_window_s=read.seconds("REFUND_WINDOW_S", default.refund_window_s, 10**9),
        payout_ttl_s=read.seconds("PAYOUT_TTL_S", default.payout_ttl_s),
    )


def _breaker(read: _Reader) -> BreakerPolicy:
    default = BreakerPolicy()
    return BreakerPolicy(
        window_s=read.seconds("BREAKER_WINDOW_S", default.window_s),
        min_calls=read.integer("BREAKER_MIN_CALLS", default=default.min_calls, least=1),
        open_s=read.seconds("BREAKER_OPEN_S", default.open_s),
        probes=read.integer("BREAKER_PROBES", default=default.probes, least=1, top=100),
    )
