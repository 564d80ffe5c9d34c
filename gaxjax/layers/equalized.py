"""Networks of equalized parameters, in a loop of one's own."""

from typing import Any

import flax.linen as nn


class Equalized(nn.Module):
    """ProGAN's or StyleGAN's generator or discriminator as any other network: (params, x) -> y.

    Its parameters are what optimizers move, the tree of `State.params[name]`; the network sees them scaled,
    and its newest level faded in. In a game, `StyleGAN.weights` does so, for networks as they are.

        generator = Equalized(style.Generator((64, 64, 3)))
        params = generator.init({"params": key, "play": key}, z)["params"]
        images = generator.apply({"params": params}, z, rngs={"play": key})
    """

    network: nn.Module
    """of `networks.style` or `networks.progressive`"""
    alpha: float = 1.0
    """share of the newest level, where the network is fading"""

    def setup(self) -> None:
        nn.share_scope(self, self.network)  # whose tree has no level of this module's own

    def __call__(self, *inputs: Any) -> Any:
        """The network's outputs."""
        # Nothing to scale yet: kernels are drawn as they are kept.
        if self.is_initializing():
            return self.network(*inputs)

        def effective(variables: Any) -> Any:
            return {"params": self.network.effective_params(variables["params"], self.alpha)}

        def call(network: nn.Module, *inputs: Any) -> Any:
            return network(*inputs)

        # On the way in alone: gradients are of the tree as it is kept.
        return nn.map_variables(call, "params", trans_in_fn=effective)(self.network, *inputs)
