"""Where a run's numbers and pictures go besides its directory: one interface, whatever is behind it."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Protocol, Self

from gaxjax.errors import summarize_error
from gaxjax.parallel import tell
from gaxjax.recipe import Recipe
from gaxjax.recipe.serialization import describe
from gaxjax.runs.tensorboard import TensorBoard
from gaxjax.runs.weights_and_biases import WeightsAndBiases, import_wandb


class Tracker(Protocol):
    """Takes what a start of a run logs, in the order of its steps."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers by name, after that many steps of the run."""

    def log_image(self, step: int, name: str, path: Path) -> None:
        """A picture: a PNG file, which stays where it is."""

    def finish(self) -> None:
        """The start ends: all that was logged is kept, or sent."""


class Trackers:
    """Several of them as one. One that fails is told of once and is off from then on: training goes on."""

    def __init__(self, openers: Mapping[str, Callable[[], Tracker]] = MappingProxyType({})):
        self._trackers: dict[str, Tracker] = {}
        # One that cannot be opened does not keep the others from it.
        for name, open_tracker in openers.items():
            with self._passing_over_failure(name):
                self._trackers[name] = open_tracker()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._each(lambda tracker: tracker.finish())

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Of `Tracker`."""
        self._each(lambda tracker: tracker.log(step, values))

    def log_image(self, step: int, name: str, path: Path) -> None:
        """Of `Tracker`."""
        self._each(lambda tracker: tracker.log_image(step, name, path))

    def _each(self, call: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._trackers.items()):  # a copy, from which none falls out meanwhile
            with self._passing_over_failure(name):
                call(tracker)

    @contextlib.contextmanager
    def _passing_over_failure(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # of a network, a server or a package that is not ours
            # And is not asked again: each row would wait for a server that is gone.
            self._trackers.pop(name, None)
            tell(f"{name} is off, and training goes on: {summarize_error(error)}")


def check_trackers(recipe: Recipe) -> None:
    """InputError, before anything begins, for a tracker whose package is not there."""
    if recipe.log.wandb:
        import_wandb()


def open_trackers(workdir: Path, recipe: Recipe, begin: int) -> Trackers:
    """Those that a start from step `begin` logs to."""
    openers: dict[str, Callable[[], Tracker]] = {
        "TensorBoard": lambda: TensorBoard(workdir / "tensorboard", begin)
    }
    if project := recipe.log.wandb:
        openers["W&B"] = lambda: WeightsAndBiases(workdir, project, describe(recipe))
    return Trackers(openers)
