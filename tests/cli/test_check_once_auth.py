"""Checks that say who they are by tokens and signatures: through the command, and nothing secret comes out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import command
from tests.services.signatures import SignedOnly
from tests.services.tokens import Protected, Tokens, refusal
from tests.targets.server import Target

SECRET = "cl1ent-s3cret"
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SECRETS = (SECRET, AWS_SECRET, "s3ssion", "token-1", "token-2", "Signature=")


class Line:
    """Two token endpoints, of which one refuses, two targets, and a reader file."""

    def __init__(
        self, folder: Path, endpoint: Target, refusing: Target, target: Target, signed: Target
    ) -> None:
        oauth2 = "auth: {oauth2: {token_url: '%stoken', client_id: me, client_secret: '${CLIENT_SECRET}'}}"
        keys = "access_key_id: AKIDEXAMPLE, secret_access_key: '${AWS_SECRET}', session_token: '${SESSION}'"
        (folder / "checks.yml").write_text(
            f"""\
readers:
  - {{name: Orders, url: '{target.url}', json_path: $.you, {oauth2 % endpoint.url}}}
  - {{name: Refused, url: '{target.url}', {oauth2 % refusing.url}}}
  - name: Signed
    url: '{signed.url}?a=b/c'
    regex: .*
    auth: {{aws: {{region: eu-central-1, service: execute-api, {keys}}}}}
"""
        )
        self.env = {
            "READER_CONF_FILE": str(folder / "checks.yml"), "APISTATUS_STATE_DIR": str(folder),
            "CLIENT_SECRET": SECRET, "AWS_SECRET": AWS_SECRET, "SESSION": "s3ssion", "LOG_LEVEL": "DEBUG",
        }  # fmt: skip
        self.refusing_port = refusing.port


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    refused = [refusal("401 Unauthorized", "invalid_client", f"no {SECRET} here")] * 20
    with (
        Target(Tokens()) as endpoint, Target(Tokens(*refused)) as refusing,
        Target(Protected("token-2")) as target, Target(SignedOnly(AWS_SECRET)) as signed,
    ):  # fmt: skip
        yield Line(tmp_path, endpoint, refusing, target, signed)


def test_tokens_and_signatures_do_their_work_and_what_fails_says_why(line: Line) -> None:
    answer = command.run("check-once", "--output", "json", env=line.env)
    orders, refused, signed = command.json_of(answer)["results"]
    assert (orders["status"], orders["value"], orders["attempts"]) == ("up", "Bearer ***", 1)
    assert (refused["status"], refused["failure"], "phase" in refused) == ("down", "auth", False)
    assert refused["error"] == (
        f"no token from 127.0.0.1:{line.refusing_port}: it answered 401 Unauthorized, invalid_client: no *** here"
    )
    assert signed["status"] == "up"
    assert answer.returncode == 1


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "junit", "nagios", "prometheus"])
def test_no_secret_is_in_any_output_or_in_what_is_logged(line: Line, form: str) -> None:
    answer = command.run("check-once", "--output", form, env=line.env)
    assert "Orders" in answer.stdout or "orders" in answer.stdout
    assert not [secret for secret in SECRETS if secret in answer.stdout + answer.stderr]


def test_no_secret_is_in_what_is_shown_of_the_configuration(line: Line) -> None:
    for about in ("check", "show", "schema"):
        answer = command.run("config", about, env=line.env)
        assert answer.returncode == 0, answer.stderr
        assert not [secret for secret in SECRETS if secret in answer.stdout + answer.stderr]


def test_without_botocore_the_command_says_what_to_install(line: Line) -> None:
    code = "import sys; sys.modules['botocore'] = None; from apistatus.__main__ import main; main()"
    answer = subprocess.run(
        [sys.executable, "-c", code, "config", "check"], env=command.environment(line.env), text=True,
        capture_output=True, timeout=command.PATIENCE_S, check=False,
    )  # fmt: skip
    assert answer.returncode == 2
    assert (
        "checks.yml:7:11: readers[2].auth: signing for AWS needs botocore: pip install 'apistatus[aws]'"
        in (answer.stderr)
    )
