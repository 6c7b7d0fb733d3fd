"""Redirects as targets send them: followed, counted, and never with what belongs to another origin."""

from __future__ import annotations

from pathlib import Path

import pytest

from apistatus.model.check import TlsOptions
from tests.targets import behaviours
from tests.targets.certificates import issue, server_context
from tests.targets.checks import check_of, outcome_of
from tests.targets.server import Behaviour, Connection, Target, answer, read_request

SECRETS = (
    ("Authorization", "Bearer abc-secret-token"),
    ("Cookie", "session=abc-secret"),
    ("X-Api-Key", "abc-secret-key"),
)


def leads_to(location: str, status: str = "302 Found") -> Behaviour:
    """Redirects every request for `/`; answers all others."""

    def behaviour(connection: Connection, target: Target) -> None:
        if read_request(connection, target).split()[1] == b"/":
            connection.sendall(answer(status=status, headers=(f"Location: {location}",)))
        else:
            connection.sendall(answer(b"there"))

    return behaviour


async def test_a_redirect_is_followed_and_counted_and_its_phases_add_up() -> None:
    with Target(leads_to("/there?a=b#part")) as target:
        outcome = await outcome_of(check_of(target.url, headers=SECRETS))
    assert (outcome.status, outcome.redirects, outcome.status_code) == ("up", 1, 200)
    assert outcome.size_bytes == 5
    assert target.requests[1].startswith(b"GET /there?a=b HTTP/1.1\r\n")
    for _, secret in SECRETS:
        assert secret.encode() in target.requests[1]
    phases = (outcome.connect_us, outcome.processing_us, outcome.transfer_us)
    assert outcome.total_us is not None
    assert sum(phase or 0 for phase in phases) <= outcome.total_us + 3


async def test_a_redirect_is_the_answer_when_it_is_not_to_be_followed() -> None:
    with Target(leads_to("/there")) as target:
        outcome = await outcome_of(check_of(target.url, follow_redirects=False))
        assert (outcome.status, outcome.failure, outcome.status_code) == ("down", "status", 302)
        outcome = await outcome_of(check_of(target.url, follow_redirects=False, statuses=((302, 302),)))
        assert (outcome.status, outcome.redirects) == ("up", 0)


async def test_a_redirect_without_a_location_is_judged_by_its_status() -> None:
    with Target(behaviours.replies(answer(status="302 Found"))) as target:
        outcome = await outcome_of(check_of(target.url))
    assert (outcome.status, outcome.failure, outcome.status_code) == ("down", "status", 302)


async def test_secrets_do_not_go_to_another_origin() -> None:
    with Target(behaviours.ok) as other, Target(leads_to(other.url + "there")) as target:
        check = check_of(target.url, headers=(*SECRETS, ("Accept-Language", "ja")))
        outcome = await outcome_of(check)
    assert outcome.status == "up"
    assert b"abc-secret" in target.requests[0]
    assert b"abc-secret" not in other.requests[0]
    assert b"accept-language: ja" in other.requests[0].lower()
    assert f"Host: 127.0.0.1:{other.port}".encode() in other.requests[0]


async def test_secrets_stay_behind_when_another_origin_sends_the_check_back() -> None:
    with Target(leads_to("")) as target:

        def back(connection: Connection, other: Target) -> None:
            read_request(connection, other)
            connection.sendall(answer(status="302 Found", headers=(f"Location: {target.url}again",)))

        with Target(back) as other:
            target._behaviour = leads_to(other.url)
            outcome = await outcome_of(check_of(target.url, headers=SECRETS))
    assert (outcome.status, outcome.redirects) == ("up", 2)
    assert b"abc-secret" in target.requests[0]
    assert b"abc-secret" not in target.requests[1]


async def test_a_body_does_not_go_to_another_origin() -> None:
    with Target(behaviours.ok) as other, Target(leads_to(other.url, "307 Again")) as target:
        outcome = await outcome_of(check_of(target.url, method="POST", body=b"password=1"))
    assert (outcome.status, outcome.failure) == ("down", "redirect")
    assert other.requests == []


