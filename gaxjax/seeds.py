"""Several runs that differ in their seed alone, in one program: every array has one more leading axis.

One seed has no such axis, so that what is alone costs nothing.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gaxjax import parallel
from gaxjax.data import Loader
from gaxjax.game import Tree


@dataclass(frozen=True)
class Seeds:
    """The seeds first, first + 1, ..., of one run each."""

    first: int
    count: int

    @property
    def mesh(self) -> jax.sharding.Mesh:
        """All devices, along the seeds as far as they go."""
        return parallel.make_mesh(self.count)

    def keys(self, n: int) -> tuple[jax.Array, ...]:
        """n independent keys, of each seed its own: [] or [seeds]."""
        seeds = jnp.arange(self.first, self.first + self.count)
        split = jax.vmap(lambda seed: jax.random.split(jax.random.key(seed), n))(seeds)
        return tuple(split[:, i] if self.count > 1 else split[0, i] for i in range(n))

    def mapped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of trees of one seed, for those of all."""
        return jax.vmap(function) if self.count > 1 else function

    def shaped(self, tree: Tree) -> Tree:
        """Shapes of one seed as those of all."""
        if self.count == 1:
            return tree
        return jax.tree.map(lambda x: jax.ShapeDtypeStruct((self.count, *x.shape), x.dtype), tree)

    def one(self, tree: Tree, index: int = 0) -> Tree:
        """The tree of one seed, whole on every device."""
        if self.count == 1:
            return tree
        return picking(parallel.state_sharding(parallel.make_mesh()))(tree, index)


@functools.lru_cache(maxsize=1)
def picking(sharding: jax.sharding.Sharding) -> Callable[[Tree, int], Tree]:
    """(tree, index) -> the tree with every array indexed, compiled once for all indices."""
    return jax.jit(lambda tree, index: jax.tree.map(lambda x: x[index], tree), out_shardings=sharding)


class Loaders:
    """The batches of every seed, stacked: as a `Loader`, with one more leading axis."""

    def __init__(self, loaders: list[Loader]):
        self.loaders = loaders

    def __iter__(self) -> "Loaders":
        return self

    def __next__(self) -> dict[str, np.ndarray]:
        batches = [next(loader) for loader in self.loaders]
        return {name: np.stack([batch[name] for batch in batches]) for name in batches[0]}

    def close(self) -> None:
        """Ends all their threads."""
        for loader in self.loaders:
            loader.close()

    def __enter__(self) -> "Loaders":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
