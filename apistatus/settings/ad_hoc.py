"""Checks out of nothing but URLs and options of the command line, for `check-once URL`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from hashlib import blake2b
from typing import Any, Final

from apistatus.errors import ConfigurationError, Problem
from apistatus.model.check import Check, Extractor
from apistatus.model.identity import slug
from apistatus.settings import quantities, reader_values
from apistatus.settings.reader_keys import METHODS
from apistatus.settings.target_urls import require_usable, taken_apart

Compile = Callable[[str], Extractor]

_INTERVAL_US: Final = 30_000_000
_TIMEOUT_US: Final = 10_000_000
_MAX_NAME_CHARS: Final = 255
_BROKEN: Final = object()


@dataclass(frozen=True, slots=True)
class AdHocRequest:
    """What the command line says about its URLs, as it was typed; each field is an option's name."""

    expect_status: tuple[str, ...] = ()
    json_path: str | None = None
    regex: str | None = None
    sla_ms: str | None = None
    header: tuple[str, ...] = field(default=(), repr=False)
    timeout: str | None = None
    method: str | None = None

    @property
    def options(self) -> list[str]:
        """The options that were given."""
        names = [entry.name for entry in fields(self)]
        return [f"--{name.replace('_', '-')}" for name in names if getattr(self, name) not in (None, ())]


def ad_hoc_checks(
    urls: Sequence[str],
    request: AdHocRequest,
    *,
    compile_json_path: Compile,
    compile_regex: Compile,
    taken: Collection[str] = (),
) -> list[Check]:
    """A check for each of these URLs, with every default of the reader file that `request` leaves open.

    A check's id is the URL's slug, or a hash where that would be too long or is `taken`. A URL that is
    given twice is checked once. Raises ConfigurationError with every mistake; it repeats neither a URL
    with credentials nor the value of a header.
    """
    problems: list[Problem] = []
    if not urls:
        problems += [Problem(name, "is only for a URL; none is given") for name in request.options]
    options = _options(request, problems, compile_json_path, compile_regex)
    ids = set(taken)
    checks = []
    for url in dict.fromkeys(urls):
        try:
            _require_usable(url)
        except ValueError as error:
            shown = "the URL" if "@" in url else ascii(url[:200])
            problems.append(Problem("", f"{shown} {error}"))
            continue
        site, endpoint = taken_apart(url)
        check_id = slug(url)
        if check_id is None or check_id in ids:
            check_id = f"url-{blake2b(url.encode(), digest_size=16).hexdigest()}"
        ids.add(check_id)
        checks.append(
            Check(
                id=check_id, name=url[:_MAX_NAME_CHARS], url=site + endpoint, site=site, endpoint=endpoint,
                **options,
            )
        )  # fmt: skip
    if problems:
        raise ConfigurationError(problems)
    return checks


def _require_usable(url: str) -> None:
    require_usable(url)
    try:
        url.encode()
    except UnicodeEncodeError as error:
        raise ValueError("must be UTF-8") from error


def _options(
    request: AdHocRequest, problems: list[Problem], compile_json_path: Compile, compile_regex: Compile
) -> dict[str, Any]:
    """Fields of a check; what is wrong with them is added to `problems`."""

    def read(name: str, text: str | None, parse: Callable[[str], Any], otherwise: Any = None) -> Any:
        if text is None:
            return otherwise
        try:
            if not text:
                raise ValueError("must not be empty")
            return parse(text)
        except ValueError as error:
            problems.append(Problem(name, str(error)))
            return otherwise

    if request.json_path is not None and request.regex is not None:
        problems.append(Problem("--regex", "json_path and regex: a check keeps one value; take one away"))
    method = read("--method", request.method, _method, "GET")
    if method == "HEAD" and (request.json_path is not None or request.regex is not None):
        problems.append(Problem("--method", "an answer to HEAD has no body to take a value from"))
    timeout_us = read(
        "--timeout", request.timeout,
        partial(quantities.duration_within, least="10ms", most="10m"), _TIMEOUT_US,
    )  # fmt: skip
    path = read("--json-path", request.json_path, compile_json_path)
    pattern = read("--regex", request.regex, compile_regex)
    sla_ms = read("--sla-ms", request.sla_ms, partial(quantities.whole_number, least=1, most=600_000))
    ranges = [
        read("--expect-status", text.strip(), reader_values.status_range, _BROKEN)
        for given in request.expect_status
        for text in given.split(",")
    ]
    if _BROKEN in ranges or not ranges:
        ranges = [(200, 299)]
    return {
        "interval_us": max(_INTERVAL_US, timeout_us), "timeout_us": timeout_us, "sla_ms": sla_ms,
        "method": method, "headers": _headers(request.header, problems), "extractor": path or pattern,
        "statuses": tuple(sorted(set(ranges))),
    }  # fmt: skip


def _method(text: str) -> str:
    if text.upper() not in METHODS:
        raise ValueError(f"must be one of {', '.join(METHODS)}")
    return text.upper()


def _headers(given: Iterable[str], problems: list[Problem]) -> tuple[tuple[str, str], ...]:
    """Name and value of each. What is said of a mistake never repeats what may be a secret."""
    found: dict[str, tuple[str, str]] = {}
    for number, text in enumerate(given, 1):
        name, colon, value = text.partition(":")
        if not colon or not reader_values.TOKEN.fullmatch(name):
            problems.append(
                Problem("--header", f"number {number} is not of the form `Name: value` (RFC 9110, 5.1)")
            )
            continue
        try:
            reader_values.require_settable(name)
            if name.lower() in found:
                raise ValueError(f"{name} is given twice; keep one of them")
            found[name.lower()] = (name, reader_values.field_value(value.strip(" \t")))
        except ValueError as error:
            said = str(error)
            problems.append(Problem("--header", said if name in said else f"the value of {name} {said}"))
    return tuple(found.values())
