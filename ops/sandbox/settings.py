"""What one sandbox provider is told at start; nothing else configures it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """One account at one imaginary provider. Times are seconds."""

    name: str  #: the gateway's name; faults may be addressed to it in metadata
    host: str
    port: int  #: 0 takes a free one; the ready line says which
    admin_port: int  #: always on 127.0.0.1
    ledger: Path
    secret_key: str
    webhook_url: str | None  #: None sends no webhooks at all
    webhook_secret: str
    public_url: str | None = (
        None  #: where the customer's browser finds us; default http://host:port
    )
    key_window_s: float = 86_400.0  #: how long an idempotency key protects
    async_delay_s: float = 1.0  #: from processing to the final answer
    authorization_life_s: float = 7 * 86_400.0  #: how long a reservation is held unless told
    visibility_lag_s: float = 0.0  #: how long a new object stays out of the search by reference
    webhook_time_scale: float = 1.0  #: multiplies webhook retry waits and the webhook_late delay
    durable: bool = True  #: False answers before the disk has it (--no-fsync)
