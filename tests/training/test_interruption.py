"""Several processes agree to stop: within seconds, however far apart rows are, and not at every call."""

import contextlib
import signal
from types import SimpleNamespace

import jax
import pytest

from gaxjax.training import interruption
from gaxjax.training.interruption import SECONDS, STOP, Interruption, MeasuringStopped


class Job:
    """Two processes that wait for each other, with a clock that their calls of the program move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.now, self.agreements = 0.0, [0.0]
        self.processes = (Interruption(), Interruption())
        monkeypatch.setattr(jax, "process_count", lambda: 2)
        clock = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr(interruption, "time", clock)
        monkeypatch.setattr(interruption.parallel, "max_over_processes", self.exchange)
        for process in self.processes:
            process._begin()

    def exchange(self, number: int) -> int:
        """What the first one asks is answered by what both have to say; the second one hears the same."""
        self.numbers.append(number)
        return max(number, self.other)

    def call(self, seconds: float, together: bool = False) -> int:
        """Both ask, as before each call of so many seconds; what they hear is the same."""
        first, second = self.processes
        self.numbers: list[int] = []
        # What the second one is going to say: its pace is the first one's, and the signal its own.
        self.other = STOP if second.signal else 0
        heard = [first.poll(together)]
        self.other = self.numbers[0] if self.numbers else 0
        heard.append(second.poll(together))
        assert len(self.numbers) in (0, 2) and bool(heard[0]) == bool(heard[1])
        if self.numbers:
            self.agreements.append(self.now)
        self.now += seconds
        return heard[0]

    def measure(self, seconds: float) -> None:
        """Both ask before a batch of samples of so many seconds."""
        first, second = self.processes
        self.numbers, self.other = [], STOP if second.signal else 0
        try:
            first.stop_measuring()
        finally:
            self.other = self.numbers[0]
            with contextlib.suppress(MeasuringStopped):
                second.stop_measuring()
            self.now += seconds


@pytest.mark.parametrize("seconds", [0.001, 0.2, 3.0, 20.0])
def test_a_stop_is_agreed_within_seconds(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The first call compiles for a minute; then all take as long, and no row comes."""
    job = Job(monkeypatch)
    job.call(60.0)
    while job.now < 300:
        assert job.call(seconds) == 0
    gaps = [b - a for a, b in zip(job.agreements, job.agreements[1:], strict=False)]
    assert max(gaps[2:]) <= max(SECONDS, seconds) + 1e-6
    # And no oftener than that, once the pace is known.
    assert sum(gap < max(SECONDS - seconds, seconds) - 1e-6 for gap in gaps) < 20
    job.processes[1].signal = signal.SIGTERM
    begin = job.now
    while not job.call(seconds):
        assert job.now - begin <= SECONDS + seconds
    assert job.processes[0].signal == 0  # it was told


def test_rows_are_agreements_too(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(monkeypatch)
    for _ in range(5000):
        job.call(0.01)
    job.processes[0].signal = signal.SIGINT
    assert not job.call(0.01) and job.call(0.01, together=True) == signal.SIGINT


def test_calls_that_become_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a lazy penalty or a larger stage begins: the round after the next is of its pace."""
    job = Job(monkeypatch)
    for _ in range(5000):
        job.call(0.01)
    for _ in range(1500):
        job.call(1.0)
    assert job.agreements[-1] - job.agreements[-2] <= SECONDS + 1e-6


def test_batches_that_are_measured_say_nothing_of_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """After many quick ones a signal among slow calls is heard of as soon as ever."""
    job = Job(monkeypatch)
    for _ in range(5000):
        job.measure(0.01)
    job.processes[1].signal = signal.SIGTERM
    begin = job.now
    while not job.call(20.0):
        assert job.now - begin <= 20.0
    with pytest.raises(MeasuringStopped):
        job.measure(0.01)
