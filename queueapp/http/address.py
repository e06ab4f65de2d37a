"""Where a request comes from."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The address of the client; of IPv6 the network (/64), as a client can have any address in it; None: unknown.

    The web server says which: behind a proxy that it trusts (FORWARDED_ALLOW_IPS) it is the proxy's client. Headers
    are not looked at here, as anybody can send them.
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
