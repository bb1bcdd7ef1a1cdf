"""Secret sources: a gateway's secrets come from a file, stdin or the environment, never from argv."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ops.cli.refusals import Misuse

OPTION: Final = "--secrets"
#: Room for a few certificates; nothing larger is a secret.
MAX_BYTES: Final = 64 * 1024
MAX_CREDENTIALS: Final = 20
#: The door tries 16 signatures for a webhook: more secrets than these would never be looked at.
MAX_WEBHOOK_SECRETS: Final = 4
MAX_SECRET: Final = 16_384

_ENV: Final = "env:"
_FORM: Final = '{"credentials": {"name": "secret"}, "webhook_secrets": ["secret"]}'


@dataclass(frozen=True, slots=True)
class GatewaySecrets:
    """What opens an account; None: not given."""

    credentials: dict[str, str] | None = field(repr=False)
    webhook_secrets: list[str] | None = field(repr=False)


def read_secrets(source: str) -> GatewaySecrets:
    """Read the JSON at a path, at `-` (stdin) or in `env:NAME`. Raises Misuse, repeating nothing."""
    try:
        found = json.loads(_text(source))
    except (ValueError, RecursionError):
        raise Misuse(OPTION, "it is not JSON", f"write {_FORM}") from None
    if not isinstance(found, dict) or not found:
        raise Misuse(OPTION, "it is not a JSON object with secrets", f"write {_FORM}")
    if unknown := sorted(found.keys() - {"credentials", "webhook_secrets"}):
        raise Misuse(OPTION, f"it has {len(unknown)} unknown fields", f"write {_FORM}")
    return GatewaySecrets(
        _credentials(found.get("credentials")), _webhook_secrets(found.get("webhook_secrets"))
    )


def _text(source: str) -> str:
    if source.startswith(_ENV):
        name = source.removeprefix(_ENV)
        if not (text := os.environ.get(name, "")):
            raise Misuse(OPTION, f"{name} is not in the environment", f"set {name}, or name a file")
        return text
    try:
        if source == "-":
            raw = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(source).open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise Misuse(OPTION, f"it is longer than {MAX_BYTES} bytes", f"write {_FORM}")
        return raw.decode()
    except OSError as error:
        fix = "name a readable file, '-' for stdin, or env:NAME"
        raise Misuse(OPTION, f"it cannot be read: {error.strerror}", fix) from None
    except UnicodeDecodeError:
        raise Misuse(OPTION, "it is not text in UTF-8", f"write {_FORM}") from None


def _credentials(found: Any) -> dict[str, str] | None:
    if found is None:
        return None
    whole = isinstance(found, dict) and 0 < len(found) <= MAX_CREDENTIALS
    if not whole or not all(map(_is_secret, (*found, *found.values()))):
        reason = f"credentials are not 1 to {MAX_CREDENTIALS} names with texts"
        raise Misuse(OPTION, reason, f"write {_FORM}")
    return dict(found)


def _webhook_secrets(found: Any) -> list[str] | None:
    if found is None:
        return None
    whole = isinstance(found, list) and len(found) <= MAX_WEBHOOK_SECRETS
    if not whole or not all(map(_is_secret, found)):
        reason = f"webhook_secrets are not at most {MAX_WEBHOOK_SECRETS} texts"
        raise Misuse(OPTION, reason, f"write {_FORM}; [] where the provider sends no webhooks")
    return list(found)


def _is_secret(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_SECRET
