"""When something is due in a stage: rows of metrics, pictures, checkpoints, measuring."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

NAMES = ("log", "sample", "checkpoint", "evaluation")
"""What is due at intervals: the recipe's `<name>_kimg`."""


@dataclass(frozen=True)
class Events:
    """The steps of a stage at which something is due: multiples of its interval, and the stage's last.

    Multiples are counted from the stage's first step, but for "log", which counts from the run's: rows of
    metrics are as far apart across a change of stage as within one.
    """

    first: int
    """step of the run at which the stage begins"""
    last: int
    """and at which it ends"""
    intervals: Mapping[str, int]
    """name -> steps"""

    def due(self, name: str, step: int) -> bool:
        """Whether it is, once that many steps of the run are done."""
        # The last step has all of them, for the stage's state is there for the last time.
        return step == self.last or self._since(name, step) % self.intervals[name] == 0

    # Calls of up to `longest` steps cannot be looked into, so they end wherever something is due.
    def call_lengths(self, step: int, longest: int) -> Iterator[int]:
        """How many steps each call takes, from a step to the last: at most `longest`, never past an event.

        >>> list(Events(0, 12, {"log": 5, "sample": 100}).call_lengths(3, longest=4))
        [2, 4, 1, 2]
        """
        while step < self.last:
            # Never 0: at an event the next one of its kind is a whole interval away.
            until = [every - self._since(name, step) % every for name, every in self.intervals.items()]
            count = min(longest, self.last - step, *until)
            yield count
            step += count

    def _since(self, name: str, step: int) -> int:
        # Others begin anew with a stage, whose steps may count other numbers of images.
        return step if name == "log" else step - self.first
