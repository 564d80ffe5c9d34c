"""MSG-GAN's discriminator: images of many sizes, each entering at its level. Karnewar & Wang 2020, section 2.

Its generator is ProGAN's or StyleGAN's with output="every" (`gaxjax.networks.style`).
"""

from collections.abc import Callable, Mapping
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError
from gaxjax.layers.dtypes import Precision, to_compute_dtype, to_float32
from gaxjax.layers.mode import warn_of_kept_weights
from gaxjax.layers.recomputation import apply_block
from gaxjax.networks.progressive import (
    Convolution,
    append_deviation,
    count_levels,
    equalize_kernels,
    group_size,
    last_level,
    level_channels,
    make_activation,
)
from gaxjax.transforms import Tree, chain


class Discriminator(nn.Module):
    """Images {level: [B, H, W, C]} (, labels [B]) -> {"logits": [B], "features": [B, F]}.

    Level 0 is the smallest. Of the newest there is an image, of the others there may be: with none of them,
    and the minibatch's deviation at the last level, it is `networks.progressive.Discriminator`.
    """

    shape: tuple[int, int, int]
    """(H, W, C) of the largest images: the base, doubled some times"""
    base: tuple[int, int] = (4, 4)
    """height and width of level 0"""
    features: int = 8192
    """channels at a level are features / 2^(level + 1), and no more than max_features"""
    max_features: int = 512
    """channels that a level has at most"""
    taps: tuple[float, ...] = ()
    """of the filter when downsampling: none, (1, 2, 1), (1, 3, 3, 1)"""
    combine: Literal["simple", "lin_cat", "cat_lin"] = "simple"
    """how an image enters beside features: as it is; by a 1 x 1 convolution of its own, to half as many
    channels; or both by one, to as many as there were"""
    deviation: Literal["every", "last"] = "every"
    """levels that are told the standard deviation of the minibatch"""
    group: int = 4
    """examples that it is of; 1: none"""
    classes: int = 0
    """logits, one for each class, of which the label says which counts; 0: one"""
    scaled: bool = False
    """StyleGAN2's way of keeping variances: the factor sqrt(2) after leaky ReLU instead of on kernels"""
    precision: Precision = "float32"
    """of the convolutions; parameters, statistics and the last layers are float32"""
    recompute: bool = False
    """whether levels are computed again in the backward pass instead of kept: less memory, more time"""

    def examples_together(self, batch: int) -> int:
        """How many examples of a minibatch a standard deviation is of."""
        return group_size(batch, self.group)

    @nn.compact
    def __call__(self, images: Mapping[int, Array], label: Array | None = None) -> dict[str, Array]:
        self.check_images(images)
        warn_of_kept_weights(self)
        top, width = count_levels(self.shape, self.base), level_channels(self.features, self.max_features)
        images = {level: to_compute_dtype(x, self.precision) for level, x in images.items()}
        x = None
        for level in range(top, 0, -1):
            x = apply_block(self, self.recompute, self.level_block(level), x, images.get(level))
        # What comes after the convolutions of levels is float32, so what enters here is too.
        smallest = to_float32(images[0]) if 0 in images else None
        x = self.enter(None if x is None else to_float32(x), smallest, 0)
        if self.group > 1:
            x = append_deviation(x, self.group)
        return last_level(x, width(0), self.classes, label, self.scaled)

    def level_block(self, level: int) -> Callable[..., Array]:
        """One level: (module, features of the one above, image of its own) -> features of half the size."""
        width = level_channels(self.features, self.max_features)

        def body(module: "Discriminator", x: Array | None, image: Array | None) -> Array:
            x = module.enter(x, image, level)
            act = make_activation(self.scaled, x.dtype)
            if self.deviation == "every" and self.group > 1:
                # Squares of float16 would pass its largest number.
                x = append_deviation(to_float32(x), self.group).astype(x.dtype)
            x = act(Convolution(width(level), name=f"level_{level}_0")(x))
            down = Convolution(width(level - 1), resize="down", taps=self.taps, name=f"level_{level}_1")
            return act(down(x))

        return body

    def enter(self, x: Array | None, image: Array | None, level: int) -> Array:
        """The features that a level begins with: of the one above it, of its image, or of both."""
        channels = level_channels(self.features, self.max_features)(level)
        if x is None:
            assert image is not None  # check_images has seen to it
            # As ProGAN's, of the newest level alone.
            features = Convolution(channels, 1, name=f"from_rgb_{level}")(image)
            return make_activation(self.scaled, features.dtype)(features)
        if image is None:
            return x
        if self.combine == "lin_cat":
            image = Convolution(max(1, channels // 2), 1, name=f"combine_{level}")(image)
        both = jnp.concatenate([x, image], axis=-1)
        if self.combine != "cat_lin":
            return both
        # Linear, and without a bias, as in the authors' code.
        return Convolution(channels, 1, bias=False, name=f"combine_{level}")(both)

    @nn.nowrap
    def check_images(self, images: Mapping[int, Array]) -> None:
        """InputError unless there is an image of the newest level, and each is of its level's size."""
        top = count_levels(self.shape, self.base)
        sizes = {
            level: (self.base[0] << level, self.base[1] << level, self.shape[2]) for level in range(top + 1)
        }
        came = {level: x.shape[1:] for level, x in images.items()} if isinstance(images, Mapping) else images
        if not isinstance(came, dict) or top not in came or not came.items() <= sizes.items():
            shown = came if isinstance(came, dict) else f"one image of shape {came.shape[1:]}"
            raise InputError(
                f"discriminator is for images by level, the newest among them, of {sizes}; got {shown}: "
                f"set its shape or the data's, or use networks.progressive for one image"
            )

    @nn.nowrap
    def weights(self, params: Tree, step: Array | int) -> Tree:
        """What a game gives the network to compute with: `effective_params`."""
        return self.effective_params(params)

    @nn.nowrap
    def effective_params(self, params: Tree, alpha: Array | float = 1.0) -> Tree:
        """Parameters as this network sees them; no level of it fades, whatever alpha."""
        # 1 x 1 convolutions that combine have leaky ReLU's gain though none follows, as in the authors' code.
        return chain(*equalize_kernels(self.scaled, ("last",)))(params)