@pytest.mark.parametrize(
    ("status", "method", "sent"),
    [(301, "POST", "GET"), (302, "POST", "GET"), (303, "PUT", "GET"), (307, "POST", "POST"),
     (308, "POST", "POST"), (302, "HEAD", "HEAD"), (303, "HEAD", "HEAD"), (302, "PUT", "PUT")],
)  # fmt: skip
async def test_the_method_of_the_next_request(status: int, method: str, sent: str) -> None:
    with Target(leads_to("/there", f"{status} Moved")) as target:
        body = None if method == "HEAD" else b"data"
        outcome = await outcome_of(check_of(target.url, method=method, body=body))
    assert outcome.status == "up"
    second = target.requests[1]
    assert second.startswith(f"{sent} /there ".encode())
    assert (b"data" in second) == (sent in ("POST", "PUT"))
    assert (b"content-length" in second.lower()) == (sent in ("POST", "PUT"))


async def test_a_circle_of_redirects_is_a_failure() -> None:
    with Target(leads_to("/")) as target:
        outcome = await outcome_of(check_of(target.url))
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "redirect", "processing")
    assert outcome.error == f"the redirects go in a circle: back to {target.url}"


async def test_too_many_redirects_are_a_failure() -> None:
    def further(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        location = f"Location: /{len(target.requests)}?token=hidden"
        connection.sendall(answer(status="302 Found", headers=(location,)))

    with Target(further) as target:
        outcome = await outcome_of(check_of(target.url, max_redirects=3))
    assert (outcome.status, outcome.failure, outcome.redirects) == ("down", "redirect", 3)
    assert outcome.error == f"more than 3 redirects; the next leads to {target.url}4"
    assert target.accepted == 4


@pytest.mark.parametrize(
    "location",
    ["ftp://127.0.0.1/", "javascript:alert(1)", "file:///etc/passwd", "http://[::1", "http://", "https://:443/x",
     "http://a b/", "http://127.0.0.1:99999/", "//"],
)  # fmt: skip
async def test_a_redirect_to_nowhere_is_a_failure(location: str) -> None:
    with Target(leads_to(location)) as target:
        outcome = await outcome_of(check_of(target.url))
    assert (outcome.status, outcome.failure) == ("down", "redirect"), outcome.error
    assert len(target.requests) == 1


async def test_a_failure_behind_a_redirect_is_the_failure() -> None:
    with Target(leads_to("http://127.0.0.1:1/secret-path")) as target:
        outcome = await outcome_of(check_of(target.url))
    assert (outcome.status, outcome.failure) == ("down", "connect_refused")
    assert (outcome.redirects, outcome.status_code) == (1, None)
    assert outcome.error == "127.0.0.1:1 refused the connection"


async def test_a_client_certificate_is_not_shown_to_another_origin(tmp_path: Path) -> None:
    seen = []

    def looks(connection: Connection, target: Target) -> None:
        seen.append(connection.getpeercert(binary_form=True))
        behaviours.ok(connection, target)

    leaf, client = issue("leaf"), issue("client")
    cert, key = tmp_path / "client.pem", tmp_path / "client.key"
    cert.write_bytes(client.pem)
    key.write_bytes(client.key_pem)
    context = server_context(tmp_path, leaf)
    context.load_verify_locations(cert)
    context.verify_mode = 1  # ssl.CERT_OPTIONAL
    options = TlsOptions(verify=False, cert_file=str(cert), key_file=str(key))
    with Target(looks, context) as other:
        with Target(leads_to(other.url)) as target:
            assert (await outcome_of(check_of(target.url, tls=options))).status == "up"
        assert (await outcome_of(check_of(other.url, tls=options))).status == "up"
    assert seen[0] is None
    assert seen[1] is not None
