"""A profile of some steps of a start: what the host and the devices did when, for XProf or Perfetto."""

import contextlib
import shutil
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import jax

from gaxjax import parallel
from gaxjax.errors import InputError, summarize_error
from gaxjax.files.places import disk_path

FOLDER = "profile"
"""Of a run: every profile of it, in folders by time, as XProf and TensorBoard look for them."""
WARM_UP = 3
"""Calls before it: the first compiles, and while it does the next ones' data come in."""


class Profile:
    """Records so many steps (0: none) of a start's first process, once; what it does changes no number.

    As a context it ends what is being recorded: kept where the run ends or is asked to stop, dropped after an
    error. One that fails is told of, and training goes on.
    """

    def __init__(self, workdir: Path, steps: int):
        if steps < 0:
            raise InputError(f"profile is a number of steps, 0 for none; got {steps}")
        self._workdir, self._steps = disk_path(workdir, "profiles are") if steps else workdir, steps
        # One is enough: the devices of the others do the same at the same time.
        self._wanted = steps > 0 and parallel.is_primary()
        self._calls, self._begin = 0, -1  # -1: nothing is being recorded

    def __enter__(self) -> Self:
        self._calls = 0  # after a rollback programs are compiled anew
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._begin >= 0:
            self._stop(keep=error is None)

    def around(self, step: int, carry: Any) -> contextlib.AbstractContextManager[Any]:
        """A context for the call that begins at a step with this carry: a step's mark in the profile.

        Where it is time to, begins or ends the profile, once the devices have come to this step.
        """
        if not self._wanted:
            return contextlib.nullcontext()
        self._calls += 1
        recording = self._begin >= 0
        if self._calls > WARM_UP and not recording:
            jax.block_until_ready(carry)
            self._start(step)
        elif recording and step >= self._begin + self._steps:
            jax.block_until_ready(carry)
            self._stop(keep=True, end=step)
        if self._begin < 0:
            return contextlib.nullcontext()
        return jax.profiler.StepTraceAnnotation("train", step_num=step)

    def _start(self, step: int) -> None:
        # Beside the folder of whole ones, and hidden: what a killed process leaves is in nobody's way.
        folder = self._workdir / f".{FOLDER}"
        options = jax.profiler.ProfileOptions()
        options.python_tracer_level = 0  # every call of Python's would slow down what is looked at
        with self._passing_over_failure():
            shutil.rmtree(folder, ignore_errors=True)
            jax.profiler.start_trace(folder, profiler_options=options)
            self._begin = step

    def _stop(self, keep: bool, end: int | None = None) -> None:
        # After an error a rollback may follow, whose steps are as good to look at.
        begin, self._begin, self._wanted = self._begin, -1, not keep
        folder, places = self._workdir / f".{FOLDER}", Path("plugins", "profile")
        with self._passing_over_failure():
            jax.profiler.stop_trace()
            # Moved when it is whole: who opens the folder finds no half of one.
            for profile in (folder / places).iterdir() if keep else ():
                whole = self._workdir / FOLDER / places / profile.name
                whole.parent.mkdir(parents=True, exist_ok=True)
                profile.rename(whole)
                steps = f"{begin} to {end if end is not None else 'the last'}"
                write_line(
                    f"profile of steps {steps}: {whole}; open it by "
                    f"`xprof --logdir {self._workdir / FOLDER}` (pip install xprof), or its .trace.json.gz "
                    "at ui.perfetto.dev"
                )
        shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def _passing_over_failure(self) -> Any:
        try:
            yield
        except Exception as error:  # whatever drivers, another profiler or a full disk make of it
            self._wanted = False
            write_line(f"there is no profile: {summarize_error(error)}")


def write_line(line: str) -> None:
    """A line of its own, above that of the progress."""
    from tqdm import tqdm

    tqdm.write(line, file=sys.stderr)
