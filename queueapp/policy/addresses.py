"""Which network addresses a message of the queue may be sent to: public ones, and those of networks that are named."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_GLOBAL_UNICAST = ip_network("2000::/3")
_TO_IPV4 = (ip_network("192.88.99.0/24"), ip_network("2001::/32"), ip_network("2002::/16"))
"""6to4 and Teredo: what is sent there is passed on to an IPv4 address within it."""


def parse_address(text: str) -> Address | None:
    """Return the address that this host is; None if it is a name."""
    try:
        return ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether the address is one of the public internet's hosts.

    Not public: private, loopback, link-local, shared (carrier-grade NAT), reserved, multicast and unspecified
    addresses. Of IPv6 only global unicast is. So mapped IPv4 addresses and those of NAT64 are not public.
    """
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    refused = address.is_multicast or address.is_reserved or any(address in network for network in _TO_IPV4)
    return address.is_global and not refused


def may_reach(address: Address, networks: Iterable[Network], *, encrypted: bool) -> bool:
    """Whether a message may be sent there: into the `networks`, or, if it is `encrypted`, to a public address."""
    return any(address in network for network in networks) or (encrypted and is_public(address))
