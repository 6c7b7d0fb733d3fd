"""Which addresses are denied, in whatever form they come."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apistatus.probing.network_policy import NetworkPolicy


def _policy(*networks: str) -> NetworkPolicy:
    return NetworkPolicy([ipaddress.ip_network(network) for network in networks])


@pytest.mark.parametrize(
    "ip",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",  # mapped, RFC 4291
        "::169.254.169.254",  # compatible, RFC 4291
        "::ffff:0:169.254.169.254",  # translated, RFC 2765
        "64:ff9b::169.254.169.254",  # NAT64, RFC 6052
        "64:ff9b:1::169.254.169.254",  # NAT64 with a local prefix of 96 bits, RFC 8215
        "64:ff9b:1:a9fe:a9:fe00::",  # of 48 bits
        "64:ff9b:1:a9:fe:a9fe::",  # of 56 bits
        "64:ff9b:1:0:a9:fea9:fe00:0",  # of 64 bits
        "2002:a9fe:a9fe::1",  # 6to4, RFC 3056
    ],
)
def test_an_ipv4_address_is_denied_in_every_form_that_reaches_it(ip: str) -> None:
    refusal = _policy("169.254.0.0/16").refusal(ip)
    assert refusal is not None
    assert refusal.startswith(ip)
    assert "169.254.0.0/16: APISTATUS_DENY_NETWORKS" in refusal
    assert _policy("169.254.169.254/32").refusal(ip) is not None
    assert _policy("169.254.169.255/32").refusal(ip) is None


@pytest.mark.parametrize(
    "ip",
    ["169.253.255.255", "169.255.0.0", "127.0.0.1", "::1", "2001:db8::a9fe:a9fe", "::ffff:1.2.3.4",
     "64:ff9b::1.2.3.4", "64:ff9b:2::169.254.169.254", "fd00::1"],
)  # fmt: skip
def test_other_addresses_may_be_reached(ip: str) -> None:
    assert _policy("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32").refusal(ip) is None


@pytest.mark.parametrize(
    ("network", "ip"),
    [
        ("fe80::/10", "fe80::1%eth0"),
        ("127.0.0.0/8", "0.0.0.0"),
        ("::1/128", "::"),
        ("127.0.0.0/8", "::ffff:0.0.0.0"),
        ("::ffff:10.0.0.0/104", "10.1.2.3"),
        ("::/0", "2001:db8::1"),
        ("0.0.0.0/0", "::ffff:1.2.3.4"),
        ("fd00:ec2::254/128", "fd00:ec2::254"),
    ],
)
def test_what_means_the_same_place_is_the_same(network: str, ip: str) -> None:
    assert _policy(network).refusal(ip) is not None


def test_a_network_of_mapped_addresses_is_no_larger_than_it_says() -> None:
    assert _policy("::ffff:10.0.0.0/104").refusal("11.0.0.0") is None
    assert _policy("::ffff:10.0.0.0/104").refusal("9.255.255.255") is None
    assert _policy("::ffff:10.0.0.1/128").refusal("10.0.0.0") is None


def test_nothing_is_denied_where_nothing_is_said() -> None:
    assert _policy().refusal("169.254.169.254") is None


@settings(deadline=None)
@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_mapping_makes_no_difference(address: ipaddress.IPv4Address, length: int) -> None:
    policy = NetworkPolicy([ipaddress.ip_network((address, length), strict=False)])
    assert policy.refusal(str(address))
    assert policy.refusal(f"::ffff:{address}")
    assert policy.refusal(f"64:ff9b::{address}")
