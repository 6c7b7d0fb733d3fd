"""What the two long-running commands share: the page of health and metrics, and the end of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from apistatus.runtime.metrics import Metrics
    from apistatus.runtime.stopping import Stop
    from apistatus.runtime.web_host import Exposition
    from apistatus.settings.schema import ServiceSettings

Part = Callable[[], str | None]
"""Says why something is not ready, or None."""


class Serve(Protocol):
    """Shows health and metrics while a context lasts, as `served`."""

    def __call__(
        self, service: ServiceSettings, metrics: Metrics, /, *, parts: Mapping[str, Part], live: Part
    ) -> AbstractContextManager[None]: ...


@contextmanager
def served(
    service: ServiceSettings, metrics: Exposition, *, parts: Mapping[str, Part], live: Part
) -> Iterator[None]:
    """Serve /live, /ready and /metrics meanwhile, when the user asked for it. Raises ConfigurationError."""
    if service.listen is None:
        yield
        return
    from apistatus.runtime import web_host
    from apistatus.runtime.health import Health
    from apistatus.runtime.logs import Events

    host, port = service.listen
    with web_host.serve(host, port, Health(parts, live), metrics) as address:
        Events("web").always("web.listening", host=address.host, port=address.port)
        yield


def exit_code(stop: Stop, *, abandoned: bool) -> int:
    """128 + the signal's number when it cut work off, else 0."""
    return 128 + stop.signal_number if abandoned and stop.signal_number else 0
