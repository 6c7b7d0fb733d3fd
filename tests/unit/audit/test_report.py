"""What is put together of the facts: sums, findings, exit code, page and document."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from apistatus.audit import page
from apistatus.audit.document import document, totals
from apistatus.audit.offsets import Partition
from apistatus.audit.report import Evidence, Names, Report, Scope, make, short, straying
from apistatus.model.evidence import Copies, Gap, LetterCount, Lost, Run, StateDifference, Strays, Tally
from tests.unit.audit.facts import HOUR, MINUTE, NOON, definition, span, tally

SPAN = span()
IDS = SPAN.definition.ids


def report(settled_us: int = NOON + HOUR, **facts: object) -> Report:
    """Of one check with a verdict a tick, and these facts beside."""
    evidence = Evidence(**{"spans": [SPAN], "tallies": [tally(SPAN)], "states": frozenset({IDS}), **facts})
    scope = Scope("results at here:5432", "statuses", NOON - HOUR, NOON, NOON + HOUR, settled_us)
    return make(scope, evidence, Names.of([SPAN.definition]))


def test_a_row_a_tick_is_all_explained() -> None:
    found = report()
    assert (found.exit_code, found.findings) == (0, ())
    assert totals(found)["expected"] == totals(found)["verdicts"] == 60
    assert page.answer(found).startswith("ALL EXPLAINED")


UNEXPLAINED = {
    "no row": {"tallies": [tally(SPAN, verdicts=58)], "runs": [Run(0, 3, 4)]},
    "off tick": {"strays": [Strays(IDS, False, 2, NOON - HOUR, NOON)]},
    "twice": {"copies": [Copies(IDS, NOON - HOUR, 2)]},
    "state": {"state_differences": [StateDifference(IDS, "status", "up", "down")]},
    "offset": {"partitions": [Partition("statuses", 3, 9, 0, 5, "stored up to 9, but it ends at 5")]},
}


@pytest.mark.parametrize("kind", UNEXPLAINED)
def test_what_nothing_explains_is_named_and_is_exit_code_1(kind: str) -> None:
    found = report(**UNEXPLAINED[kind])
    assert found.exit_code == 1
    (finding,) = found.findings
    assert finding.kind == kind
    assert (finding.check, finding.location) == ((None, None) if kind == "offset" else ("home", "local"))
    assert document(found)["explained"] is False
    assert page.answer(found).startswith("UNEXPLAINED: ")
    shown = page.page(found, everything=False)
    assert ("home" if finding.check else "statuses[3]") in shown


def test_rows_without_a_state_are_a_finding() -> None:
    (finding,) = report(states=frozenset()).findings
    assert finding.text == "check_state is not what the rows give: there is none"


EXPLAINED = {
    "a gap": {
        "tallies": [tally(SPAN, verdicts=58)],
        "runs": [Run(0, 3, 4)],
        "gaps": [Gap(IDS, SPAN.tick_us(0), SPAN.tick_us(9), "stopped")],
    },
    "missed and inconclusive": {"tallies": [tally(SPAN, verdicts=50, missed=6, inconclusive=4)]},
    "check-once": {"tallies": [tally(SPAN, once=4)]},
    "overlap": {"strays": [Strays(IDS, True, 2, NOON - HOUR, NOON)]},
    "dead letters": {"letters": [LetterCount("json", 3, 2, 1, 0)]},
    "lag": {"partitions": [Partition("statuses", 3, 4, 0, 5)]},
}


@pytest.mark.parametrize("what", EXPLAINED)
def test_what_has_a_reason_is_no_finding(what: str) -> None:
    found = report(**EXPLAINED[what])
    assert (found.exit_code, found.findings) == (0, ())


@pytest.mark.parametrize("facts", [*UNEXPLAINED.values(), *EXPLAINED.values()])
def test_expected_ticks_are_rows_and_holes(facts: dict[str, object]) -> None:
    sums = totals(report(**facts))
    made = sums["verdicts"] + sums["missed"] + sums["inconclusive"]
    assert sums["expected"] == made + sums["no_row"]
    assert sums["no_row"] == sums["in_gaps"] + sums["in_dead_letters"] + sums["no_row_unexplained"]


def test_nothing_expected_is_nothing_proved() -> None:
    assert report(spans=[], tallies=[], states=frozenset()).exit_code == 75
    unannounced = span(definition(announced=False))
    found = report(spans=[unannounced], tallies=[tally(unannounced, verdicts=7)])
    assert (found.exit_code, totals(found)["unannounced"]) == (75, 7)


def test_only_spans_with_too_few_rows_are_searched_for_holes() -> None:
    other = span(definition("shop", number=2))
    spans = [SPAN, replace(other, number=1)]
    tallies = [tally(spans[0], verdicts=59, missed=1), tally(spans[1], verdicts=59, off_tick=1)]
    assert short(spans, tallies, all_of_them=False) == spans[1:]
    assert short(spans, tallies, all_of_them=True) == spans
    assert short(spans, [], all_of_them=False) == spans


def test_rows_of_no_definition_are_looked_at_and_those_of_unannounced_ones_are_not() -> None:
    unannounced = span(definition(announced=False))
    assert straying([unannounced], [tally(unannounced, off_tick=3)]) == []
    assert straying([SPAN], [tally(SPAN, off_tick=3)]) == [IDS]
    assert straying([SPAN], [Tally((9, 1), None, 0, 0, 0, 1, 0, 0)]) == [(9, 1)]
    assert straying([SPAN], [tally(SPAN, once=3)]) == []


def test_the_document_is_json_with_every_hole() -> None:
    said = json.loads(json.dumps(document(report(**UNEXPLAINED["no row"]))))
    (check,) = said["checks"]
    (hole,) = check["holes"]
    assert hole["ticks"] == 2
    assert hole["explained_by"] is None
    assert said["totals"]["no_row_unexplained"] == 2
    assert (said["from"], said["to"]) == ("2024-10-04T11:00:00Z", "2024-10-04T12:00:00Z")


def test_the_page_lists_only_what_is_odd_unless_everything_is_asked_for() -> None:
    assert "\ncheck " not in page.page(report(), everything=False)
    assert "\nhome " in page.page(report(), everything=True)
    assert "UNEXPLAINED: 2024-10-04" in page.page(report(**UNEXPLAINED["no row"]), everything=False)
    assert "gap, stopped: 2024-10-04" in page.page(report(**EXPLAINED["a gap"]), everything=False)


def test_the_page_sums_up_messages_and_dead_letters() -> None:
    shown = page.page(
        report(
            partitions=[Partition("statuses", 0, 40, 0, 50), Partition("statuses", 1, 60, 0, 60)],
            lost=[Lost("statuses", 0, 5, 12, NOON)],
            letters=[LetterCount("json", 3, 2, 1, 0), LetterCount("bounds", 1, 0, 0, 1)],
        ),
        everything=False,
    )
    assert "2 partitions stored up to offset 100 in sum, 10 in the topic not stored yet" in shown
    assert "7 messages that Kafka had deleted before they were stored" in shown
    assert "4: 3 json, 1 bounds (2 forwarded, 1 replayed, 1 discarded)" in shown


def test_the_page_says_when_consume_is_behind() -> None:
    assert "consume is behind" in page.page(report(settled_us=NOON - 30 * MINUTE), everything=False)
    assert "consume is behind" not in page.page(report(), everything=False)


def test_the_page_names_the_instants_of_what_is_odd() -> None:
    shown = [page.page(report(**facts), everything=False) for facts in UNEXPLAINED.values()]
    assert "A row may still come" in shown[0]
    assert "from 2024-10-04 11:00:00 to 2024-10-04 12:00:00" in shown[1]
    assert "2 rows of the tick 2024-10-04 11:00:00" in shown[2]
    assert "status is up, not down" in shown[3]
    overlap = page.page(report(**EXPLAINED["overlap"]), everything=False)
    assert "home at local: 2 rows at ticks of a definition that was not in force: from 2024-10-04" in overlap


def test_a_long_list_is_cut_and_says_so_unless_everything_is_asked_for() -> None:
    many = [Copies(IDS, NOON - n * MINUTE, 2) for n in range(50)]
    assert "... and 30 more" in page.page(report(copies=many), everything=False)
    assert "more" not in page.page(report(copies=many), everything=True)
    lines = [span(definition(f"c{n}", number=n)) for n in range(60)]
    spans = [replace(line, number=n) for n, line in enumerate(lines)]
    facts = {"spans": spans, "tallies": [], "runs": [Run(n, 0, 59) for n in range(60)], "states": frozenset()}
    assert "... and 20 more" in page.page(report(**facts), everything=False)
    assert "\nc59 " in page.page(report(**facts), everything=True)


def test_a_number_that_nothing_names_is_shown_as_a_number() -> None:
    found = report(strays=[Strays((7, 8), False, 1, NOON, NOON)])
    assert (found.findings[0].check, found.findings[0].location) == ("number 7", "number 8")


def test_a_text_of_the_database_cannot_break_the_page() -> None:
    broken = Gap(IDS, SPAN.tick_us(0), SPAN.tick_us(9), "a\n\x1b[31mred")
    shown = page.page(
        report(tallies=[tally(SPAN, verdicts=58)], runs=[Run(0, 3, 4)], gaps=[broken]), everything=False
    )
    assert "\x1b" not in shown
    assert "gap, a  [31mred: " in shown
