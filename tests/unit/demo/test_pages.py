"""The commands' pages of health and metrics, as the demo reads them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from apistatus.demo import pages
from apistatus.demo.pages import Endpoint, parse_metrics, totals
from apistatus.demo.snapshot import Totals
from apistatus.runtime.metrics import Metrics


@contextmanager
def served(status: int, body: bytes) -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Endpoint("127.0.0.1", server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a page may take is not what is tested."""
    monkeypatch.setattr(pages, "_TIMEOUT_S", 60.0)


def test_the_names_are_those_of_our_metrics() -> None:
    metrics = Metrics()
    for status, count in (("up", 5), ("missed", 2)):
        metrics.results.labels(status).inc(count)
    metrics.rows.inc(6)
    metrics.lag.set(1)
    metrics.dead_letters.labels("empty").inc(3)
    metrics.duplicates.inc(4)
    samples = parse_metrics(metrics.exposition().decode())
    assert totals(samples, samples) == Totals(
        produced=7, stored=6, lag=1, missed=2, dead_letters=3, duplicates=4
    )


def test_counters_that_never_counted_are_zero_and_an_unknown_lag_is_unknown() -> None:
    metrics = Metrics()
    metrics.lag.set(float("nan"))
    samples = parse_metrics(metrics.exposition().decode())
    assert totals(samples, samples) == Totals(
        produced=0, stored=0, lag=None, missed=0, dead_letters=0, duplicates=0
    )


def test_a_command_that_does_not_answer_is_not_known() -> None:
    assert totals(None, None) == Totals()


def test_rubbish_between_samples_is_passed_over() -> None:
    assert parse_metrics('# HELP x y\n\nword\nx{a="b c"} 1\nx{a="d"} 2\ny 3 \n') == {
        'x{a="b c"}': 1.0, 'x{a="d"}': 2.0, "x": 3.0,
    }  # fmt: skip


def test_ready_and_metrics_are_asked_for() -> None:
    with served(200, b"apistatus_rows_stored_total 4\n") as page:
        assert page.ready() == (True, "apistatus_rows_stored_total 4")
        assert page.samples() == {"apistatus_rows_stored_total": 4.0}


def test_a_refusal_is_passed_on() -> None:
    with served(503, b'{"kafka": "away"}\n') as page:
        assert page.ready() == (False, '{"kafka": "away"}')
        assert page.samples() is None


def test_a_page_that_is_away_is_not_ready() -> None:
    with served(200, b"") as page:
        pass
    ready, said = page.ready()
    assert not ready
    assert said
    assert page.samples() is None
