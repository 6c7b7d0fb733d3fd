"""A refused certificate and an alert in words: which date, name, issuer or authority it was."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apistatus.model.check import TlsOptions
from apistatus.probing.tls_words import Refusal, alert_meaning, why_refused
from tests.targets.certificates import DAY, Issued, issue

NOW_US = int(datetime.now(UTC).timestamp() * 1e6)
ROOT = issue("Root", authority=True)
MIDDLE = issue("Middle", ROOT, authority=True)
LEAF = issue("leaf", MIDDLE, names=("a.example", "192.0.2.1"))
EXPIRED, EARLY, OTHER_NAME, UNKNOWN = 10, 9, 62, 20
PAST, FUTURE = (-10 * DAY, -2 * DAY), (2 * DAY, 10 * DAY)


def der(*chain: Issued) -> tuple[bytes, ...]:
    return tuple(one.certificate.public_bytes(Encoding.DER) for one in chain)


def words(code: int, *served: Issued, verified: tuple[Issued, ...] = (), own_authority: bool = False) -> str:
    return why_refused(
        Refusal(code, "some reason", "b.example", NOW_US, der(*served), der(*verified), own_authority)
    )


def day(one: Issued, *, end: bool = True) -> str:
    when = one.certificate.not_valid_after_utc if end else one.certificate.not_valid_before_utc
    return f"{when:%Y-%m-%d %H:%M} UTC"


def test_the_date_that_does_not_fit_is_told_with_whose_it_is() -> None:
    old, old_middle = issue("old", MIDDLE, valid=PAST), issue("Old middle", ROOT, authority=True, valid=PAST)
    assert words(EXPIRED, old, MIDDLE) == f"the certificate expired on {day(old)}"
    under = issue("leaf", old_middle)
    assert words(EXPIRED, under, old_middle) == (
        f"the certificate of its issuer CN=Old middle expired on {day(old_middle)}"
    )
    early = issue("Early", ROOT, authority=True, valid=FUTURE)
    assert words(EARLY, issue("leaf", early), early) == (
        f"the certificate of its issuer CN=Early is not valid before {day(early, end=False)}"
    )


def test_a_date_in_our_own_trust_store_is_told_from_one_of_the_server() -> None:
    old = issue("Old root", authority=True, valid=PAST)
    leaf = issue("leaf", old)
    assert words(EXPIRED, leaf, verified=(leaf, old)) == (
        f"the certificate of its issuer CN=Old root, which stands in the trust store here, expired on {day(old)}"
    )


def test_the_names_of_a_certificate_are_told_a_few_of_them() -> None:
    assert words(OTHER_NAME, LEAF, MIDDLE) == (
        "the certificate is not for b.example but for a.example, 192.0.2.1"
    )
    many = issue("many", names=tuple(f"{number}.example" for number in range(8)))
    assert words(OTHER_NAME, many).endswith(
        "but for 0.example, 1.example, 2.example, 3.example, 4.example and 3 more"
    )
    long = issue("long", names=(".".join(["a" * 60] * 3),))
    assert len(words(OTHER_NAME, long)) < 150
    assert words(OTHER_NAME, issue("only here", names=())) == (
        "the certificate is not for b.example: it names no host (CN=only here)"
    )


@pytest.mark.parametrize("code", [18, UNKNOWN])
def test_self_signed_is_told_from_an_authority_that_comes_along(code: int) -> None:
    itself = issue("itself")
    assert words(code, itself) == "the certificate is self-signed and not trusted here (CN=itself)"
    along = words(19 if code == 18 else code, LEAF, MIDDLE, ROOT)
    assert along == "the chain ends in a self-signed certificate that is not trusted here (CN=Root)"


@pytest.mark.parametrize("code", [UNKNOWN, 21])
def test_an_authority_that_is_not_known_is_named_by_who_it_issued(code: int) -> None:
    assert words(code, LEAF, MIDDLE) == (
        "the authority CN=Root, which issued the intermediate CN=Middle, is not known here"
    )


UNSURE = (
    "the certificate's issuer CN=Middle is an authority not known here, or an intermediate certificate that the "
    "server leaves out"
)
LEFT_OUT = "the server leaves out the intermediate certificate CN=Middle that issued its own"


def named_above(issuer: str) -> x509.AuthorityKeyIdentifier:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)])
    return x509.AuthorityKeyIdentifier(b"key", [x509.DirectoryName(name)], 1)


AT = x509.AuthorityInformationAccess(
    [
        x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier("http://a")
        )
    ]
)
OCSP = x509.AuthorityInformationAccess(
    [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://a"))]
)


@pytest.mark.parametrize(
    ("extensions", "says"),
    [
        ((), UNSURE),
        ((OCSP,), UNSURE),
        ((x509.AuthorityKeyIdentifier(b"key", None, None),), UNSURE),
        ((AT,), f"{LEFT_OUT}, or that is an authority not known here"),
        ((named_above("Root"),), LEFT_OUT),
        ((named_above("Middle"), AT), "the certificate's issuer CN=Middle is an authority not known here"),
    ],
)
def test_a_missing_intermediate_is_told_from_an_unknown_authority_where_something_tells(
    extensions: tuple[x509.ExtensionType, ...], says: str
) -> None:
    assert words(UNKNOWN, issue("leaf", MIDDLE, extra=tuple((one, False) for one in extensions))) == says


def test_a_chain_of_others_or_an_authority_of_its_own_speak_for_a_missing_intermediate() -> None:
    assert words(UNKNOWN, LEAF, issue("Another", authority=True)).startswith(f"{LEFT_OUT}, or")
    assert words(UNKNOWN, LEAF, own_authority=True).startswith(f"{LEFT_OUT}, or")


def test_a_self_signed_certificate_that_is_refused_for_another_reason_is_told_as_such() -> None:
    assert words(1, ROOT) == "the certificate is self-signed and refused: some reason"
    assert words(1, LEAF) == "the certificate is refused: some reason"
    assert words(1, LEAF, MIDDLE, ROOT) == "the certificate is refused: some reason"


def test_a_chain_in_the_wrong_order_is_followed_by_its_names() -> None:
    assert words(UNKNOWN, LEAF, ROOT, MIDDLE).endswith("not trusted here (CN=Root)")


def test_a_second_fault_of_the_certificate_is_not_kept_back() -> None:
    old, early = issue("old", ROOT, valid=PAST), issue("early", ROOT, valid=FUTURE)
    assert words(OTHER_NAME, old).endswith(f"; the certificate expired on {day(old)} too")
    assert words(UNKNOWN, early).endswith(f"; nor is the certificate valid before {day(early, end=False)}")
    assert (
        words(1, old) == f"the certificate is refused: some reason; the certificate expired on {day(old)} too"
    )


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (EXPIRED, "the certificate expired"),
        (EARLY, "the certificate is not valid yet"),
        (OTHER_NAME, "the certificate is not for b.example"),
        (18, "the certificate is self-signed and not trusted here"),
        (19, "the chain ends in a self-signed certificate that is not trusted here"),
        (
            UNKNOWN,
            "the certificate's issuer is not known here, or the server leaves out an intermediate certificate",
        ),
        (7, "the certificate is refused: some reason"),
    ],
)
def test_without_a_chain_the_kind_is_still_told(code: int, says: str) -> None:
    assert words(code) == says


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.sampled_from((0, 1, 7, EARLY, EXPIRED, 18, 19, UNKNOWN, 21, OTHER_NAME, 64)),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4),
    st.booleans(),
)
def test_a_damaged_certificate_is_no_reason_to_fail(
    code: int, damage: list[tuple[int, int]], is_verified: bool
) -> None:
    broken = bytearray(DAMAGED)
    for place, value in damage:
        broken[place % len(broken)] = value
    chain = (bytes(broken), *der(MIDDLE))
    refusal = Refusal(code, "some reason", "b.example", NOW_US, chain, chain if is_verified else ())
    assert why_refused(refusal)


DAMAGED = der(issue("leaf", MIDDLE, valid=PAST, extra=((AT, False), (named_above("Root"), False))))[0]


@pytest.mark.parametrize(
    ("reason", "options", "says"),
    [
        ("alert certificate required", TlsOptions(), "it wants a client certificate"),
        (
            "tlsv13 alert certificate required",
            TlsOptions(cert_file="c"),
            "it wants a client certificate other than ours",
        ),
        ("sslv3 alert bad certificate", TlsOptions(), "it wants another client certificate"),
        ("sslv3 alert certificate expired", TlsOptions(), "it says that our client certificate has expired"),
        ("tlsv1 alert unknown ca", TlsOptions(), "it does not know the authority of our client certificate"),
        ("alert protocol version", TlsOptions(), "it does not speak TLS 1.2 or newer"),
        ("alert protocol version", TlsOptions(min_version="1.3"), "it does not speak TLS 1.3 or newer"),
        ("alert unrecognized name", TlsOptions(), "it does not know the name b.example"),
        (
            "alert handshake failure",
            TlsOptions(),
            "it finds no cipher in common, or wants a client certificate",
        ),
        ("alert internal error", TlsOptions(), None),
    ],
)
def test_an_alert_is_told_by_what_it_means(reason: str, options: TlsOptions, says: str | None) -> None:
    assert alert_meaning(reason, "b.example", options) == says
