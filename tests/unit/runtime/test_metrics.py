"""The list of metrics."""

from __future__ import annotations

from apistatus.runtime.metrics import Metrics


def test_every_metric_is_ours_and_says_what_it_is() -> None:
    families = list(Metrics().registry.collect())
    assert len(families) > 15
    for family in families:
        assert family.name.startswith("apistatus_")
        assert family.documentation.endswith(".")


def test_two_of_them_share_nothing() -> None:
    one, other = Metrics(), Metrics()
    one.rows.inc(5)
    assert b"apistatus_rows_stored_total 5.0" in one.exposition()
    assert b"apistatus_rows_stored_total 0.0" in other.exposition()


def test_an_observed_gauge_is_read_when_it_is_scraped() -> None:
    metrics, queued = Metrics(), [3.0]
    metrics.observe(metrics.queued, lambda: queued[0])
    queued[0] = 4.0
    assert b"apistatus_messages_queued 4.0" in metrics.exposition()
