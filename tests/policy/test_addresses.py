"""Which addresses a message may be sent to."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from queueapp.policy.addresses import is_public, may_reach, parse_address

# fmt: off
NOT_PUBLIC = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::a00:1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:0:10.0.0.1", "64:ff9b::a00:1",
    "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:2::1", "2001:db8::1", "2002:a00:1::1",
    "2002:808:808::1", "5f00::1", "fc00::1", "fd12::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1",
]
# fmt: on


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", ["8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450::1"])
def test_a_public_address_is_reached_encrypted_only(text: str) -> None:
    assert may_reach(ip_address(text), [], encrypted=True)
    assert not may_reach(ip_address(text), [ip_network("10.0.0.0/8")], encrypted=False)


def test_a_named_network_is_reached_and_no_other() -> None:
    networks = [ip_network("10.1.0.0/16"), ip_network("fd12::/64")]
    for encrypted in (True, False):
        assert may_reach(ip_address("10.1.2.3"), networks, encrypted=encrypted)
        assert may_reach(ip_address("fd12::1"), networks, encrypted=encrypted)
        assert not may_reach(ip_address("10.2.0.1"), networks, encrypted=encrypted)
        assert not may_reach(ip_address("::ffff:10.1.2.3"), networks, encrypted=encrypted)


def test_a_host_is_an_address_or_a_name() -> None:
    assert parse_address("[::1]") == ip_address("::1")
    assert parse_address("127.0.0.1") == ip_address("127.0.0.1")
    assert parse_address("localhost") is None
