"""The line that tells how a run goes."""

import sys
from types import TracebackType
from typing import Any, Self

import jax


class Progress:
    """Images, rate, time to go and every player's loss, on one line of the terminal."""

    def __init__(self, total: int, images: int, mesh: jax.sharding.Mesh, visible: bool):
        from tqdm import tqdm

        devices = f"{mesh.size} {mesh.devices.flat[0].platform} device" + "s" * (mesh.size > 1)
        going = f"going on from {images:,} images" if images else "starting"
        finished = images >= total
        if visible:
            print("this run is finished" if finished else f"{going}, on {devices}", flush=True)
        # A file gets a line now and then, a terminal one that moves.
        style = {"mininterval": 0.5 if sys.stderr.isatty() else 10.0, "unit": "img", "unit_scale": True}
        self._bar = tqdm(total=total, initial=images, disable=finished or not visible, **style)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves the line as it is."""
        self._bar.close()

    def show_compiling(self) -> None:
        """Says why nothing moves: of many seeds or large networks, the first call takes minutes."""
        self._bar.set_description("compiling")

    def update(self, row: dict[str, Any]) -> None:
        """Goes on to a row of metrics."""
        losses = {name: value for name, value in row.items() if name.endswith("/loss")}
        short = {name.removesuffix("/loss"): f"{value:.3f}" for name, value in losses.items()}
        # Not drawn for these alone: the next line does it.
        self._bar.set_description(refresh=False)
        self._bar.set_postfix(short, refresh=False)
        self._bar.update(row["images"] - self._bar.n)

    def write_lines(self, *lines: Any) -> None:
        """Lines of their own, above it."""
        for line in lines:
            self._bar.write(str(line))
