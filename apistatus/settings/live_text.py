"""A text of the reader file, some of which stands in files that may change while we run."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from apistatus.settings.interpolation import Variables, files_in
from apistatus.settings.reading import At
from apistatus.settings.yaml_tree import Scalar


class LiveText(str):
    """The text as it was when the reader file was read; `current` reads its files again."""

    __slots__ = ("_folder", "_template", "_variables", "files")

    _template: str
    _folder: Path
    _variables: Variables
    files: tuple[Path, ...]

    def __new__(cls, text: str, template: str, folder: Path, variables: Variables) -> Self:
        made = super().__new__(cls, text)
        made._template, made._folder, made._variables = template, folder, variables
        made.files = files_in(template, folder)
        return made

    def current(self) -> str:
        """The text as it is by now. Raises ValueError with half a sentence."""
        return self._variables.anew().replaced(self._template, self._folder)


def live(at: At) -> str:
    """The scalar's text, variables replaced; a LiveText when files are among them. Raises ValueError."""
    text, node = at.text(), at.node
    if not isinstance(node, Scalar) or not files_in(node.text, at.document.folder):
        return text
    return LiveText(text, node.text, at.document.folder, at.reading.variables)
