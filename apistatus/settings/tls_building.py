"""The TLS options of a check, and a look into the files they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from apistatus.model.check import TlsOptions
from apistatus.settings.reading import BROKEN
from apistatus.settings.yaml_tree import Scalar

if TYPE_CHECKING:
    from datetime import datetime

    from apistatus.settings.check_draft import Draft

Wrong: TypeAlias = tuple[str, str]
"""A key of `tls`, and what is wrong with the file it names."""


def tls_options(draft: Draft, given: Any, *where: str) -> TlsOptions | None:
    """The options that are `given` under the keys `where`, one object for all equal ones; None after mistakes
    were reported."""
    given = given or {}
    if given is BROKEN or BROKEN in given.values():
        return None
    options = TlsOptions(**{key: value for key, value in given.items() if value is not None})
    wrong = [*_contradictions(options), *(_in_files(draft, options) if draft.get("enabled", True) else ())]
    for key, message in wrong:
        draft.where(*where, key).fail(_as_written(draft, options, message, where))
    return None if wrong else draft.reading.share(options)


def _contradictions(options: TlsOptions) -> list[Wrong]:
    wrong = []
    if options.cert_file and not options.key_file:
        wrong.append(("cert_file", "a client certificate needs its `key_file` too"))
    if options.key_file and not options.cert_file:
        wrong.append(("key_file", "a key needs its `cert_file` too"))
    if options.ca_file and not options.verify:
        wrong.append(("ca_file", "has no effect with `verify: false`; take one of them away"))
    return wrong


def _in_files(draft: Draft, options: TlsOptions) -> tuple[Wrong, ...]:
    """What is wrong with the files; each set of them is opened once in a load."""
    files = (options.ca_file, options.cert_file, options.key_file)
    if files == (None, None, None):
        return ()
    return draft.reading.once(("tls files", *files), lambda: _look_into(*files, draft.reading.now))


def _as_written(draft: Draft, options: TlsOptions, message: str, where: tuple[str, ...]) -> str:
    """The message with paths as the file has them, where a variable brought something into them."""
    for key in ("ca_file", "cert_file", "key_file"):
        at, path = draft.where(*where, key), getattr(options, key)
        if path and at.interpolated and isinstance(at.node, Scalar):
            message = message.replace(path, at.node.text)
    return message


def _look_into(
    ca_file: str | None, cert_file: str | None, key_file: str | None, now: datetime
) -> tuple[Wrong, ...]:
    # Here, because cryptography costs 40 ms that a file without certificates need not pay.
    from apistatus.settings import certificates

    wrong: list[Wrong] = []
    if ca_file:
        found = certificates.authority_problems("ca_file", Path(ca_file), now)
        wrong += [(problem.where, problem.message) for problem in found]
    if cert_file and key_file:
        found = certificates.client_problems(
            ("cert_file", Path(cert_file)), ("key_file", Path(key_file)), ("", None), now
        )
        wrong += [(problem.where, problem.message) for problem in found]
    return tuple(wrong)
