"""`auth` that is worked out when an attempt begins: token grants, and signing for AWS."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from apistatus.model.check import AwsSigning, TlsOptions, TokenGrant
from apistatus.settings import credentials
from tests.unit.settings.readers import home, load_text, mistakes_in

OAUTH2 = "auth: {oauth2: {token_url: 'https://%s/token', client_id: me, client_secret: '%s'%s}}"
AWS = "auth: {aws: {region: eu-central-1, service: s3%s}}"


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "LOOK_AGAIN_S", 0.0)


def test_a_grant_has_its_secret_and_shows_neither_it_nor_what_a_variable_brought_in(tmp_path: Path) -> None:
    keys = OAUTH2 % ("${HOST}", "${SECRET}", ", scope: 'a b', audience: all, client_auth: body")
    check = home(tmp_path, keys, {"HOST": "h0st.example", "SECRET": "s3cret"})
    assert check.late_auth == TokenGrant(
        "https://h0st.example/token", "https://${HOST}/token", "me", "s3cret", "a b", "all", "body"
    )
    assert isinstance(check.late_auth, TokenGrant)
    assert check.late_auth.written_url == "https://${HOST}/token"
    assert (check.headers, check.secrets, check.credentials) == ((), ("s3cret",), None)
    assert "s3cret" not in repr(check)
    assert "h0st" not in repr(check)


def test_checks_with_the_same_words_have_one_grant_and_other_words_are_another(tmp_path: Path) -> None:
    text = f"""
defaults: {{{OAUTH2 % ("a", "b", "")}}}
readers:
  - {{name: A, url: http://a}}
  - {{name: B, url: http://b}}
  - {{name: C, url: http://c, {OAUTH2 % ("a", "b", ", scope: c")}}}
  - {{name: D, url: http://d, auth: null}}
"""
    a, b, c, d = (check.late_auth for check in load_text(tmp_path, text))
    assert a is b
    assert c != a
    assert d is None


def test_the_token_endpoint_has_tls_options_of_its_own(tmp_path: Path) -> None:
    keys = OAUTH2 % ("a", "b", ", tls: {min_version: 1.3}")
    check = home(tmp_path, f"{keys}, tls: {{verify: false}}")
    assert isinstance(check.late_auth, TokenGrant)
    assert (check.late_auth.tls, check.tls) == (TlsOptions(min_version="1.3"), TlsOptions(verify=False))
    for none in ("", ", tls: null"):
        check = home(tmp_path, OAUTH2 % ("a", "b", none) + ", tls: {verify: false}")
        assert isinstance(check.late_auth, TokenGrant)
        assert check.late_auth.tls == TlsOptions()


def test_a_client_secret_in_a_file_is_another_when_the_file_changes(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("one\n")
    check = home(tmp_path, OAUTH2 % ("a", "${file:secret}", ""))
    assert check.credentials is not None
    before = check.credentials.late_auth()
    assert isinstance(before, TokenGrant)
    assert before.client_secret == "one"
    assert check.credentials.late_auth() is before
    secret.write_text("twotwo\n")
    after = check.credentials.late_auth()
    assert isinstance(after, TokenGrant)
    assert (after.client_secret, check.credentials.secrets()) == ("twotwo", ("twotwo",))
    assert check.credentials.headers() == ()
    secret.write_text("\n")  # nothing that could be sent
    assert check.credentials.late_auth() is after


def test_a_header_in_a_file_goes_together_with_a_grant_that_is_not(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k1")
    check = home(tmp_path, OAUTH2 % ("a", "b", "") + ", headers: {X-Key: '${file:key}'}")
    assert check.credentials is not None
    assert check.credentials.headers() == (("X-Key", "k1"),)
    assert isinstance(check.credentials.late_auth(), TokenGrant)


def test_keys_for_aws_are_given_or_left_to_be_looked_up(tmp_path: Path) -> None:
    assert home(tmp_path, AWS % "").late_auth == AwsSigning("eu-central-1", "s3")
    keys = ", access_key_id: AKID, secret_access_key: '${S}', session_token: '${T}'"
    check = home(tmp_path, AWS % keys, {"S": "s3cret", "T": "t0ken"})
    assert check.late_auth == AwsSigning("eu-central-1", "s3", "AKID", "s3cret", "t0ken")
    assert check.secrets == ("s3cret", "t0ken")
    assert not any(secret in repr(check) for secret in check.secrets)


def test_without_botocore_signing_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "botocore", None)
    text = f"""\
readers:
  - name: Signed
    url: http://a
    {AWS % ""}
  - {{name: Not enabled, url: http://b, enabled: false, {AWS % ""}}}
"""
    assert mistakes_in(tmp_path, text) == [
        "readers.yml:4:11: readers[0].auth: signing for AWS needs botocore: pip install 'apistatus[aws]'"
    ]


def test_reading_a_file_with_signing_does_not_load_botocore(tmp_path: Path) -> None:
    before = set(sys.modules)
    home(tmp_path, AWS % "")
    assert not [name for name in set(sys.modules) - before if name.startswith("botocore")]
