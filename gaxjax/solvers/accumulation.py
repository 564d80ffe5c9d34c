"""A minibatch in parts, one after the other: the memory of one part, and the gradient of all."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError, multiples
from gaxjax.game import GAN, Batch, Logs, State, Tree, size
from gaxjax.networks.progressive import group_size

Gradient = tuple[Any, Logs, Tree]
"""A gradient, what its loss logs, and the statistics that it leaves."""


def accumulated(
    gradient_of: Callable[[State, Batch, Array], Gradient],
    gan: GAN,
    state: State,
    batch: Batch,
    key: Array,
    parts: int,
) -> Gradient:
    """The means, over so many parts of the batch, of gradients, logs and statistics.

    For a loss that is a mean over examples they are those of the whole batch up to the order of additions, if
    its draws are. Draws (latents, noise, dropout) have a key of their own in each part: other numbers of the
    same distribution. What a loss takes of a batch as a whole (relativistic averages, matched features, the
    mean of path lengths) it takes of each part. Every part begins with the same statistics; of whole numbers
    among them, the last part's stay.

    InputError where the parts' networks would do something else than the whole's.
    """
    refuse(gan, state, size(batch), parts)

    def body(total: Any, inputs: tuple[Batch, Array]) -> tuple[Any, tuple[Logs, Tree]]:
        gradient, logs, stats = gradient_of(state, *inputs)
        return jax.tree.map(jnp.add, total, gradient), (logs, stats)

    inputs = split(batch, parts), jax.random.split(key, parts)
    one = jax.tree.map(lambda x: x[0], inputs)
    shapes = jax.eval_shape(gradient_of, state, *one)[0]
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    total, history = jax.lax.scan(body, zeros, inputs)
    logs, stats = jax.tree.map(mean, history)
    return jax.tree.map(lambda x: x / parts, total), logs, stats


def split(batch: Batch, parts: int) -> dict[str, Array]:
    """[B, ...] -> [parts, B / parts, ...]; a part's examples are `parts` apart.

    So every part has as many examples of every device as the others, and the groups that StyleGAN's standard
    deviation of the minibatch is of are those of the whole batch.
    """
    return {
        name: jnp.moveaxis(x.reshape(x.shape[0] // parts, parts, *x.shape[1:]), 1, 0)
        for name, x in batch.items()
    }


def mean(history: Array) -> Array:
    """Over the first axis; of whole numbers the last."""
    return jnp.mean(history, axis=0) if jnp.issubdtype(history.dtype, jnp.floating) else history[-1]


def refuse(gan: GAN, state: State, batch_size: int, parts: int) -> None:
    """InputError for what sees a batch as a whole, and would see something else in its parts."""
    divide(batch_size, parts)
    layers = {
        "batch_stats": ("batch norm", 'norm="layer", "instance" or "none"'),
        "MinibatchDiscrimination": ("minibatch discrimination", "minibatch_kernels 0"),
        "pool": ("a pool of made images", "pool 0"),
        "augmentation": ("an adaptive probability of augmentation", "augment.target 0"),
    }
    paths = jax.tree_util.tree_leaves_with_path({"params": state.params, **state.stats})
    for path in ([str(getattr(key, "key", key)) for key in path] for path, _ in paths):
        for mark, (layer, instead) in layers.items():
            if path[0] == mark or any(name.startswith(f"{mark}_") for name in path[2:]):
                network = getattr(gan, path[1], None)
                who = f"{path[1]} ({type(network).__name__})" if network is not None else path[1]
                raise InputError(
                    f"accumulate={parts}: {who} has {layer}, which is of a whole minibatch and would be of "
                    f"each part: use {instead}, or accumulate 1"
                )
    for network in state.params:
        module = getattr(gan, network, None)
        group = getattr(module, "group", 1)
        part = batch_size // parts
        if group_size(part, group) != group_size(batch_size, group):
            raise InputError(
                f"accumulate={parts}: {network} ({type(module).__name__}) has standard deviations of groups "
                f"of {group_size(batch_size, group)}, which parts of {part} examples cannot have: use a "
                f"batch_size that is a multiple of {group * parts}, a smaller group, or fewer parts"
            )


def divide(batch_size: int, parts: int) -> None:
    """InputError for parts that are not of one size."""
    if batch_size % parts:
        use = multiples(batch_size, parts)
        raise InputError(f"batch_size {batch_size} is not divisible into accumulate={parts} parts; use {use}")
