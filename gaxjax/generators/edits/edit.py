"""What edits have in common: their options, their files, and how they are performed."""

import dataclasses
import io
import json
from abc import ABC, abstractmethod
from pathlib import Path, PurePath
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from gaxjax.errors import InputError, check_seed
from gaxjax.files import write_arrays
from gaxjax.generators.model import TrainedModel
from gaxjax.generators.truncation import parse_psi
from gaxjax.pictures.images import save_animation, save_image, tile_images, to_uint8

COMMAND = "command"
"""The name in the npz of what made it, as JSON."""
LATER = {"checkpoint": "last", "code": ()}
"""Fields with their defaults, which files from before there was a choice do not tell of."""


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
    def draw(self, model: TrainedModel) -> Drawing:
        """Makes the picture."""

    def select_class(self, model: TrainedModel) -> TrainedModel:
        """The game, told the class that it is asked for."""
        return model.with_label(self.label)


def perform_edit(run: Path, edit: Edit) -> list[str]:
    """Does it and writes the files, each whole or not at all; what there is to say, the picture's path last.

    Raises InputError before anything is drawn where other files would be overwritten.
    """
    picture = edit.out or Path(f"{edit.name}.png")
    if picture.suffix != ".png":
        raise InputError(f"--out {picture}: the picture is a PNG; end its name in .png")
    check_seed(getattr(edit, "seed", None) or 0, "--seed")
    # The gif too where this edit has none: it would be an older command's, beside the new picture.
    files = {suffix: picture.with_suffix(suffix) for suffix in (".npz", ".gif", ".png")}
    command = describe_command(run, edit)
    # First what the model refuses: a label that it has not would have any files refused for it, as those of
    # another command.
    model = TrainedModel(run, parse_psi(edit.psi), edit.cutoff, edit.checkpoint == "best")
    model = edit.select_class(model)
    check_same_command(files, command)
    drawing = edit.draw(model)  # seconds to minutes
    # The npz first: it says whose the other files are.
    write_arrays(files[".npz"], {COMMAND: np.array(command), **drawing.arrays})
    lines = [*drawing.lines, f"{', '.join(drawing.arrays)}: {files['.npz']}"]
    if drawing.frames is not None:
        lines.append(str(save_animation(drawing.frames, files[".gif"])))
    return [*lines, str(save_image(drawing.page, picture))]


def describe_command(run: Path, edit: Edit) -> str:
    """The command as JSON, where its files are apart."""
    fields: dict[str, Any] = {field.name: getattr(edit, field.name) for field in dataclasses.fields(edit)}
    # Where files go is not what made them: a folder that is renamed keeps its edits.
    del fields["out"]
    fields = {name: value for name, value in fields.items() if name not in LATER or value != LATER[name]}
    plain = {name: str(value) if isinstance(value, PurePath) else value for name, value in fields.items()}
    return json.dumps({"edit": edit.name, "run": str(run), **plain})


def check_same_command(files: dict[str, Path], command: str) -> None:
    """InputError where a file is there that another command made, or that is of unknown making."""
    existing = [str(path) for path in files.values() if path.exists()]
    if not existing:
        return
    maker = "something else"
    try:
        # Never unpickled: the file may be anyone's.
        with np.load(io.BytesIO(files[".npz"].read_bytes()), allow_pickle=False) as archive:
            maker = str(archive[COMMAND])
    except (OSError, ValueError, KeyError, EOFError):
        pass  # no npz, or one of unknown making
    if maker != command:
        raise InputError(
            f"{', '.join(existing)}: there already, made by {maker}; only the same command replaces its "
            "files: use another --out"
        )


def image_grid(rows: list[list[np.ndarray | None]]) -> np.ndarray:
    """Images in [-1, 1] [H, W, C] as a page, row by row; None, and what a row lacks, is left white."""
    shape = next(image.shape for row in rows for image in row if image is not None)
    columns = max(len(row) for row in rows)
    white = np.ones(shape, np.float32)
    cells = [
        white if image is None else image for row in rows for image in [*row, *[None] * (columns - len(row))]
    ]
    return tile_images(to_uint8(np.stack(cells)), columns)
