"""What the payer of a Midtrans transaction has to do, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import msgspec

from domain.outcome import Outcome, Pending, RequiresAction
from workers.gateways.midtrans.shapes import Action, Transaction, Url, VaNumber, Word

#: Opens the wallet's app; better than a picture of a code for whoever is on a telephone.
DEEPLINK: Final = "deeplink-redirect"
QR_CODE: Final = "generate-qr-code"
#: Whose code can be had by the transaction's id alone; a status does not repeat the actions.
WITH_QR_CODE: Final = frozenset({"gopay", "qris"})


@dataclass(frozen=True, slots=True)
class Pages:
    """Where payers are sent: Midtrans' own address, and where virtual accounts are explained."""

    core_url: str
    instructions_url: str

    def qr_code(self, payment_type: str, transaction_id: str) -> str:
        """The picture of a wallet's code."""
        return f"{self.core_url}/v2/{payment_type}/{quote(transaction_id, safe='')}/qr-code"

    def instructions(self, bank: str, number: str, shop: object) -> str:
        """Where the payer of a virtual account goes on: there is no page of Midtrans' own."""
        if self.instructions_url:
            filled = self.instructions_url.replace("{bank}", bank)
            return filled.replace("{va_number}", number)
        return _url(shop) or ""


def asked(shown: Transaction, pages: Pages) -> Outcome:
    """Return what a pending transaction waits for: the payer, or only itself."""
    id_ = shown.transaction_id
    if (page := _url(shown.redirect_url)) is not None:
        return RequiresAction(id_, page)
    account = _account(shown)
    if account is not None:
        page = pages.instructions(account.bank, account.va_number, shown.custom_field2)
        return RequiresAction(
            id_,
            page,
            (
                ("type", "bank_transfer"),
                ("bank", account.bank),
                ("account_number", account.va_number),
            ),
        )
    links = {action.name: action.url for action in _actions(shown.actions)}
    code = links.get(QR_CODE)
    if code is None and str(shown.payment_type) in WITH_QR_CODE:
        code = pages.qr_code(str(shown.payment_type), id_)
    app = links.get(DEEPLINK)
    # A browser can be sent to a page; what only a telephone opens is the shop's to show.
    page = app if _url(app) else code or app
    if page is None:
        return Pending(id_)
    told = (("qr_code_url", code), ("deeplink_url", app))
    return RequiresAction(id_, page, tuple((name, link) for name, link in told if link))


def _account(shown: Transaction) -> VaNumber | None:
    """Permata's number has a field of its own."""
    number: str | None = _read(shown.permata_va_number, Word)
    if number is not None:
        return VaNumber("permata", number)
    accounts: list[VaNumber] | None = _read(shown.va_numbers, list[VaNumber])
    return accounts[0] if accounts else None


def _actions(given: object) -> Iterable[Action]:
    """One that is odd must not hide the others."""
    for one in given if isinstance(given, list) else ():
        action: Action | None = _read(one, Action)
        if action is not None:
            yield action


def _url(given: object) -> str | None:
    url: str | None = _read(given, Url)
    return url


def _read(given: object, type_: Any) -> Any:
    """What only explains a payment must not hide that the payer must act: an odd one is none."""
    try:
        return msgspec.convert(given, type_)
    except msgspec.ValidationError:
        return None
