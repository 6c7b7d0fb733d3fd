"""Which checks are meant by names, groups and labels."""

from __future__ import annotations

import pytest

from apistatus.errors import ConfigurationError
from apistatus.model.check import Check
from apistatus.model.selection import Selection


def check(name: str, *, group: str | None = None, enabled: bool = True, **labels: str) -> Check:
    return Check(
        id=name.lower(), name=name, url="http://a/", site="http://a", endpoint="/", interval_us=1,
        timeout_us=1, group=group, labels=labels, enabled=enabled,
    )  # fmt: skip


SHOP = check("Shop", group="web", team="red", tier="1")
PAGE = check("Page", group="web", team="blue", tier="1")
DISK = check("Disk", group="inside", team="red")
IDLE = check("Idle", group="web", enabled=False)
CHECKS = [SHOP, PAGE, DISK, IDLE]


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(), [SHOP, PAGE, DISK]),
        (Selection(names=["Page", "shop"]), [SHOP, PAGE]),
        (Selection(names=["Idle"]), [IDLE]),
        (Selection(groups=["web"]), [SHOP, PAGE]),
        (Selection(groups=["web", "inside"]), [SHOP, PAGE, DISK]),
        (Selection(labels={"team": "red"}), [SHOP, DISK]),
        (Selection(labels={"team": "red", "tier": "1"}), [SHOP]),
        (Selection(groups=["web"], labels={"team": "red"}), [SHOP]),
        (Selection(names=["shop", "disk"], groups=["web"]), [SHOP]),
        (Selection(names=["http://x/"]), []),
        (Selection(names=["http://x/", "disk"]), [DISK]),
        (Selection(names=["http://x/"], groups=["inside"]), [DISK]),
        (Selection(names=["http://x/"], labels={"team": "blue"}), [PAGE]),
    ],
)
def test_names_add_up_and_groups_and_labels_narrow(selection: Selection, chosen: list[Check]) -> None:
    assert selection.of(iter(CHECKS)) == chosen


def test_urls_are_told_from_names() -> None:
    assert Selection(names=["shop", "https://x/y", "http://z"]).urls == ["https://x/y", "http://z"]


def test_all_that_is_unknown_is_said_at_once_with_the_nearest() -> None:
    selection = Selection(names=["shob", "zzzzzz"], groups=["webb"], labels={"team": "rd", "x": "y"})
    with pytest.raises(ConfigurationError) as caught:
        selection.of(CHECKS)
    assert str(caught.value).splitlines() == [
        "no check 'shob' in the reader file; did you mean 'shop'?",
        "no check 'zzzzzz' in the reader file",
        "no group 'webb' in the reader file; did you mean 'web'?",
        "no label 'team=rd' in the reader file; did you mean 'team=red'?",
        "no label 'x=y' in the reader file",
    ]
