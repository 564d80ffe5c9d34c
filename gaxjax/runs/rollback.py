"""The way back of a run that has gone wrong: to its last good checkpoint, and on more slowly."""

from pathlib import Path
from typing import Any

from gaxjax import parallel
from gaxjax.errors import Diverged, Unwritable, summarize_error
from gaxjax.files import write_bytes
from gaxjax.parallel import tell
from gaxjax.recipe.sentinel import Sentinel
from gaxjax.runs.checkpoint import DIGITS, Checkpoints, steps_in
from gaxjax.runs.checkpoint_files import remove_checkpoint
from gaxjax.runs.rows import as_line, cut_torn, read_rows

FILE = "rollbacks.jsonl"
MARK = ".saved"
"""An empty file in a run that must have a checkpoint: it ended with one, and has not gone back behind all."""


class Anomaly(Diverged):
    """A run that has gone wrong, at a step, and the checkpoint that is the last good one."""

    def __init__(self, step: int, what: str, good: int | None):
        super().__init__(what)
        self.step, self.what, self.good = step, what, good


def raise_if(what: str | None, step: int, checkpoints: Checkpoints) -> None:
    """Stops a run in which something was seen, before it overwrites a good checkpoint."""
    if what is not None:
        checkpoints.wait()
        raise Anomaly(step, what, checkpoints.latest())


class Rollbacks:
    """How often a run has gone back: lines of rollbacks.jsonl, from which its learning rates follow.

    Each line has the step at which something was seen, what it was, the checkpoint gone back to (null: the
    beginning) and the factor of the learning rates from there on. The file is read when a process begins;
    from then on all processes see the same and count for themselves.

    `stages`: the length of each, and its interval of checkpoints, in steps.
    """

    def __init__(self, workdir: Path, sentinel: Sentinel, stages: list[tuple[int, int]]):
        self._workdir, self._sentinel, self._stages = workdir, sentinel, stages
        with parallel.fail_together():
            earlier = self._read_rows(workdir / FILE) if parallel.is_primary() else []
        # The primary's alone: the others only count, and a network's disk need not show them its lines.
        self._text = b"".join(as_line(row) for row in earlier)
        if parallel.is_primary() and sentinel.rollbacks:
            # What interruptions left, lest it pushes out the one to go back to: only the last is needed.
            self._drop([step for step in self._saved_steps()[:-1] if step != due_before(step + 1, stages)])
        self.count = parallel.from_primary(len(earlier))

    @property
    def rate(self) -> float:
        """What every learning rate is multiplied by."""
        return float(self._sentinel.factor**self.count)

    def go_back(self, anomaly: Anomaly) -> None:
        """Makes the checkpoint to go back to the one that the next start finds.

        Raises Diverged where no rollback is left.
        """
        if self.count >= self._sentinel.rollbacks:
            raise Diverged(self._final_message(anomaly)) from None
        self.count += 1
        with parallel.fail_together():
            if parallel.is_primary():
                try:
                    self._write(anomaly)
                except OSError as error:
                    raise Unwritable(
                        f"step {anomaly.step}: {anomaly.what}; stopped by {summarize_error(error)}"
                    ) from error

    def _read_rows(self, path: Path) -> list[dict[str, Any]]:
        """The lines; InputError for one that is none, which would make the learning rates smaller."""

        def form(row: dict[str, Any]) -> dict[str, Any]:
            if not isinstance(row["step"], int) or not isinstance(row["seen"], str):
                raise ValueError("a rollback has a step, and what was seen there")
            return row

        cut_torn(path)
        return read_rows(path, form)

    def _write(self, anomaly: Anomaly) -> None:
        steps = self._saved_steps()
        back = rollback_target(steps, due_before(anomaly.step, self._stages))
        if not back:
            # A run with the mark and without checkpoints would be refused as one that has lost them.
            (self._workdir / MARK).unlink(missing_ok=True)
        # The line comes last: killed before it, the run comes here again from the checkpoint that it tells.
        self._drop([step for step in steps if step > back])
        line = {"step": anomaly.step, "seen": anomaly.what, "checkpoint": back or None, "factor": self.rate}
        self._text += as_line(line)
        write_bytes(self._workdir / FILE, self._text)
        where = f"checkpoint {back}" if back else "the beginning"
        of = f"rollback {self.count} of {self._sentinel.rollbacks}"
        tell(
            f"step {anomaly.step}: {anomaly.what}. Back to {where}, learning rates times {self.rate:g} ({of})"
        )

    def _saved_steps(self) -> list[int]:
        return steps_in(self._workdir / "checkpoints")

    def _drop(self, steps: list[int]) -> None:
        for step in steps:
            name = f"{step:0{DIGITS}d}"
            remove_checkpoint(self._workdir / "checkpoints" / name, self._workdir / f".dropped_{name}")

    def _final_message(self, anomaly: Anomaly) -> str:
        good = anomaly.good
        where = "there is no checkpoint yet" if good is None else f"checkpoint {good} is the last good one"
        attempts = f" after {self.count} rollback{'s' * (self.count > 1)}" if self.count else ""
        return (
            f"step {anomaly.step}: {anomaly.what}. Stopped{attempts}; {where}, and all that was written is "
            "kept."
        )


def due_before(step: int, stages: list[tuple[int, int]]) -> int:
    """The last checkpoint that a run makes before a step, however often it was interrupted; 0: none.

    >>> [due_before(step, [(25, 10), (20, 10)]) for step in (10, 11, 25, 26, 36, 45)]
    [0, 10, 20, 25, 35, 35]
    """
    first = due = 0
    for steps, every in stages:
        if step > first:
            due = first + (steps if step > first + steps else (step - 1 - first) // every * every)
        first += steps
    return due


def rollback_target(steps: list[int], due: int) -> int:
    """The checkpoint to go back to, 0 for the beginning: the one that was due, or the nearest one to it.

    One that an interruption left later is passed over, for a run that was not interrupted has none there;
    unless no other is kept.

    >>> rollback_target([10, 20, 23], 20), rollback_target([5], 0), rollback_target([], 0)
    (20, 0, 0)
    >>> rollback_target([23, 24], 20), rollback_target([10, 23], 20)
    (23, 10)
    """
    return max((step for step in steps if step <= due), default=min(steps, default=0) if due else 0)
