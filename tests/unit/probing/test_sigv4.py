"""Signatures against the examples that AWS publishes, and where the keys come from."""

from __future__ import annotations

import re
import shlex
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from apistatus.model.check import AwsSigning, TlsOptions
from apistatus.probing.auth_errors import NoCredentials
from apistatus.probing.redirects import Hop, next_hop
from apistatus.probing.sigv4 import AwsKeys, look_up, signed

KEYS = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
S3_KEYS = AwsKeys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
IN_2015 = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
IN_2013 = datetime(2013, 5, 24, tzinfo=UTC)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
FORM = "application/x-www-form-urlencoded"


def _at(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now)


def _program(text: str) -> str:
    """A shell line that runs this in Python."""
    return shlex.join([sys.executable, "-c", f"import sys; {text}"])


def _hop(url: str, *headers: tuple[str, str], method: str = "GET", body: bytes | None = None) -> Hop:
    return Hop(method, httpx.URL(url), headers, body, TlsOptions())


def _parts(hop: Hop) -> tuple[str, str]:
    """Names of the signed headers, and the signature."""
    [value] = [value for name, value in hop.headers if name == "Authorization"]
    _, names, signature = value.split(", ")
    return names.removeprefix("SignedHeaders="), signature.removeprefix("Signature=")


# The test suite that AWS published with its documentation of Signature Version 4 (aws-sig-v4-test-suite), by the
# names of its cases, and the example of the "Signature Version 4 signing process" in AWS's general reference.
@pytest.mark.parametrize(
    ("hop", "service", "names", "signature"),
    [
        pytest.param(
            _hop("https://example.amazonaws.com/"), "service", "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", id="get-vanilla",
        ),
        pytest.param(
            _hop("https://example.amazonaws.com/?Param2=value2&Param1=value1"), "service", "host;x-amz-date",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            id="get-vanilla-query-order-key-case",
        ),
        pytest.param(
            _hop("https://example.amazonaws.com/", method="POST"), "service", "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b", id="post-vanilla",
        ),
        pytest.param(
            _hop("https://example.amazonaws.com/", ("Content-Type", FORM), method="POST",
                 body=b"Param1=value1"),
            "service", "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a", id="post-x-www-form-urlencoded",
        ),
        pytest.param(
            _hop("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
                 ("Content-Type", f"{FORM}; charset=utf-8")),
            "iam", "content-type;host;x-amz-date",
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7", id="general-reference",
        ),
    ],
)  # fmt: skip
def test_the_examples_of_aws(
    monkeypatch: pytest.MonkeyPatch, hop: Hop, service: str, names: str, signature: str
) -> None:
    _at(monkeypatch, IN_2015)
    done = signed(hop, AwsSigning("us-east-1", service), KEYS)
    assert _parts(done) == (names, signature)
    assert ("X-Amz-Date", "20150830T123600Z") in done.headers
    assert (done.method, done.url, done.body) == (hop.method, hop.url, hop.body)


