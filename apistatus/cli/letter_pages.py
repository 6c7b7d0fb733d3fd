"""Dead letters as text and as JSON."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from apistatus.cli.outputs.texts import one_line, shortened
from apistatus.model.letters import MAX_REPLAYS, Letter, stage

if TYPE_CHECKING:
    from apistatus.wiring.dead_letters import Replayed

_MESSAGE_CHARS: Final = 60
_SHOWN_CHARS: Final = 4000


def table(letters: Sequence[Letter], count: int) -> str:
    """A line each, the newest first, and how many there are."""
    if not letters:
        return "no dead letters"
    rows = [("ID", "RECEIVED", "STATE", "TOPIC", "PARTITION", "OFFSET", "REASON", "MESSAGE")]
    rows += [
        (str(one.id), _instant(one.received_at) or "", _state(one), one.topic, str(one.partition), str(one.offset),
         one_line(one.reason), shortened(one_line(one.message), _MESSAGE_CHARS))
        for one in letters
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([*lines, "", f"{len(letters)} of {count} dead letters"])


def page(letter: Letter) -> str:
    """Everything about one, bytes that are no text as base64."""
    facts: dict[str, object] = {
        "id": letter.id, "state": _state(letter), "topic": letter.topic, "partition": letter.partition,
        "offset": letter.offset, "cluster": letter.cluster_id, "received": _instant(letter.received_at),
        "written": _instant(letter.message_at), "reason": letter.reason, "stage": stage(letter.reason),
        "message": letter.message, "replays": f"{letter.attempts} of {MAX_REPLAYS}",
        "forwarded": _instant(letter.forwarded_at) or letter.forward_error, "key": _bytes(letter.key),
    }  # fmt: skip
    facts |= {f"header {name}": _bytes(value) for name, value in letter.headers}
    lines = [f"{one_line(name)}: {one_line(str(fact))}" for name, fact in facts.items() if fact is not None]
    return "\n".join([*lines, f"value: {_bytes(letter.value)}"])


def document(letter: Letter, *, whole: bool = False) -> dict[str, Any]:
    """One as JSON; `whole` with key, value and headers, as base64 and, where they are UTF-8, as text."""
    found: dict[str, Any] = {
        "id": letter.id, "state": letter.state, "topic": letter.topic, "partition": letter.partition,
        "offset": letter.offset, "received_at": _instant(letter.received_at),
        "message_at": _instant(letter.message_at), "reason": letter.reason, "message": letter.message,
        "stage": stage(letter.reason), "attempts": letter.attempts,
        "forwarded_at": _instant(letter.forwarded_at), "forward_error": letter.forward_error,
        "replayed_at": _instant(letter.replayed_at), "discarded_at": _instant(letter.discarded_at),
        "size_bytes": len(letter.value or b""),
    }  # fmt: skip
    if whole:
        found["key"], found["value"] = _document_of_bytes(letter.key), _document_of_bytes(letter.value)
        found["headers"] = [[name, _document_of_bytes(value)] for name, value in letter.headers]
    return found


def replay_document(done: Replayed) -> dict[str, int]:
    """What became of them, as numbers."""
    return {
        "meant": done.meant, "replayed": done.replayed, "too_often": done.too_often, "busy": done.busy,
        "other_topics": done.other_topics,
    }  # fmt: skip


def replay_sentence(done: Replayed, *, dry_run: bool) -> str:
    """What became of them, for people."""
    said = [f"{done.replayed} dead letters {'would be replayed' if dry_run else 'replayed'}"]
    if done.too_often:
        said.append(f"{done.too_often} left alone: they were replayed {MAX_REPLAYS} times already")
    if done.busy:
        said.append(f"{done.busy} left alone: another command or consumer works on them; try again")
    if done.other_topics:
        said.append(f"{done.other_topics} left alone: of another topic than KAFKA_STATUS_TOPIC")
    return "\n".join(said)


def _state(letter: Letter) -> str:
    return f"replayed x{letter.attempts}" if letter.state == "replayed" else letter.state


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _bytes(value: bytes | None) -> str:
    if value is None:
        return "(none)"
    text = _text(value)
    shown = f"base64:{b64encode(value).decode()}" if text is None else one_line(text)
    return shortened(shown, _SHOWN_CHARS)


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _document_of_bytes(value: bytes | None) -> dict[str, str | None] | None:
    return None if value is None else {"text": _text(value), "base64": b64encode(value).decode()}
