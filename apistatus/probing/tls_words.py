"""What TLS failed by, in words: which date, name or issuer of a certificate did not fit, what an alert means."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeVar

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from apistatus.model.check import TlsOptions
from apistatus.probing.chains import is_self_issued, path_of, readable

_NAME_CHARS: Final = 100
_MOST_NAMES: Final = 5
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


class Refusal(NamedTuple):
    """A certificate that was refused: why, what it was held against, and what there was to judge by.

    `served` is what the server sent, its own first; `verified` the path that the verification went, which
    may end in the trust store. Either is empty where the engine does not tell. `own_authority`: the check
    names the authority to trust.
    """

    verify_code: int
    verify_message: str
    name: str
    now_us: int
    served: Sequence[bytes] = ()
    verified: Sequence[bytes] = ()
    own_authority: bool = False


def why_refused(refusal: Refusal) -> str:
    """A refused certificate in words."""
    served = readable(refusal.served)
    path = readable(refusal.verified) or path_of(served)
    now = datetime.fromtimestamp(refusal.now_us / 1_000_000, UTC)
    # Codes of X509_verify_cert_error_string(3).
    match _code_of(refusal.verify_code, path):
        case 10:
            return _expired(path, served, now)
        case 9:
            return _early(path, served, now)
        case 62 | 64:
            why = f"the certificate is not for {refusal.name}{_but_for(path)}"
        case 18:
            why = f"the certificate is self-signed and not trusted here{_in_brackets(path)}"
        case 19:
            why = f"the chain ends in a self-signed certificate that is not trusted here{_in_brackets(path[-1:])}"
        case 20 | 21:
            why = _issuer_unknown(path, refusal)
        case _:
            is_alone = len(path) == 1 and is_self_issued(path[0])
            also = " self-signed and" if is_alone else ""
            why = f"the certificate is{also} refused: {refusal.verify_message}"
    return why + _also_out_of_date(path, now)


def _code_of(code: int, path: Sequence[x509.Certificate]) -> int:
    """rustls has one word, for which 20 stands, where OpenSSL has three."""
    if code == 20 and path and is_self_issued(path[-1]):
        return 18 if len(path) == 1 else 19
    return code


# --- dates ------------------------------------------------------------------------------------------


def _expired(path: Sequence[x509.Certificate], served: Sequence[x509.Certificate], now: datetime) -> str:
    late = next((one for one in path if one.not_valid_after_utc < now), None)
    if late is None:
        return "the certificate expired"
    return f"the certificate{_whose(late, path, served)} expired on {_shown(late.not_valid_after_utc)}"


def _early(path: Sequence[x509.Certificate], served: Sequence[x509.Certificate], now: datetime) -> str:
    early = next((one for one in path if one.not_valid_before_utc > now), None)
    if early is None:
        return "the certificate is not valid yet"
    whose = _whose(early, path, served)
    return f"the certificate{whose} is not valid before {_shown(early.not_valid_before_utc)}"


def _whose(
    one: x509.Certificate, path: Sequence[x509.Certificate], served: Sequence[x509.Certificate]
) -> str:
    if one is path[0]:
        return ""
    subject = _named(one.subject)
    return f" of its issuer {subject}" + ("" if one in served else ", which stands in the trust store here,")


def _also_out_of_date(path: Sequence[x509.Certificate], now: datetime) -> str:
    if not path:
        return ""
    if path[0].not_valid_after_utc < now:
        return f"; the certificate expired on {_shown(path[0].not_valid_after_utc)} too"
    if path[0].not_valid_before_utc > now:
        return f"; nor is the certificate valid before {_shown(path[0].not_valid_before_utc)}"
    return ""


def _shown(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"


# --- names ------------------------------------------------------------------------------------------


def _but_for(path: Sequence[x509.Certificate]) -> str:
    if not path:
        return ""
    alternative = _extension(path[0], x509.SubjectAlternativeName)
    names = [
        str(name.value)[:_NAME_CHARS]
        for name in alternative or ()
        if isinstance(name, x509.DNSName | x509.IPAddress)
    ]
    if not names:
        return f": it names no host{_in_brackets(path)}"
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f" but for {', '.join(names[:_MOST_NAMES])}{more}"


def _in_brackets(path: Sequence[x509.Certificate]) -> str:
    return f" ({_named(path[0].subject)})" if path else ""


def _named(name: x509.Name) -> str:
    return name.rfc4514_string()[:_NAME_CHARS] or "without a name"


# --- issuers ----------------------------------------------------------------------------------------


def _issuer_unknown(path: Sequence[x509.Certificate], refusal: Refusal) -> str:
    if not path:
        return (
            "the certificate's issuer is not known here, or the server leaves out an intermediate certificate"
        )
    issuer = _named(path[-1].issuer)
    if len(path) > 1:
        subject = _named(path[-1].subject)
        return f"the authority {issuer}, which issued the intermediate {subject}, is not known here"
    left_out = f"the server leaves out the intermediate certificate {issuer} that issued its own"
    unknown = f"the certificate's issuer {issuer} is an authority not known here"
    above = _issuers_issuer(path[0])
    if above is not None:
        return unknown if above == path[0].issuer else left_out
    # What else would it send further certificates for, or be checked against an authority of its own.
    if len(refusal.served) > 1 or refusal.own_authority or _tells_where_its_issuer_is(path[0]):
        return f"{left_out}, or that is an authority not known here"
    return f"{unknown}, or an intermediate certificate that the server leaves out"


def _issuers_issuer(leaf: x509.Certificate) -> x509.Name | None:
    """Who issued the issuer of a certificate, itself in the case of a root; None where that is not told
    (RFC 5280, section 4.2.1.1)."""
    key = _extension(leaf, x509.AuthorityKeyIdentifier)
    names = (key.authority_cert_issuer if key is not None else None) or ()
    return next((name.value for name in names if isinstance(name, x509.DirectoryName)), None)


def _tells_where_its_issuer_is(leaf: x509.Certificate) -> bool:
    """Public authorities issue by intermediates only, and say where those are to be had."""
    access = _extension(leaf, x509.AuthorityInformationAccess)
    return any(one.access_method == AuthorityInformationAccessOID.CA_ISSUERS for one in access or ())


def _extension(one: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """None as well when the extensions cannot be read."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return one.extensions.get_extension_for_class(kind).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None


