"""The hops of a check, and what its body weighed on the way: as data of `check-once`, and only there."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import brotli
import pytest

from apistatus.model import wire
from apistatus.model.result import Hop, OnceResult
from tests.fakes.messages import result
from tests.services import command
from tests.targets.server import Connection, Target, answer, read_request, replies

PHASES = {"connect_us", "processing_us", "transfer_us"}


def _run(folder: Path, check: str, *options: str) -> Any:
    (folder / "checks.yml").write_text(f"checks:\n- {{name: Mine, {check}}}\n")
    env = {
        "READER_CONF_FILE": str(folder / "checks.yml"),
        "APISTATUS_STATE_DIR": str(folder),
        "KEY": "s3cret-key",
    }
    answered = command.run("check-once", "--output", "jsonl", *options, env=env)
    return json.loads(answered.stdout)


def _redirects(connection: Connection, target: Target) -> None:
    path = read_request(connection, target).split(b" ", 2)[1]
    if path.startswith(b"/start"):
        where = f"http://user:pass-word@127.0.0.1:{target.port}/next/s3cret-key?token=abcdef#part"
        connection.sendall(answer(status="302 Found", headers=(f"Location: {where}",)))
    elif path.startswith(b"/next"):
        connection.sendall(answer(status="303 See Other", headers=("Location: /end?session=ghijkl",)))
    else:
        connection.sendall(answer(b"there"))


def test_each_hop_is_told_with_its_times_and_without_secrets(tmp_path: Path) -> None:
    with Target(_redirects) as target:
        told = _run(tmp_path, f"url: '{target.url}start/${{KEY}}?q=mnopqr', method: POST, body: x")
        site = target.url.rstrip("/")
    assert (told["status"], told["redirects"]) == ("up", 2), told
    first, second, third = told["hops"]
    assert (first["method"], first["url"], first["status_code"]) == ("POST", f"{site}/start/***", 302)
    assert first["location"] == f"http://127.0.0.1:{target.port}/next/***"
    assert (second["method"], second["url"], second["status_code"]) == ("GET", f"{site}/next/***", 303)
    assert second["location"] == "/end"
    assert (third["url"], third["status_code"], third.get("location")) == (f"{site}/end", 200, None)
    for hop in told["hops"]:
        assert (hop["ip"], hop["reused"]) == ("127.0.0.1", False)
        assert set(hop) >= PHASES
        assert "resolve_us" not in hop, "an address needs no look-up"
    for phase in PHASES:
        assert abs(sum(hop[phase] for hop in told["hops"]) - told[phase]) <= 3
    assert not re.search("s3cret|pass-word|abcdef|ghijkl|mnopqr", json.dumps(told["hops"]))


def test_a_hop_that_failed_is_told_as_far_as_it_came(tmp_path: Path) -> None:
    away = answer(status="302 Found", headers=("Location: http://169.254.1.1/latest",))
    with Target(replies(away)) as target:
        told = _run(tmp_path, f"url: '{target.url}'")
    assert told["failure"] == "blocked"
    first, second = told["hops"]
    assert (first["status_code"], first["location"]) == (302, "http://169.254.1.1/latest")
    assert second == {"method": "GET", "url": "http://169.254.1.1/latest", "reused": False}


def test_the_hops_are_those_of_the_last_attempt(tmp_path: Path) -> None:
    with Target(replies(answer(status="503 Busy"))) as target:
        told = _run(tmp_path, f"url: '{target.url}', retries: 2, retry_delay: 0s")
    assert told["attempts"] == 3
    assert [hop["status_code"] for hop in told["hops"]] == [503]


def test_a_redirect_that_is_not_followed_still_says_where_it_leads(tmp_path: Path) -> None:
    with Target(replies(answer(status="302 Found", headers=("Location: //x:y@b.example/a?b",)))) as target:
        told = _run(tmp_path, f"url: '{target.url}', follow_redirects: false, expect: {{status: 302}}")
    assert (told["status"], told["redirects"]) == ("up", 0)
    assert [hop["location"] for hop in told["hops"]] == ["//b.example/a"]


def test_a_location_of_any_length_is_shortened(tmp_path: Path) -> None:
    with Target(replies(answer(status="201 Created", headers=(f"Location: /{'a' * 5000}",)))) as target:
        told = _run(tmp_path, f"url: '{target.url}'")
    assert len(told["hops"][0]["location"]) == 200


def test_a_secret_is_masked_before_anything_is_shortened(tmp_path: Path) -> None:
    with Target(_in_a_circle) as target:
        told = _run(tmp_path, f"url: '{target.url}{'a' * (196 - len(target.url))}/${{KEY}}'")
    assert told["failure"] == "redirect"
    for line in (told["error"], told["hops"][0]["url"], told["hops"][0]["location"]):
        assert "/" in line
        assert "s3c" not in line


def _in_a_circle(connection: Connection, target: Target) -> None:
    path = read_request(connection, target).split(b" ", 2)[1].decode()
    connection.sendall(answer(status="302 Found", headers=(f"Location: {path}",)))


@pytest.mark.parametrize(
    ("headers", "body", "sizes"),
    [
        ((), b"x" * 5_000, (5_000, None)),
        (("Content-Encoding: identity",), b"x" * 5_000, (5_000, None)),
        (("Content-Encoding: gzip",), gzip.compress(b"x" * 5_000, mtime=0), (5_000, len(gzip.compress(b"x" * 5_000)))),
        (("Content-Encoding: gzip",), gzip.compress(b"", mtime=0), (0, len(gzip.compress(b"")))),
        (("Content-Encoding: br",), brotli.compress(b"x" * 5_000), (5_000, len(brotli.compress(b"x" * 5_000)))),
        (("Content-Encoding: compress",), b"x" * 50, (50, 50)),
    ],
)  # fmt: skip
def test_the_size_on_the_way_is_told_apart_from_the_decoded_one(
    tmp_path: Path, headers: tuple[str, ...], body: bytes, sizes: tuple[int, int | None]
) -> None:
    with Target(replies(answer(body, headers=headers))) as target:
        told = _run(tmp_path, f"url: '{target.url}'")
    assert told["status"] == "up", told
    assert (told["size_bytes"], told.get("compressed_bytes")) == sizes


def test_chunks_are_no_part_of_the_compressed_size(tmp_path: Path) -> None:
    packed = gzip.compress(b"x" * 5_000, mtime=0)
    pieces = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (packed[:7], packed[7:]))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    with Target(replies(head + pieces + b"0\r\n\r\n")) as target:
        told = _run(tmp_path, f"url: '{target.url}'")
    assert (told["size_bytes"], told["compressed_bytes"]) == (5_000, len(packed))


def test_a_head_request_has_no_size_on_the_way(tmp_path: Path) -> None:
    with Target(replies(answer(b"", headers=("Content-Encoding: gzip",), length=70))) as target:
        told = _run(tmp_path, f"url: '{target.url}', method: HEAD")
    assert (told["status"], told["size_bytes"], told.get("compressed_bytes")) == ("up", 0, None)


def test_hops_do_not_go_to_the_topic_and_the_compressed_size_does() -> None:
    base = result(1)
    fields = {name: getattr(base, name) for name in base.__struct_fields__}
    fields["compressed_bytes"] = 7
    told = OnceResult(**fields, hops=(Hop(method="GET", url="http://a.example/"),))
    sent = wire.encode(wire.untold(told))
    assert b"hops" not in sent
    decoded = wire.decode(sent)
    assert getattr(decoded, "compressed_bytes", None) == 7
    assert b"compressed" not in wire.encode(base)
