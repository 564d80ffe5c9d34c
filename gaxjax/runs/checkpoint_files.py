"""The files of one checkpoint: whether they can be read, and their removal."""

import os
import shutil
from pathlib import Path

from gaxjax.files import name_file_in_error
from gaxjax.files.places import find_system, is_remote
from gaxjax.runs.bucket import COMMIT


def check_readable(folder: Path) -> None:
    """Opens each file of a checkpoint: orbax may take one that it is not let to for one that is missing."""
    if is_remote(folder):
        # A byte of each is as much as opening it: what is refused is told here, and is no damage.
        system, name = find_system(folder)
        # A byte of each: a right or a network that is missing fails at the first one too.
        with name_file_in_error(folder):
            for key, about in system.find(name, detail=True).items():
                if about["size"]:
                    system.cat_file(key, start=0, end=1)
        return

    def stop(error: OSError) -> None:
        raise error

    for parent, _, names in os.walk(folder, onerror=stop):
        for name in names:
            if not name.startswith("."):  # what a file manager has left is not ours to read
                with open(Path(parent, name), "rb") as file:
                    file.read(1)


def remove_checkpoint(folder: Path, aside: Path) -> None:
    """Removes a checkpoint, which is gone at once although it takes time; `aside`: beside all checkpoints."""
    if is_remote(folder):
        (folder / COMMIT).unlink()  # without it, it is one that was never finished
        system, name = find_system(folder)
        system.rm(name, recursive=True)
        return
    # What a process that was killed here has left would be in the way of the name.
    shutil.rmtree(aside, ignore_errors=True)
    shutil.rmtree(folder.rename(aside))
