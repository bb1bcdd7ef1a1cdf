"""Paths: who may come where without an API key, how much they may bring, and what speaks XML."""

from __future__ import annotations

import pytest

from ingress.paths import is_webhook, needs_key, speaks_xml

PROVIDERS = [
    "/v1/webhooks/stripe",
    "/v1/webhooks/stripe/stripe-eu",
    "/v1/webhook/stripe",
    "/api/v1/webhooks/stripe",
    "/api/v1/webhook/stripe",
    "/api/webhooks/stripe",
    "/api/providers/stripe/webhook",
    "/v1/callback/bank",
    "/api/v1/callback/bank",
    "/callback/bank",
]
MERCHANTS = [
    "/v1",
    "/v1/",
    "/v1/payments",
    "/v1/webhooks",
    "/v1/callbacks/bank",
    "/v1/providers/stripe/webhook",
    "/api/v1/providers/stripe/webhook",
    "/api/v1/anything",
    "/deposit",
    "/withdrawal",
]
NOBODY = [
    "/",
    "/health",
    "/deposit/",
    "/deposits",
    "/callback",
    "/api/providers/stripe/webhook/",
    "/api/providers/a/b/webhook",
    "/x/v1/webhooks/stripe",
]


@pytest.mark.parametrize("path", PROVIDERS)
def test_providers_come_without_a_key(path: str) -> None:
    assert is_webhook({"path": path})
    assert not needs_key({"path": path})


@pytest.mark.parametrize("path", MERCHANTS)
def test_merchants_need_a_key(path: str) -> None:
    assert needs_key({"path": path})
    assert not is_webhook({"path": path})


@pytest.mark.parametrize("path", NOBODY)
def test_elsewhere_is_neither(path: str) -> None:
    assert not needs_key({"path": path})
    assert not is_webhook({"path": path})


@pytest.mark.parametrize(
    ("path", "root", "mounted"),
    [
        ("/deposit", "", None),
        ("/behind/deposit", "/behind", None),
        ("/v1/withdrawals", "/v1", ""),
        ("/behind/api/v1/payouts/po_1", "/behind/api/v1", "/behind"),
        ("/callback/bank", "", None),
    ],
)
def test_xml_is_spoken_there_before_and_after_routing(
    path: str, root: str, mounted: str | None
) -> None:
    scope = {"path": path, "root_path": root}
    if mounted is not None:
        scope["app_root_path"] = mounted

    assert speaks_xml(scope)


@pytest.mark.parametrize("path", ["/v1/payments", "/v1/checkout", "/depositor", "/v1/deposits/a/b"])
def test_xml_is_not_spoken_elsewhere(path: str) -> None:
    assert not speaks_xml({"path": path})
