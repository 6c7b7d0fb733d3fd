"""Python imports this at its start when the folder is on PYTHONPATH: faults from within a real process.

SIGUSR1 is a fatal error of its producer: rd_kafka_test_fatal_error (rdkafka.h) is librdkafka's own way
to bring one about. FAULT_CLOCK_FILE names a file with the seconds by which its wall clock is set. Not
libfaketime: it turns the absolute monotonic sleeps of Python 3.11 (clock_nanosleep) into errors or
into sleeps of an hour, which no clock that is set does.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import time
from pathlib import Path

_OUT_OF_ORDER_SEQUENCE_NUMBER = 45
_HANDLE_OFFSET = object.__basicsize__
"""Where the binding's object keeps its rd_kafka_t: first thing after Python's own head (confluent_kafka.h)."""


def _break_producers(_number: int, _frame: object) -> None:
    binding = sys.modules.get("confluent_kafka")
    if binding is None:
        return
    folder = Path(binding.__file__).parent.with_name("confluent_kafka.libs")
    library = ctypes.CDLL(str(next(folder.glob("librdkafka*.so*"))))
    library.rd_kafka_test_fatal_error.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)
    # Objects that were frozen are in no list of the collector's.
    gc.unfreeze()
    for producer in [one for one in gc.get_objects() if isinstance(one, binding.cimpl.Producer)]:
        handle = ctypes.c_void_p.from_address(id(producer) + _HANDLE_OFFSET)
        if handle.value:
            library.rd_kafka_test_fatal_error(handle, _OUT_OF_ORDER_SEQUENCE_NUMBER, b"forced by a test")


def _set_wall_clock(file: Path) -> None:
    true_ns = time.time_ns

    def time_ns() -> int:
        return true_ns() + int(file.read_text() or 0) * 1_000_000_000

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9


signal.signal(signal.SIGUSR1, _break_producers)
if "FAULT_CLOCK_FILE" in os.environ:
    _set_wall_clock(Path(os.environ["FAULT_CLOCK_FILE"]))
