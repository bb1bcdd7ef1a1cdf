"""Where Xendit sends the payer, and what it shows them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from domain.outcome import Outcome, Pending, RequiresAction
from workers.gateways.xendit.requests import RETURN_URL
from workers.gateways.xendit.shapes import Action, ShownRequest, Url

_log = logging.getLogger(__name__)

REDIRECT: Final = "REDIRECT_CUSTOMER"
PRESENT: Final = "PRESENT_TO_CUSTOMER"
#: The redirect for a browser; any other is for an app on a phone.
WEB: Final = "WEB_URL"
#: What is presented, in our words: what the payer does, and the name of the text they need.
SHOWN: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "VIRTUAL_ACCOUNT_NUMBER": ("bank_transfer", "account_number"),
        "QR_STRING": ("qr_code", "qr_string"),
        "PAYMENT_CODE": ("payment_code", "payment_code"),
    }
)
#: A QR code's text has some hundred characters.
TEXT_LIMIT: Final = 1024


def asked_of_payer(request: ShownRequest, guide: str) -> Outcome:
    """Return what the payer has to do. What is presented has no page: the payer of it goes back to
    the shop that the charge named, else to `guide`. A charge whose action nobody can take is open
    all the same: it is waited for, and can be cancelled."""
    id_ = request.payment_request_id
    try:
        actions = msgspec.convert(request.actions or [], list[Action])
    except msgspec.ValidationError:
        actions = []
        _log.warning("%s requires an action that cannot be read", id_)
    for action in sorted(actions, key=lambda one: one.descriptor != WEB):
        if action.type == REDIRECT and (url := _url(action.value)):
            return RequiresAction(id_, url)
    for action in actions:
        if action.type == PRESENT and (shown := _shown(action, request.channel_code)):
            return RequiresAction(id_, _page(request.metadata) or guide, shown)
    if actions:
        _log.warning("%s requires an action and names none that can be taken", id_)
    return Pending(id_)  # without any, the channel asks the payer itself, on their phone


def _shown(action: Action, channel: object) -> tuple[tuple[str, str], ...]:
    named = SHOWN.get(action.descriptor)
    if named is None or not _is_text(action.value):
        return ()
    kind, name = named
    by = (("channel", channel),) if isinstance(channel, str) and _is_text(channel) else ()
    return (("type", kind), *by, (name, action.value))


def _page(metadata: Any) -> str | None:
    return _url(metadata.get(RETURN_URL)) if isinstance(metadata, dict) else None


def _url(value: object) -> str | None:
    try:
        return msgspec.convert(value, Url)
    except msgspec.ValidationError:
        return None


def _is_text(text: str) -> bool:
    return text.isprintable() and 0 < len(text) <= TEXT_LIMIT
