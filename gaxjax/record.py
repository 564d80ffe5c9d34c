"""What a run leaves behind in its directory, besides its checkpoints.

    recipe.json      the recipe, resolved, with config.py, the file that it came from
    metrics.jsonl    one object a line: step, images, seconds, images_per_second, <player>/<name>
    tensorboard/     the same as TensorBoard events
    samples/         a picture of fixed latents at intervals, named by images seen
    curves.png, samples.gif
"""

import json
import time
from pathlib import Path
from typing import Any

from gaxjax import pictures
from gaxjax.errors import InputError
from gaxjax.files import write_bytes
from gaxjax.plain import describe, differences, rebuild
from gaxjax.recipe import Recipe

PICTURES = "samples"


def open_run(workdir: Path, recipe: Recipe, config: Path | None) -> None:
    """Begins a run directory, or makes sure that the one that is there is of the same recipe."""
    described = describe(recipe)
    stored = workdir / "recipe.json"
    if stored.exists():
        changed = differences(json.loads(stored.read_text()), described)
        if changed:
            lines = "\n  ".join(changed)
            raise InputError(f"{workdir} holds a run of another recipe; use another --workdir, or undo:\n  {lines}")
        return
    try:
        begun = {"config.py"}  # what a start that was cut off may have left
        if workdir.exists() and (not workdir.is_dir() or {p.name for p in workdir.glob("[!.]*")} - begun):
            raise InputError(f"{workdir} is there and is not a run of gaxjax: use another --workdir")
        if config is not None:
            write_bytes(workdir / "config.py", config.read_bytes())
        # Last, for it makes the directory a run.
        write_bytes(stored, json.dumps(described, indent=2).encode() + b"\n")
    except OSError as error:
        raise InputError(f"cannot write to {workdir}: {error.strerror}; use another --workdir") from error


def read_run(workdir: Path) -> Recipe:
    """The recipe of a run directory."""
    stored = workdir / "recipe.json"
    if not stored.is_file():
        raise InputError(f"{workdir} is not a run directory: it has no recipe.json")
    return rebuild(json.loads(stored.read_text()), workdir / "config.py")


def read_metrics(workdir: Path) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl; a last line that was cut off is left out."""
    path = workdir / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def last_picture(workdir: Path) -> Path | None:
    """The newest picture of a run's samples."""
    return max((workdir / PICTURES).glob("*.png"), default=None)


class Record:
    """Writes the record of a run; beginning again at a step drops what was written after it."""

    def __init__(self, workdir: Path, step: int):
        from tensorboardX import SummaryWriter

        self.workdir = workdir
        self.rows = [row for row in read_metrics(workdir) if row["step"] <= step]
        text = "".join(json.dumps(row) + "\n" for row in self.rows)
        write_bytes(workdir / "metrics.jsonl", text.encode())
        self._metrics = open(workdir / "metrics.jsonl", "a", buffering=1)
        self._events = SummaryWriter(str(workdir / "tensorboard"), purge_step=step or None)
        self._mark = (self.rows[-1]["images"] if self.rows else 0, time.monotonic())
        self._seconds = self.rows[-1]["seconds"] if self.rows else 0.0

    def metrics(self, step: int, images: int, values: dict[str, float]) -> dict[str, Any]:
        """One row: the values, and how fast the run has gone since the last one."""
        seen, then = self._mark
        now = time.monotonic()
        self._mark = (images, now)
        self._seconds += now - then
        rate = (images - seen) / max(now - then, 1e-9)
        row = {"step": step, "images": images, "seconds": round(self._seconds, 3), "images_per_second": round(rate, 1)}
        row |= values
        self._metrics.write(json.dumps(row) + "\n")
        self.rows.append(row)
        for name, value in {**values, "images_per_second": rate}.items():
            self._events.add_scalar(name, value, step)
        return row

    def picture(self, images: int, samples: Any, real: Any) -> Path:
        """A picture of samples, named by the images seen."""
        return pictures.draw(samples, self.workdir / PICTURES / f"{images:010d}.png", real)

    def finish(self) -> None:
        """Draws the curves and the animation and closes the files."""
        self._metrics.close()
        self._events.close()
        if self.rows:
            pictures.plot_curves(self.rows, self.workdir / "curves.png")
        pictures.animate(sorted((self.workdir / PICTURES).glob("*.png")), self.workdir / "samples.gif")