# --- alerts -----------------------------------------------------------------------------------------

_OURS: Final = "our client certificate"
_ALERTS: Final = (
    ("certificate required", "it wants a client certificate{another}"),
    ("bad certificate", "it wants another client certificate"),
    ("certificate expired", f"it says that {_OURS} has expired"),
    ("certificate revoked", f"it says that {_OURS} is revoked"),
    ("unsupported certificate", f"it says that {_OURS} is of a kind that it does not take"),
    ("certificate unknown", f"it does not take {_OURS}"),
    ("unknown ca", f"it does not know the authority of {_OURS}"),
    ("access denied", f"it does not let {_OURS} in"),
    ("protocol version", "it does not speak TLS {lowest} or newer"),
    ("unrecognized name", "it does not know the name {name}"),
    ("insufficient security", "it wants stronger ciphers than ours"),
    ("handshake failure", "it finds no cipher in common, or wants a client certificate"),
)
"""Alerts (RFC 8446, section 6.2) in the words of both engines, and what they mean coming from a server."""


def alert_meaning(reason: str, name: str, options: TlsOptions) -> str | None:
    """What an alert of the server means; None for one that speaks for itself. `name` is what it was asked for."""
    meaning = next((meaning for words, meaning in _ALERTS if words in reason), None)
    another = " other than ours" if options.cert_file is not None else ""
    return meaning and meaning.format(name=name, another=another, lowest=options.min_version or "1.2")
