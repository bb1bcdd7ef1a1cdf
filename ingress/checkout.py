"""Checkout: what an order names is looked up, what this house does not take is refused, then kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit
from uuid import UUID

from domain.books import Store
from domain.checkout import Checkout
from domain.errors import DomainError, FieldError, InvalidRequest, NotFound
from domain.ids import Kind, public
from domain.means import Address, Customer, Method
from domain.people import Asker, Profile, SavedMethod
from ingress.asking import kept
from ingress.authentication import Caller
from ingress.backlog import Backlog, unbounded
from ingress.directory import Directory, check, check_preference, country_of
from ingress.intake import Intake
from ingress.orders import refused_hold
from ops.store.accept import Accepted, Ask
from ops.store.people import People


@dataclass(frozen=True, slots=True)
class Checkouts:
    """Accepts orders of every kind, and what that stands on."""

    intake: Intake
    directory: Directory
    #: Saved customers and payment methods; None: there are none (USE_MOCK_DB).
    people: People | None
    books: Store
    new_id: Callable[[], UUID]
    backlog: Backlog = field(default_factory=unbounded)

    async def accept(
        self, caller: Caller, checkout: Checkout, key: str, request_id: str
    ) -> Accepted:
        """Write a checkout down once per key. Its fingerprint is of what was asked, not of what
        that comes to: a saved method may be gone when the request is repeated.

        Raises `Overloaded`, the refusals of `domain.directory` and `InvalidRequest`, unless the key
        was answered before: that answer counts, whatever is true now (law 7).
        """
        ask = Ask(
            caller.merchant_id,
            caller.mode,
            key,
            caller.key_id,
            checkout,
            checkout.fingerprint(),
            request_id,
            self.new_id(),
        )
        if (before := await self.backlog.answered(ask.id, ask.fingerprint)) is not None:
            return Accepted(before.recorded, before.resource_id, True)
        try:
            judged = await self._judged(caller, checkout)
        except DomainError as refusal:
            return await asyncio.to_thread(self._answered_before, ask, refusal)
        return await self.intake.accept(
            ask if judged is checkout else replace(ask, checkout=judged)
        )

    async def _judged(self, caller: Caller, checkout: Checkout) -> Checkout:
        preference = checkout.preference  # as asked: a saved method's vault is no wish
        if checkout.method_id is not None or checkout.customer_id is not None:
            asker = Asker(caller.merchant_id, caller.mode, caller.key_id)
            checkout = await asyncio.to_thread(looked_up, kept(self.people), asker, checkout)
        _refuse_hosts(checkout.return_url, caller.return_url_hosts)
        country = country_of(checkout.customer.country, checkout.country, caller.default_country)
        directory = await self.directory()
        check(directory, checkout.amount, checkout.currency, country)
        check_preference(directory, preference, caller.merchant_id, caller.mode)
        return checkout if country == checkout.country else replace(checkout, country=country)

    def _answered_before(self, ask: Ask, refusal: DomainError) -> Accepted:
        with self.books.begin() as work:
            known = work.win_key(ask.merchant_id, ask.mode, ask.key, ask.fingerprint)
            if known is None:
                raise refusal  # the key goes back with the transaction
        return Accepted(known.recorded.replayed_for(ask.fingerprint), known.resource_id, True)


def looked_up(people: People, asker: Asker, checkout: Checkout) -> Checkout:
    """Return the checkout with what is known of its saved customer and payment method.

    What the request says itself counts more. Raises `InvalidRequest` for what is not the asker's.
    """
    method: SavedMethod | None = None
    if checkout.method_id is not None:
        method = _saved_method(people, asker, checkout.method_id)
        if checkout.customer_id not in (None, method.customer_id):
            raise _wrong("payment_method.id", "is another customer's", "send one of this customer")
    customer_id = method.customer_id if method else checkout.customer_id
    if customer_id is None:
        return checkout
    profile = _profile(people, asker, customer_id)
    checkout = replace(
        checkout,
        customer_id=customer_id,
        customer=_completed(checkout.customer, customer_id, profile),
        billing=checkout.billing or _billing(profile),
    )
    return checkout if method is None else _paid_by(checkout, method)


def _saved_method(people: People, asker: Asker, id_: UUID) -> SavedMethod:
    try:
        return people.methods.find(asker, id_)
    except NotFound:
        fix = "send the id of a saved payment method of yours, in this mode"
        raise _wrong("payment_method.id", "is not a payment method of yours", fix) from None


def _profile(people: People, asker: Asker, id_: UUID) -> Profile:
    fix = "send the id of a saved customer of yours, in this mode"
    try:
        customer = people.customers.find(asker, id_)
    except NotFound:
        raise _wrong("customer_id", "is not a customer of yours", fix) from None
    if customer.anonymized_at is not None:
        raise _wrong("customer_id", "was anonymized", fix)
    return customer.profile


def _completed(customer: Customer, id_: UUID, profile: Profile) -> Customer:
    """Return the payer with what is known of them: one name, however the request names them."""
    return replace(
        customer,
        id=customer.id or public(Kind.CUSTOMER, id_),
        email=customer.email or profile.person.email,
        country=customer.country or profile.country,
    )


def _billing(profile: Profile) -> Address | None:
    saved = profile.person.billing_address
    if saved is None:
        return None
    return Address(saved.street, saved.city, saved.state, saved.zip_code, saved.country)


def _paid_by(checkout: Checkout, saved: SavedMethod) -> Checkout:
    """Return the checkout with the method; a token is good only where its vault is."""
    method: Method = saved.method
    if method.card is not None:
        method = replace(method, card=replace(method.card, funding=saved.means.funding.value))
    if wrong := refused_hold(checkout.capture_method, method):
        raise InvalidRequest([wrong])
    vault = saved.means.gateway_id
    return replace(checkout, method=method, preference=vault or checkout.preference)


def _refuse_hosts(return_url: str | None, hosts: tuple[str, ...]) -> None:
    """Raise `InvalidRequest` where the payer would be sent to a host that the merchant does not list."""
    if return_url is None or not hosts or urlsplit(return_url).hostname in hosts:
        return
    fix = "send a URL of one of the merchant's hosts, or have this one added"
    raise _wrong("return_url", "leads to a host that the merchant does not list", fix)


def _wrong(field: str, reason: str, fix: str) -> InvalidRequest:
    return InvalidRequest([FieldError(field, reason, fix)])
