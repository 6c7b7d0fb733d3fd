"""One line of the table of truths: what a target does, what a check of it must say, and who says so."""

from __future__ import annotations

from typing import Final, NamedTuple

from apistatus.model.result import FailureKind, Phase, Status
from tests.targets.server import Behaviour

PATIENT_S: Final = 30.0
"""The timeout of a check whose target does not make it wait: never needed, on whatever machine."""
HANGING_S: Final = 5.0
"""The timeout of a check whose target never comes to an end: long enough to get as far as the target lets it,
on a machine with much else to do."""
FLOODED_S: Final = 2.0
"""The same where it keeps us busy all the time."""


class Truth(NamedTuple):
    """What the result says. `phase` is None where it does not matter, or depends on who is faster."""

    status: Status
    failure: FailureKind | None = None
    phase: Phase | None = None


class Case(NamedTuple):
    """A target on a port of its own and a check of it."""

    name: str
    behaviour: Behaviour
    truth: Truth
    source: str
    """The standard that says so, or the promise of ours."""
    keys: str = ""
    """Of the check in the reader file; `{folder}` is where the certificates lie."""
    chain: str | None = None
    """Name of the certificate chain that it serves; None without TLS of its own."""
    url: str | None = None
    """With `{port}` and the other places of `hostile.Places`; None: the root of the target."""
    timeout_s: float = PATIENT_S


UP: Final = Truth("up")
DEGRADED: Final = Truth("degraded")
PROTOCOL: Final = Truth("down", "protocol", "transfer")
BAD_CODING: Final = Truth("down", "protocol", "body")
TOO_LARGE: Final = Truth("down", "too_large", "body")
UNANSWERED: Final = Truth("down", "disconnected", "processing")
BROKEN_OFF: Final = Truth("down", "disconnected", "transfer")
REDIRECT: Final = Truth("down", "redirect", "processing")
HANDSHAKE: Final = Truth("down", "tls_handshake", "tls")
UNTRUSTED: Final = Truth("down", "tls_untrusted", "tls")
OTHER_NAME: Final = Truth("down", "tls_hostname", "tls")
EXPIRED: Final = Truth("down", "tls_expired", "tls")
BAD_STATUS: Final = Truth("down", "status")
FALSE: Final = Truth("down", "assertion")
UNREADABLE: Final = Truth("down", "extract", "body")

HELLO: Final = "expect: {body: {equals: hello}}"
"""The body has come through whole, and nothing else with it."""


def late(phase: Phase) -> Truth:
    """Given up at the deadline, in this phase."""
    return Truth("down", "timeout", phase)
