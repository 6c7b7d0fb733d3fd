"""A refused certificate is told by what the connection knows of its chain."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from apistatus.model.check import TlsOptions
from apistatus.probing import failures
from apistatus.probing.attempt import Attempt
from apistatus.probing.failures import explain
from tests.fakes.clock import NOW_US, VirtualClock
from tests.targets.certificates import DAY, Issued, issue
from tests.targets.checks import check_of

LEAF = issue("leaf", issue("Issuer", authority=True), names=("b.example",), valid=(-DAY, 900 * DAY))
TLS = object()


class FakeExchange:
    """An exchange in its TLS handshake."""

    tls = TLS


EXCHANGE = FakeExchange()


def _told(
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    *,
    of: str,
    options: TlsOptions | None = None,
    exchange: FakeExchange | None = EXCHANGE,
) -> str:
    """What is said of LEAF, of which only `of` (served_chain, refused_chain) knows."""

    def chain(*certificates: Issued) -> Callable[[object], tuple[bytes, ...]]:
        def of_connection(tls: object) -> tuple[bytes, ...]:
            assert tls is TLS
            return tuple(one.certificate.public_bytes(Encoding.DER) for one in certificates)

        return of_connection

    monkeypatch.setattr(failures, "served_chain", chain(*[LEAF] * (of == "served_chain")))
    monkeypatch.setattr(failures, "refused_chain", chain(*[LEAF] * (of == "refused_chain")))
    clock = VirtualClock()
    clock.wall_step_us = int((LEAF.certificate.not_valid_before_utc + DAY).timestamp() * 1e6) - NOW_US
    attempt = Attempt(check_of("https://a.example/", tls=options or TlsOptions()), clock)
    attempt.new_hop("a.example", 443)
    attempt.tls_name, attempt.timeline.phase = "a.example", "tls"
    attempt.exchange = exchange  # part of one
    error = ssl.SSLCertVerificationError(1, "words")
    error.verify_code, error.verify_message = code, "some reason"
    return explain(error, attempt).text


@pytest.mark.parametrize("of", ["served_chain", "refused_chain"])
def test_either_chain_tells_which_names_would_fit(of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    says = "the certificate is not for a.example but for b.example (a.example:443)"
    assert _told(monkeypatch, 62, of=of) == says


def test_without_a_connection_there_is_no_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    told = _told(monkeypatch, 62, of="served_chain", exchange=None)
    assert told == "the certificate is not for a.example (a.example:443)"


def test_an_authority_of_the_checks_own_makes_a_missing_intermediate_likelier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    public = _told(monkeypatch, 20, of="served_chain")
    assert public == (
        "the certificate's issuer CN=Issuer is an authority not known here, "
        "or an intermediate certificate that the server leaves out (a.example:443)"
    )
    own = _told(monkeypatch, 20, of="served_chain", options=TlsOptions(ca_file="ca.pem"))
    assert own == (
        "the server leaves out the intermediate certificate CN=Issuer that issued its own, "
        "or that is an authority not known here (a.example:443)"
    )
