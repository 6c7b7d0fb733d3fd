"""The transport as a library: httpx above it works as it does above its own transports."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from apistatus.model.check import TlsOptions
from apistatus.probing.exchange_transport import EXCHANGE, ExchangeTransport
from tests.targets import behaviours
from tests.targets.certificates import issue, server_context
from tests.targets.server import Connection, Target, answer, read_request, replies


async def test_a_client_gets_body_headers_and_the_times_of_the_exchange() -> None:
    with Target(behaviours.ok) as target:
        async with httpx.AsyncClient(transport=ExchangeTransport()) as client:
            response = await client.get(target.url, headers={"X-Mine": "yes"})
    assert (response.status_code, response.json()) == (200, {"value": 1.5})
    assert response.headers["Content-Type"] == "application/json"
    assert response.http_version == "HTTP/1.1"
    exchange = response.extensions[EXCHANGE]
    assert exchange.connect_ns is not None
    assert exchange.processing_ns >= 0
    assert b"\r\nX-Mine: yes\r\n" in target.requests[0]


async def test_redirects_auth_cookies_and_decoding_are_httpx_s(tmp_path: Path) -> None:
    def behaviour(connection: Connection, target: Target) -> None:
        request = read_request(connection, target)
        if b"GET /first" in request:
            connection.sendall(answer(status="302 Found", headers=("Location: /second", "Set-Cookie: a=b")))
        elif b"authorization" not in request.lower():
            challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=MD5'
            connection.sendall(answer(status="401 No", headers=(challenge,)))
        else:
            connection.sendall(answer(gzip.compress(b"in"), headers=("Content-Encoding: gzip",)))

    with Target(behaviour, server_context(tmp_path, issue("any"))) as target:
        transport = ExchangeTransport(TlsOptions(verify=False))
        async with httpx.AsyncClient(transport=transport, follow_redirects=True) as client:
            response = await client.get(f"{target.url}first", auth=httpx.DigestAuth("me", "secret"))
    assert (response.status_code, response.text) == (200, "in")
    assert len(target.requests) == 4 or len(target.requests) == 3
    assert b"cookie: a=b" in target.requests[-1].lower()


@pytest.mark.parametrize("as_stream", [True, False])
async def test_a_body_is_sent_whole(as_stream: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1_000

    def echoes(connection: Connection, target: Target) -> None:
        request = read_request(connection, target)
        connection.sendall(answer(request.partition(b"\r\n\r\n")[2]))

    with Target(echoes) as target:
        async with httpx.AsyncClient(transport=ExchangeTransport()) as client:
            response = await client.post(target.url, content=pieces() if as_stream else b"x" * 100_000)
    assert response.content == b"x" * 100_000


async def test_who_reads_slowly_makes_the_server_wait() -> None:
    transport = ExchangeTransport()
    with Target(behaviours.endless_body) as target:
        async with httpx.AsyncClient(transport=transport) as client:
            async with client.stream("GET", target.url) as response:
                taken = 0
                async for chunk in response.aiter_raw():
                    taken += len(chunk)
                    # Gives the loop every chance to read more than is wanted.
                    await asyncio.sleep(0)
                    assert sum(stream._waiting_bytes for stream in transport._open) < 200_000
                    if taken > 3_000_000:
                        break
            assert target.gone.acquire(timeout=20), "the connection outlived its response"


async def test_a_response_that_is_closed_early_closes_its_connection() -> None:
    with Target(behaviours.drips_its_body) as target:
        async with httpx.AsyncClient(transport=ExchangeTransport()) as client:
            async with client.stream("GET", target.url) as response:
                assert response.status_code == 200
            assert target.gone.acquire(timeout=20)


async def test_closing_the_transport_closes_what_is_still_read() -> None:
    with Target(behaviours.drips_its_body) as target:
        transport = ExchangeTransport()
        response = await transport.handle_async_request(httpx.Request("GET", target.url))
        await transport.aclose()
        assert target.gone.acquire(timeout=20)
        with pytest.raises(httpx.ReadError):
            await response.aread()
        with pytest.raises(RuntimeError):
            await transport.handle_async_request(httpx.Request("GET", target.url))


async def test_cancelling_a_request_closes_its_connection() -> None:
    with Target(behaviours.silent) as target:
        async with httpx.AsyncClient(transport=ExchangeTransport()) as client:
            request = asyncio.create_task(client.get(target.url))
            while not target.requests:
                await asyncio.sleep(0.005)
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            assert target.gone.acquire(timeout=20)


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (behaviours.silent, httpx.ReadTimeout),
        (behaviours.drips_its_head, httpx.ReadTimeout),
        (behaviours.http_0_9, httpx.RemoteProtocolError),
        (behaviours.bad_chunk_size, httpx.RemoteProtocolError),
        (behaviours.promises_more_than_it_sends, httpx.RemoteProtocolError),
        (behaviours.closes_after_request, httpx.RemoteProtocolError),
        (behaviours.resets_in_its_body, httpx.ReadError),
    ],
    ids=["silent", "drips", "http-0.9", "bad-chunk", "cut-short", "no-answer", "reset"],
)
async def test_errors_are_httpx_s(behaviour: object, error: type[Exception]) -> None:
    with Target(behaviour) as target:
        timeout = httpx.Timeout(20, read=0.3 if error is httpx.ReadTimeout else 20)
        async with httpx.AsyncClient(transport=ExchangeTransport(), timeout=timeout) as client:
            with pytest.raises(error) as caught:
                await client.get(target.url)
    assert caught.value.request.url == target.url


async def test_a_whole_exchange_can_be_limited_whatever_drips() -> None:
    with Target(behaviours.drips_its_body) as target:
        async with httpx.AsyncClient(transport=ExchangeTransport(longest_s=0.5)) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get(target.url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://name.invalid/", "https://127.0.0.1:1/"])
async def test_what_cannot_be_connected_to_is_a_connect_error(url: str) -> None:
    async with httpx.AsyncClient(transport=ExchangeTransport()) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


async def test_a_certificate_that_is_not_trusted_is_a_connect_error(tmp_path: Path) -> None:
    with Target(behaviours.ok, server_context(tmp_path, issue("self"))) as target:
        async with httpx.AsyncClient(transport=ExchangeTransport()) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(target.url)


async def test_another_scheme_is_unsupported() -> None:
    async with httpx.AsyncClient(transport=ExchangeTransport()) as client:
        with pytest.raises(httpx.UnsupportedProtocol):
            await client.get("ftp://127.0.0.1/")


async def test_a_header_that_would_end_its_line_is_refused() -> None:
    request = httpx.Request("GET", "http://127.0.0.1/", headers=[(b"X-A", b"b\r\nX-C: d")])
    transport = ExchangeTransport()
    with pytest.raises(httpx.LocalProtocolError):
        await transport.handle_async_request(request)
    await transport.aclose()


async def test_connections_are_used_again_when_that_is_asked_for() -> None:
    def answers_for_ever(connection: Connection, target: Target) -> None:
        while read_request(connection, target):
            connection.sendall(answer())

    with Target(answers_for_ever) as target:
        async with httpx.AsyncClient(transport=ExchangeTransport(keep_alive=True)) as client:
            for number in range(3):
                response = await client.get(target.url)
                assert response.extensions[EXCHANGE].reused == (number > 0)
    assert target.accepted == 1


async def test_a_head_request_ends_with_its_head() -> None:
    with Target(replies(answer(b"", length=1_000))) as target:
        async with httpx.AsyncClient(transport=ExchangeTransport()) as client:
            response = await client.head(target.url)
    assert (response.status_code, response.content) == (200, b"")
