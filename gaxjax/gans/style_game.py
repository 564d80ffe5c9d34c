"""What a game with a style generator offers besides its losses: the way through w, mixed and truncated."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax import transforms
from gaxjax.game import GAN, PLAY, Batch, count_examples, pure, select_condition
from gaxjax.layers.resampling import repeat_pixels
from gaxjax.networks.style import mix_styles
from gaxjax.networks.synthesis import Noise, Styles


class StyleGame(GAN):
    """A game whose generator has styles (`gaxjax.networks.style`). Abstract: says nothing of losses.

    Edits and the metrics of w call its methods by name, and know no other class.
    """

    generator: nn.Module
    """latents [B, L] (, labels [B]) -> images"""

    def condition_of(self, batch: Batch) -> Array | None:
        """The batch's labels, where the generator has classes."""
        return select_condition(batch, "label") if self.generator.classes else None

    def sample_latents(self, batch: Batch) -> Array:
        """Latents, one for each of the batch, [B, L]."""
        raise NotImplementedError(f"{type(self).__name__} must define sample_latents(batch)")

    def generate(self, latents: Array, condition: Array | None = None) -> Array:
        """Images of latents, [B, L] (, labels [B]) -> [B, H, W, C]."""
        return self.generator(latents, condition)

    def map_latents(self, latents: Array, condition: Array | None = None) -> Array:
        """w of latents, [B, L] (, labels [B]) -> [B, S]."""
        return self.generator.map(latents, condition)

    def broadcast_styles(self, w: Array) -> Styles:
        """The same w for every synthesis layer: {"layer_0": w, ...}."""
        return self.generator.styles(w)

    def synthesize(
        self,
        styles: Styles,
        latents: Array | None = None,
        condition: Array | None = None,
        noise: Noise = None,
    ) -> Array:
        """Images of styles, [B, H, W, C]; noise is drawn unless it is given.

        latents, condition: for a synthesis that starts from them, [B, L] and [B].
        """
        return self.generator.synthesize(styles, latents, condition, noise)

    def average_style(self) -> Array:
        """The moving average of w, [S]."""
        return self.generator.average()

    def mix_share(self, w: Array, label: Array | None, batch: Batch, share: float) -> Styles:
        """Styles of w, and for a share of the examples, from a random layer on, of other latents.

        Mixing regularization while a player moves. Karras et al. 2019, section 3.1.
        """
        layers, styles = self.generator.layers, self.generator.styles(w)
        # As a pure function, which leaves the average of w to the first latents.
        others = self.generator.styles(pure(self.generator, "map")(self.sample_latents(batch), label))
        crossover = jax.random.randint(self.make_rng(PLAY), (len(w), 1), 1, layers)
        is_mixed = jax.random.uniform(self.make_rng(PLAY), (len(w), 1)) < share
        # A crossover past the last layer mixes nothing: one compiled program for mixed and for plain.
        return mix_styles(styles, others, jnp.where(is_mixed, crossover, layers))

    def draw_images(
        self, batch: Batch, psi: float | Sequence[float], cutoff: int | None, mix: int, **options: Any
    ) -> Any:
        """What the generator makes of fresh latents, given these options.

        Of styles of `mix` latents, all but the first from a random layer on; then truncated.
        """
        latents, label = self.sample_latents(batch), self.condition_of(batch)
        # The one way for a generator without styles, ProGAN's; and no crossovers are drawn for nothing.
        if psi == 1.0 and mix == 1:
            return self.generator(latents, label, **options)
        styles = self.generator.styles(self.generator.map(latents, label))
        shape = (count_examples(batch), mix - 1)
        points = jax.random.randint(self.make_rng(PLAY), shape, 1, self.generator.layers)
        # In order, so that a later source takes over only what lies above its own layer.
        for crossover in jnp.sort(points, axis=1).T:
            others = self.generator.styles(self.generator.map(self.sample_latents(batch), label))
            styles = mix_styles(styles, others, crossover[:, None])
        styles = transforms.truncate(psi, self.generator.average(), cutoff)(styles)
        return self.generator.synthesize(styles, latents, label, **options)

    def sample(
        self,
        batch: Batch,
        psi: float | Sequence[float] = 1.0,
        cutoff: int | None = None,
        mix: int = 1,
        **options: Any,
    ) -> Array:
        """Images, one for each of the batch, truncated by psi in the first `cutoff` layers.

        mix: latents that an image has its styles of, from random layers on (Karras et al. 2019, table 2). As
        large as the batch's images, where it has any: a pixel of networks that have not grown is a square.
        """
        images = self.draw_images(batch, psi, cutoff, mix)
        # Early stages make small images, and rows of samples are compared side by side.
        wanted = batch["image"].shape[1] if "image" in batch else images.shape[1]
        return repeat_pixels(images, wanted // images.shape[1])
