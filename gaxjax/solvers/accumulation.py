"""A minibatch in parts, one after the other: the memory of one part, and the gradient of all."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError, format_multiples
from gaxjax.game import GAN, Batch, Logs, State, Tree, count_examples
from gaxjax.layers.modules import mixing_of, visit_modules

Gradient = tuple[Any, Logs, Tree]
"""A gradient, what its loss logs, and the statistics that it leaves."""


def accumulate_gradient(
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
    check_divisible(count_examples(batch), parts)

    def body(total: Any, inputs: tuple[Batch, Array]) -> tuple[Any, tuple[Logs, Tree]]:
        gradient, logs, stats = gradient_of(state, *inputs)
        return jax.tree.map(jnp.add, total, gradient), (logs, stats)

    # A key for each part, or all of them would draw the same latents.
    inputs = split_batch(batch, parts), jax.random.split(key, parts)
    # The first part stands for all: they differ in values alone.
    one = jax.tree.map(lambda x: x[0], inputs)
    # Traced for shapes alone, and every module that is called is looked at: what cannot be taken in parts is
    # refused before anything is compiled.
    with visit_modules(functools.partial(check_module, gan, batch_size=count_examples(batch), parts=parts)):
        shapes = jax.eval_shape(gradient_of, state, *one)[0]
    # Added up in the carry: stacked, gradients would take the memory of all parts.
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    total, history = jax.lax.scan(body, zeros, inputs)
    logs, stats = jax.tree.map(mean_over_parts, history)
    return jax.tree.map(lambda x: x / parts, total), logs, stats


def split_batch(batch: Batch, parts: int) -> dict[str, Array]:
    """[B, ...] -> [parts, B / parts, ...]; a part's examples are `parts` apart.

    So every part has as many examples of every device as the others, and the groups that StyleGAN's standard
    deviation of the minibatch is of are those of the whole batch.
    """
    return {
        name: jnp.moveaxis(x.reshape(x.shape[0] // parts, parts, *x.shape[1:]), 1, 0)
        for name, x in batch.items()
    }


def mean_over_parts(history: Array) -> Array:
    """Over the first axis; of whole numbers the last."""
    # Counters have no mean; each part counts on from the same number, so that any part's is the next.
    return jnp.mean(history, axis=0) if jnp.issubdtype(history.dtype, jnp.floating) else history[-1]


def check_module(gan: GAN, module: nn.Module, batch_size: int, parts: int) -> None:
    """InputError for a module that sees a batch as a whole, and would see something else in its parts."""
    # The path begins with the game's field; a part of the game itself has none.
    network = module.path[0] if module.path else ""
    of = getattr(gan, network, None) if network else module
    who = (
        f"{network} ({type(of).__name__})" if network and of is not None else network or type(module).__name__
    )
    mixing = mixing_of(module)
    if mixing is not None:
        raise InputError(
            f"accumulate={parts}: {who} has {mixing.layer}, which is of a whole minibatch and would be of "
            f"each part: use {mixing.instead}, or accumulate 1"
        )
    together: Callable[[int], int] | None = getattr(module, "examples_together", None)
    part = batch_size // parts
    # Groups of the same size in a part as in the whole, B / size apart in both, have the same members.
    if together is not None and together(part) != together(batch_size):
        group = together(batch_size)
        raise InputError(
            f"accumulate={parts}: {who} has standard deviations of groups of {group}, which parts of {part} "
            f"examples cannot have: use a batch_size that is a multiple of {group * parts}, a smaller group, "
            f"or fewer parts"
        )


def check_divisible(batch_size: int, parts: int) -> None:
    """InputError for parts that are not of one size."""
    if batch_size % parts:
        use = format_multiples(batch_size, parts)
        raise InputError(f"batch_size {batch_size} is not divisible into accumulate={parts} parts; use {use}")
