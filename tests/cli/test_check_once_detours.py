"""HTTP/2 and proxies through the command: what works, and every way of failing told apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.services import command
from tests.targets import behaviours, http2_cases, proxy_cases, server
from tests.targets.case import Case
from tests.targets.chains import chains
from tests.targets.hostile import DENIED, serving
from tests.targets.proxies import http_proxy, socks_proxy
from tests.targets.server import Connection, Target, read_request

# Nothing of the environment may count.
PROXIES_OF_THE_ENVIRONMENT = dict.fromkeys(
    ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:1"
)


def results_of(folder: Path, **env: str) -> dict[str, dict[str, Any]]:
    """What one run says of the checks in the folder's `readers.yml`, by name."""
    answer = command.run(
        "check-once", "--output", "json",
        env={
            "READER_CONF_FILE": str(folder / "readers.yml"), "APISTATUS_STATE_DIR": str(folder),
            "API_READ_INTERVAL_SECS": "120", "APISTATUS_DENY_NETWORKS": DENIED, **PROXIES_OF_THE_ENVIRONMENT, **env,
        },
    )  # fmt: skip
    assert answer.stderr == ""
    told: Any = command.json_of(answer)
    return {result["name"]: result for result in told["results"]}


def results_of_cases(cases: Sequence[Case], folder: Path) -> dict[str, dict[str, Any]]:
    with serving(cases, folder):
        return results_of(folder)


@pytest.fixture(scope="module")
def http2(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return results_of_cases(http2_cases.CASES, tmp_path_factory.mktemp("http2"))


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return results_of_cases(proxy_cases.CASES, tmp_path_factory.mktemp("proxies"))


def require_truth(result: dict[str, Any], case: Case) -> None:
    status, failure, phase = case.truth
    error = result.get("error")
    assert (result["status"], result.get("failure")) == (status, failure), error
    assert phase in (None, result.get("phase")), error
    assert (status == "up") == (error is None)
    assert result["clock"] == "user"


@pytest.mark.parametrize("case", http2_cases.CASES, ids=lambda case: case.name)
def test_the_verdict_on_a_server_of_http2_is_the_truth(http2: dict[str, dict[str, Any]], case: Case) -> None:
    result = http2[case.name]
    require_truth(result, case)
    if "status_code" in result:
        assert result["http_version"] == "2"


@pytest.mark.parametrize("case", proxy_cases.CASES, ids=lambda case: case.name)
def test_the_verdict_through_a_proxy_is_the_truth(proxies: dict[str, dict[str, Any]], case: Case) -> None:
    result = proxies[case.name]
    require_truth(result, case)
    assert "ip" not in result
    assert result["status"] == "up" or "pass word" not in json.dumps(result)
    if result["status"] == "down" and result["failure"] not in ("status", "blocked", "tls_untrusted"):
        assert "the proxy" in result["error"]


def test_the_phases_of_a_detour_add_up(
    http2: dict[str, dict[str, Any]], proxies: dict[str, dict[str, Any]]
) -> None:
    for result in (
        http2["HTTP/2, by ALPN"],
        proxies["a proxy that connects"],
        proxies["a proxy and HTTP/2 behind it"],
    ):
        phases = [result[f"{phase}_us"] for phase in ("connect", "tls", "processing", "transfer")]
        assert result["tls_engine"] == "openssl"
        assert "resolve_us" not in result
        assert 0 < sum(phases) <= result["total_us"] <= sum(phases) + len(phases)


def test_a_redirect_through_a_proxy_is_told_hop_by_hop(proxies: dict[str, dict[str, Any]]) -> None:
    result = proxies["a proxy followed by a redirect"]
    assert [hop["status_code"] for hop in result["hops"]] == [302, 200]
    assert "tls_us" in result["hops"][1]


def test_names_behind_a_proxy_are_for_the_proxy_to_look_up(tmp_path: Path) -> None:
    with Target(behaviours.ok) as target:
        places = {"only-there.invalid": target.port}
        with Target(http_proxy(places=places)) as http, Target(socks_proxy(places=places)) as socks:
            _write(tmp_path, forwarded=("http://only-there.invalid/a?b=c", f"http://127.0.0.1:{http.port}"),
                   tunnelled=("http://only-there.invalid/", f"socks5://127.0.0.1:{socks.port}"))  # fmt: skip
            results = results_of(tmp_path)
            assert http.requests[0].startswith(
                b"GET http://only-there.invalid/a?b=c HTTP/1.1\r\nHost: only-there.invalid\r\n"
            )
            assert socks.requests == [b"only-there.invalid:80"]
    assert [result["status"] for result in results.values()] == ["up", "up"]
    assert b"GET /a?b=c HTTP/1.1" in target.requests[0] + target.requests[1]


def test_credentials_of_a_proxy_are_told_to_nobody_else(tmp_path: Path) -> None:
    """Not to the target, and not to who reads the result; a target that sends them back is masked."""
    seen: list[bytes] = []

    def echoes(connection: Connection, target: Target) -> None:
        seen.append(read_request(connection, target))
        connection.sendall(
            server.answer(b"the password is s3cret-word, cHJvYmU6czNjcmV0LXdvcmQ=", "404 s3cret-word")
        )

    (tmp_path / "password").write_text("s3cret-word\n")
    contexts = chains(tmp_path)
    with (
        Target(echoes, contexts["good"]) as target,
        Target(http_proxy(credentials="probe:s3cret-word")) as proxy,
    ):
        _write(
            tmp_path,
            secret=(target.url, f"http://probe:${{file:{tmp_path}/password}}@127.0.0.1:{proxy.port}"),
            wrong=(target.url, f"http://probe:wr0ng-word@127.0.0.1:{proxy.port}"),
            keys="tls: {ca_file: ca.pem}, regex: is (.*), expect: {status: 404, body: {not_contains: s3cret}}",
        )
        results = results_of(tmp_path)
    told = json.dumps(results)
    assert results["secret"]["failure"] == "assertion"
    assert results["wrong"]["failure"] == "auth"
    assert not any(word in told for word in ("s3cret-word", "wr0ng-word", "cHJvYmU6czNjcmV0LXdvcmQ="))
    assert len(seen) == 1
    assert b"roxy" not in seen[0]
    assert b"s3cret" not in seen[0]


def test_a_proxy_that_is_spoken_to_in_tls_is_held_against_the_systems_trust_store(tmp_path: Path) -> None:
    good = chains(tmp_path)["good"]
    with (
        Target(behaviours.ok) as plain,
        Target(behaviours.ok, good) as target,
        Target(http_proxy(), good) as proxy,
    ):
        way = f"https://127.0.0.1:{proxy.port}"
        _write(tmp_path, forwarded=(plain.url, way), tunnelled=(target.url, way), keys="json_path: $.value")
        trusting = results_of(tmp_path, SSL_CERT_FILE=str(tmp_path / "ca.pem"))
        doubting = results_of(tmp_path)
    assert [result["status"] for result in trusting.values()] == ["up", "up"]
    for result in doubting.values():
        assert (result["failure"], result["error"].partition(": ")[0]) == ("tls_untrusted", "the proxy")


def _write(folder: Path, *, keys: str = "", **checks: tuple[str, str]) -> None:
    """`readers.yml` with a check of each URL through its proxy."""
    lines = [
        f"  - {{name: {name}, url: '{url}', proxy: '{proxy}'{', ' if keys else ''}{keys}}}"
        for name, (url, proxy) in checks.items()
    ]
    (folder / "readers.yml").write_text("\n".join(("checks:", *lines)))
