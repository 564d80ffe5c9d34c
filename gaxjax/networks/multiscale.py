"""Discriminators of one image at several sizes. Wang et al. 2018; Zhu et al. 2017 (BicycleGAN)."""

import flax.linen as nn
from jax import Array

from gaxjax.game import output_of


class Multiscale(nn.Module):
    """Images [B, H, W, C] -> {"logits": (of the first network, of the second, ...)}: a loss for each."""

    networks: tuple[nn.Module, ...]
    """images -> logits; the first sees images as they are, each following one half of that size"""

    def __call__(self, x: Array) -> dict[str, tuple[Array, ...]]:
        logits = []
        for number, network in enumerate(self.networks):
            if number:
                # Means of 3 x 3, as the authors' code has them; of a border, of the pixels that there are.
                x = nn.avg_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)), count_include_pad=False)
            logits.append(output_of(network(x), "logits"))
        return {"logits": tuple(logits)}
