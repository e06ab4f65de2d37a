"""The address of a request's client."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """Return the client's address, or None if it is unknown. For IPv6, return the network (/64).

    An IPv6 client can have any address in its /64. The web server sets the address. Behind a proxy that it trusts
    (FORWARDED_ALLOW_IPS) it is that of the proxy's client. Headers are not read here because anybody can send them.
    """
    try:
        address = ip_address(request.META.get("REMOTE_ADDR") or "")
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((address.packed, 64), strict=False).network_address)
    return str(address)
