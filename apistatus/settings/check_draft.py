"""A check on its way from keys to values: what applies to it, and where to put the blame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from apistatus.settings.reader_keys import DEFAULTS_KEYS
from apistatus.settings.reading import BROKEN, At, Reading

_ADD_UP: Final = frozenset({"labels", "headers", "tls", "expect"})
# Which of the others a key of the check takes out of `defaults`.
_INSTEAD: Final = {
    "json_path": ("regex", "header", "type"), "regex": ("json_path", "header", "type"),
    "header": ("json_path", "regex", "type"), "body": ("json",), "json": ("body",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Defaults:
    """What applies where a check says nothing: values, and the mappings they stand in, nearest first."""

    values: Mapping[str, Any] = field(default_factory=dict)
    places: tuple[At, ...] = ()

    def under(self, values: Mapping[str, Any], place: At) -> Defaults:
        """These defaults with those of an inner file over them."""
        inner = {key: value for key, value in values.items() if key in DEFAULTS_KEYS}
        return Defaults(overlaid(self.values, inner), (place, *self.places))


def overlaid(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, Any]:
    """`inner` over `outer`; labels, headers, tls and expect add up key by key."""
    merged = dict(outer)
    for key, value in inner.items():
        if value is not None:
            for other in _INSTEAD.get(key, ()):
                if other not in inner:
                    merged.pop(other, None)
        before = merged.get(key)
        if key in _ADD_UP and isinstance(value, dict) and isinstance(before, dict):
            merged[key] = {**before, **value}
        else:
            merged[key] = value
    return merged


@dataclass(slots=True)
class Draft:
    """A check being built: the values that apply to it, and where to put the blame."""

    at: At
    defaults: Defaults
    values: dict[str, Any]

    @property
    def reading(self) -> Reading:
        return self.at.reading

    def get(self, key: str, otherwise: Any = None) -> Any:
        """The value, or `otherwise` when there is none or it is broken."""
        value = self.values.get(key)
        return otherwise if value is None or value is BROKEN else value

    def has(self, key: str) -> bool:
        """Whether the key is given, well or not."""
        return self.values.get(key) is not None

    def broken(self, *keys: str) -> bool:
        return any(self.values.get(key) is BROKEN for key in keys)

    def blame(self, *keys: str) -> At:
        """The first of these keys that the check itself has, else the check."""
        return next((found for key in keys if (found := self.at.find(key))), self.at)

    def where(self, *path: str) -> At:
        """Where this value stands, in the check or in the defaults."""
        places = (self.at, *self.defaults.places)
        return next((found for place in places if (found := place.find(*path))), self.at)
