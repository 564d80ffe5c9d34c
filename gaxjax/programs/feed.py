"""What the steps of a stage are fed: batches, or the numbers of the examples that the devices gather."""

import functools
from collections.abc import Callable, Iterable, Iterator

import jax
import numpy as np

from gaxjax import parallel
from gaxjax.data import Loader, Source, assemble_batch, reduce_images
from gaxjax.data.loader import check_flip
from gaxjax.data.source import Batch, Tables
from gaxjax.programs.program import StageProgram


class Feed:
    """This process's part of a stage's batches, after so many steps of it.

    A set that is whole in memory and small enough lives on the devices: then calls are fed its arrays there,
    what is loaded are the numbers of examples, and `assemble` makes batches of both inside the step. Batches
    of any other set are loaded as they are. Close it to end its threads.
    """

    def __init__(self, program: StageProgram, source: Source, steps: int = 0):
        recipe, stage, minibatches = program.recipe, program.stage, program.minibatches
        source = reduce_images(source, stage.shape)  # smaller before it is measured: more of a set fits then
        resident = source.has_tables and source.table_size <= recipe.data.resident * 2**30
        self.source, self.resident = source, resident
        self.mesh, self.longest = program.mesh, recipe.steps_per_call
        self.assemble: Callable[[Tables, Tables], Tables] = (
            functools.partial(assemble_batch, source) if resident else as_loaded
        )
        self.per_seed = recipe.seeds > 1
        share = parallel.share_of(program.mesh, recipe.seeds)
        self.loaders: list[Loader] = []
        # A loader for each seed: runs side by side see what each would see alone.
        for seed in (recipe.seed + i for i in share.seeds):
            loader = Loader(
                source,
                stage.batch_size,
                minibatches,
                # Another order in each stage, unlike that of any seed that is near.
                seed=seed + 1_000_003 * program.number,
                process_index=share.block,
                process_count=share.blocks,
                flip=recipe.data.flip,
                workers=recipe.data.workers,
                choose=resident,
            )
            # Positions and not epochs: a run that goes on sees what it would have seen without a stop.
            loader.set_state({"position": steps * minibatches * stage.batch_size})
            self.loaders.append(loader)

    def __next__(self) -> Batch:
        """The next step's, [minibatches, batch, ...]; of several seeds, [seeds, minibatches, batch, ...].

        Of this process's seeds and examples alone, if there are several processes.
        """
        batches = [next(loader) for loader in self.loaders]
        return stack_batches(batches) if self.per_seed else batches[0]

    def calls(self, counts: Iterable[int]) -> Iterator[parallel.CallInput]:
        """For each call, of so many steps: what it is fed, on the devices or on its way.

        The next call's is on its way while one computes. What a shorter call leaves unused is zero.
        """
        # On every device of the mesh, if it lives there; and each number of steps is sent there once.
        tables = parallel.put_replicated(self.source.tables if self.resident else {}, self.mesh)
        number = functools.cache(lambda count: parallel.put_replicated(np.int32(count), self.mesh))

        def load(count: int) -> parallel.CallInput:
            steps = [next(self) for _ in range(count)]
            # Shapes are compiled in, the number of steps is not.
            rest = [jax.tree.map(np.zeros_like, steps[0])] * (self.longest - count)
            batches = parallel.shard(stack_batches(steps + rest), self.mesh, calls=True)
            return parallel.CallInput(tables, batches, number(count))

        following = None
        for count in counts:
            # One ahead and no more: what waits on the devices takes memory from the step.
            current, following = following, load(count)
            if current is not None:
                yield current
        if following is not None:
            yield following

    def close(self) -> None:
        """Ends all threads."""
        for loader in self.loaders:
            loader.close()


def check_feed(program: StageProgram, source: Source) -> None:
    """Refuses data that a stage cannot be fed, without loading any of them."""
    check_flip(reduce_images(source, program.stage.shape), program.recipe.data.flip)


def as_loaded(tables: Tables, batches: Tables) -> Tables:
    """Batches that are loaded whole."""
    return batches


def stack_batches(batches: list[Batch]) -> Batch:
    """Batches of the same names as one, along a new first axis."""
    return {name: np.stack([batch[name] for batch in batches]) for name in batches[0]}
