"""What edits have in common: their options, their files, and how they are performed."""

import dataclasses
import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from gaxjax.errors import InputError, check_seed
from gaxjax.files import write_arrays
from gaxjax.generators.trained import Trained
from gaxjax.generators.truncation import psi_of
from gaxjax.pictures.images import save, save_animation, sheet, to_uint8

COMMAND = "command"
"""The name in the npz of what made it, as JSON."""


class Drawing(NamedTuple):
    """What an edit made."""

    page: np.ndarray
    """the picture, uint8 [H, W, C]"""
    arrays: dict[str, np.ndarray]
    """latents, styles and whatever else the picture was made from, by name"""
    frames: np.ndarray | None = None
    """an animation, uint8 [n, H, W, C]"""
    lines: tuple[str, ...] = ()
    """what there is to say"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Edit(ABC):
    """Something done with the latents of a trained game. Abstract."""

    out: Path | None = None
    """picture; the npz, and an animation, have its name (default: the edit's, in this directory). Files that
    are there are replaced by the same command alone"""
    label: int | None = None
    """class that a conditional game is asked for (default: 0)"""
    psi: str = "1"
    """truncation of styles: a number, or one for each layer"""
    cutoff: int | None = None
    """how many layers are truncated (default: all)"""
    checkpoint: Literal["last", "best"] = "last"
    """of the run; best: that measured as such, of a run with evaluation.best"""

    name: ClassVar[str]
    """of the command"""

    @abstractmethod
    def draw(self, trained: Trained) -> Drawing:
        """Makes the picture."""

    def told(self, trained: Trained) -> Trained:
        """The game, told the class that it is asked for."""
        return trained.of(self.label)


def perform(run: Path, edit: Edit) -> list[str]:
    """Does it and writes the files, each whole or not at all; what there is to say, the picture's path last.

    Raises InputError before anything slow where other files would be overwritten.
    """
    picture = edit.out or Path(f"{edit.name}.png")
    if picture.suffix != ".png":
        raise InputError(f"--out {picture}: the picture is a PNG; end its name in .png")
    check_seed(getattr(edit, "seed", None) or 0, "--seed")
    files = {suffix: picture.with_suffix(suffix) for suffix in (".npz", ".gif", ".png")}
    command = command_of(run, edit)
    refuse_others(files, command)
    drawing = edit.draw(edit.told(Trained(run, psi_of(edit.psi), edit.cutoff, edit.checkpoint == "best")))
    # The npz first: it says whose the other files are.
    write_arrays(files[".npz"], {COMMAND: np.array(command), **drawing.arrays})
    lines = [*drawing.lines, f"{', '.join(drawing.arrays)}: {files['.npz']}"]
    if drawing.frames is not None:
        lines.append(str(save_animation(drawing.frames, files[".gif"])))
    return [*lines, str(save(drawing.page, picture))]


def command_of(run: Path, edit: Edit) -> str:
    """The command as JSON, where its files are apart."""
    fields: dict[str, Any] = {field.name: getattr(edit, field.name) for field in dataclasses.fields(edit)}
    del fields["out"]
    if edit.checkpoint == "last":  # files from before there was a choice have no such field
        del fields["checkpoint"]
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in fields.items()}
    return json.dumps({"edit": edit.name, "run": str(run), **plain})


def refuse_others(files: dict[str, Path], command: str) -> None:
    """InputError where a file is there that another command made, or that is of unknown making."""
    there = [str(path) for path in files.values() if path.exists()]
    if not there:
        return
    made = "something else"
    try:
        with np.load(files[".npz"], allow_pickle=False) as stored:
            made = str(stored[COMMAND])
    except (OSError, ValueError, KeyError, EOFError):
        pass  # no npz, or one of unknown making
    if made != command:
        raise InputError(
            f"{', '.join(there)}: there already, made by {made}; only the same command replaces its files: "
            "use another --out"
        )


def grid(rows: list[list[np.ndarray | None]]) -> np.ndarray:
    """Images in [-1, 1] [H, W, C] as a page, row by row; None, and what a row lacks, is left white."""
    shape = next(image.shape for row in rows for image in row if image is not None)
    columns = max(len(row) for row in rows)
    white = np.ones(shape, np.float32)
    cells = [
        white if image is None else image for row in rows for image in [*row, *[None] * (columns - len(row))]
    ]
    return sheet(to_uint8(np.stack(cells)), columns)
