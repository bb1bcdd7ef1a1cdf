"""What one simulator is told at start; nothing else configures it."""

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """One account at one simulated provider. Times are seconds."""

    name: str  #: the gateway's name
    host: str
    port: int  #: 0 takes a free one; the ready line says which
    admin_port: int  #: always on 127.0.0.1
    ledger: Path
    webhook_url: str | None  #: None sends no webhooks at all
    public_url: str | None  #: where the payer's browser finds us; default http://host:port
    async_delay_s: float  #: from undecided to decided
    webhook_time_scale: float  #: multiplies the provider's waits between the tries of a webhook
    durable: bool  #: False answers before the disk has it (--no-fsync)
    key_window_s: float  #: how long an idempotency key protects
    secrets: Mapping[str, str] = field(repr=False)  #: by the name of the environment variable
    options: Namespace = field(default_factory=Namespace)  #: with the provider's own
