"""Weights & Biases as a tracker: one run of its for all starts of ours, offline where nobody is logged in."""

import importlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gaxjax.errors import InputError
from gaxjax.files import write_bytes
from gaxjax.files.places import disk_path
from gaxjax.parallel import tell

FOLDER = "wandb"
"""Of a run: what W&B itself writes, and the name of its run in a file."""


class WeightsAndBiases:
    """A start's rows and pictures in a W&B run, which the next start goes on with.

    Nobody is asked to log in: where there is no API key, or WANDB_MODE says so, it is kept here alone.
    """

    def __init__(self, workdir: Path, project: str, config: dict[str, Any]):
        workdir = disk_path(workdir, "files of W&B are")
        wandb = self._wandb = import_wandb()
        mode = os.environ.get("WANDB_MODE", "")
        if not mode and not wandb.login(prompt=False, verify=False):
            mode = "offline"
            where = workdir / FOLDER
            tell(f"W&B has no API key, so it logs offline: send it by `wandb sync {where}/offline-run-*`")
        self._run = wandb.init(
            project=project,
            id=run_id(workdir / FOLDER / "run_id"),
            resume="allow",
            name=workdir.resolve().name,
            dir=str(workdir),
            config=config,
            mode=mode or None,
            # Its own words and its copy of the terminal are no part of what is asked for.
            settings=wandb.Settings(console="off", silent=True),
        )
        # W&B's own count of steps may not go back, as a run does that goes on from its last checkpoint.
        self._run.define_metric("*", step_metric="step")

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Of `Tracker`."""
        self._run.log({"step": step, **values})

    def log_image(self, step: int, name: str, path: Path) -> None:
        """Of `Tracker`."""
        self._run.log({"step": step, name: self._wandb.Image(str(path))})

    def finish(self) -> None:
        """Of `Tracker`."""
        self._run.finish()


def run_id(path: Path) -> str:
    """What W&B calls the run: the same at every start."""
    if not path.exists():
        write_bytes(path, secrets.token_hex(4).encode())
    return path.read_text().strip()


def import_wandb() -> Any:
    """The package; InputError where it is not installed."""
    try:
        # By name: it is an extra, and nothing else here knows it.
        return importlib.import_module("wandb")
    except ImportError as error:
        raise InputError(
            f"log.wandb needs the package wandb ({error}): pip install 'gaxjax[wandb]', or leave it out"
        ) from error
