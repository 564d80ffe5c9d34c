"""What a run leaves behind in its directory, besides its checkpoints.

recipe.json      the recipe, resolved, with config.py, the file that it came from, and modules/, what that
                 imports from beside it
data.json        what it was trained on (`inventory.py`)
examples.npz     what samples need of the data (`examples.py`)
metrics.jsonl    one object a line: step, images, seconds, images_per_second, <player>/<name>; what is not
                 finite is null
results.jsonl    what was measured of its samples, one `Result` a line
tensorboard/     the same as TensorBoard events, wandb/ what W&B is told of it (`trackers.py`)
samples/         a picture of fixed latents at intervals, named by images seen; of clips a film (GIF) too
curves.png, samples.gif, moments.png (four of the pictures)
before_restart_N/   what was recorded before checkpoints were lost (`history.py`)
starts.jsonl     when each start began, and how it ended (`starts.py`)
.lock            which process is at it (`lock.py`)
.saved           there has been a checkpoint at the end of a start

In samples/ only names like those of a run's own pictures are looked at.
"""

import contextlib
import json
import math
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gaxjax.errors import InputError, summarize_error
from gaxjax.files import write_bytes
from gaxjax.files.places import check_reachable, find_system, is_remote, is_there
from gaxjax.metrics.result import Result, from_row
from gaxjax.pictures import images as pictures
from gaxjax.pictures.samples import draw_samples
from gaxjax.recipe import Recipe
from gaxjax.recipe.beside import MODULES
from gaxjax.recipe.serialization import describe, differences, rebuild
from gaxjax.runs.rows import RowWriter, append_rows, as_line, cut_torn, read_rows

METRICS, RESULTS, PICTURES = "metrics.jsonl", "results.jsonl", "samples"
PICTURE = re.compile("[0-9]{10,}[.](png|gif)")
"""How a run names its own pictures: by the images seen."""


def check_run(workdir: Path, recipe: Recipe) -> None:
    """Makes sure that a directory is free for a run, or has one of the same recipe; changes nothing."""
    check_reachable(workdir)
    if (workdir / "recipe.json").exists():
        old = describe(read_run(workdir))  # fields that are newer than the run have their defaults
        new = describe(recipe)
        changes = differences(old, new)
        if changes and not only_prolongs(old, new):
            lines = "\n  ".join(changes)
            what = f"{workdir} holds a run of another recipe"
            raise InputError(f"{what}; use another --workdir, or undo:\n  {lines}")
    elif workdir.exists():
        leftovers = {"config.py"}  # what a start that was cut off may have left
        if not workdir.is_dir() or visible_names(workdir) - leftovers:
            raise InputError(f"{workdir} is there and is not a run of gaxjax: use another --workdir")


def visible_names(folder: Path) -> set[str]:
    """Of what a folder holds, without what is hidden."""
    # In a bucket an object of the folder's own name, which some tools make for it, is listed as one in it.
    return {path.name for path in folder.iterdir() if path != folder and path.name[0] != "."}


def open_run(workdir: Path, recipe: Recipe, config: Path | None) -> None:
    """Begins a run directory, or goes on with the one that is there, if it is of the same recipe."""
    check_run(workdir, recipe)
    try:
        if config is not None:  # of the same recipe, but its own classes may have changed
            write_bytes(workdir / "config.py", config.read_bytes())
        # Last, for it makes the directory a run. At every start, for it shows that one can write there.
        write_bytes(workdir / "recipe.json", json.dumps(describe(recipe), indent=2).encode() + b"\n")
        for name in (METRICS, RESULTS):
            cut_torn(workdir / name)
    except OSError as error:
        raise InputError(
            f"cannot write to {workdir} ({summarize_error(error)}); use another --workdir"
        ) from error


def only_prolongs(old: Any, new: Any) -> bool:
    """Whether two described recipes differ only in that the one asked for goes on for longer."""
    shorter = isinstance(old, dict) and not old.get("stages") and old.get("kimg", 0) < new["kimg"]
    return bool(shorter) and not differences({**old, "kimg": new["kimg"]}, new)


def read_json(path: Path) -> Any:
    """What a JSON file holds."""
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}): restore it, or use another --workdir") from error


def read_described(workdir: Path) -> Any:
    """The recipe of a run directory as it is stored, described as JSON."""
    check_reachable(workdir)
    path = workdir / "recipe.json"
    if not path.is_file():
        raise InputError(f"{workdir} is not a run directory: it has no recipe.json")
    return read_json(path)


def read_run(workdir: Path) -> Recipe:
    """The recipe of a run directory."""
    described = read_described(workdir)
    if not is_remote(workdir):
        return rebuild(described, workdir / "config.py")
    with tempfile.TemporaryDirectory(prefix="recipe-") as folder:
        fetch_code(workdir, Path(folder))
        return rebuild(described, Path(folder, "config.py"))


