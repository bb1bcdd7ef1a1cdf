"""PayPal's objects as it shows them, as far as we believe them.

Strict in what decides about money; what only explains it must not hide that money moved.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

#: What PayPal calls its own objects: bounded, printable, without spaces.
Name: TypeAlias = Annotated[str, Meta(max_length=127, pattern=r"^[!-~]+\Z")]
#: A code of PayPal's, such as a status or an issue.
Word: TypeAlias = Annotated[str, Meta(max_length=255)]
Url: TypeAlias = Annotated[str, Meta(max_length=2048, pattern=r"^https?://[!-~]+\Z")]
#: Never negative, and short enough that arithmetic on it is exact.
Decimals: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{1,15}(?:\.[0-9]{1,6})?\Z")]
#: More bytes of a token do not fit into a header of any server.
TokenText: TypeAlias = Annotated[str, Meta(max_length=4096, pattern=r"^[!-~]+\Z")]


class Amount(msgspec.Struct, frozen=True):
    """Money in Orders and Payments."""

    currency_code: str
    value: Decimals


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """An authorization, a capture or a refund."""

    id: Name
    status: Word
    amount: Amount
    invoice_id: str | None = None
    custom_id: str | None = None
    create_time: str = ""


class Movements(msgspec.Struct, frozen=True):
    """Everything that happened to an order's money; oldest first is not promised."""

    authorizations: list[Movement] = []
    captures: list[Movement] = []
    refunds: list[Movement] = []


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an order that is about money; ours have exactly one."""

    custom_id: str | None = None
    invoice_id: str | None = None
    payments: Movements = Movements()


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order. A short answer shows neither its intent nor its units."""

    id: Name
    status: Word
    intent: str = ""
    purchase_units: list[Unit] = []
    links: Any = None

    @property
    def unit(self) -> Unit | None:
        """Its only unit; None where it shows none, or several."""
        return self.purchase_units[0] if len(self.purchase_units) == 1 else None

    @property
    def approval_url(self) -> str | None:
        """Where the payer approves; None where no link leads there."""
        if not isinstance(self.links, list):
            return None
        urls = {}
        for one in self.links:
            try:
                link = msgspec.convert(one, Link)
            except msgspec.ValidationError:
                continue
            urls[link.rel] = link.href
        return urls.get("payer-action") or urls.get("approve")


class Link(msgspec.Struct, frozen=True):
    """One of the addresses that go with an object."""

    href: Url
    rel: str = ""


class PayoutMoney(msgspec.Struct, frozen=True):
    """Money in Payouts, which name the currency otherwise."""

    currency: str
    value: Decimals


class SenderHeader(msgspec.Struct, frozen=True):
    """What we said of a batch."""

    sender_batch_id: str | None = None


class BatchHeader(msgspec.Struct, frozen=True):
    """A batch of payouts."""

    payout_batch_id: Name
    batch_status: Word
    sender_batch_header: SenderHeader = SenderHeader()


class ItemDetail(msgspec.Struct, frozen=True):
    """What we said of a payout."""

    amount: PayoutMoney
    sender_item_id: str | None = None


class Item(msgspec.Struct, frozen=True):
    """One payout of a batch."""

    payout_item: ItemDetail
    transaction_status: Word = ""
    errors: Any = None

    @property
    def error(self) -> str | None:
        """PayPal's name of what went wrong with it."""
        name = self.errors.get("name") if isinstance(self.errors, dict) else None
        return name[:64] if isinstance(name, str) and name else None


class Batch(msgspec.Struct, frozen=True):
    """A batch with its payouts; the answer to its creation shows none of them yet."""

    batch_header: BatchHeader
    items: list[Item] = []


class Outcome(msgspec.Struct, frozen=True):
    """How a dispute ended."""

    outcome_code: Word = ""
    amount_refunded: Amount | None = None


class Dispute(msgspec.Struct, frozen=True):
    """What a payer wants back through PayPal or their bank; a list shows no outcome."""

    dispute_id: Name
    reason: str = ""
    dispute_outcome: Outcome | None = None


class Disputes(msgspec.Struct, frozen=True):
    """What a search for disputes answers."""

    items: list[Dispute] = []


class AccessToken(msgspec.Struct, frozen=True):
    """What is shown with every request, for so many seconds."""

    access_token: TokenText
    expires_in: Annotated[int, Meta(ge=0, le=10**9)]

    def __repr__(self) -> str:
        return f"AccessToken(expires_in={self.expires_in})"


class Detail(msgspec.Struct, frozen=True):
    """One thing that is wrong."""

    issue: Word = ""
    field: str = ""
    link: Any = None
    links: Any = None


class Problem(msgspec.Struct, frozen=True):
    """The body of an answer that is not a success; OAuth and the API have one shape each."""

    name: Annotated[str, Meta(max_length=64)] = ""
    error: Annotated[str, Meta(max_length=64)] = ""
    debug_id: str = ""
    details: list[Detail] = []
    links: Any = None
