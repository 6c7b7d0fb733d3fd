"""Where a redirect leads, worked out without a network."""

from __future__ import annotations

import httpx
import pytest

from apistatus.model.check import TlsOptions
from apistatus.probing.redirects import Hop, RedirectFailed, location_of, next_hop, shown

HOP = Hop(
    "GET", httpx.URL("https://a.example/one/two?x=1"), (("X-Key", "s"), ("Accept", "a/b")), None, TlsOptions()
)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("three", "https://a.example/one/three"),
        ("/three?y=2#frag", "https://a.example/three?y=2"),
        ("?y=2", "https://a.example/one/two?y=2"),
        ("../up", "https://a.example/up"),
        ("//b.example/x", "https://b.example/x"),
        ("HTTP://B.Example", "http://b.example"),
        ("https://user:pw@a.example/x", "https://a.example/x"),
        ("  /spaces  ", "https://a.example/spaces"),
        ("/münchen", "https://a.example/m%C3%BCnchen"),
    ],
)
def test_a_location_is_joined_to_the_url(location: str, url: str) -> None:
    assert next_hop(HOP, 302, location).url == httpx.URL(url)


@pytest.mark.parametrize(
    ("location", "same"),
    [
        ("https://a.example:443/", True),
        ("https://A.EXAMPLE/", True),
        ("http://a.example/", False),
        ("https://a.example:8443/", False),
        ("https://b.a.example/", False),
        ("https://a.example./", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(location: str, same: bool) -> None:
    tls = TlsOptions(ca_file="ca", cert_file="c", key_file="k", server_name="n", min_version="1.3")
    hop = next_hop(Hop(HOP.method, HOP.url, HOP.headers, None, tls), 302, location)
    assert hop.headers == (HOP.headers if same else (("Accept", "a/b"),))
    assert hop.tls == (tls if same else TlsOptions(ca_file="ca", min_version="1.3"))


def test_a_body_stays_only_where_the_method_does() -> None:
    posted = Hop(
        "POST", HOP.url, (("Content-Type", "a/b"), ("Content-Length", "2"), ("X", "y")), b"hi", TlsOptions()
    )
    seen = next_hop(posted, 303, "/seen")
    assert (seen.method, seen.body, seen.headers) == ("GET", None, (("X", "y"),))
    again = next_hop(posted, 308, "/again")
    assert (again.method, again.body, again.headers) == ("POST", b"hi", posted.headers)
    with pytest.raises(RedirectFailed, match="would take the request's body to another origin"):
        next_hop(posted, 308, "http://a.example/again")


@pytest.mark.parametrize(
    "location",
    [
        "ftp://a.example/",
        "mailto:a@b",
        "http://",
        "https://a.example:99999/",
        "http://a.example:0/",
        "\ud800",
    ],
)
def test_what_leads_nowhere_is_refused(location: str) -> None:
    with pytest.raises(RedirectFailed):
        next_hop(HOP, 302, location)


def test_a_target_is_shown_without_what_may_be_secret() -> None:
    assert shown(httpx.URL("https://u:p@a.example:8443/path?token=1#f")) == "https://a.example:8443/path"
    long = "https://a.example/" + "x" * 1_000
    assert shown(httpx.URL(long)) == long, "what shortens it masks it first"


@pytest.mark.parametrize(
    ("values", "location"),
    [
        ((), None), ((b"",), None), ((b"/a",), "/a"), ((b"/a", b"/a"), "/a"), (("/grün".encode(),), "/grün"),
        (("/grün".encode("latin-1"),), "/grün"),
    ],
)  # fmt: skip
def test_a_location_is_the_one_that_was_sent(values: tuple[bytes, ...], location: str | None) -> None:
    headers = [(b"x", b"/x"), *((b"location", value) for value in values)]
    assert location_of(headers) == location


def test_two_locations_lead_nowhere() -> None:
    with pytest.raises(RedirectFailed, match="2 different Locations"):
        location_of([(b"location", b"/a"), (b"location", b"/b")])
