"""TLS through the command: each fault told apart in its words, by rustls, by OpenSSL and by both."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from tests.services import command
from tests.targets import behaviours
from tests.targets.certificates import DAY, Issued, issue, server_context
from tests.targets.server import Target

ENGINES = ("rustls", "openssl", "auto")
PAST, FUTURE = (-10 * DAY, -2 * DAY), (2 * DAY, 10 * DAY)


def _date(one: Issued, *, end: bool = True) -> str:
    when = one.certificate.not_valid_after_utc if end else one.certificate.not_valid_before_utc
    return f"{when:%Y-%m-%d %H:%M} UTC"


class Case(NamedTuple):
    """A server and a check's `tls`, and the truth about them: failure kind and words, or None and a status."""

    name: str
    chain: tuple[Issued, ...]
    tls: str
    kind: str | None
    says: str
    expires: Issued | None = None
    context: tuple[tuple[str, Any], ...] = ()


ROOT = issue("Root", authority=True)
MIDDLE = issue("Middle", ROOT, authority=True)
OLD_MIDDLE = issue("Old middle", ROOT, authority=True, valid=PAST)
SOON_MIDDLE = issue("Ends soon", ROOT, authority=True, valid=(-DAY, 3 * DAY))
STRANGER = issue("Stranger", authority=True)
GOOD, OLD, EARLY = issue("good", ROOT), issue("old", ROOT, valid=PAST), issue("early", ROOT, valid=FUTURE)
ELSEWHERE = issue("elsewhere", ROOT, names=("www.example.org", "*.example.net"))
UNDER_OLD = issue("under", OLD_MIDDLE)
ITSELF = issue("itself")
CA = "ca_file: ca.pem"
TLS_1_2 = (("maximum_version", ssl.TLSVersion.TLSv1_2),)
ASKS = (("verify_mode", ssl.CERT_REQUIRED),)

