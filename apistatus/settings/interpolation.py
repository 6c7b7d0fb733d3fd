"""`${...}` in the values of the reader file, replaced after parsing: what is put in cannot become YAML.

    ${VAR}             the variable; it must be set
    ${VAR:-default}    the default when it is not set or empty
    ${VAR:?message}    an error with this message when it is not set or empty
    ${file:PATH}       the text of a file, without the newline at its end
    $${                a literal `${`

A `$` without a brace is itself. What was put in may be a secret: nothing here repeats it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from apistatus.settings.files import read_secret, reason
from apistatus.settings.reader_files import at_home

_PLACE: Final = re.compile(r"\$\$\{|\$\{([^{}]*)(\}?)")
_VARIABLE: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)(.*))?", re.DOTALL)
_FILE: Final = "file:"


def has_places(text: str) -> bool:
    """Whether something in the text would be replaced, if only `$${` by `${`."""
    return "${" in text


def masked(text: str) -> str:
    """The text with every place blanked out by as many U+0000: for finding what stands between them."""
    return _PLACE.sub(lambda match: "\0" * len(match[0]), text)


def files_in(text: str, folder: Path) -> tuple[Path, ...]:
    """The files whose text would be put in."""
    if f"${{{_FILE}" not in text:
        return ()
    inside = [match[1] or "" for match in _PLACE.finditer(text)]
    return tuple(folder / at_home(name.removeprefix(_FILE)) for name in inside if name.startswith(_FILE))


class Variables:
    """What stands behind the places: an environment, and files, each read once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._files: dict[Path, str] = {}

    def anew(self) -> Variables:
        """The same environment; its files are read once more."""
        return Variables(self._environ)

    def replaced(self, text: str, folder: Path) -> str:
        """The text with every place replaced; paths are relative to `folder`.

        Raises ValueError with half a sentence for people.
        """
        return _PLACE.sub(lambda match: self._behind(match, folder), text)

    def _behind(self, match: re.Match[str], folder: Path) -> str:
        if match[0] == "$${":
            return "${"
        inside = match[1]
        if not match[2]:
            raise ValueError(
                "`${` without its `}`; braces cannot stand inside, and `$${` writes a literal `${`"
            )
        if inside.startswith(_FILE):
            return self._file(inside.removeprefix(_FILE), folder)
        parts = _VARIABLE.fullmatch(inside)
        if parts is None:
            raise ValueError(
                f"cannot read `${{{inside[:80]}}}`; write ${{VAR}}, ${{VAR:-default}}, ${{VAR:?message}} or "
                "${file:PATH}, and `$${` for a literal `${`"
            )
        return self._variable(*parts.groups())

    def _variable(self, name: str, operator: str | None, rest: str | None) -> str:
        value = self._environ.get(name)
        if operator == ":-" and not value:
            return rest or ""
        if operator == ":?" and not value:
            raise ValueError(
                f"the variable {name} is not set: {rest}" if rest else f"set the variable {name}"
            )
        if value is None:
            raise ValueError(f"the variable {name} is not set; set it, or write ${{{name}:-default}}")
        if not value.isascii():
            _require_text(name, value)
        return value

    def _file(self, name: str, folder: Path) -> str:
        path = folder / at_home(name)
        if path not in self._files:
            try:
                self._files[path] = read_secret(path)
            except OSError as error:
                raise ValueError(f"cannot read {path}: {reason(error)}") from None
        return self._files[path]


def _require_text(name: str, value: str) -> None:
    """Python keeps bytes of the environment that are not UTF-8 as lone surrogates (PEP 383)."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the variable {name} is not UTF-8 text") from None
