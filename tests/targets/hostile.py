"""All targets of the table in one process: `python -m tests.targets.hostile FOLDER`.

Writes FOLDER/readers.yml with a check of each and says `ready` with the id of the thread that watches the connections.
When its standard input ends, it writes FOLDER/seen.json, which is what it saw of each check: the instants
(CLOCK_MONOTONIC, seconds) at which every connection was accepted and at which its peer left.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.targets import behaviours
from tests.targets.case import Case
from tests.targets.chains import chains
from tests.targets.http2 import hello, speaks
from tests.targets.ports import closed_port
from tests.targets.server import Target, answer, fill, replies
from tests.targets.table import CASES, check_id
from tests.targets.watch import Watch

DENIED = "127.0.0.2/32"
"""What APISTATUS_DENY_NETWORKS has to hold for the table to be true."""


@contextmanager
def full_port() -> Iterator[int]:
    """A listener whose backlog is full: Linux drops further connections without an answer."""
    with ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = held.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def _line(case: Case, check: str, target: Target) -> str:
    """The check, in one line of YAML."""
    places = target.places
    url = fill(case.url, places) if case.url else target.url
    keys = f", {fill(case.keys, places)}" if case.keys else ""
    name, quoted = json.dumps(case.name, ensure_ascii=False), json.dumps(url, ensure_ascii=False)
    return f"  - {{id: {check}, name: {name}, url: {quoted}, timeout: {case.timeout_s}s{keys}}}\n"


@contextmanager
def serving(cases: Sequence[Case], folder: Path, watch: Watch | None = None) -> Iterator[None]:
    """A target for each case, and `readers.yml` in the folder with their checks, `c0` for the first."""
    contexts = chains(folder)
    with ExitStack() as stack:
        failing = stack.enter_context(Target(replies(answer(status="500 No"))))
        shared: dict[str, object] = {
            "folder": folder,
            "closed": stack.enter_context(closed_port()),
            "full": stack.enter_context(full_port()),
            "ok": stack.enter_context(Target(behaviours.ok)).port,
            "tls": stack.enter_context(Target(behaviours.ok, contexts["good"])).port,
            "h2": stack.enter_context(Target(speaks(hello), contexts["h2"])).port,
            "failing": failing.port,
        }
        moved = answer(status="302 Found", headers=(f"Location: https://127.0.0.1:{shared['tls']}/",))
        shared["moved"] = stack.enter_context(Target(replies(moved))).port
        lines = []
        for number, case in enumerate(cases):
            target = Target(case.behaviour, contexts[case.chain] if case.chain else None)
            target.places = {**shared, "port": target.port}
            if watch is not None:
                target.on_accept = watch.of(check_id(number))
            lines.append(_line(case, check_id(number), stack.enter_context(target)))
        (folder / "readers.yml").write_text("readers:\n" + "".join(lines), encoding="utf-8")
        yield


def main(folder: Path) -> None:
    """Serve the whole table until standard input ends."""
    with Watch() as watch, serving(CASES, folder, watch):
        print("ready", watch.thread_id, flush=True)
        sys.stdin.read()
        watch.settle()
        (folder / "seen.json").write_text(json.dumps(watch.seen()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
