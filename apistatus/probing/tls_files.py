"""TLS contexts that keep up with the files they are made of: a client certificate that is renewed on disk is
presented by the next new connection."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final, Literal, NamedTuple, TypeAlias
from weakref import WeakValueDictionary

from apistatus.model.check import TlsOptions
from apistatus.probing.tls import TlsOptionsUnusable
from apistatus.runtime.logs import Events
from apistatus.settings.file_stamps import stamps_of

LOOK_AGAIN_S: Final = 1.0
"""From one look at the files to the next."""
FORGET_AFTER_S: Final = 3600.0
"""What nobody has asked for since twice as long is let go for certain."""
EngineName: TypeAlias = Literal["rustls", "openssl"]

log = Events("tls")


class Contexts(NamedTuple):
    """What is needed to speak TLS with one set of options."""

    engines: tuple[tuple[EngineName, ssl.SSLContext], ...]
    """The one to be asked first at the beginning."""
    witness: ssl.SSLContext | None = None
    """A context that verifies nothing, for a look at the chain that an engine refused and kept nothing of."""


class LiveContexts:
    """The contexts of one set of options, made anew when a file of theirs has changed.

    Files that cannot be used leave what there is in force, which is said once. `now` belongs to the event
    loop; `look` may run in another thread.
    """

    def __init__(self, options: TlsOptions, make: Callable[[TlsOptions], Contexts]) -> None:
        """Raises TlsOptionsUnusable as `make` does."""
        self._options, self._make = options, make
        named = (options.ca_file, options.cert_file, options.key_file)
        self._files = tuple(Path(file) for file in named if file is not None)
        self._unsaid: str | None = None
        # Before they are read: what changes meanwhile is seen at the next look.
        self._taken = self._seen = stamps_of(self._files)
        self._contexts = make(options)

    @property
    def has_files(self) -> bool:
        return bool(self._files)

    def now(self) -> Contexts:
        """The contexts in force; the same object until there are others."""
        if self._unsaid is not None:
            # Here, because of files that no check uses any more there is nothing to be said.
            unsaid, self._unsaid = self._unsaid, None
            log.error("tls.files_unusable", problem=unsaid, in_force="what was read before")
        return self._contexts

    def look(self) -> None:
        """Look at the files once. A change is taken when the next look finds it again: files that belong
        together are rarely replaced at the same moment."""
        stamps = stamps_of(self._files)
        seen, self._seen = self._seen, stamps
        if stamps == self._taken or stamps != seen:
            return
        self._taken = stamps
        try:
            self._contexts = self._make(self._options)
        except TlsOptionsUnusable as error:
            self._unsaid = str(error)
            return
        self._unsaid = None
        log.info("tls.files_taken", files=", ".join(map(str, self._files)))


class LivingContexts:
    """Contexts by their options. Their files are looked at in a thread of its own, from the first ones on.

    There, they are also forgotten when nobody holds them and nobody has asked for them for an hour or two:
    those of a reader file that is no longer in force are not kept for ever.
    """

    def __init__(self, make: Callable[[TlsOptions], Contexts]) -> None:
        self._make = make
        self._living: WeakValueDictionary[TlsOptions, LiveContexts] = WeakValueDictionary()
        self._asked_for: dict[TlsOptions, LiveContexts] = {}
        """Since `forget` was called; those who ask anew each time hold none themselves."""
        self._asked_for_before: dict[TlsOptions, LiveContexts] = {}
        """And between that call and the one before."""
        self._over = threading.Event()
        self._watches = False

    def of(self, options: TlsOptions) -> LiveContexts:
        """Those of these options, made at the first call. Raises TlsOptionsUnusable."""
        found = self._asked_for.get(options)
        if found is None:
            found = self._living.get(options)
            if found is None:
                found = self._living[options] = LiveContexts(options, self._make)
            self._asked_for[options] = found
            if found.has_files and not self._watches:
                self._watches = True
                threading.Thread(target=self._watch, name="apistatus-tls-files", daemon=True).start()
        return found

    def forget(self) -> None:
        """Let go of those that nobody has asked for since the call before."""
        self._asked_for_before, self._asked_for = self._asked_for, {}

    def close(self) -> None:
        """Look at the files no more."""
        self._over.set()

    def _watch(self) -> None:
        forget_at_mono_s = monotonic() + FORGET_AFTER_S
        while not self._over.wait(LOOK_AGAIN_S):
            for reference in self._living.valuerefs():
                _look(reference())
            if monotonic() >= forget_at_mono_s:
                forget_at_mono_s = monotonic() + FORGET_AFTER_S
                self.forget()


def _look(contexts: LiveContexts | None) -> None:
    if contexts is not None:
        contexts.look()
