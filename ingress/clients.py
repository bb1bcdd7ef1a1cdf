"""Clients: which address a request comes from, seen through the proxies we trust."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from starlette.types import ASGIApp, Receive, Scope, Send

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Stands for an address that nobody told us, such as that of a unix socket.
UNKNOWN: Final = ipaddress.IPv4Address(0)
#: A longer chain of proxies is somebody making one up.
MAX_HOPS: Final = 16
#: Whoever has one address of an IPv6 network has all of this many bits.
IPV6_SITE: Final = 64


class ClientAddress:
    """Puts the client's address into `state["client_ip"]`, and the scheme it used into the scope.

    `X-Forwarded-For` and `X-Forwarded-Proto` count only from trusted proxies. The server's own
    reading of these headers must be off, or it would have believed them already.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[str]) -> None:
        """`trusted` are addresses or networks; `*` trusts every peer."""
        self._app = app
        self._trust_all = "*" in trusted
        self._trusted = tuple(network(one) for one in trusted if one != "*")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its address."""
        if scope["type"] == "http":
            peer = _address((scope.get("client") or ("",))[0]) or UNKNOWN
            if self._trusts(peer):
                scope["scheme"] = _told(scope, b"x-forwarded-proto") or scope.get("scheme", "http")
                peer = self._through(peer, scope)
            scope["state"]["client_ip"] = str(peer)
        await self._app(scope, receive, send)

    def _through(self, peer: Address, scope: Scope) -> Address:
        """Walk from the nearest proxy outwards, and stop at the first that we do not trust."""
        chain = ",".join(
            value.decode("latin-1") for name, value in scope["headers"] if name == _FORWARDED_FOR
        )
        for hop in reversed(chain.split(",")[-MAX_HOPS:]):
            address = _address(_bare(hop.strip()))
            if address is None:
                return peer
            peer = address
            if not self._trusts(peer):
                return peer
        return peer

    def _trusts(self, peer: Address) -> bool:
        return self._trust_all or any(peer in network for network in self._trusted)


_FORWARDED_FOR: Final = b"x-forwarded-for"


def site_of(ip: str) -> str:
    """Return what counts as one client: an IPv4 address, or a whole IPv6 site."""
    address = ipaddress.ip_address(ip)
    if address.version == 4:
        return ip
    return str(ipaddress.ip_network((address, IPV6_SITE), strict=False))


@lru_cache(maxsize=10_000)
def network(text: str) -> Network:
    """Read an address or a network. Raises ValueError."""
    return ipaddress.ip_network(text, strict=False)


def is_within(ip: str, allowed: Sequence[str]) -> bool:
    """Whether an address is in one of the networks."""
    address = ipaddress.ip_address(ip)
    return any(address in network(one) for one in allowed)


@lru_cache(maxsize=10_000)
def _address(text: str) -> Address | None:
    """Read an address; one of IPv4 that is dressed up as IPv6 is an IPv4 address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _bare(hop: str) -> str:
    """Drop a port: `203.0.113.7:4711`, `[2001:db8::1]:4711`."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _told(scope: Scope, header: bytes) -> str | None:
    """Return the scheme that a proxy names; None: none, or not one of the two."""
    for name, value in scope["headers"]:
        if name == header and value in (b"http", b"https"):
            return str(value.decode())
    return None
