"""What a check expects, and what was seen: through the command, as a line and as data."""

from __future__ import annotations

from pathlib import Path

from apistatus.model import wire
from apistatus.model.result import Asserted, OnceResult
from tests.e2e.counting_target import CountingTarget
from tests.fakes.messages import result
from tests.services import command


def test_each_assertion_is_told_with_what_was_expected_and_seen(
    target: CountingTarget, tmp_path: Path
) -> None:
    (tmp_path / "checks.yml").write_text(
        f"""\
readers:
  - name: Orders
    url: {target.url}/orders
    json_path: $.number
    expect:
      headers: {{content-type: {{contains: json}}}}
      value: {{at_least: 100}}
      json: [{{path: $.check, equals: orders}}, {{path: $.gone, exists: true, level: degraded}}]
"""
    )
    env = {"READER_CONF_FILE": str(tmp_path / "checks.yml"), "APISTATUS_STATE_DIR": str(tmp_path)}
    answer = command.run("check-once", "--output", "json", env=env)
    assert answer.returncode == 1
    [told] = command.json_of(answer)["results"]
    assert (told["status"], told["failure"]) == ("down", "assertion")
    assert "value: expected at_least 100, seen: 1" in told["error"]
    outcomes = {one["assertion"]: (one["outcome"], one["level"]) for one in told["assertions"]}
    assert outcomes == {
        "status": ("held", "down"), "header content-type": ("held", "down"), "value": ("failed", "down"),
        "json $.check": ("held", "down"), "json $.gone": ("failed", "degraded"),
    }  # fmt: skip


def test_assertions_do_not_go_to_the_topic() -> None:
    asserted = Asserted(assertion="value", expected="equals 1", seen="2", outcome="failed", level="down")
    base = result(1)
    fields = {name: getattr(base, name) for name in base.__struct_fields__}
    told = OnceResult(**fields, assertions=(asserted,))
    assert wire.decode(wire.encode(wire.untold(told))) == base
    assert b"assertions" not in wire.encode(wire.untold(told))
