"""A memory of fakes for a discriminator. Shrivastava et al. 2017, arXiv 1612.07828, section 2.3."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.game import PLAY
from gaxjax.layers.modules import Mixing
from gaxjax.sharding import copy_to_devices, split_over_devices


class ImagePool(nn.Module):
    """Gives back each image, or, half of the time, an older one in its place.

    Its pictures are variables of the collection `pool`. Only a player's move changes them.
    """

    capacity: int
    """images that it holds; 0 gives every image back"""

    @property
    def mixes_examples(self) -> Mixing | None:
        """An image given back may be of another minibatch."""
        return Mixing("a pool of fake images", "pool 0") if self.capacity else None

    @nn.compact
    def __call__(self, images: Array) -> Array:
        if self.capacity == 0:
            return images
        stored = self.variable("pool", "images", jnp.zeros, (self.capacity, *images.shape[1:]))
        count = self.variable("pool", "count", jnp.zeros, (), jnp.int32)
        # Initialization needs shapes alone: its zeros are not to be put in.
        if self.is_initializing():
            return images

        def exchange(
            pool: tuple[Array, Array], inputs: tuple[Array, Array]
        ) -> tuple[tuple[Array, Array], Array]:
            (stored, count), (image, key) = pool, inputs
            coin, slot = jax.random.split(key)
            # While it fills, each image goes in and comes straight back.
            filling = count < self.capacity
            swap = ~filling & jax.random.bernoulli(coin)
            # Drawn for every image, so that the number of draws does not depend on the pool.
            place = jnp.where(filling, count, jax.random.randint(slot, (), 0, self.capacity))
            out = jnp.where(swap, stored[place], image)
            stored = jnp.where(filling | swap, stored.at[place].set(image), stored)
            return (stored, jnp.minimum(count + 1, self.capacity)), out

        keys = jax.random.split(self.make_rng(PLAY), images.shape[0])
        # One image after the other, as in the authors' code: a later one may meet an earlier of its batch.
        # Without gradients: what is stored outlives the step whose parameters made it.
        # The pool is whole on every device: so is, once, what may go in. What comes out is a batch again.
        images = copy_to_devices(jax.lax.stop_gradient(images))
        pool, out = jax.lax.scan(exchange, (stored.value, count.value), (images, keys))
        stored.value, count.value = pool
        return split_over_devices(out)
