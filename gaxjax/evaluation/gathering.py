"""From images to what metrics keep of them, batch by batch, on all devices."""

import functools
from collections.abc import Callable, Iterable, Iterator, Set
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gaxjax import parallel
from gaxjax.data.loader import pixels_of
from gaxjax.features import Features, pixels
from gaxjax.metrics.checking import Values, check_finite
from gaxjax.metrics.frechet import Moments, Vectors
from gaxjax.metrics.samples import Statistics
from gaxjax.parallel import compiler


@functools.partial(compiler.jit, static_argnames=("features", "level", "classifier", "needs", "sharding"))
def extract(
    params: Any,
    images: Array,
    labels: Array | None,
    features: Features | None,
    level: str,
    classifier: Features | None,
    needs: frozenset[str],
    sharding: jax.sharding.Sharding,
) -> dict[str, Array]:
    """What is kept of images [N, H, W, C] or clips [N, T, H, W, C] in [-1, 1], or points [N, D], by need.

    On every device.

    labels: [N], that they are of, where there are any.
    """
    found: dict[str, Array] = {}
    # As they would be written, whose networks may give more than white: what is measured is pictures.
    pictures = jnp.clip(images, -1, 1)
    # One pass of the network gives all levels that are asked for.
    levels = (level,) * bool(needs & {"moments", "vectors"})
    levels += ("logits",) * bool(needs & {"logits", "classes"})
    if levels:
        assert features is not None
        by_level = features.apply(params["features"], pictures, tuple(dict.fromkeys(levels)))
        if needs & {"moments", "vectors"}:
            found["vectors"] = by_level[level]
        if "logits" in needs:
            found["logits"] = by_level["logits"]
        if "classes" in needs:
            found["classes"] = jnp.argmax(by_level["logits"], axis=-1)
    if "images" in needs:
        found["images"] = pixels_of(images).astype(jnp.uint8)
    if "frame_colors" in needs:
        found["frame_colors"] = jnp.mean(pixels_of(images), axis=(2, 3))
    if "points" in needs:
        found["points"] = images
    if "labels" in needs:
        assert labels is not None
        found["labels"] = labels
    if "pixels" in needs:
        found |= pixels.apply({}, pictures, ("pixels",))
    if "digits" in needs:
        assert classifier is not None
        # Stacked MNIST: each of the 3 channels is a digit of its own, so the classes are [N, 3].
        channels = [pictures[..., c : c + 1] for c in range(pictures.shape[-1])]
        # By the classifier of single digits, channel by channel; see Metz et al. 2017, section 3.3.1.
        logits = [classifier.apply(params["classifier"], x, ("logits",))["logits"] for x in channels]
        found["digits"] = jnp.argmax(jnp.stack(logits, axis=1), axis=-1)
    # Whole on every device: a process can read no array of which a part lies with another.
    return {name: jax.lax.with_sharding_constraint(x, sharding) for name, x in found.items()}


def batch_positions(n: int, size: int, what: str) -> Iterator[tuple[int, np.ndarray]]:
    """(examples that count, positions [size]) until n are done; says how far it is."""
    from tqdm import tqdm

    starts = range(0, n, size)
    visible = parallel.is_primary() and len(starts) > 1
    for start in tqdm(starts, desc=what, leave=False, disable=not visible, mininterval=0.5):
        # The last batch is full as well, for one shape is one compilation; what is over does not count.
        yield min(size, n - start), np.arange(start, start + size)


def map_blocks(make: Callable[[Any, Any], Any], batch: Any, first: Any, size: int) -> Any:
    """`make(block, number)` of each `size` examples of a batch, and what it outputs in one: arrays [B, ...].

    first: the number of the first block. What is drawn by a block's number is the same on 3 devices, or 128,
    where a batch has more blocks than one, as on a single device, where it is one.

    >>> map_blocks(lambda block, number: block + 10 * number, jnp.arange(4), 1, 2)
    Array([10, 11, 22, 23], dtype=int32)
    """
    count = len(jax.tree.leaves(batch)[0]) // size
    # The common case, on one device: the same program as without blocks.
    if count == 1:
        return make(batch, first)
    blocks = jax.tree.map(lambda x: x.reshape(count, size, *x.shape[1:]), batch)
    outputs = jax.vmap(make)(blocks, first + jnp.arange(count))
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), outputs)


def gather_statistics(batches: Iterable[tuple[int, dict[str, Array]]], needs: Set[str]) -> Statistics:
    """What `needs` asks for of batches (examples that count, what was extracted of them)."""
    # Moments of batches are merged in float64 on the host, in memory of D x D whatever n is. While there are
    # fewer vectors than features, the vectors themselves are kept: they are the smaller of the two, and
    # pixels of 256 px would want a covariance of 288 GiB.
    count, moments, vectors = 0, None, list[np.ndarray]()
    arrays: dict[str, list[np.ndarray]] = {name: [] for name in needs - {"moments"}}
    for rows, batch in batches:
        count += rows
        if "moments" in needs and count < batch["vectors"].shape[1]:  # examples are less than their scatter
            vectors.append(np.asarray(batch["vectors"], np.float32)[:rows])
        elif "moments" in needs:
            # From here on the scatter is the smaller: what was kept goes into it first, in its order.
            more: list[Values] = [*vectors, batch["vectors"][:rows]]
            for part in map(Moments.of, more):
                moments = part if moments is None else moments.merge(part)
            vectors.clear()
        for name, parts in arrays.items():
            parts.append(np.asarray(batch[name])[:rows])
    whole = {name: np.concatenate(parts) for name, parts in arrays.items()}
    return Statistics(count, join_vectors(vectors) if vectors else moments, whole)


def join_vectors(parts: list[np.ndarray]) -> Vectors:
    """Of batches of vectors [n, D]; InputError where they are not finite."""
    vectors = Vectors(np.concatenate(parts))
    parts.clear()  # twice the memory no longer than it takes
    check_finite(features=vectors.mean)
    return vectors
