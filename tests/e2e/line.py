"""The whole line as processes, and the audit that holds its rows against the target's own count."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.counting_target import CountingTarget
from tests.services import command
from tests.services.command import Command, wait_until
from tests.services.kafka_fixtures import Kafka
from tests.services.postgres_fixtures import TestDatabase

INTERVAL_MS = 500


@dataclass
class Line:
    """One topic, one database, one target, and the environment that names them."""

    kafka: Kafka
    database: TestDatabase
    target: CountingTarget
    folder: Path
    readers: Path = field(init=False)

    def __post_init__(self) -> None:
        self.readers = self.folder / "checks.yml"

    def environ(self) -> dict[str, str]:
        return {
            **self.kafka.environ(), **self.database.environ(), "READER_CONF_FILE": str(self.readers),
            "APISTATUS_STATE_DIR": str(self.folder / "state"), "LOG_LEVEL": "INFO",
        }  # fmt: skip

    def write_checks(self, *ids: str, **more: str) -> None:
        """A reader file with these checks of the target; `more` gives a check another endpoint."""
        wanted = {**{check: f"/{check}" for check in ids}, **more}
        lines = [
            f"  - {{name: {check}, site: '{self.target.url}', endpoint: {endpoint}, json_path: $.number}}"
            for check, endpoint in wanted.items()
        ]
        self.readers.write_text(
            "\n".join([f"defaults: {{interval: {INTERVAL_MS}ms, timeout: 400ms}}", "readers:", *lines, ""])
        )

    def start(self, name: str, *args: str) -> Command:
        """Start one of the two long-running commands, with a page of its own."""
        log = self.folder / f"{name}-{len(list(self.folder.glob('*.log')))}.log"
        return Command([name, "--listen", "127.0.0.1:0", *args], self.environ(), log)

    def migrate(self) -> None:
        answer = command.run("migrate", env=self.environ())
        assert answer.returncode == 0, answer.stderr

    def rows(self) -> int:
        return self.number("select count(*) from apistatus.check_results")

    def number(self, query: str) -> int:
        value = self.database.query(query)[0][0]
        assert isinstance(value, int), query
        return value

    def wait_until_drained(self, produced: int) -> None:
        """Wait until so many messages are stored, dead or definitions: until the offsets say so."""
        stored = "select coalesce(sum(next_offset), 0)::bigint from apistatus.kafka_offsets"
        wait_until(lambda: self.number(stored) == produced, f"{produced} messages in PostgreSQL")

    def audit(self) -> None:
        """Same checks, same ticks, nothing twice: rows against the target's own count and the formula."""
        counted = dict(
            self.database.query(
                "select check_id, count(*)::int from apistatus.check_results"
                " where status not in ('missed', 'inconclusive') group by 1"
            )
        )
        assert counted == dict(self.target.counts)
        for check, ticks, distinct, first_us, last_us in self.database.query(
            "select check_id, count(*)::int, count(distinct scheduled_at)::int,"
            " (extract(epoch from min(scheduled_at)) * 1000000)::bigint,"
            " (extract(epoch from max(scheduled_at)) * 1000000)::bigint"
            " from apistatus.check_results group by 1"
        ):
            assert isinstance(first_us, int)
            assert isinstance(last_us, int)
            assert ticks == distinct == (last_us - first_us) // (INTERVAL_MS * 1000) + 1, check
        dead = self.number("select count(*)::int from apistatus.dead_letters")
        assert dead == 0
