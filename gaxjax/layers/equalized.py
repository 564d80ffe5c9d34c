"""Networks of equalized parameters, in a loop of one's own."""

from typing import Any

import flax.linen as nn
from jax import Array

from gaxjax.layers.transformed import Wrapper, call_transformed
from gaxjax.transforms import Tree


class Equalized(Wrapper):
    """ProGAN's or StyleGAN's generator or discriminator as any other network: (params, x) -> y.

    Its parameters are what optimizers move, the tree of `State.params[name]`; the network sees them scaled,
    and its newest level faded in. A game does so by itself, for networks as they are.

        generator = Equalized(style.Generator((64, 64, 3)))
        params = generator.init({"params": key, "play": key}, z)["params"]
        images = generator.apply({"params": params}, z, rngs={"play": key})
    """

    network: nn.Module
    """of `networks.style` or `networks.progressive`"""
    alpha: float = 1.0
    """share of the newest level, where the network is fading"""

    def __call__(self, *inputs: Any) -> Any:
        """The network's outputs."""
        return call_transformed(self, *inputs)

    @nn.nowrap
    def weights(self, params: Tree, step: Array | int) -> Tree:
        """The parameters as the network gets them."""
        return self.network.effective_params(params, self.alpha)
