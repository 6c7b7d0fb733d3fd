"""The other side of AWS Signature Version 4: a target that works the signature of every request out for itself.

After "Create a signed AWS API request" in AWS's IAM user guide.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from urllib.parse import parse_qsl, quote, unquote

from tests.targets.server import Connection, Target, answer, read_request


class SignedOnly:
    """A target's behaviour: 200 to requests whose signature is right, 403 to others, and first of all `answers`."""

    def __init__(self, secret: str, *answers: bytes) -> None:
        self.verdicts: list[str] = []
        """`right`, or what is wrong, of each request."""
        self.dates: list[str] = []
        self._secret = secret
        self._answers = list(answers)
        self._lock = threading.Lock()

    def __call__(self, connection: Connection, target: Target) -> None:
        request = read_request(connection, target)
        with self._lock:
            verdict = _verdict(request, self._secret)
            self.verdicts.append(verdict)
            self.dates.append(_headers(request).get("x-amz-date", ""))
            if self._answers:
                connection.sendall(self._answers.pop(0))
                return
        authorization = _headers(request).get("authorization", "")
        connection.sendall(
            answer(authorization.encode(), "200 OK" if verdict == "right" else "403 Forbidden")
        )


def _headers(request: bytes) -> dict[str, str]:
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def _verdict(request: bytes, secret: str) -> str:
    headers = _headers(request)
    scheme, _, told = headers.get("authorization", "").partition(" ")
    if scheme != "AWS4-HMAC-SHA256":
        return "not signed"
    parts = dict(part.split("=", 1) for part in told.split(", "))
    _, date, region, service, _ = parts["Credential"].split("/")
    names = parts["SignedHeaders"].split(";")
    must = {"host"} | {name for name in headers if name.startswith("x-amz-") or name == "content-type"}
    if not must <= set(names):
        return f"not signed: {must - set(names)}"
    digest = hashlib.sha256(request.partition(b"\r\n\r\n")[2]).hexdigest()
    if headers.get("x-amz-content-sha256", digest) != digest:
        return "another body"
    method, target, _ = request.partition(b"\r\n")[0].decode().split(" ")
    path, _, query = target.partition("?")
    path = quote(unquote(path) if service == "s3" else path, safe="/-_.~")
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
    canonical = "\n".join((
        method, path, "&".join(f"{name}={value}" for name, value in pairs),
        *(f"{name}:{headers[name].strip()}" for name in names), "", ";".join(names), digest,
    ))  # fmt: skip
    scope = f"{date}/{region}/{service}/aws4_request"
    stamp = headers["x-amz-date"]
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for word in (date, region, service, "aws4_request"):
        key = hmac.digest(key, word.encode(), "sha256")
    expected = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return "right" if hmac.compare_digest(expected, parts["Signature"]) else "wrong"
