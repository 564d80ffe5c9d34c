"""Several runs that differ in their seed alone, in one program: every array has one more leading axis.

One seed has no such axis, so that what is alone costs nothing.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from gaxjax import parallel
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
        """n independent keys, of each seed its own: [] or [seeds]; on all devices, as the state is."""

        def make_keys() -> tuple[jax.Array, ...]:
            # Each from its own seed, and not split of one key: it draws what a run of that seed alone draws.
            seeds = jnp.arange(self.first, self.first + self.count)
            keys = jax.vmap(lambda seed: jax.random.split(jax.random.key(seed), n))(seeds)
            return tuple(keys[:, i] if self.count > 1 else keys[0, i] for i in range(n))

        # Made where they are used: a step may move nothing from one device to another.
        return jax.jit(make_keys, out_shardings=parallel.state_sharding(self.mesh))()

    def vmap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of trees of one seed, for those of all."""
        return jax.vmap(function) if self.count > 1 else function

    def add_axis(self, tree: Tree) -> Tree:
        """Shapes of one seed as those of all."""
        if self.count == 1:
            return tree
        return jax.tree.map(lambda x: jax.ShapeDtypeStruct((self.count, *x.shape), x.dtype), tree)

    def select(self, tree: Tree, index: int = 0) -> Tree:
        """The tree of one seed, whole on every device."""
        if self.count == 1:
            return tree
        return compile_select(parallel.state_sharding(parallel.make_mesh()))(tree, index)


# One is enough, for a process has one mesh; the index is an argument, so that another is no new program.
@functools.lru_cache(maxsize=1)
def compile_select(sharding: jax.sharding.Sharding) -> Callable[[Tree, int], Tree]:
    """(tree, index) -> the tree with every array indexed, compiled once for all indices."""
    return jax.jit(lambda tree, index: jax.tree.map(lambda x: x[index], tree), out_shardings=sharding)