# "Authenticating Requests: Using the Authorization Header" in the API reference of Amazon S3.
@pytest.mark.parametrize(
    ("query", "signature"),
    [
        ("lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_the_examples_of_s3(monkeypatch: pytest.MonkeyPatch, query: str, signature: str) -> None:
    _at(monkeypatch, IN_2013)
    hop = _hop(f"https://examplebucket.s3.amazonaws.com/?{query}")
    done = signed(hop, AwsSigning("us-east-1", "s3"), S3_KEYS)
    assert _parts(done) == ("host;x-amz-content-sha256;x-amz-date", signature)
    assert ("X-Amz-Content-SHA256", EMPTY) in done.headers


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("?a=b/c&d=e:f", "?a=b%2Fc&d=e%3Af"),
        ("?a=b+c", "?a=b%20c"),
        ("?a&b=", "?a=&b="),
        ("?b=1&a=%41", "?a=A&b=1"),
    ],
)
def test_a_query_is_signed_as_the_other_side_reads_it(
    monkeypatch: pytest.MonkeyPatch, written: str, meant: str
) -> None:
    _at(monkeypatch, IN_2015)
    one, other = (
        _parts(signed(_hop(f"https://example.com/{query}"), AwsSigning("eu-central-1", "x"), KEYS))
        for query in (written, meant)
    )
    assert one == other


def test_a_path_is_encoded_once_for_s3_and_twice_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    _at(monkeypatch, IN_2015)

    def signature(path: str, service: str) -> str:
        return _parts(signed(_hop(f"https://example.com{path}"), AwsSigning("eu-central-1", service), KEYS))[
            1
        ]

    assert signature("/a(b)", "s3") == signature("/a%28b%29", "s3")
    assert signature("/a(b)", "execute-api") != signature("/a%28b%29", "execute-api")


def test_what_proxies_may_change_is_not_signed_and_a_host_that_was_given_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _at(monkeypatch, IN_2015)
    headers = (("Accept", "a/b"), ("Host", "api.example.com"), ("X-Amz-Target", "T.List"), ("X-Own", "1"))
    done = signed(_hop("https://127.0.0.1/", *headers), AwsSigning("eu-central-1", "x"), KEYS)
    assert _parts(done)[0] == "host;x-amz-date;x-amz-target"
    assert [name for name, _ in done.headers] == [
        "Accept", "X-Own", "Host", "X-Amz-Target", "X-Amz-Date", "Authorization",
    ]  # fmt: skip


def test_a_session_token_goes_with_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    _at(monkeypatch, IN_2015)
    keys = AwsKeys("AKIDEXAMPLE", "secret", "session")
    done = signed(_hop("https://example.com/"), AwsSigning("eu-central-1", "x"), keys)
    assert ("X-Amz-Security-Token", "session") in done.headers
    assert _parts(done)[0] == "host;x-amz-date;x-amz-security-token"
    assert keys.secrets == ("secret", "session")


def test_opensearch_serverless_is_told_the_digest_of_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    _at(monkeypatch, IN_2015)
    done = signed(_hop("https://example.com/"), AwsSigning("eu-central-1", "aoss"), KEYS)
    assert ("X-Amz-Content-SHA256", EMPTY) in done.headers
    assert _parts(done)[0] == "host;x-amz-content-sha256;x-amz-date"


def test_a_redirect_within_the_origin_is_signed_anew_and_elsewhere_nothing_of_it_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _at(monkeypatch, IN_2015)
    signing = AwsSigning("us-east-1", "service")
    keys = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    first = signed(_hop("https://example.amazonaws.com/old"), signing, keys)
    again = signed(next_hop(first, 302, "/"), signing, keys)
    assert _parts(again)[1] == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    assert len(again.headers) == len(first.headers)
    assert next_hop(first, 302, "https://other.example/").headers == ()


@pytest.fixture
def _no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.usefixtures("_no_keys")
def test_keys_come_from_the_environment_or_a_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profile = (
        "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = filed\naws_session_token = s\n"
    )
    (tmp_path / "credentials").write_text(profile)
    assert look_up() == AwsKeys("AKIDFILE", "filed", "s")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "set")
    assert look_up() == AwsKeys("AKIDENV", "set", None)


@pytest.mark.usefixtures("_no_keys")
def test_where_no_keys_are_the_line_says_where_they_were_looked_for() -> None:
    with pytest.raises(
        NoCredentials, match=r"^no AWS keys: none in the reader file, the environment or ~/\.aws"
    ):
        look_up()


@pytest.mark.usefixtures("_no_keys")
def test_half_a_pair_of_keys_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    with pytest.raises(NoCredentials, match=r"^no AWS keys: Partial credentials found in env"):
        look_up()


@pytest.mark.usefixtures("_no_keys")
@pytest.mark.parametrize(
    ("process", "says"),
    [
        ("echo none", "credential_process 'echo' wrote no keys in the form"),
        ("""echo '{"Version": "s3cret"}'""", "credential_process 'echo' wrote no keys in the form"),
        (
            """echo '{"Version": 1, "AccessKeyId": "s3cret"}'""",
            "credential_process 'echo' wrote no keys in the form",
        ),
        (
            _program("print('s3cret'); sys.exit('s3cret')"),
            f"credential_process '{sys.executable}' ended with exit code 1;",
        ),
        ("./not-there-at-all", "FileNotFoundError"),
        ("", "FileNotFoundError: credential_process names no program"),
    ],
)
def test_a_credential_process_that_gives_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, process: str, says: str
) -> None:
    (tmp_path / "credentials").write_text(f"[default]\ncredential_process = {process}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(NoCredentials, match=f"^no AWS keys: {re.escape(says)}") as caught:
        look_up()
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.usefixtures("_no_keys")
def test_keys_come_from_a_credential_process(tmp_path: Path) -> None:
    keys = '{"Version": 1, "AccessKeyId": "AKIDRUN", "SecretAccessKey": "made"}'
    (tmp_path / "credentials").write_text(f"[default]\ncredential_process = echo '{keys}'\n")
    assert look_up() == AwsKeys("AKIDRUN", "made", None)


@pytest.mark.usefixtures("_no_keys")
def test_a_credential_process_of_another_profile_is_not_repeated_either(tmp_path: Path) -> None:
    failing = _program("sys.exit('s3cret')")
    (tmp_path / "config").write_text(
        "[default]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = other\nregion = eu-west-1\n"
        f"[profile other]\ncredential_process = {failing}\n"
    )
    with pytest.raises(NoCredentials, match=r"^no AWS keys: a credential_process failed") as caught:
        look_up()
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.usefixtures("_no_keys")
def test_a_profile_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(NoCredentials, match="nobody"):
        look_up()