CASES = (
    Case("good", (GOOD,), CA, None, "up", GOOD),
    Case("end of the chain", (issue("good", SOON_MIDDLE), SOON_MIDDLE), CA, None, "degraded", SOON_MIDDLE),
    Case("expired", (OLD,), CA, "tls_expired", f"the certificate expired on {_date(OLD)}", OLD),
    Case("expired issuer", (UNDER_OLD, OLD_MIDDLE), CA, "tls_expired",
         f"the certificate of its issuer CN=Old middle expired on {_date(OLD_MIDDLE)}", OLD_MIDDLE),
    Case("not yet valid", (EARLY,), CA, "tls_expired",
         f"the certificate is not valid before {_date(EARLY, end=False)}", EARLY),
    Case("another host", (ELSEWHERE,), CA, "tls_hostname",
         "the certificate is not for 127.0.0.1 but for www.example.org, *.example.net", ELSEWHERE),
    Case("self-signed", (ITSELF,), CA, "tls_untrusted",
         "the certificate is self-signed and not trusted here (CN=itself)", ITSELF),
    Case("self-signed authority", (STRANGER,), CA, "tls_untrusted", "the certificate is self-signed and ", STRANGER),
    Case("unknown authority", (issue("leaf", STRANGER),), "{}", "tls_untrusted",
         "the certificate's issuer CN=Stranger is an authority not known here"),
    Case("unknown authority comes along", (issue("leaf", STRANGER), STRANGER), CA, "tls_untrusted",
         "the chain ends in a self-signed certificate that is not trusted here (CN=Stranger)"),
    Case("missing intermediate", (issue("leaf", MIDDLE),), CA, "tls_untrusted",
         "the server leaves out the intermediate certificate CN=Middle that issued its own"),
    Case("missing among others", (issue("leaf", MIDDLE), STRANGER), CA, "tls_untrusted",
         "the server leaves out the intermediate certificate CN=Middle that issued its own"),
    Case("not verified", (OLD,), "verify: false", None, "degraded", OLD),
    Case("server_name", (ELSEWHERE,), f"{CA}, server_name: api.example.net", None, "up", ELSEWHERE),
    Case("another server_name", (ELSEWHERE,), f"{CA}, server_name: example.net", "tls_hostname",
         "the certificate is not for example.net but for www.example.org", ELSEWHERE),
    Case("min_version", (GOOD,), f"{CA}, min_version: '1.3'", None, "up", GOOD),
    Case("below min_version", (GOOD,), f"{CA}, min_version: '1.3'", "tls_handshake",
         "it does not speak TLS 1.3 or newer", None, TLS_1_2),
    Case("at min_version", (GOOD,), f"{CA}, min_version: '1.2'", None, "up", GOOD, TLS_1_2),
    Case("client certificate", (GOOD,), f"{CA}, cert_file: me.pem, key_file: me.key", None, "up", GOOD,
         ASKS),
    Case("no client certificate", (GOOD,), CA, "tls_handshake", "it wants a client certificate (", None,
         ASKS),
    Case("client certificate of a stranger", (GOOD,), f"{CA}, cert_file: it.pem, key_file: it.key",
         "tls_handshake", "it does not know the authority of our client certificate", None,
         ASKS),
)  # fmt: skip


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The servers of all cases, and a reader file with a check of each."""
    folder = tmp_path_factory.mktemp("tls")
    client, stranger = issue("me", ROOT), issue("stranger", STRANGER)
    for name, content in (("ca.pem", ROOT.pem), ("me.pem", client.pem), ("me.key", client.key_pem),
                          ("it.pem", stranger.pem), ("it.key", stranger.key_pem)):  # fmt: skip
        (folder / name).write_bytes(content)
    lines = ["checks:"]
    with ExitStack() as stack:
        for case in CASES:
            context = server_context(folder, *case.chain)
            for name, value in case.context:
                setattr(context, name, value)
            if context.verify_mode == ssl.CERT_REQUIRED:
                context.load_verify_locations(folder / "ca.pem")
            target = stack.enter_context(Target(behaviours.ok, context))
            tls = case.tls if case.tls == "{}" else f"{{{case.tls}}}"
            lines.append(f"- {{name: {case.name}, url: '{target.url}', tls: {tls}}}")
        (folder / "checks.yml").write_text("\n".join(lines))
        yield {"READER_CONF_FILE": str(folder / "checks.yml"), "APISTATUS_STATE_DIR": str(folder)}


@pytest.fixture(scope="module", params=ENGINES)
def results(request: pytest.FixtureRequest, env: dict[str, str]) -> tuple[str, dict[str, dict[str, Any]]]:
    """The engine, and what one run with it says, by name of the check."""
    answer = command.run("check-once", "--output", "json", env={**env, "APISTATUS_TLS_ENGINE": request.param})
    told: Any = command.json_of(answer)
    return request.param, {result["name"]: result for result in told["results"]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_fault_of_tls_is_told_apart(results: tuple[str, dict[str, dict[str, Any]]], case: Case) -> None:
    engine, by_name = results
    result = by_name[case.name]
    assert result.get("failure") == case.kind, result
    if case.kind is None:
        assert result["status"] == case.says, result
    else:
        assert result["status"] == "down"
        assert case.says in result["error"]
        assert f"({result['ip']}:" in result["error"] or f"with {result['ip']}:" in result["error"]
    if case.expires is not None:
        assert result["certificate_expires_at_us"] == case.expires.expires_at_us()
    failed = case.kind is not None
    assert result["tls_engine"] == ({"auto": "openssl" if failed else "rustls"}.get(engine, engine))


def test_no_two_faults_have_the_same_words(results: tuple[str, dict[str, dict[str, Any]]]) -> None:
    _, by_name = results
    told = {name: result["error"] for name, result in by_name.items() if "failure" in result}
    del told["self-signed authority"], told["missing among others"]  # the same faults as two others
    lines = [line.split(" (")[0] for line in told.values() if not line.startswith("no TLS with")]
    assert len(lines) == len(set(lines)) == 9
