"""Every hostile behaviour of `tests.targets.table`, all of them checked in one call: the table is the truth.

Ideas came from the test cases of those who went before; PEERS says which of ours covers each of theirs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.hostile_run import Run, run
from tests.targets.case import Case
from tests.targets.table import CASES

LATENESS_S = 0.2
PEAK_KIB = 80 * 1024

# Project and its own test -> our case.
PEERS = {
    "blackbox_exporter TestHTTPStatusCodes": "a 200 where 404 was expected",
    "blackbox_exporter TestValidHTTPVersion": "HTTP/1.0",
    "blackbox_exporter TestContentLength": "identity",
    "blackbox_exporter TestHandlingOfCompressionSetting": "gzip called deflate",
    "blackbox_exporter TestMaxResponseLength": "a byte too many",
    "blackbox_exporter TestRedirectFollowed": "a 302 Found redirect",
    "blackbox_exporter TestRedirectNotFollowed": "a redirect that was expected",
    "blackbox_exporter TestRedirectionLimit": "one redirect too many",
    "blackbox_exporter TestPost": "POST stays POST",
    "blackbox_exporter TestFailIfNotSSL": "no certificate",
    "blackbox_exporter TestFailIfBodyMatchesRegexp": "a maintenance page with status 200",
    "blackbox_exporter TestFailIfBodyNotMatchesRegexp": "an empty body that must match",
    "blackbox_exporter TestFailIfHeaderMatchesRegexp": "one of two headers that must not match",
    "blackbox_exporter TestFailIfHeaderNotMatchesRegexp": "a missing header",
    "blackbox_exporter TestFailIfSelfSignedCA": "a self-signed certificate",
    "blackbox_exporter TestSucceedIfSelfSignedCA": "a self-signed certificate, unverified",
    "blackbox_exporter TestTLSConfigIsIgnoredForPlainHTTP": "a redirect from http to https",
    "blackbox_exporter TestHTTPUsesTargetAsTLSServerName": "a name that fits a wildcard",
    "Gatus status-failure": "500",
    "Gatus response-time-using-less-than-or-equal-to-failure": "slower than it is expected to be",
    "Gatus body-jsonpath-complex-invalid": "no element",
    "Gatus body-jsonpath-when-body-has-null-parameter": "null number",
    "Gatus body-jsonpath-when-body-is-null": "a body that is null",
    "Gatus body-jsonpath-when-body-is-array-but-actual-body-is-not": "a list where an object was",
    "Gatus body-jsonpath-hexadecimal-int-using-equal-to-0x1": "a number in hexadecimal",
    "Gatus body-jsonpath-float-using-greater-than-issue433": "a fraction above a whole number",
    "Gatus certificate-expiration-greater-than-duration": "a certificate that ends sooner than expected",
    "Gatus len-body-keyed-int": "the length of a number",
    "Gatus len-body-keyed-bool": "the length of true",
    "Gatus len-body-string": "the length of characters, not bytes",
    "Gatus pat-body-html-failure": "no match",
    "Gatus has-failure": "a missing value that is allowed",
    "Gatus connected-failure": "a closed port",
    "httpx test_head_redirect": "HEAD, with a length",
    "httpx test_malformed_redirect": "a redirect to https://:443/x",
    "httpx test_invalid_redirect": "a redirect in raw UTF-8",
    "httpx test_no_scheme_redirect": "a redirect without a scheme",
    "httpx test_fragment_redirect": "a redirect with a fragment",
    "httpx test_redirect_loop": "a circle of two",
    "httpx test_sync_too_many_redirects": "redirects without end",
    "httpx test_body_redirect": "POST stays POST",
    "httpx test_no_body_redirect": "PUT becomes GET",
    "httpx test_redirect_custom_scheme": "a redirect to ftp://127.0.0.1/",
    "httpx test_100_continue": "continue, unasked",
    "httpx test_multi_with_identity": "gzip and identity",
    "httpx test_decoding_errors": "gzip that is none",
    "httpx test_empty_content": "gzip of nothing",
    "httpx test_invalid_content_encoding_header": "a coding that does not exist",
    "httpx test_unknown_status_code": "600",
    "httpx test_guess_by_bom": "a BOM",
    "httpx test_bad_utf_like_encoding": "invalid UTF-8",
    "httpx test_response_no_charset_with_cp_1252_content": "windows-1252 by guess",
    "urllib3 test_decode_deflate_case_insensitve": "gzip in capitals",
    "urllib3 test_decode_gzip_multi_member": "gzip of two members",
    "urllib3 test_decode_gzip_swallow_garbage": "gzip and bytes behind it",
    "urllib3 test_read_multi_decoding_too_many_links": "gzip fifty times over",
    "urllib3 test_memory_usage_decode_with_max_length": "a gzip bomb",
    "urllib3 test_decode_zstd_incomplete_read": "zstd cut short",
    "urllib3 test_decode_multiframe_zstd": "zstd of two frames",
    "urllib3 test_decode_brotli_error": "brotli that is none",
    "urllib3 test_length_with_multiple_content_lengths": "two lengths in a list",
    "urllib3 test_length_w_bad_header": "a length in words",
    "urllib3 test_length_when_chunked": "chunks and a length",
    "urllib3 test_buggy_incomplete_read": "no last chunk",
    "urllib3 test_incomplete_chunk": "half a chunk",
    "urllib3 test_invalid_chunk_length": "a size that is none",
    "urllib3 test_truncated_before_chunk": "half a size",
    "urllib3 test_chunked_response_without_crlf_on_end": "no line end after the last chunk",
    "urllib3 test_chunked_response_with_extensions": "chunk extensions",
    "urllib3 test_chunked_head_response_does_not_hang": "HEAD, with a body",
    "urllib3 test_empty_head_response_does_not_hang": "HEAD, with a length",
    "urllib3 test_incomplete_response": "half closes in its head",
    "urllib3 test_retry_weird_http_version": "HTTP/9.9",
    "urllib3 test_bad_statusline": "no status at all",
    "urllib3 test_unknown_protocol": "ICY",
    "urllib3 test_header_longer_than_maxline": "1 MB in one header",
    "urllib3 test_header_without_name": "a header without name",
    "urllib3 test_header_without_colon_or_value": "a header without colon",
    "urllib3 test_early_eof_doesnt_cause_infinite_loop": "closes after the request",
    "urllib3 test_delayed_body_read_timeout": "stalls in its body",
    "urllib3 test_https_connection_read_timeout": "silence in the handshake",
    "urllib3 test_ssl_read_timeout": "TLS, and silence",
    "urllib3 test_ssl_failure_midway_through_conn": "TLS, and plain HTTP in it",
    "urllib3 test_requesting_large_resources_via_ssl": "TLS, and a body of 700 kB",
    "urllib3 test_enforce_content_length_get": "more promised than sent",
    "urllib3 test_enforce_content_length_no_body": "HEAD, with a length",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_verdict_is_the_truth(made: Run, case: Case) -> None:
    result = made.results[case.name]
    status, failure, phase = case.truth
    assert (result["status"], result.get("failure")) == (status, failure), result.get("error")
    if phase is not None:
        assert result["phase"] == phase, result["error"]
    error = result.get("error")
    assert (status == "up") == (error is None)
    assert error is None or (error.isprintable() and len(error) <= 1_000)


def test_every_check_is_over_within_its_timeout(made: Run) -> None:
    """By the connections that its target saw, without the time in which others had the processor."""
    late, looked_at = [], 0
    for case in CASES:
        for connection in made.seen[case.name]:
            accepted_s, gone_s = connection["accepted_s"], connection["gone_s"]
            if accepted_s is None or gone_s is None:
                continue  # the target ended it
            looked_at += 1
            due_s = accepted_s + case.timeout_s
            late_s = gone_s - due_s - made.waits.between_s(due_s, gone_s)
            if late_s > LATENESS_S:
                late.append((case.name, round(late_s, 3)))
    assert late == []
    assert looked_at > 50


def test_no_connection_is_left_open(made: Run) -> None:
    hanging = [case for case in CASES if case.truth.failure == "timeout"]
    assert len(hanging) > 20
    for case in hanging:
        assert made.seen[case.name], case.name
        assert made.seen[case.name][-1]["gone_s"] is not None, case.name


def test_all_of_them_together_need_little_memory(made: Run) -> None:
    assert 10 * 1024 < made.peak_kib <= PEAK_KIB


def test_what_is_down_is_told_and_nothing_else(made: Run) -> None:
    assert (made.exit_code, made.said) == (1, "")
    assert len(made.results) == len(CASES)


def test_the_table_has_enough_lines_and_a_source_for_each() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) >= 120
    assert all(case.source for case in CASES)


def test_the_cases_of_others_are_covered_by_ours() -> None:
    assert set(PEERS.values()) <= {case.name for case in CASES}


def test_a_mistake_in_an_expectation_stops_the_command_with_its_place(tmp_path: Path) -> None:
    from tests.services import command

    file = tmp_path / "readers.yml"
    file.write_text("readers:\n  - {name: A, url: http://127.0.0.1:1/, expect: {body: {matches: '('}}}\n")
    answer = command.run(
        "check-once", env={"READER_CONF_FILE": str(file), "APISTATUS_STATE_DIR": str(tmp_path)}
    )
    assert answer.returncode == 2
    assert f"{file}:2:66: readers[0].expect.body.matches: is not a regular expression" in answer.stderr