def fetch_code(workdir: Path, folder: Path) -> None:
    """Copies a run's recipe file, and what that imports, from a bucket, where Python imports nothing."""
    system, name = find_system(workdir)
    files = [f"{name}/{file}" for file in ("recipe.json", "config.py") if is_there(workdir / file)]
    for key in [*files, *system.find(f"{name}/{MODULES}")]:
        write_bytes(folder / key.removeprefix(f"{name}/"), system.cat_file(key))


def read_metrics(workdir: Path) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl, nan where it has null; a last line that was cut off is left out."""

    def form(row: dict[str, Any]) -> dict[str, Any]:
        values = {name: math.nan if value is None else value for name, value in row.items()}
        whole = isinstance(row["step"], int) and isinstance(row["images"], int)
        if not whole or not all(isinstance(x, int | float) for x in (row["seconds"], *values.values())):
            raise ValueError("metrics are numbers")
        return values

    return read_rows(workdir / METRICS, form)


def read_results(workdir: Path) -> list[Result]:
    """What was measured of a run, in the order of measuring; a last line that was cut off is left out."""

    def form(row: dict[str, Any]) -> Result:
        result = from_row(row)
        if not isinstance(result.value, int | float) or not isinstance(result.checkpoint, int | None):
            raise ValueError("a result is a number, of a number of images")
        return result

    return read_rows(workdir / RESULTS, form)


def append_results(workdir: Path, results: Sequence[Result]) -> None:
    """Adds to what was measured of a run; another process may do so too."""
    append_rows(workdir / RESULTS, [asdict(result) for result in results])


def pictures_of(workdir: Path) -> list[Path]:
    """The pictures of a run's samples, by images seen; what else lies beside them is not its own."""
    return [path for path in files_of_pictures(workdir) if path.suffix == ".png"]


def files_of_pictures(workdir: Path) -> list[Path]:
    """The same, and the films that belong to those of clips."""
    own = [path for path in (workdir / PICTURES).glob("*.*") if PICTURE.fullmatch(path.name)]
    return sorted(own, key=lambda path: int(path.stem))


def last_picture(workdir: Path) -> Path | None:
    """The newest picture of a run's samples."""
    own = pictures_of(workdir)
    return own[-1] if own else None


class Record:
    """Writes the record of a run; beginning again at a step, after so many images, drops what came later.

    As a context it closes its files and draws the curves and the animation.
    """

    def __init__(self, workdir: Path, step: int, images: int):
        self.workdir = workdir
        for file in files_of_pictures(workdir):
            if int(file.stem) > images:
                file.unlink()
        # What came after the checkpoint is made again, and would stand there twice.
        self.rows = [row for row in read_metrics(workdir) if row["step"] <= step]
        self._path = workdir / METRICS
        text = b"".join(as_line(row) for row in self.rows)
        # Only where something goes: otherwise every start would write the whole file anew.
        if not self._path.exists() or self._path.read_bytes() != text:
            write_bytes(self._path, text)
        results = read_results(workdir)
        earlier = [result for result in results if (result.checkpoint or 0) <= images]
        if len(earlier) < len(results):
            write_bytes(workdir / RESULTS, b"".join(as_line(asdict(result)) for result in earlier))
        self._metrics = RowWriter(self._path)
        self._mark = (self.rows[-1]["images"] if self.rows else 0, time.monotonic())
        self._seconds = self.rows[-1]["seconds"] if self.rows else 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After an error, a disk that is full must not take its place with another one.
        with contextlib.nullcontext() if error is None else contextlib.suppress(OSError):
            self._metrics.close()
            if self.rows:
                pictures.plot_curves(self.rows, self.workdir / "curves.png")
            paths = pictures_of(self.workdir)
            pictures.animate(paths, self.workdir / "samples.gif")
            pictures.compose_moments(paths, self.workdir / "moments.png")

    def flush(self) -> None:
        """Waits until all rows are kept."""
        self._metrics.flush()

    def add_metrics(self, step: int, images: int, values: dict[str, float]) -> dict[str, Any]:
        """One row: the values, and how fast the run has gone since the last one."""
        before, then = self._mark
        now = time.monotonic()
        self._mark = (images, now)
        self._seconds += now - then
        rate = (images - before) / max(now - then, 1e-9)
        pace = {"seconds": round(self._seconds, 3), "images_per_second": round(rate, 1)}
        row = {"step": step, "images": images, **pace, **values}
        self._metrics.add(row)
        self.rows.append(row)
        return row

    def add_results(self, results: Sequence[Result]) -> None:
        """What was measured of the samples."""
        append_results(self.workdir, results)

    def add_picture(self, images: int, samples: Any, real: Any, verdict: Mapping[str, Any]) -> Path:
        """A picture of samples, named by the images seen."""
        return draw_samples(samples, self.workdir / PICTURES / f"{images:010d}.png", real, verdict)
