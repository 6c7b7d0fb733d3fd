"""Requests signed by AWS Signature Version 4, through botocore, which is loaded when the first one is signed.

Signed are Host, Content-Type and X-Amz-*: what AWS demands and no proxy changes. How the canonical request is made is
told in "Create a signed AWS API request" of AWS's IAM user guide.
"""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode

import httpx

from apistatus.model.check import AwsSigning
from apistatus.ports import Clock
from apistatus.probing.auth_errors import NoCredentials
from apistatus.probing.redirects import Hop
from apistatus.probing.supply import Held
from apistatus.probing.threads import Threads

LOOK_AGAIN_S: Final = 300.0
"""How long keys are used that were looked up: who rotates them leaves the old ones valid for longer."""
_BEHIND_S: Final = 240.0
_S3: Final = frozenset(("s3", "s3-outposts", "s3-object-lambda"))
"""Services whose paths are encoded once, not twice, and whose requests tell the body's digest."""
_UNRESERVED: Final = "-_.~"


class AwsKeys(NamedTuple):
    """What signs."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What of it no line may show."""
        return tuple(filter(None, self[1:]))


def keys_of(signing: AwsSigning) -> AwsKeys | None:
    """The keys that the reader file names."""
    if signing.access_key_id is None or signing.secret_access_key is None:
        return None
    return AwsKeys(signing.access_key_id, signing.secret_access_key, signing.session_token)


class KeyChain:
    """`supply.Source` of the keys that AWS's own tools would use here: environment, profile, role of the container
    or machine. The look-up blocks, so it has a thread."""

    def __init__(self, threads: Threads, clock: Clock) -> None:
        self._threads = threads
        self._clock = clock

    async def fetch(self) -> Held[AwsKeys]:
        """The keys. Raises NoCredentials."""
        keys = await self._threads.submit(look_up).future
        now_ns = self._clock.mono_ns()
        return Held(keys, now_ns + int(_BEHIND_S * 1e9), now_ns + int(LOOK_AGAIN_S * 1e9))

    def unfinished(self) -> str:
        """What is not there, and how far the fetch under way has come."""
        return "no AWS keys before the timeout: their look-up (profile, container or instance role) has not ended"


def load_botocore() -> None:
    """Load what signing needs, once. Blocks."""
    import botocore.auth
    import botocore.session  # noqa: F401 - it is loaded for `look_up`


def look_up() -> AwsKeys:
    """The keys of botocore's chain of providers. Blocks. Raises NoCredentials."""
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    try:
        found = Session().get_credentials()
        frozen = found.get_frozen_credentials() if found is not None else None
    except BotoCoreError as error:
        raise NoCredentials(f"no AWS keys: {error}") from error
    except (FileNotFoundError, PermissionError, RuntimeError, ValueError) as error:
        # What a provider lets through: a `credential_process` that is not there or prints no JSON, keys that ended.
        raise NoCredentials(f"no AWS keys: {type(error).__name__}: {error}") from error
    if frozen is None or frozen.access_key is None or frozen.secret_key is None:
        raise NoCredentials(
            "no AWS keys: none in the reader file, the environment or ~/.aws, and no role of this machine has any"
        )
    return AwsKeys(frozen.access_key, frozen.secret_key, frozen.token)


def signed(hop: Hop, signing: AwsSigning, keys: AwsKeys) -> Hop:
    """The hop with a signature of now, in place of one it may have."""
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import ReadOnlyCredentials

    is_s3 = signing.service in _S3
    plain = [pair for pair in hop.headers if pair[0].lower() != "authorization"]
    given = {name: value for name, value in plain if _is_signed(name)}
    request = AWSRequest(
        method=hop.method, url=_canonical_url(hop.url, is_s3=is_s3), headers=given, data=hop.body or b""
    )
    signer = (S3SigV4Auth if is_s3 else SigV4Auth)(
        ReadOnlyCredentials(*keys), signing.service, signing.region
    )
    if signing.service == "aoss" and not any(name.lower() == "x-amz-content-sha256" for name in given):
        # OpenSearch Serverless takes no signature without it.
        request.headers["X-Amz-Content-SHA256"] = signer.payload(request)
    signer.add_auth(request)
    headers = [pair for pair in plain if not _is_signed(pair[0])]
    return hop.with_headers((*headers, *request.headers.items()))


def _is_signed(name: str) -> bool:
    name = name.lower()
    return name in ("host", "content-type") or name.startswith("x-amz-")


def _canonical_url(url: httpx.URL, *, is_s3: bool) -> str:
    """The URL with path and query encoded as the other side encodes them again: botocore takes them as they are."""
    path, _, query = url.raw_path.decode("ascii").partition("?")
    if is_s3:
        path = quote(unquote(path), safe=f"/{_UNRESERVED}")
    pairs = parse_qsl(query, keep_blank_values=True)
    query = urlencode(pairs, quote_via=quote, safe=_UNRESERVED)
    return f"{url.scheme}://{url.netloc.decode('ascii')}{path}" + (f"?{query}" if query else "")
