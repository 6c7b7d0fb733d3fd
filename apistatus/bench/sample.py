"""The check that is measured: one element kept, one JSON assertion, a body like that of a health endpoint."""

from __future__ import annotations

from typing import Final

from apistatus.model.check import Assertion, Check, TlsOptions
from apistatus.probing.extract import compile_json_path

BODY: Final = (
    '{"time": "2026-11-25T19:00:00Z", "queue": {"depth": 3, "oldest_s": 1.25}, "name": "orders", '
    '"region": "eu-north-1", "nodes": [{"id": 1, "up": true}, {"id": 2, "up": true}, {"id": 3, "up": true}], '
    '"version": "4.17.2", "build": "a9f3c1d7", "checks": {"database": "ok", "cache": "ok", "broker": "ok"}}'
)
_VALUE: Final = "$.time"
_DEPTH: Final = "$.queue.depth"


def check(
    number: int, port: int, ca_file: str, *, keep_alive: bool = False, path: str = _VALUE
) -> Check:  # fmt: skip
    """A check of the target at that port; over TLS unless `ca_file` is `-`."""
    site = f"{'http' if ca_file == '-' else 'https'}://127.0.0.1:{port}"
    depth = Assertion(
        subject="json", operator="less_than", expected=100, written="100", shown="100", of=_DEPTH,
        path=compile_json_path(_DEPTH),
    )  # fmt: skip
    return Check(
        id=f"check-{number}", name=f"Check {number}", url=f"{site}/", site=site, endpoint="/",
        interval_us=60_000_000, timeout_us=30_000_000, extractor=compile_json_path(path),
        assertions=(depth,) if path == _VALUE else (), keep_alive=keep_alive,
        tls=TlsOptions(ca_file=None if ca_file == "-" else ca_file),
    )  # fmt: skip
