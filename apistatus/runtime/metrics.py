"""Every metric, in one typed list with a sentence each. No label ever holds a URL or a check's name."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_DELAYS_S = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """One process's counters, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        # produce
        self.results = Counter("apistatus_results", "Results made, by status.", ["status"], registry=registry)
        self.start_delay = Histogram(
            "apistatus_start_delay_seconds",
            "How late checks started: our own lateness, never the target's.",
            buckets=_DELAYS_S,
            registry=registry,
        )
        self.loop_lag = Histogram(
            "apistatus_loop_lag_seconds",
            "How late the event loop came to a timer, looked at ten times a second; above 5 ms, results are marked.",
            buckets=_DELAYS_S,
            registry=registry,
        )
        self.in_flight = Gauge("apistatus_checks_in_flight", "Checks under way right now.", registry=registry)
        self.checks = Gauge("apistatus_checks", "Checks on schedule.", registry=registry)
        self.reloads = Counter(
            "apistatus_reloads",
            "Reloads of the reader file, by outcome.",
            ["outcome"],
            registry=registry,
        )
        self.published = Counter(
            "apistatus_messages_published",
            "Messages the broker has acknowledged.",
            registry=registry,
        )
        self.publish_failed = Counter(
            "apistatus_messages_failed",
            "Messages given up: not acknowledged in time.",
            registry=registry,
        )
        self.queued = Gauge(
            "apistatus_messages_queued",
            "Messages that wait for an acknowledgement.",
            registry=registry,
        )
        self.references_asked = Counter(
            "apistatus_connectivity_asked",
            "Times that the references of `connectivity` were asked: answered, failed (none did), or denied to all.",
            ["outcome"],
            registry=registry,
        )
        self.excused = Counter(
            "apistatus_connectivity_inconclusive",
            "Results made inconclusive because no reference answered either.",
            registry=registry,
        )
        # spool
        self.spool_entries = Gauge(
            "apistatus_spool_messages", "Messages in the spool, those under way included.", registry=registry
        )
        self.spool_bytes = Gauge("apistatus_spool_bytes", "What they take.", registry=registry)
        self.spool_oldest = Gauge(
            "apistatus_spool_oldest_age_seconds", "How old the oldest of them is.", registry=registry
        )
        self.spool_dropped = Gauge(
            "apistatus_spool_dropped_messages",
            "Messages that the spool's caps dropped, over restarts.",
            registry=registry,
        )
        self.spool_degraded = Gauge(
            "apistatus_spool_degraded",
            "1 while the disk takes nothing and memory has to do.",
            registry=registry,
        )
        self.replayed = Counter(
            "apistatus_messages_replayed", "Messages of the spool that the broker has acknowledged.",
            registry=registry,
        )  # fmt: skip
        # consume
        self.rows = Counter("apistatus_rows_stored", "Rows stored, new or improved.", registry=registry)
        self.duplicates = Counter(
            "apistatus_rows_duplicate", "Results that were stored already.", registry=registry
        )
        self.batches = Counter("apistatus_batches_stored", "Transactions committed.", registry=registry)
        self.batch_seconds = Histogram(
            "apistatus_batch_seconds",
            "Time to store one batch.",
            buckets=_DELAYS_S,
            registry=registry,
        )
        self.dead_letters = Counter(
            "apistatus_dead_letters",
            "Messages put aside, by reason.",
            ["reason"],
            registry=registry,
        )
        self.forwarded = Counter(
            "apistatus_dead_letters_forwarded",
            "Dead letters that the topic of dead letters has acknowledged.",
            registry=registry,
        )
        self.lost_messages = Counter(
            "apistatus_messages_lost",
            "Messages that Kafka deleted before they were stored.",
            registry=registry,
        )
        self.fenced = Counter(
            "apistatus_batches_fenced",
            "Batches dropped: another consumer took over.",
            registry=registry,
        )
        self.lag = Gauge(
            "apistatus_consumer_lag_messages",
            "Messages of our partitions that are not stored yet; NaN when unknown.",
            registry=registry,
        )
        self.partitions = Gauge(
            "apistatus_partitions_owned", "Partitions that this consumer owns.", registry=registry
        )
        # both
        self.retries = Counter(
            "apistatus_retries",
            "Tries again after a service was away.",
            ["service"],
            registry=registry,
        )
        self.build = Gauge("apistatus_build_info", "1; the version.", ["version"], registry=registry)

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def observe(self, gauge: Gauge, read: Callable[[], float]) -> None:
        """Let `gauge` call `read` whenever it is scraped."""
        gauge.set_function(read)
