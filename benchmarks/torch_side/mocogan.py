"""MoCoGAN's discriminator of clips in PyTorch: each layer halves height and width, and pads no frames."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from torch_side.dcgan import BatchNorms
from torch_side.network import Network


class Discriminator(Network):
    """Clips [B, C, T, H, W] -> logits [B]."""

    def __init__(self, module: Any, tree: Any, layout: torch.memory_format) -> None:
        if module.patch or module.noise or module.norm not in ("batch", "none"):
            raise ValueError(
                f"the PyTorch twin has no patches, no noise and batch norm or none; got {module}"
            )
        last = module.features * 2 ** (module.depth - 1)
        super().__init__(module, tree, layout, image_inputs={"Dense_0": last})
        self.norms = BatchNorms(self)

    def forward(self, x: Tensor) -> Tensor:
        for level in range(self.module.depth):
            x = functional.conv3d(x, self[f"Conv_{level}/kernel"], None, (1, 2, 2), (0, 1, 1))
            x = functional.leaky_relu(self.norms(x, level - 1) if level else x, 0.2)
        return functional.linear(x.flatten(1), self["Dense_0/kernel"], self["Dense_0/bias"])[:, 0]
