"""Samples of a game to be measured, on all devices of all processes; which they are depends on no device."""

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.sharding import NamedSharding, PartitionSpec

from gaxjax import parallel
from gaxjax.data import Source, normalize
from gaxjax.errors import InputError
from gaxjax.evaluation.back_translation import BackTranslation
from gaxjax.evaluation.gathering import batch_positions, map_blocks
from gaxjax.evaluation.latent_space import PIXELS
from gaxjax.evaluation.questions import Question
from gaxjax.game import GAN, State, sample
from gaxjax.generators.sampling import sampling_options
from gaxjax.metrics.catalog import METRICS
from gaxjax.metrics.metric import UNITS
from gaxjax.parallel import compiler
from gaxjax.recipe.evaluation import Evaluation

BATCH, BLOCKS = 64, {"points": 2_000, "images": 64, "clips": 16}
"""Examples of a block, which is drawn with one key: samples depend on it, and on no device."""


class Sampler:
    """Draws what an evaluation measures of a game's states, block by block."""

    def __init__(self, evaluation: Evaluation, shape: tuple[int, ...], any_length: bool = False):
        """shape: of the real examples that samples are compared with.

        any_length: whether clips may be of another length than those.
        """
        self.evaluation, self.shape, self.any_length = evaluation, shape, any_length
        self.mesh = parallel.make_mesh()
        back = evaluation.back
        self.back = BackTranslation(back, self.shape, self.mesh) if back else None
        self.block = BLOCKS[UNITS[len(shape)]]
        # Asked before each batch, by all processes: whoever measures while it trains may raise, to end that.
        self.before_batch: Callable[[], None] = lambda: None
        # Compiled once, so that the second seed, and the next measuring, need not be.
        self.draw_compiled = compiler.jit(
            self.draw_blocks, static_argnums=0, in_shardings=self.shardings, out_shardings=self.shardings[1]
        )

    def draw_samples(
        self, gan: GAN, state: State, source: Source
    ) -> Iterator[tuple[int, jax.Array, jax.Array | None]]:
        """(samples that count, samples [B, ...] over all devices, labels), for a source's examples."""
        for rows, number, batch in self.load_batches(source, self.block, "samples"):
            images = self.draw_compiled(gan, state, batch, number)
            yield rows, self.back(images) if self.back else images, batch.get("label")

    def ask_game(
        self, question: Question, gan: GAN, state: State, source: Source
    ) -> Iterator[tuple[int, dict[str, jax.Array]]]:
        """(examples that count, what the game answers of them, by name) of a batch at a time."""
        held = state, parallel.replicate(question.params, self.mesh)
        whole = parallel.state_sharding(self.mesh)
        # Each example is several images here, two ends for both kinds of paths in each space, with all their
        # activations: at 1024 px there is room for two, where samples alone come in blocks of 64.
        size = max(1, min(BATCH, PIXELS // math.prod(self.shape[:2])))

        def ask_blocks(held: Any, batch: Any, first: Any) -> dict[str, jax.Array]:
            return map_blocks(functools.partial(question, gan, held), batch, first, size)

        # What comes of a batch is small, and goes whole to every device; of samples only extracts do.
        compiled = jax.jit(ask_blocks, in_shardings=self.shardings, out_shardings=whole)
        for rows, number, batch in self.load_batches(source, size, question.of):
            yield rows, compiled(held, batch, number)

    @property
    def shardings(self) -> tuple[Any, Any, None]:
        """Of functions of a state, a batch and the number of its first block."""
        return parallel.state_sharding(self.mesh), NamedSharding(self.mesh, PartitionSpec("data")), None

    def load_batches(self, source: Source, size: int, what: str) -> Iterator[tuple[int, int, Any]]:
        """(examples that count, number of the first block, batch over all devices) of what is measured.

        Blocks are of `size` examples; a batch is of as many as the devices share equally.
        """
        e, split = self.evaluation, self.shardings[1]
        # Translations in the order of the real images, the partners of which they are.
        order = 0 if e.output else e.seed
        processes, index = jax.process_count(), jax.process_index()
        # Blocks rather than batches have keys. When a batch was 64 rounded to what the devices share, and
        # drawn with one key, FID was another on 3 devices, or on 128.
        for rows, positions in batch_positions(e.n, math.lcm(size, self.mesh.size), what):
            self.before_batch()
            # Each process loads what its own devices hold. Beyond n, positions go on: those rows are cut off
            # later.
            here = positions.reshape(processes, -1)[index]
            own = source.take(here, seed=order)
            if e.balanced:
                # One class after the other: of any n that the classes divide, each has as many.
                own["label"] = (here % (source.classes or 1)).astype(own["label"].dtype)
            put = functools.partial(jax.make_array_from_process_local_data, split)
            yield rows, int(positions[0]) // size, jax.tree.map(put, own)

    def draw_blocks(self, gan: GAN, state: State, batch: Any, first: Any) -> jax.Array:
        """Samples of the blocks of a batch, [B, ...], given the number of the first."""
        images: jax.Array = map_blocks(
            functools.partial(self.draw_block, gan, state), batch, first, self.block
        )
        return images

    def draw_block(self, gan: GAN, state: State, batch: Any, number: Any) -> jax.Array:
        """Samples of one block, [B, ...]: the output that is measured, if there are several."""
        # A function of the seed and the block's number alone, whatever the devices and the run's own key.
        key = jax.random.fold_in(jax.random.key(self.evaluation.seed), number)
        options, output = sampling_options(gan, self.evaluation.sampling), self.evaluation.output
        fake = sample(gan, state, normalize(batch), key, **options)
        if isinstance(fake, dict) != bool(output) or (output and output not in fake):
            known = ", ".join(map(repr, fake)) if isinstance(fake, dict) else "one, which has no name"
            raise InputError(f"output={output!r} is none of the game's outputs: {known}")
        images: jax.Array = fake[output] if output else fake
        self.check_shape(images.shape[1:])
        return images

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """InputError for samples that cannot be compared with real examples."""
        if shape == self.shape:
            return
        unit = UNITS[len(self.shape)]
        if unit == "clips" and len(shape) == 4 and shape[1:] == self.shape[1:]:
            if self.any_length:
                return
            free = " and ".join(name for name, metric in METRICS.items() if metric.any_length)
            raise InputError(
                f"samples have {shape[0]} frames, the real clips {self.shape[0]}, and only {free} measure "
                "those of another length: leave frames out of sampling for the others"
            )
        raise InputError(f"samples have shape {shape}, the real {unit} {self.shape}")

    def abstract_batch(self, spec: Any) -> dict[str, jax.ShapeDtypeStruct]:
        """The shapes of the smallest batch."""
        # One example for each device, or the sharded axis could not be split.
        return {k: jax.ShapeDtypeStruct((self.mesh.size, *x.shape), x.dtype) for k, x in spec.items()}
