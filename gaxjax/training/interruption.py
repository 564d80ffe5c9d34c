"""Ctrl-C and SIGTERM as a question that the loop asks, so that it saves before it stops."""

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

import jax

from gaxjax import parallel


class Interruption:
    """While entered, one signal is noted; a second one, should saving hang, ends the process at once.

    In another thread than the main one, which alone is told of signals, nothing is noted.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        # Python lets no other thread set a handler.
        main = threading.current_thread() is threading.main_thread()
        for number in (signal.SIGINT, signal.SIGTERM) if main else ():
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    # A note and not an exception, which could come in the middle of a row or a save.
    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal:
            # Not KeyboardInterrupt: on its way out it would wait for the save that hangs.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.signal = number
        # Not print: what the signal came into may have been printing.
        os.write(2, b"\nsaving; again to stop at once\n")

    def poll(self, together: bool) -> int:
        """The signal that came, or 0. Several processes agree at the steps that are marked `together`."""
        if jax.process_count() == 1:
            return self.signal
        return (self.signal or signal.SIGTERM) if together and parallel.any_process(bool(self.signal)) else 0
