"""What the keys of a check mean, and what holds when they are not given."""

from __future__ import annotations

from pathlib import Path

import pytest

from apistatus.model.check import TlsOptions
from tests.unit.settings.readers import Compiled, home, load, load_one, load_text, mistakes_in


def test_a_check_needs_no_more_than_name_and_address(tmp_path: Path) -> None:
    check = load_one(tmp_path, "readers: [{name: World Clock, url: https://a.example/}]")
    assert (check.id, check.name, check.group, check.labels, check.enabled) == (
        "world-clock", "World Clock", None, {}, True,
    )  # fmt: skip
    assert (check.interval_us, check.timeout_us, check.retries, check.retry_delay_us) == (
        30_000_000, 10_000_000, 0, 1_000_000,
    )  # fmt: skip
    assert (check.method, check.headers, check.body, check.follow_redirects, check.max_redirects) == (
        "GET", (), None, True, 10,
    )  # fmt: skip
    assert (check.statuses, check.sla_ms, check.extractor, check.max_body_bytes) == (
        ((200, 299),), None, None, 1_048_576,
    )  # fmt: skip
    assert check.tls == TlsOptions()


def test_every_key_reaches_the_check(tmp_path: Path) -> None:
    text = """
    id: my.check_1
    group: 5
    labels: {a: b, n: 1.10, flag: true}
    enabled: false
    json_path: $.a
    type: json
    interval: 2m
    timeout: 1500ms
    sla_ms: 500
    retries: 2
    retry_delay: 0
    method: post
    headers: {X-One: 1, X-Empty: ''}
    json: {b: [1, 2.5, null, true, 'x', "${V}", ~, 0x10], c: ü}
    follow_redirects: false
    max_redirects: 0
    expect: {status: [404, 2xx, 500-502, 404]}
    tls: {verify: false, server_name: a.example, min_version: 1.3}
    max_body_bytes: 64KiB
    keep_alive: true
    http_version: 1.1
    ip_family: any
    proxy: null
"""
    check = load_one(tmp_path, f"readers:\n  - name: 007\n    url: https://a.example/\n{text}", {"V": "1"})
    assert (check.id, check.name, check.group) == ("my.check_1", "007", "5")
    assert check.labels == {"a": "b", "n": "1.10", "flag": "true"}
    assert (check.enabled, check.extractor, check.sla_ms) == (False, Compiled("$.a"), 500)
    assert (check.interval_us, check.timeout_us, check.retries, check.retry_delay_us) == (
        120_000_000, 1_500_000, 2, 0,
    )  # fmt: skip
    assert check.method == "POST"
    assert check.headers == (("X-One", "1"), ("X-Empty", ""), ("Content-Type", "application/json"))
    assert check.body == '{"b":[1,2.5,null,true,"x","1",null,16],"c":"ü"}'.encode()
    assert (check.follow_redirects, check.max_redirects, check.max_body_bytes) == (False, 0, 65_536)
    assert check.keep_alive
    assert (check.http_version, check.proxy) == ("1.1", None)
    assert check.statuses == ((200, 299), (404, 404), (500, 502))
    assert check.tls == TlsOptions(verify=False, server_name="a.example", min_version="1.3")


def test_json_may_be_null_and_keeps_a_content_type_of_ones_own(tmp_path: Path) -> None:
    check = home(tmp_path, "json: null, headers: {content-type: application/vnd.a+json}")
    assert check.body == b"null"
    assert check.headers == (("content-type", "application/vnd.a+json"),)


