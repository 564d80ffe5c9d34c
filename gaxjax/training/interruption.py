"""Ctrl-C and SIGTERM as a question that the loop asks, so that it saves before it stops."""

import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Self

import jax

from gaxjax import parallel

SECONDS = 5.0
"""Between two agreements of several processes, at the most: a signal is heard of within twice as much, and a
machine that is taken away leaves 30."""
STOP = 2**30
"""Above any time, in microseconds, that processes tell one another: a signal has come."""


class MeasuringStopped(Exception):
    """A signal has come while a state was measured, which the next start does again."""

    def __init__(self, signal: int):
        super().__init__(f"signal {signal}")
        self.signal = signal


class Interruption:
    """While entered, one signal is noted; a second one, should saving hang, ends the process at once.

    In another thread than the main one, which alone is told of signals, nothing is noted.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[int, Any] = {}
        self._begin()

    def _begin(self) -> None:
        # Calls since the last agreement, how many there are to be, the time of it, and seconds of a call.
        self._calls, self._until, self._since, self._pace = 0, 1, time.monotonic(), SECONDS

    def __enter__(self) -> Self:
        self._begin()
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
        """The signal that came, or 0; asked before each call of the program.

        Several processes agree where the devices are waited for anyway, before calls marked `together`, and
        in between so often that some seconds pass at the most.
        """
        if jax.process_count() == 1:
            return self.signal
        stops = (together or self._calls >= self._until) and self._agree()
        self._calls += 1
        return (self.signal or signal.SIGTERM) if stops else 0

    def stop_measuring(self) -> None:
        """Raises MeasuringStopped where a signal has come; asked before each batch of samples."""
        # All processes are here together: a batch is drawn by all of them.
        number = self.poll(together=True)
        # How long batches take says nothing of the program's calls, which go on after them.
        self._begin()
        if number:
            raise MeasuringStopped(number)

    def _agree(self) -> bool:
        # One number for both: whether to stop, and the pace, from which all derive the same next time.
        own = min(round(1e6 * self._pace), STOP - 1) + (STOP if self.signal else 0)
        largest = parallel.max_over_processes(own)
        now = time.monotonic()
        if self._calls:
            # Told at the next agreement: only by now have the devices made the calls that were sent off.
            self._pace = (now - self._since) / self._calls
        # No more than twice as many as before: a round that began fast may have become slow.
        fitting = int(SECONDS * 1e6 / max(largest % STOP, 1))
        self._calls, self._until, self._since = 0, max(1, min(fitting, 2 * self._until)), now
        return largest >= STOP
