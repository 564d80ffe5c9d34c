"""The fully connected networks of 2014 in PyTorch; images go flat, [B, H * W]."""

import torch
from torch import Tensor
from torch.nn import functional

from torch_side.draws import Draws
from torch_side.network import Network


class Generator(Network):
    """Latents [B, L] -> images [B, H * W * C] in [-1, 1]."""

    def forward(self, x: Tensor) -> Tensor:
        last = len(self.module.features)
        for i in range(last):
            x = functional.relu(functional.linear(x, self[f"Dense_{i}/kernel"], self[f"Dense_{i}/bias"]))
        x = functional.linear(x, self[f"Dense_{last}/kernel"], self[f"Dense_{last}/bias"])
        return 2 * torch.sigmoid(x) - 1


class MaxoutDiscriminator(Network):
    """Images, flat or not -> logits [B]: maxout with dropout."""

    def forward(self, x: Tensor, draws: Draws) -> Tensor:
        module = self.module
        # The paper's networks see pixels in [0, 1].
        x = draws.dropout((x.flatten(1) + 1) / 2, module.input_dropout)
        for i, width in enumerate(module.features):
            layer = f"Maxout_{i}/Dense_0"
            x = functional.linear(x, self[f"{layer}/kernel"], self[f"{layer}/bias"])
            # [B, width, pieces]: the largest of its linear pieces.
            x = x.view(len(x), width, module.pieces).max(-1).values
            x = draws.dropout(x, module.dropout)
        return functional.linear(x, self["Dense_0/kernel"], self["Dense_0/bias"])[:, 0]
