"""The iterator that feeds a run: what it gives depends on the seed and the position alone."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self, TypeVar, final

import jax
import jax.numpy as jnp
import numpy as np

from gaxjax.data.factors import NAME as FACTORS
from gaxjax.data.source import Batch, Source, Tables, random_words
from gaxjax.errors import InputError, format_multiples
from gaxjax.parallel.counting import nbytes

Tree = TypeVar("Tree")


def normalize(batch: Tree) -> Tree:
    """Each uint8 leaf as floats in [-1, 1], x / 127.5 - 1, the others as they are; pure, for the device.

    >>> normalize({"image": np.array([0, 255], np.uint8), "label": np.array([3])})
    {'image': Array([-1.,  1.], dtype=float32), 'label': array([3])}
    """

    def leaf(x: Any) -> Any:
        # `float` is JAX's: float32, or float64 under x64, where two programs are compared without rounding.
        return jnp.asarray(x, float) / 127.5 - 1 if getattr(x, "dtype", None) == jnp.uint8 else x

    return jax.tree.map(leaf, batch)


def pixels_of(images: Any) -> Any:
    """Images in [-1, 1] as the whole numbers 0..255 that a file of them would hold, in float32.

    The inverse of `normalize`, for NumPy's arrays and JAX's.

    >>> pixels_of(np.array([-1.2, -1.0, 0.0, 0.999, 1.0]))
    array([  0.,   0., 128., 255., 255.], dtype=float32)
    """
    # Rounded, not cut off: what was 8 bits comes back as it was, and means keep no bias of half a level.
    return ((images.astype(np.float32) + 1) * 127.5).round().clip(0, 255)


def assemble_batch(source: Source, tables: Tables, choice: Tables) -> Tables:
    """Batches of a loader's choice, as it would have given them; pure, for the device."""
    return mirror_images(source.gather(tables, choice), choice)


MIRRORED = "mirrored "
"""With a name: whether its images are mirrored, among what was chosen."""


@final
class Steps:
    """Random access to the batches of a step, as grain wants its sources; or to what was chosen for them."""

    def __init__(
        self,
        source: Source,
        batch_size: int,
        minibatches: int,
        seed: int,
        rows: slice,
        flip: bool,
        choose: bool,
    ):
        self.source, self.seed, self.rows, self.flip, self.choose = source, seed, rows, flip, choose
        self.shape = (minibatches, batch_size)

    def __len__(self) -> int:
        # grain wants a length. This one no run reaches, and positions below it stay within int64.
        return 2**62 // (self.shape[0] * self.shape[1])

    def __getitem__(self, step: int) -> Batch:
        examples = self.shape[0] * self.shape[1]
        # [minibatches, rows of this process]. Positions are global and only then divided, which is why the
        # number of processes changes nothing of what a run sees.
        positions = (step * examples + np.arange(examples)).reshape(self.shape)[:, self.rows]
        flat = positions.reshape(-1)
        batch = self.source.choose(flat, self.seed) if self.choose else self.source.take(flat, self.seed)
        if self.flip:
            coins = {
                MIRRORED + name: self.coins(name, flat) for name, x in self.source.spec.items() if x.ndim >= 3
            }
            batch = batch | coins if self.choose else mirror_images(batch, coins)
        # [n, ...] -> [minibatches, rows, ...]: sources know of no minibatches.
        return {key: value.reshape(*positions.shape, *value.shape[1:]) for key, value in batch.items()}

    def coins(self, name: str, positions: np.ndarray) -> np.ndarray:
        """Which images are mirrored, [n] bool: half of them; names that belong together are together."""
        # The words' highest bit. One word a position, whatever the batch: a resumed run tosses the same
        # coins. Names of one stream get the same coin, so that a pair is mirrored as a whole.
        return random_words(positions, self.seed, self.source.streams[name])[:, 0] >> np.uint64(63) == 1