@pytest.mark.parametrize(
    ("keys", "timeout_us"),
    [
        ("interval: 1m", 10_000_000),
        ("interval: 5s", 5_000_000),
        ("interval: 30s, retries: 2", 28_000_000 // 3),
        ("interval: 30s, retries: 2, retry_delay: 10s", 10_000_000 // 3),
        ("interval: 1s, retries: 1, retry_delay: 980ms", 10_000),
        ("interval: 30s, timeout: 30s", 30_000_000),
        ("interval: 31s, timeout: 15s, retries: 1", 15_000_000),
    ],
)
def test_a_timeout_not_given_leaves_room_for_all_attempts(tmp_path: Path, keys: str, timeout_us: int) -> None:
    assert home(tmp_path, keys).timeout_us == timeout_us


@pytest.mark.parametrize(
    ("written", "interval_us"),
    [("500ms", 500_000), ("5s", 5_000_000), ("2m", 120_000_000), ("1h", 3_600_000_000),
     ("7d", 604_800_000_000), ("90", 90_000_000), ("1.5", 1_500_000), ("'30'", 30_000_000),
     ("'${I}'", 7_000_000)],
)  # fmt: skip
def test_durations_as_people_write_them(tmp_path: Path, written: str, interval_us: int) -> None:
    assert home(tmp_path, f"interval: {written}", {"I": "7s"}).interval_us == interval_us


def test_an_interval_comes_from_the_check_then_defaults_then_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text("readers: [{name: A, url: http://a}, {name: B, url: http://b, interval: 2m}]")
    assert [check.interval_us for check in load(path, default_interval_us=45_000_000)] == [
        45_000_000,
        120_000_000,
    ]
    path.write_text("defaults: {interval: 1m}\n" + path.read_text())
    assert [check.interval_us for check in load(path, default_interval_us=45_000_000)] == [
        60_000_000,
        120_000_000,
    ]


def test_defaults_add_up_for_mappings_and_are_replaced_otherwise(tmp_path: Path) -> None:
    text = """
defaults:
  labels: {team: web, tier: 1}
  headers: {Accept: text/html, X-Team: web}
  tls: {min_version: 1.2}
  expect: {status: 404}
  sla_ms: 100
readers:
  - name: A
    url: http://a
    labels: {tier: 2, own: x}
    headers: {accept: application/json, x-team: null}
    tls: {server_name: a}
    expect: {}
    sla_ms: null
  - {name: B, url: http://b, labels: null, headers: null, tls: null, expect: null}
  - {name: C, url: http://c}
"""
    a, b, c = load_text(tmp_path, text)
    assert a.labels == {"team": "web", "tier": "2", "own": "x"}
    assert a.headers == (("accept", "application/json"),)
    assert a.tls == TlsOptions(min_version="1.2", server_name="a")
    assert (a.statuses, a.sla_ms) == (((404, 404),), None)
    assert (b.labels, b.headers, b.tls, b.statuses, b.sla_ms) == ({}, (), TlsOptions(), ((200, 299),), 100)
    assert (c.labels, c.tls.min_version, c.statuses) == ({"team": "web", "tier": "1"}, "1.2", ((404, 404),))


def test_a_label_taken_away_is_gone(tmp_path: Path) -> None:
    text = "defaults: {labels: {a: b}}\nreaders: [{name: A, url: http://a, labels: {a: null}}]"
    assert load_one(tmp_path, text).labels == {}


@pytest.mark.parametrize(
    ("default", "own", "extractor"),
    [
        ("json_path: $.a", "regex: b", "b"),
        ("regex: a", "json_path: $.b", "$.b"),
        ("type: regex, regex: a", "json_path: $.b", "$.b"),
        ("json_path: $.a", "json_path: null, regex: b", "b"),
        ("regex: a", "sla_ms: 5", "a"),
    ],
)
def test_an_extractor_of_the_check_takes_the_place_of_another_in_defaults(
    tmp_path: Path, default: str, own: str, extractor: str
) -> None:
    text = f"defaults: {{{default}}}\nreaders: [{{name: A, url: http://a, {own}}}]"
    assert load_one(tmp_path, text).extractor == Compiled(extractor)


def test_a_body_of_the_check_takes_the_place_of_another_in_defaults(tmp_path: Path) -> None:
    text = "defaults: {json: {a: 1}}\nreaders: [{name: A, url: http://a, body: b}, {name: B, url: http://b}]"
    a, b = load_text(tmp_path, text)
    assert (a.body, a.headers) == (b"b", ())
    assert (b.body, b.headers) == (b'{"a":1}', (("Content-Type", "application/json"),))


@pytest.mark.parametrize(
    ("written", "statuses"),
    [("200", ((200, 200),)), ("2xx", ((200, 299),)), ("5XX", ((500, 599),)), ("401-403", ((401, 403),)),
     ("[200, 3xx, 401 - 403]", ((200, 200), (300, 399), (401, 403))), ("999", ((999, 999),)),
     ("'204'", ((204, 204),))],
)  # fmt: skip
def test_status_takes_codes_classes_and_ranges(
    tmp_path: Path, written: str, statuses: tuple[tuple[int, int], ...]
) -> None:
    assert home(tmp_path, f"expect: {{status: {written}}}").statuses == statuses


def test_yaml_1_2_keeps_words_and_times_as_they_are(tmp_path: Path) -> None:
    check = home(tmp_path, "labels: {oncall: no, at: 22:30, version: 1.10, octal: 0777, on: off, e: 1e3}")
    assert check.labels == {
        "oncall": "no", "at": "22:30", "version": "1.10", "octal": "0777", "on": "off", "e": "1e3",
    }  # fmt: skip


def test_equal_values_are_shared(tmp_path: Path) -> None:
    shared = "group: g, labels: {a: b}, tls: {min_version: 1.2}, headers: {a: b}, regex: r"
    each = f"{{name: %s, url: http://%s, {shared}}}"
    a, b = load_text(tmp_path, f"readers: [{each % ('A', 'a')}, {each % ('B', 'b')}]")
    for key in ("group", "labels", "tls", "extractor", "headers", "statuses"):
        assert getattr(a, key) is getattr(b, key), key


def test_secrets_are_not_in_the_text_form_of_a_check(tmp_path: Path) -> None:
    check = home(tmp_path, "headers: {A: '${S}'}, body: '${S}'", {"S": "s3cret"})
    assert check.headers == (("A", "s3cret"),)
    assert check.body == b"s3cret"
    assert "s3cret" not in repr(check)


@pytest.mark.parametrize(
    "key", ["sla_ms", "interval", "enabled", "method", "regex", "json_path", "name", "id"]
)
def test_secrets_are_not_in_what_is_said_about_a_mistake(tmp_path: Path, key: str) -> None:
    environ = {"S": "(s3cret\n"}
    text = f"readers: [{{url: http://a, {'' if key == 'name' else 'name: A,'} {key}: '${{S}}'}}]"
    said = mistakes_in(tmp_path, text, environ)
    assert said
    assert "s3cret" not in "".join(said)


def test_a_default_interval_that_a_result_could_not_carry_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text("readers: [{name: A, url: http://a}]")
    with pytest.raises(Exception, match="API_READ_INTERVAL_SECS: must be whole milliseconds"):
        load(path, default_interval_us=500_500)


def test_a_json_body_of_aliases_has_a_bounded_depth(tmp_path: Path) -> None:
    rows = "".join(f"x-{n}: &a{n} {'[' * 50}{f'*a{n - 1}' if n else 'x'}{']' * 50}\n" for n in range(50))
    said = mistakes_in(tmp_path, f"{rows}readers: [{{name: A, url: http://a, json: *a49}}]")
    assert said == ["readers.yml:50:7: readers[0].json: nested more than 64 levels deep"]


def test_a_json_body_has_a_bound(tmp_path: Path) -> None:
    rows = "".join(f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 10)}]\n" for n in range(5))
    said = mistakes_in(tmp_path, f"{rows}readers: [{{name: A, url: http://a, json: *a4}}]")
    assert said == ["readers.yml:5:6: readers[0].json: holds more than 100000 values"]
