"""How many days a certificate has left, and what that makes of a check."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from apistatus.model.check import TlsOptions
from apistatus.model.result import Outcome
from tests.targets import behaviours
from tests.targets.certificates import DAY, Issued, issue, server_context
from tests.targets.checks import check_of, outcome_of
from tests.targets.server import Target
from tests.unit.probing.expecting import expecting


async def _outcome(context: object, trust: TlsOptions, **changes: object) -> Outcome:
    with Target(behaviours.ok, context) as target:
        return await outcome_of(check_of(target.url, tls=trust, **changes))


@pytest.mark.parametrize(("days", "status"), [(1, "degraded"), (0, "up")])
async def test_fewer_days_than_a_check_wants_are_degraded(
    authority: Issued, trust: TlsOptions, tmp_path: Path, days: int, status: str
) -> None:
    leaf = issue("soon", authority, valid=(-DAY, timedelta(hours=3)))
    outcome = await _outcome(server_context(tmp_path, leaf), trust, certificate_days=days)
    assert outcome.status == status, outcome.error


async def test_a_python_that_cannot_tell_the_chain_still_tells_the_leafs_expiry(
    authority: Issued, trust: TlsOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apistatus.probing.chains._chain", lambda *_: ())
    between = issue("intermediate", authority, authority=True, valid=(-DAY, 5 * DAY))
    leaf = issue("good", between)
    with Target(behaviours.ok, server_context(tmp_path, leaf, between)) as target:
        outcome = await outcome_of(check_of(target.url, tls=trust), "openssl")
    assert outcome.certificate_expires_at_us == leaf.expires_at_us()
    assert outcome.status == "up"


@pytest.mark.parametrize(("limit", "status"), [("at_least: 7", "down"), ("less_than: 7", "degraded")])
async def test_an_assertion_on_the_days_is_down_where_the_key_only_warns(
    authority: Issued, trust: TlsOptions, tmp_path: Path, limit: str, status: str
) -> None:
    leaf = issue("soon", authority, valid=(-DAY, 5 * DAY))
    assertions = expecting(f"expect: {{certificate_days: {{{limit}}}}}").assertions
    outcome = await _outcome(server_context(tmp_path, leaf), trust, assertions=assertions)
    assert outcome.status == status
    if status == "down":
        assert (outcome.failure, outcome.phase) == ("assertion", "tls")
        assert outcome.error == "certificate_days: expected at_least 7, seen: 5.00"
