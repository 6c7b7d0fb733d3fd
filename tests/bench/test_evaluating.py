"""What the figure of an evaluation is about."""

from __future__ import annotations

import json

from tests.bench.evaluating import body


def test_the_page_is_two_kilobytes_of_json() -> None:
    assert 1_900 <= len(body()) <= 2_100
    assert json.loads(body())["queue"]["depth"] == 3
