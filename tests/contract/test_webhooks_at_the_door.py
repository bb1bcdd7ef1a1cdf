"""What a provider really sends, brought to the running door: all of it is taken in, and once."""

from __future__ import annotations

from dataclasses import replace

from domain.webhook import RECEIVED, UNVERIFIED
from tests.contract.cases import across
from tests.contract.proofs import Unregistered, fetched_certificate
from tests.contract.rigs import News, Rig
from tests.contract.test_webhooks import brought_about
from tests.ingress.webhook_rig import account, doorstep


@across("news", lambda ways: sorted(ways.news))
def test_the_door_takes_in_what_the_provider_sends(rig: Rig, news: News) -> None:
    headers, body = rig.webhook(news, brought_about(rig, news))
    provider = rig.ways.provider
    url = headers.get("paypal-cert-url")
    at: dict[str, object] = {} if url is None else {"base_url": url.partition("/v1/")[0]}
    if isinstance(rig, Unregistered):
        at["scheme"] = rig.scheme
    one = account(provider, rig.webhook_secret, id_="one", **at)
    path = f"{provider}/one"

    with doorstep(one) as step:
        if url is not None:  # its certificate is not known yet
            assert step.knock(path, body, dict(headers)).status_code == 200
            assert step.notices()[0].status == UNVERIFIED
            known = {url: fetched_certificate(one.scheme, rig, url)}
            step.accounts[:] = [replace(one, certificates=known)]
        answers = [step.knock(where, body, dict(headers)) for where in (path, provider)]

        assert [answer.status_code for answer in answers] == [200, 200]
        notice = step.notices()[-1]
        assert (notice.gateway_id, notice.body, notice.status) == ("one", body, RECEIVED)
        assert not notice.dedupe_key.startswith("sha256:"), "its own name makes it one event"
        assert [result for _, result in step.heard][-2:] == ["accepted", "duplicate"]
        other = step.knock(path, body + b" ", dict(headers)).status_code
        assert other == 401 if rig.ways.proves_body else other in (200, 401)
