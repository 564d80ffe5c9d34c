"""What the steps of a stage are fed: batches, or the numbers of the examples that the devices gather."""

import functools
from collections.abc import Callable, Iterable, Iterator

import jax
import numpy as np

from gaxjax import parallel
from gaxjax.counting import nbytes
from gaxjax.data import Loader, Source, assembled, reduced
from gaxjax.data.source import Batch, Tables
from gaxjax.recipe import Plan, Recipe, Stage


class Feed:
    """This process's part of a stage's batches, after so many steps of it.

    A set that is whole in memory and small enough lives on the devices: then `tables` are its arrays there,
    what is loaded are the numbers of examples, and `assemble` makes batches of both inside the step. Batches
    of any other set are loaded as they are. Close it to end its threads.
    """

    def __init__(self, recipe: Recipe, stage: Stage, planned: Plan, source: Source, number: int, steps: int):
        source = reduced(source, stage.shape)
        size = len(source) * nbytes(source.spec)
        resident = source.has_tables and size <= recipe.data.resident * 2**30
        self.source, self.resident = source, resident
        self.assemble: Callable[[Tables, Tables], Tables] = (
            functools.partial(assembled, source) if resident else as_loaded
        )
        self.seeded = recipe.seeds > 1
        share = parallel.share_of(parallel.make_mesh(recipe.seeds), recipe.seeds)
        self.loaders: list[Loader] = []
        for seed in (recipe.seed + i for i in share.seeds):
            loader = Loader(
                source,
                stage.batch_size,
                planned.minibatches,
                seed=seed + 1_000_003 * number,
                process_index=share.block,
                process_count=share.blocks,
                flip=recipe.data.flip,
                workers=recipe.data.workers,
                choose=resident,
            )
            loader.set_state({"position": steps * planned.minibatches * stage.batch_size})
            self.loaders.append(loader)

    def __next__(self) -> Batch:
        """The next step's, [minibatches, batch, ...]; of several seeds, [seeds, minibatches, batch, ...].

        Of this process's seeds and examples alone, if there are several processes.
        """
        batches = [next(loader) for loader in self.loaders]
        return stacked(batches) if self.seeded else batches[0]

    def tables(self, mesh: jax.sharding.Mesh) -> Tables:
        """The set on every device of the mesh, if it lives there."""
        return parallel.copied(self.source.tables if self.resident else {}, mesh)

    def calls(self, counts: Iterable[int], longest: int, mesh: jax.sharding.Mesh) -> Iterator[Tables]:
        """For each call, of so many steps: what they are fed, [longest, ...], on the devices or on its way.

        The next call's is on its way while one computes. What a shorter call leaves unused is zero.
        """

        def load(count: int) -> Tables:
            steps = [next(self) for _ in range(count)]
            rest = [jax.tree.map(np.zeros_like, steps[0])] * (longest - count)
            return parallel.shard(stacked(steps + rest), mesh, calls=True)

        following = None
        for count in counts:
            current, following = following, load(count)
            if current is not None:
                yield current
        if following is not None:
            yield following

    def close(self) -> None:
        """Ends all threads."""
        for loader in self.loaders:
            loader.close()


def as_loaded(tables: Tables, chosen: Tables) -> Tables:
    """Batches that are loaded whole."""
    return chosen


def stacked(batches: list[Batch]) -> Batch:
    """Batches of the same names as one, along a new first axis."""
    return {name: np.stack([batch[name] for batch in batches]) for name in batches[0]}


def lengths(step: int, last: int, first: int, every: dict[str, int], longest: int) -> Iterator[int]:
    """How many steps each call takes, from a step to the last: at most `longest`, and never past an event.

    Events are multiples of `every`: of "log" counted from the run's beginning, of others from step `first`.

    >>> list(lengths(3, 12, 0, {"log": 5, "sample": 100}, 4))
    [2, 4, 1, 2]
    """
    while step < last:
        until = [n - (step if name == "log" else step - first) % n for name, n in every.items()]
        count = min(longest, last - step, *until)
        yield count
        step += count
