"""Requests signed by AWS Signature Version 4, through botocore, which is loaded when the first one is signed.

Signed are Host, Content-Type and X-Amz-*: what AWS demands and no proxy changes. How the canonical request is made is
told in "Create a signed AWS API request" of AWS's IAM user guide.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode

import httpx

from apistatus.model.check import AwsSigning
from apistatus.ports import Clock
from apistatus.probing.auth_errors import NoCredentials
from apistatus.probing.redirects import Hop
from apistatus.probing.supply import Held
from apistatus.probing.threads import Threads

if TYPE_CHECKING:
    from botocore.session import Session

LOOK_AGAIN_S: Final = 300.0
"""How long keys are used that were looked up: who rotates them leaves the old ones valid for longer."""
_BEHIND_S: Final = 240.0
_S3: Final = frozenset(("s3", "s3-outposts", "s3-object-lambda"))
"""Services whose paths are encoded once, not twice, and whose requests tell the body's digest."""
_PROGRAM_PROVIDER: Final = "custom-process"
"""What botocore calls its provider that runs a `credential_process`."""
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
    from botocore.exceptions import BotoCoreError, CredentialRetrievalError
    from botocore.session import Session

    session, program = Session(), _Program()
    try:
        program.watch(session)
        found = session.get_credentials()
        frozen = found.get_frozen_credentials() if found is not None else None
    except CredentialRetrievalError as error:
        is_of_program = error.kwargs.get("provider") == _PROGRAM_PROVIDER
        # Without the cause, whose text is what the program wrote.
        raise NoCredentials(f"no AWS keys: {program.failure() if is_of_program else error}") from None
    except BotoCoreError as error:
        raise NoCredentials(f"no AWS keys: {error}") from error
    except (FileNotFoundError, PermissionError, RuntimeError, ValueError) as error:
        # What a provider lets through: a `credential_process` that is not there or prints no JSON, keys that ended.
        if program.has_run and isinstance(error, ValueError):
            raise NoCredentials(f"no AWS keys: {program.failure()}") from None
        raise NoCredentials(f"no AWS keys: {type(error).__name__}: {error}") from error
    if frozen is None or frozen.access_key is None or frozen.secret_key is None:
        raise NoCredentials(
            "no AWS keys: none in the reader file, the environment or ~/.aws, and no role of this machine has any"
        )
    return AwsKeys(frozen.access_key, frozen.secret_key, frozen.token)


class _Program:
    """A `credential_process` as botocore runs it. What it writes may be secrets and goes into no line of ours."""

    def __init__(self) -> None:
        self._name = ""
        self._process: subprocess.Popen[bytes] | None = None

    def watch(self, session: Session) -> None:
        """Have botocore start the program of the session's profile through us."""
        from botocore.credentials import ProcessProvider

        profile = session.get_config_variable("profile") or "default"
        ours = ProcessProvider(profile, lambda: session.full_config, popen=self._started)
        session.get_component("credential_provider").insert_before(_PROGRAM_PROVIDER, ours)

    def _started(self, command: list[str], **pipes: int) -> subprocess.Popen[bytes]:
        if not command:
            raise FileNotFoundError("credential_process names no program")
        self._name = command[0]
        # botocore says which pipes; what runs is the user's own choice.
        self._process = subprocess.Popen(command, **pipes)  # type: ignore[call-overload]  # noqa: S603
        return self._process

    @property
    def has_run(self) -> bool:
        return self._process is not None

    def failure(self) -> str:
        """Which program failed and how, as far as its exit code tells."""
        if self._process is None:
            # That of another profile, which a role's `source_profile` names.
            return "a credential_process failed; run it by hand to see why"
        program = f"credential_process '{self._name}'"
        if self._process.returncode:
            return f"{program} ended with exit code {self._process.returncode}; run it by hand to see why"
        return f"{program} wrote no keys in the form that AWS asks for (JSON of Version 1)"


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
