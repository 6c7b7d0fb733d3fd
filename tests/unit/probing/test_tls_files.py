"""TLS contexts that follow their files: what counts as a change, and what a bad one does."""

from __future__ import annotations

import logging
import threading
import weakref
from pathlib import Path

import pytest

from apistatus.model.check import TlsOptions
from apistatus.probing import tls_files
from apistatus.probing.tls import TlsOptionsUnusable
from apistatus.probing.tls_files import Contexts, LiveContexts, LivingContexts


class Maker:
    """Makes contexts that are told apart, or says that the files are bad."""

    def __init__(self) -> None:
        self.made: list[TlsOptions] = []
        self.bad = False
        self.again = threading.Semaphore(0)

    def __call__(self, options: TlsOptions) -> Contexts:
        self.made.append(options)
        if len(self.made) > 1:
            self.again.release()
        if self.bad:
            raise TlsOptionsUnusable("cert_file: no PEM")
        return Contexts((("openssl", object()),))


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
def options(tmp_path: Path) -> TlsOptions:
    paths = {}
    for name in ("ca_file", "cert_file", "key_file"):
        (tmp_path / name).write_text("first")
        paths[name] = str(tmp_path / name)
    return TlsOptions(**paths)


def _look_twice(contexts: LiveContexts) -> None:
    contexts.look()
    contexts.look()


@pytest.mark.parametrize("name", ["ca_file", "cert_file", "key_file"])
def test_a_changed_file_makes_new_contexts(
    options: TlsOptions, maker: Maker, tmp_path: Path, name: str
) -> None:
    contexts = LiveContexts(options, maker)
    before = contexts.now()
    _look_twice(contexts)
    assert contexts.now() is before
    (tmp_path / name).write_text("the second")
    _look_twice(contexts)
    assert contexts.now() is not before
    assert maker.made == [options, options]


def test_files_that_are_still_being_replaced_are_waited_for(
    options: TlsOptions, maker: Maker, tmp_path: Path
) -> None:
    contexts = LiveContexts(options, maker)
    contexts.look()
    (tmp_path / "cert_file").write_text("the second")
    contexts.look()
    (tmp_path / "key_file").write_text("the second")
    contexts.look()
    assert len(maker.made) == 1
    contexts.look()
    assert len(maker.made) == 2


def test_a_bad_file_leaves_the_old_contexts_in_force_and_is_said_once(
    options: TlsOptions, maker: Maker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    contexts = LiveContexts(options, maker)
    before = contexts.now()
    maker.bad = True
    (tmp_path / "cert_file").write_text("broken")
    for _ in range(4):
        contexts.look()
    assert len(maker.made) == 2, "a bad file is tried again without having changed"
    assert caplog.messages == [], "nobody has asked for these contexts since"
    assert contexts.now() is before
    assert contexts.now() is before
    [record] = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "tls.files_unusable")
    assert "cert_file: no PEM" in str(vars(record)["fields"])


def test_a_mended_file_is_taken(options: TlsOptions, maker: Maker, tmp_path: Path) -> None:
    contexts = LiveContexts(options, maker)
    before = contexts.now()
    maker.bad = True
    (tmp_path / "key_file").unlink()
    _look_twice(contexts)
    assert contexts.now() is before
    maker.bad = False
    (tmp_path / "key_file").write_text("back")
    _look_twice(contexts)
    assert contexts.now() is not before


def test_a_mistake_that_was_mended_before_anybody_saw_it_is_not_said(
    options: TlsOptions, maker: Maker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    contexts = LiveContexts(options, maker)
    maker.bad = True
    (tmp_path / "cert_file").write_text("broken")
    _look_twice(contexts)
    maker.bad = False
    (tmp_path / "cert_file").write_text("well again")
    _look_twice(contexts)
    contexts.now()
    assert caplog.messages == []


def test_what_changes_while_the_files_are_read_is_not_lost(options: TlsOptions, tmp_path: Path) -> None:
    made: list[int] = []

    def make(_: TlsOptions) -> Contexts:
        if not made:
            (tmp_path / "cert_file").write_text("written meanwhile")
        made.append(1)
        return Contexts(())

    contexts = LiveContexts(options, make)
    _look_twice(contexts)
    assert len(made) == 2


def test_equal_options_share_their_contexts_and_bad_ones_are_tried_again(
    options: TlsOptions, maker: Maker
) -> None:
    living = LivingContexts(maker)
    maker.bad = True
    with pytest.raises(TlsOptionsUnusable):
        living.of(TlsOptions())
    maker.bad = False
    first = living.of(TlsOptions())
    assert living.of(TlsOptions()) is first
    assert living.of(TlsOptions(verify=False)) is not first


def test_contexts_that_nobody_holds_and_nobody_asks_for_are_forgotten(
    options: TlsOptions, maker: Maker
) -> None:
    living = LivingContexts(maker)
    held, gone = living.of(options), weakref.ref(living.of(TlsOptions()))
    living.of(TlsOptions(verify=False))
    for _ in range(3):
        living.forget()
        living.of(TlsOptions(verify=False))
    assert gone() is None
    assert living.of(options) is held
    assert len(maker.made) == 3, "what is held or asked for again and again was made anew"
    living.of(TlsOptions())
    assert len(maker.made) == 4
    living.close()


def _watching() -> set[threading.Thread]:
    return {one for one in threading.enumerate() if one.name == "apistatus-tls-files"}


def test_contexts_in_use_are_looked_at_after_their_options_were_forgotten(
    options: TlsOptions, maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_files, "LOOK_AGAIN_S", 0.001)
    monkeypatch.setattr(tls_files, "FORGET_AFTER_S", 0.001)
    living, before = LivingContexts(maker), _watching()
    contexts = living.of(options)
    [watching] = _watching() - before
    gone = threading.Event()
    weakref.finalize(living.of(TlsOptions(ca_file=options.ca_file)), gone.set)
    assert gone.wait(30), "what nobody asks for is still there"
    (tmp_path / "key_file").write_text("the second")
    assert maker.again.acquire(timeout=30)
    assert maker.again.acquire(timeout=30), "the one that is in use was not looked at"
    living.close()
    watching.join(30)
    assert contexts.now() is not None


def test_files_are_looked_at_until_nobody_needs_them_any_more(
    options: TlsOptions, maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_files, "LOOK_AGAIN_S", 0.001)
    living, before = LivingContexts(maker), _watching()
    living.of(TlsOptions())
    assert not _watching() - before, "options without files need no thread"
    contexts = living.of(options)
    living.of(TlsOptions(ca_file=options.ca_file))
    [watching] = _watching() - before
    old = contexts.now()
    while maker.again.acquire(blocking=False):
        pass
    (tmp_path / "key_file").write_text("the second")
    assert maker.again.acquire(timeout=30)
    living.close()
    watching.join(30)
    assert not watching.is_alive()
    assert contexts.now() is not old
