"""Checks out of URLs and options of the command line."""

from __future__ import annotations

import re
from typing import Any

import pytest

from apistatus.errors import ConfigurationError
from apistatus.model.check import Check
from apistatus.model.result import ID_PATTERN
from apistatus.probing.extract import compile_json_path, compile_regex
from apistatus.settings.ad_hoc import AdHocRequest, ad_hoc_checks

URL = "https://www.example.com/a?b=c"


def made(*urls: str, taken: tuple[str, ...] = (), **request: Any) -> list[Check]:
    return ad_hoc_checks(
        urls or (URL,), AdHocRequest(**request), compile_json_path=compile_json_path,
        compile_regex=compile_regex, taken=taken,
    )  # fmt: skip


def refused(*urls: str, **request: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        made(*urls, **request)
    return str(caught.value).splitlines()


def test_a_url_alone_has_every_default_of_the_reader_file() -> None:
    [check] = made()
    assert (check.id, check.name) == ("https-www.example.com-a-b-c", URL)
    assert (check.url, check.site, check.endpoint) == (URL, "https://www.example.com", "/a?b=c")
    plain = Check(
        id=check.id, name=check.name, url=check.url, site=check.site, endpoint=check.endpoint,
        interval_us=30_000_000, timeout_us=10_000_000,
    )  # fmt: skip
    assert check == plain


def test_options_are_read_as_in_the_reader_file() -> None:
    [check] = made(
        expect_status=("200, 3xx", "401-403"), json_path="$.a", sla_ms="250",
        header=("Authorization: Bearer x:y", "X-Empty:"), timeout="1500ms", method="post",
    )  # fmt: skip
    assert check.statuses == ((200, 200), (300, 399), (401, 403))
    assert check.extractor is not None
    assert check.extractor.source == "$.a"
    assert (check.sla_ms, check.timeout_us, check.method) == (250, 1_500_000, "POST")
    assert check.headers == (("Authorization", "Bearer x:y"), ("X-Empty", ""))


def test_a_timeout_longer_than_the_interval_stretches_it() -> None:
    [check] = made(timeout="2m")
    assert check.interval_us == check.timeout_us == 120_000_000


def test_a_url_given_twice_is_checked_once() -> None:
    assert [check.url for check in made(URL, "http://b/", URL)] == [URL, "http://b/"]


def test_urls_with_the_same_slug_and_long_ones_get_ids_of_their_own() -> None:
    checks = made("http://a/b", "http://a-b/", "http://a/" + "x" * 100, taken=("http-a-b",))
    assert len({check.id for check in checks} | {"http-a-b"}) == 4
    assert all(re.match(ID_PATTERN, check.id) for check in checks)
    assert made("http://a-b/", taken=("http-a-b",))[0].id == made("http://a-b/", taken=("http-a-b",))[0].id


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"expect_status": ("200,99",)}, "--expect-status: must be a status code"),
        ({"expect_status": ("",)}, "--expect-status: must not be empty"),
        ({"json_path": "$["}, "--json-path: "),
        ({"json_path": ""}, "--json-path: must not be empty"),
        ({"regex": "("}, "--regex: "),
        ({"json_path": "$.a", "regex": "a"}, "--regex: json_path and regex: a check keeps one value"),
        ({"sla_ms": "0"}, "--sla-ms: must be a whole number"),
        ({"timeout": "1ms"}, "--timeout: must be from 10ms to 10m"),
        ({"timeout": "soon"}, "--timeout: is not a duration"),
        ({"method": "BREW"}, "--method: must be one of GET"),
        ({"method": "head", "regex": "a"}, "--method: an answer to HEAD has no body"),
        ({"header": ("Content-Length: 4",)}, "--header: Content-Length follows from the body"),
        ({"header": ("A: b", "a: c")}, "--header: a is given twice"),
    ],
)
def test_a_mistake_is_named_by_its_option(request_: dict[str, Any], said: str) -> None:
    [line] = refused(**request_)
    assert line.startswith(said)


@pytest.mark.parametrize(
    "header", ["hunter2", "hun ter2: x", "X-Key: hunter2\n", "X-Key: hünter2", ": hunter2"]
)
def test_a_wrong_header_is_told_without_its_value(header: str) -> None:
    [line] = refused(header=("Accept: */*", header))
    assert line.startswith("--header: ")
    assert "ter2" not in line


def test_no_secret_is_in_what_a_debugger_prints() -> None:
    request = AdHocRequest(header=("Authorization: hunter2",))
    assert "hunter2" not in repr(request) + repr(made(header=request.header))


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "ftp://a/",
        "http://user:hunter2@a/",
        "http://a b/",
        "http://a/\udcff",
        "http://a:0/",
        "http://a/#x",
    ],
)
def test_a_url_that_cannot_be_asked_is_refused_without_its_secrets(url: str) -> None:
    [line] = refused(url)
    assert "hunter2" not in line
    assert line.isprintable()


def test_all_mistakes_are_told_at_once() -> None:
    assert len(refused("http://", "ftp://a/", sla_ms="x", method="y")) == 4


def test_options_without_a_url_are_mistakes() -> None:
    with pytest.raises(ConfigurationError) as caught:
        ad_hoc_checks(
            (), AdHocRequest(sla_ms="5", header=("A: b",)), compile_json_path=compile_json_path,
            compile_regex=compile_regex,
        )  # fmt: skip
    assert str(caught.value).splitlines() == [
        "--sla-ms: is only for a URL; none is given",
        "--header: is only for a URL; none is given",
    ]


def test_nothing_asked_for_is_no_check() -> None:
    assert (
        ad_hoc_checks((), AdHocRequest(), compile_json_path=compile_json_path, compile_regex=compile_regex)
        == []
    )
