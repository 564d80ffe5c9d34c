"""The line that tells how a run goes."""

import sys
from typing import Any

import jax


class Progress:
    """Images, rate, time to go and every player's loss, on one line of the terminal."""

    def __init__(self, images: int, mesh: jax.sharding.Mesh, step: int, shown: bool):
        from tqdm import tqdm

        if shown:
            devices = f"{mesh.size} {mesh.devices.flat[0].platform} device" + "s" * (mesh.size > 1)
            print((f"going on from step {step}" if step else "starting") + f", on {devices}", flush=True)
        # A file gets a line now and then, a terminal one that moves.
        interval = 0.5 if sys.stderr.isatty() else 10.0
        self._bar = tqdm(total=images, unit="img", unit_scale=True, disable=not shown, mininterval=interval)

    def update(self, row: dict[str, Any]) -> None:
        """Goes on to a row of metrics."""
        losses = {name.removesuffix("/loss"): f"{value:.3f}" for name, value in row.items() if name.endswith("/loss")}
        self._bar.set_postfix(losses, refresh=False)
        if self._bar.n == 0:
            self._bar.initial = row["images"]
        self._bar.update(row["images"] - self._bar.n)

    def close(self) -> None:
        """Leaves the line as it is."""
        self._bar.close()
