"""The address that allowances and the log-in lockout count by."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from queueapp.http.address import client_address


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", None),
        ("unix:", None),
    ],
)
def test_of_ipv6_the_network_is_counted(given: str, counted: str | None) -> None:
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=given)) == counted


def test_a_header_that_anybody_can_send_changes_nothing() -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_FOR="198.51.100.1")
    assert client_address(request) == "192.0.2.7"