def mirror_images(batch: Tables, coins: Tables) -> Tables:
    """The batch with images left to right where the coins say so; NumPy's or JAX's arrays."""

    def mirror(images: Any, coin: Any) -> Any:
        # The same function on the host, for sets that stream, and on the device, for sets that live there.
        # Both must give the same batches, and np.where would pull a traced array to the host.
        where = np.where if isinstance(images, np.ndarray) else jnp.where
        # A clip is mirrored as a whole: its frames share the coin.
        mirrored = coin.reshape(*coin.shape, *(1,) * (images.ndim - coin.ndim))
        return where(mirrored, images[..., ::-1, :], images)

    return batch | {
        name: mirror(batch[name], coins[MIRRORED + name]) for name in batch if MIRRORED + name in coins
    }


def check_flip(source: Source, flip: bool) -> None:
    """Refuses to mirror what is no image."""
    if flip and FACTORS in source.spec:
        raise InputError("flip=True mirrors images, whose factors would be others then; use flip=False")
    if flip and not any(len(leaf.shape) >= 3 for leaf in source.spec.values()):
        raise InputError("flip=True mirrors images, and these examples are points; use flip=False")


@final
class Loader(Iterator[Batch]):
    """Batches without end: dicts of arrays [minibatches, batch_size // process_count, ...].

    Global batch b holds positions b * batch_size to (b + 1) * batch_size; step s takes the minibatches
    s * minibatches onward, and each process its own rows of them. So what a run sees does not depend on how
    many processes there are or where it was resumed. Close it, or use it as a context, to end its threads
    before the process ends.

    choose: gives what was chosen instead, for `assemble_batch` to make the same batches of on the devices.
    """

    def __init__(
        self,
        source: Source,
        batch_size: int,
        minibatches: int = 1,
        seed: int = 0,
        process_index: int = 0,
        process_count: int = 1,
        flip: bool = False,
        workers: int = 2,
        choose: bool = False,
    ):
        import grain

        if batch_size < 1 or minibatches < 1:
            raise InputError(f"batch_size and minibatches are at least 1, not {batch_size} and {minibatches}")
        if seed < 0:
            raise InputError(f"seed is at least 0, not {seed}")
        if not 0 <= process_index < process_count:
            raise InputError(f"process_index {process_index} is not one of {process_count} processes")
        if batch_size % process_count:
            use = format_multiples(batch_size, process_count)
            raise InputError(
                f"batch_size {batch_size} is not divisible by {process_count} processes; use {use}"
            )
        check_flip(source, flip)
        if choose and not source.has_tables:
            raise InputError(f"{type(source).__name__} has no tables to choose from; use choose=False")
        self.examples = batch_size * minibatches
        share = batch_size // process_count
        rows = slice(process_index * share, (process_index + 1) * share)
        steps = Steps(source, batch_size, minibatches, seed, rows, flip, choose)
        # At most 256 MiB of batches wait, and at most 16; at least one for each thread, or threads would be
        # idle, and two, or a step would wait for the one after it.
        ahead = max(min(16, 2**28 // (nbytes(source.spec) * share * minibatches + 1)), workers, 2)
        # Threads, not processes: Pillow and NumPy let go of the interpreter's lock where they spend their
        # time.
        options = grain.ReadOptions(num_threads=workers, prefetch_buffer_size=ahead)
        dataset = grain.MapDataset.source(steps).to_iter_dataset(read_options=options)
        self.iterator = iter(dataset)

    def __next__(self) -> Batch:
        return next(self.iterator)

    def get_state(self) -> dict[str, int]:
        """Where the run is, in examples: {"position": p}."""
        # In examples, not in steps: a state that does not fit the batch size is noticed (`set_state`).
        return {"position": self.iterator.get_state()["next_index"] * self.examples}

    def set_state(self, state: dict[str, int]) -> None:
        """Go on from a position, which lies between two steps."""
        step, rest = divmod(int(state["position"]), self.examples)
        if rest or step < 0:
            raise InputError(
                f"position {state['position']} is not between two steps of {self.examples} examples; was the "
                "batch size changed?"
            )
        self.iterator.set_state({"next_index": step})

    def close(self) -> None:
        """End the threads; what was read ahead is dropped."""
        self.iterator.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
