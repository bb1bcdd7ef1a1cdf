"""Customers and saved methods in the books: owned, sealed, forgotten, with one default."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest

from domain.errors import (
    CustomerExists,
    IllegalMove,
    InvalidRequest,
    LimitReached,
    NotFound,
)
from domain.ids import Kind, public
from domain.means import Card
from domain.payment import Mode
from domain.people import (
    MAX_METHODS,
    Address,
    Asker,
    Funding,
    Means,
    MethodType,
    Person,
    Profile,
    SavedMethod,
)
from ops.store.people import People, people
from tests.store.conftest import MERCHANT, PEPPER, Books

pytestmark = pytest.mark.services

ASKER = Asker(MERCHANT, Mode.TEST, "0123456789abcdef", "req-1")
ADDRESS = Address("1 High Street", "Leeds", "GB", None, "LS1 4DY")
PERSON = Person("pat@mail.example", "Pat Example", "+441134960000", ADDRESS)
PROFILE = Profile("c-1", "pat", "GB", {"tier": "gold"}, PERSON)
CARD = Card("fp-1", "visa", "4242", 12, 2030, "GB")
MEANS = Means(MethodType.CARD, "tok_secret", "one", CARD, Funding.DEBIT)
PERSONAL = ("mail.example", "Pat", "4960000", "High Street", "LS1", "gold", "c-1", '"pat"')


@pytest.fixture
def kept(books: Books) -> People:
    return people(books.engine, books.vault, PEPPER, books.new_id)


@pytest.fixture
def strangers(books: Books) -> list[Asker]:
    """Another merchant, and the same one in the other mode."""
    other = books.new_id()
    books.sql("INSERT INTO merchants (id, name) VALUES (:id, 'Other')", id=other)
    return [replace(ASKER, merchant_id=other), replace(ASKER, mode=Mode.LIVE)]


def defaults(books: Books) -> list[UUID]:
    found = books.sql("SELECT id FROM payment_methods WHERE is_default AND deleted_at IS NULL")
    return [UUID(str(row["id"])) for row in found]


def actions(books: Books) -> list[tuple[object, object]]:
    """Return (action, entity id) of the audit, which are those of the outbox too."""
    entries = books.sql("SELECT action, entity_id FROM audit_logs ORDER BY id")
    events = books.sql("SELECT type, aggregate_id FROM outbox_events ORDER BY id")
    assert [tuple(row.values()) for row in entries] == [tuple(row.values()) for row in events]
    return [(row["action"], row["entity_id"]) for row in entries]


def test_a_customer_comes_back_as_it_was_written(kept: People) -> None:
    made = kept.customers.create(ASKER, PROFILE)

    found = kept.customers.find(ASKER, made.id)
    assert found == made
    assert found.profile == PROFILE
    assert found.anonymized_at is None


def test_what_is_personal_is_sealed_and_never_told(books: Books, kept: People) -> None:
    id_ = kept.customers.create(ASKER, PROFILE).id
    other = replace(PERSON, name="Pat Other")
    kept.customers.update(ASKER, id_, lambda profile: replace(profile, person=other))
    kept.methods.add(ASKER, id_, replace(MEANS, paypal_email="pat@mail.example"))

    (row,) = books.sql("SELECT details FROM customers")
    (method,) = books.sql("SELECT token, paypal_email FROM payment_methods")
    for sealed in (row["details"], method["token"], method["paypal_email"]):
        assert isinstance(sealed, bytes)
        # Three random bytes may spell anything; five hardly ever do.
        words = [word for word in (*PERSONAL, "tok_secret") if len(word) >= 5]
        assert not [word for word in words if word.encode() in sealed]
    entries = books.sql("SELECT before, after FROM audit_logs")
    told = json.dumps([entries, books.sql("SELECT payload FROM outbox_events")])
    assert not [word for word in (*PERSONAL, "tok_secret", "fp-1", "visa") if word in told]
    assert '"fields": ["name"]' in told
    assert "Pat" not in repr(kept.customers.find(ASKER, id_))
    assert "tok_secret" not in repr(kept.methods.of_customer(ASKER, id_))


def test_law_15_nobody_else_sees_or_changes_anything(
    books: Books, kept: People, strangers: list[Asker]
) -> None:
    id_ = kept.customers.create(ASKER, PROFILE).id
    method = kept.methods.add(ASKER, id_, MEANS).id
    before = books.sql("SELECT * FROM customers"), books.sql("SELECT * FROM payment_methods")

    for asker in strangers:
        for deed in (
            lambda a: kept.customers.find(a, id_),
            lambda a: kept.customers.update(a, id_, lambda profile: Profile()),
            lambda a: kept.customers.anonymize(a, id_),
            lambda a: kept.methods.add(a, id_, MEANS),
            lambda a: kept.methods.of_customer(a, id_),
            lambda a: kept.methods.find(a, method),
            lambda a: kept.methods.make_default(a, method),
            lambda a: kept.methods.delete(a, method),
        ):
            with pytest.raises(NotFound):
                deed(asker)
        assert kept.customers.page(asker, before=None, limit=9) == []
        kept.customers.create(asker, PROFILE)  # the same name is free elsewhere

    mine = "WHERE merchant_id = :m AND mode = 'test'"
    assert before == (
        books.sql(f"SELECT * FROM customers {mine}", m=MERCHANT),
        books.sql(f"SELECT * FROM payment_methods {mine}", m=MERCHANT),
    )


def test_an_external_id_names_one_customer(kept: People) -> None:
    first = kept.customers.create(ASKER, PROFILE)
    second = kept.customers.create(ASKER, replace(PROFILE, external_id=None))

    with pytest.raises(CustomerExists):
        kept.customers.create(ASKER, PROFILE)
    with pytest.raises(CustomerExists):
        kept.customers.update(ASKER, second.id, lambda one: replace(one, external_id="c-1"))
    kept.customers.update(ASKER, first.id, lambda one: replace(one, external_id="c-2"))
    kept.customers.update(ASKER, second.id, lambda one: replace(one, external_id="c-1"))
    assert kept.customers.find(ASKER, second.id).profile.external_id == "c-1"


def test_an_update_that_changes_nothing_is_not_told(books: Books, kept: People) -> None:
    made = kept.customers.create(ASKER, PROFILE)

    assert kept.customers.update(ASKER, made.id, lambda profile: profile) == made
    assert actions(books) == [("customer.created", public(Kind.CUSTOMER, made.id))]


def test_twenty_changes_at_once_are_all_there(kept: People) -> None:
    id_ = kept.customers.create(ASKER, PROFILE).id

    def note(number: int) -> None:
        def change(profile: Profile) -> Profile:
            return replace(profile, metadata={**profile.metadata, f"n{number}": "x"})

        kept.customers.update(ASKER, id_, change)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(note, range(20)))
    assert len(kept.customers.find(ASKER, id_).profile.metadata) == 21


def test_pages_are_newest_first_and_filters_hold(kept: People) -> None:
    made = [
        kept.customers.create(ASKER, Profile(f"c-{n}", metadata={"tier": "gold" if n % 2 else "x"}))
        for n in range(5)
    ]
    newest = [one.id for one in reversed(made)]

    first = kept.customers.page(ASKER, before=None, limit=3)
    rest = kept.customers.page(ASKER, before=first[-1].id, limit=3)
    assert [one.id for one in [*first, *rest]] == newest
    (one,) = kept.customers.page(ASKER, before=None, limit=9, external_id="c-2")
    assert one.id == made[2].id
    golden = kept.customers.page(ASKER, before=None, limit=9, metadata={"tier": "gold"})
    assert [one.id for one in golden] == [made[3].id, made[1].id]


def test_anonymizing_leaves_the_row_and_nothing_personal(books: Books, kept: People) -> None:
    id_ = kept.customers.create(ASKER, PROFILE).id
    method = kept.methods.add(ASKER, id_, MEANS).id

    kept.customers.anonymize(ASKER, id_)
    kept.customers.anonymize(ASKER, id_)

    found = kept.customers.find(ASKER, id_)
    assert found.profile == Profile()
    assert found.anonymized_at is not None
    assert kept.methods.of_customer(ASKER, id_) == []
    with pytest.raises(IllegalMove):
        kept.customers.update(ASKER, id_, lambda _: PROFILE)
    with pytest.raises(IllegalMove):
        kept.methods.add(ASKER, id_, MEANS)
    assert [action for action, _ in actions(books)][2:] == [
        "payment_method.deleted",
        "customer.anonymized",
    ]
    (due,) = books.sql("SELECT id, next_run_at, deleted_at FROM payment_methods")
    assert (due["id"], due["next_run_at"] is None) == (method, False)
    kept.customers.create(ASKER, PROFILE)  # the name is free again


def test_a_method_comes_back_with_its_token(kept: People) -> None:
    id_ = kept.customers.create(ASKER, PROFILE).id
    wallet = Means(MethodType.WALLET, None, wallet_id="+6281200000000")

    for means in (MEANS, replace(MEANS, gateway_id=None), wallet):
        made = kept.methods.add(ASKER, id_, means)
        assert kept.methods.find(ASKER, made.id) == made
        assert made.means == means
    assert made.method.token == "+6281200000000"


def test_the_first_is_the_default_and_another_only_if_asked(books: Books, kept: People) -> None:
    id_ = kept.customers.create(ASKER, PROFILE).id

    first, second = (kept.methods.add(ASKER, id_, MEANS) for _ in range(2))
    assert defaults(books) == [first.id]
    third = kept.methods.add(ASKER, id_, MEANS, make_default=True)
    assert defaults(books) == [third.id]
    assert kept.methods.make_default(ASKER, second.id).is_default
    kept.methods.make_default(ASKER, second.id)
    assert defaults(books) == [second.id]
    assert [action for action, _ in actions(books)].count("payment_method.made_default") == 1


def test_after_the_default_is_deleted_only_a_new_one_takes_its_place(
    books: Books, kept: People
) -> None:
    id_ = kept.customers.create(ASKER, PROFILE).id
    first = kept.methods.add(ASKER, id_, MEANS)
    kept.methods.add(ASKER, id_, MEANS)

    kept.methods.delete(ASKER, first.id)
    assert defaults(books) == []
    third = kept.methods.add(ASKER, id_, MEANS)
    assert defaults(books) == [third.id]


def test_law_6_fifty_at_once_leave_one_default(books: Books, kept: People) -> None:
    id_ = kept.customers.create(ASKER, PROFILE).id
    methods = [kept.methods.add(ASKER, id_, MEANS) for _ in range(10)]

    with ThreadPoolExecutor(16) as threads:
        wanted = [methods[n % 10].id for n in range(50)]
        made = list(threads.map(lambda one: kept.methods.make_default(ASKER, one), wanted))

    assert all(one.is_default for one in made)
    assert len(defaults(books)) == 1


def test_adding_deleting_and_choosing_at_once_never_leaves_two(books: Books, kept: People) -> None:
    id_ = kept.customers.create(ASKER, PROFILE).id
    methods = [kept.methods.add(ASKER, id_, MEANS) for _ in range(12)]

    def deed(number: int) -> SavedMethod | None:
        one = methods[number % 12].id
        try:
            if number % 3 == 0:
                return kept.methods.add(ASKER, id_, MEANS, make_default=True)
            if number % 3 == 1:
                return kept.methods.make_default(ASKER, one)
            kept.methods.delete(ASKER, one)
        except NotFound:
            return None
        return None

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(deed, range(36)))
    assert len(defaults(books)) <= 1


def test_a_customer_has_no_more_than_the_limit_even_at_once(books: Books, kept: People) -> None:
    id_ = kept.customers.create(ASKER, PROFILE).id
    for _ in range(MAX_METHODS - 3):
        kept.methods.add(ASKER, id_, MEANS)

    def add(_: int) -> bool:
        try:
            kept.methods.add(ASKER, id_, MEANS)
        except LimitReached:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(add, range(8))) == 3
    kept.methods.delete(ASKER, kept.methods.of_customer(ASKER, id_)[0].id)
    kept.methods.add(ASKER, id_, MEANS)


def test_a_deleted_method_is_gone_and_due(books: Books, kept: People) -> None:
    id_ = kept.customers.create(ASKER, PROFILE).id
    method = kept.methods.add(ASKER, id_, MEANS)

    kept.methods.delete(replace(ASKER, request_id="req-9"), method.id)

    for deed in (kept.methods.find, kept.methods.delete, kept.methods.make_default):
        with pytest.raises(NotFound):
            deed(ASKER, method.id)
    (due,) = books.sql(
        "SELECT request_id, next_run_at <= clock_timestamp() AND wake_at <= clock_timestamp()"
        " AS due FROM payment_methods WHERE deleted_at IS NOT NULL"
    )
    assert due == {"request_id": "req-9", "due": True}


@pytest.mark.parametrize("gateway", ["nowhere", "live-one"])
def test_a_gateway_that_is_not_there_in_this_mode_is_refused(
    books: Books, kept: People, gateway: str
) -> None:
    books.sql(
        "INSERT INTO gateways (id, provider, mode, base_url, credentials, webhook_scheme,"
        " webhook_secrets) SELECT 'live-one', provider, 'live', base_url, credentials,"
        " webhook_scheme, webhook_secrets FROM gateways WHERE id = 'one'"
    )
    id_ = kept.customers.create(ASKER, PROFILE).id

    with pytest.raises(InvalidRequest, match="gateway_id"):
        kept.methods.add(ASKER, id_, replace(MEANS, gateway_id=gateway))
    assert kept.methods.of_customer(ASKER, id_) == []
