"""Site and endpoint, or url: what is asked, and what a result shows of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from apistatus.settings.target_urls import require_usable
from tests.unit.settings.readers import load_one


@pytest.mark.parametrize(
    ("site", "endpoint", "url"),
    [
        ("https://a.example", None, "https://a.example/"),
        ("https://a.example/", None, "https://a.example/"),
        ("https://a.example", "/b?c=d", "https://a.example/b?c=d"),
        ("https://a.example/", "/b", "https://a.example/b"),
        ("https://a.example/base", "b", "https://a.example/base/b"),
        ("https://a.example/base/", "b/", "https://a.example/base/b/"),
        ("https://a.example", "'?c=d'", "https://a.example/?c=d"),
        ("https://a.example", "null", "https://a.example/"),
        ("https://a.example", "//b", "https://a.example//b"),
    ],
)
def test_site_and_endpoint_meet_in_one_slash(
    tmp_path: Path, site: str, endpoint: str | None, url: str
) -> None:
    tail = "" if endpoint is None else f"\n    endpoint: {endpoint}"
    check = load_one(tmp_path, f"readers:\n  - name: Home\n    site: {site}{tail}\n")
    assert check.url == url


@pytest.mark.parametrize(
    ("url", "site", "endpoint"),
    [
        ("https://a.example", "https://a.example", "/"),
        ("https://a.example/b/c?d=e", "https://a.example", "/b/c?d=e"),
        ("https://a.example?d=e", "https://a.example", "/?d=e"),
        ("https://${HOST}/b?k=${KEY}", "https://${HOST}", "/b?k=${KEY}"),
        ("${BASE}/b", "${BASE}", "/b"),
        ("${BASE}", "${BASE}", "/"),
        ("${SCHEME}://a.example/b", "${SCHEME}://a.example", "/b"),
        ("${BASE:-http://x/y?z}/b", "${BASE:-http://x/y?z}", "/b"),
    ],
)
def test_a_url_is_shown_as_site_and_endpoint_without_its_secrets(
    tmp_path: Path, url: str, site: str, endpoint: str
) -> None:
    environ = {"HOST": "h.example", "KEY": "secret", "BASE": "https://b.example", "SCHEME": "http"}
    check = load_one(tmp_path, f"readers:\n  - name: Home\n    url: {url}\n", environ)
    assert (check.site, check.endpoint) == (site, endpoint)
    assert "$" not in check.url
    assert "secret" not in repr(check)


def test_site_and_endpoint_stay_as_written_while_variables_are_sent(tmp_path: Path) -> None:
    text = "readers: [{name: Home, site: 'https://${HOST}', endpoint: '/x?key=${KEY}'}]"
    check = load_one(tmp_path, text, {"HOST": "a.example", "KEY": "secret"})
    assert (check.site, check.endpoint) == ("https://${HOST}", "/x?key=${KEY}")
    assert check.url == "https://a.example/x?key=secret"


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost", "HTTP://a.example:80/", "https://127.0.0.1:65535/", "http://[::1]:8080/",
        "http://münchen.example/über?ä=ö", "http://my_service:9000/", "http://a.example./",
        "http://xn--mnchen-3ya.example/", "http://a-b.example/%20?q=[1]",
    ],
)  # fmt: skip
def test_addresses_that_can_be_asked(url: str) -> None:
    require_usable(url)


@pytest.mark.parametrize(
    "url",
    [
        "", "http:", "//a.example/", "http:///x", "http://a.example:99999/", "http://a b/", "http://a\t.example/",
        "http://a.example/\n", "http://a\\b/", "http://@a.example/", "http://u:p@a.example/", "http://1.2.3/",
        "http://1.2.3.4.5/", "http://[::1%eth0/", "http://[fe80::zz]/", "http://a..example/", "http://.example/",
        "http://a.example/#x", "javascript://a.example/", "http://" + "a." * 127 + "example/",
        "http://é.\u2488/", "http://[v1.x]/", "http://a.example/" + "x" * 8_000,
    ],
)  # fmt: skip
def test_addresses_that_cannot(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(must|has|is) "):
        require_usable(url)


@pytest.mark.parametrize(
    ("keys", "family", "place"),
    [
        ("", None, None),
        ("ip_family: any, connect_to: null", None, None),
        ("ip_family: 4", 4, None),
        ("ip_family: '6', connect_to: 'b.example:8443'", 6, ("b.example", 8443)),
        ("connect_to: '[2001:db8::1]:443', ip_family: 6", 6, ("2001:db8::1", 443)),
        ("connect_to: '192.0.2.1:80'", None, ("192.0.2.1", 80)),
        ("connect_to: 'Bücher.example:80'", None, ("xn--bcher-kva.example", 80)),
        ("connect_to: '${PLACE}'", None, ("c.example", 81)),
    ],
)
def test_the_version_of_ip_and_the_place_to_connect_to_are_the_users_choice(
    tmp_path: Path, keys: str, family: int | None, place: tuple[str, int] | None
) -> None:
    text = f"readers: [{{name: Home, url: 'https://a.example/', {keys}}}]"
    check = load_one(tmp_path, text, {"PLACE": "c.example:81"})
    assert (check.ip_family, check.connect_to, check.url) == (family, place, "https://a.example/")
