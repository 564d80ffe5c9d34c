"""What a run's record says of its checkpoints: whether some were lost, and where rows of metrics are missing.

Nothing of a record is dropped that its checkpoints cannot make again: where they cannot, it is set aside, and
only if that is asked for.
"""

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from gaxjax.errors import InputError
from gaxjax.files import move, write_bytes
from gaxjax.files.places import is_remote
from gaxjax.parallel import tell
from gaxjax.recipe.stages import Stage, step_at_images
from gaxjax.runs.checkpoint import steps_in
from gaxjax.runs.record import (
    METRICS,
    PICTURES,
    RESULTS,
    files_of_pictures,
    pictures_of,
    read_metrics,
    read_results,
)
from gaxjax.runs.rollback import FILE as ROLLBACKS
from gaxjax.runs.rollback import MARK, due_before

Lengths = Sequence[tuple[int, int]]
"""Of each stage: its length, and an interval, in steps."""
CONTINUED = (METRICS, RESULTS, "curves.png", "samples.gif", "moments.png")
"""Files that go on with a run, and are copied where it goes on from before them."""
REPLACED = (*CONTINUED, ROLLBACKS, MARK, "tensorboard", "best")
"""What a run that begins again makes anew, besides its pictures."""


def last_recorded(workdir: Path, stages: Sequence[Stage]) -> int:
    """The last step that a run's record tells of, in metrics, results and pictures; 0: nothing."""
    images = [result.checkpoint or 0 for result in read_results(workdir)]
    images += [int(picture.stem) for picture in pictures_of(workdir)]
    steps = [int(row["step"]) for row in read_metrics(workdir)]
    return max([0, *steps, *(step_at_images(stages, count) for count in images)])


def check_history(workdir: Path, stages: Sequence[Stage], checkpoints: Lengths) -> None:
    """Raises InputError where checkpoints that the run must have saved are gone.

    They are written in the background, one at a time: of those that were due, all but the last two are whole.
    """
    folder, last = workdir / "checkpoints", last_recorded(workdir, stages)
    if folder.exists() and not folder.is_dir():
        return  # for what opens it to name
    newest = max(steps_in(folder), default=0)
    # One may not have been begun when the process died, and one may not have been whole.
    whole = due_before(due_before(last, list(checkpoints)), list(checkpoints))
    # Where the mark is missing, a folder that is there may never have had one: the first start was cut off.
    had_one = last > 0 and ((workdir / MARK).exists() or not folder.exists())
    if newest >= whole and (newest or not had_one):
        return
    name = free_folder(workdir).name
    status = f"its last checkpoint is {newest}" if newest else "it has no checkpoint"
    on = f"go on from {newest}" if newest else "begin again"
    raise InputError(
        f"{workdir} is recorded up to step {last}, but {status}: put {folder} back, or {on} with --restart, "
        f"which keeps what is recorded as {name}"
    )


def set_aside(workdir: Path, step: int, images: int) -> Path:
    """Keeps a record in a folder of its own, before the run goes on from this step or, at 0, begins again."""
    folder = free_folder(workdir)
    if not is_remote(folder):
        (folder / PICTURES).mkdir(parents=True)
    for picture in files_of_pictures(workdir):
        # Going on from a step, the run keeps what it has made by then; at 0 all of it is another run's.
        if int(picture.stem) > images or not step:
            move(picture, folder / PICTURES / picture.name)
    for name in CONTINUED if step else REPLACED:
        path = workdir / name
        if path.exists():
            # Copied where the run goes on: it drops the rows that came later itself.
            if step:
                write_bytes(folder / name, path.read_bytes())
            else:
                move(path, folder / name)
    tell(f"what was recorded after step {step} is kept as {folder}")
    return folder


def free_folder(workdir: Path) -> Path:
    """A folder that is not there yet."""
    number = 0
    while (folder := workdir / f"before_restart_{number}").exists():
        number += 1
    return folder


def tell_gaps(steps: Sequence[int], until: int, logs: Lengths) -> None:
    """Says in a line where rows of metrics were lost before the step that a run goes on from."""
    missing = gaps(steps, until, logs)
    if missing:
        where = ", ".join(f"{a} and {b}" for a, b in missing[:3]) + ", ..." * (len(missing) > 3)
        tell(f"{METRICS} has lost rows before step {until}, where the run goes on: between steps {where}")


def gaps(steps: Sequence[int], until: int, logs: Lengths) -> list[tuple[int, int]]:
    """Between which steps of rows, up to the one gone on from, a row was due that is not there.

    >>> gaps([7, 21, 28], 30, [(60, 7)]), gaps([7], 30, [(20, 7), (40, 7)]), gaps([], 6, [(60, 7)])
    ([(7, 21)], [(7, 30)], [])
    """
    # Between two of them no row may have been due. The last is the checkpoint's, which has one only if due.
    ends = sorted({0, *(step for step in steps if step <= until), until})
    due = [(next_due(a, logs), a, b) for a, b in itertools.pairwise(ends)]
    return [(a, b) for first, a, b in due if first < b or (first == b and b not in steps)]


def next_due(step: int, logs: Lengths) -> int:
    """The first step after this one at which a row is due: multiples of the interval, and a stage's end."""
    first = 0
    for length, every in logs:
        if step < first + length:
            return min((step // every + 1) * every, first + length)
        first += length
    return sys.maxsize
