"""SRResNet in PyTorch: the generator of `gaxjax.networks.super_resolution`, alone, compared by pixels."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gaxjax.features.content import Pixels
from gaxjax.gans.srgan import SuperResolution as Twin
from gaxjax.networks.super_resolution import factors_of
from torch_side.dcgan import BatchNorms
from torch_side.draws import Draws
from torch_side.game import Batch, Due, Game, Players
from torch_side.network import Network


class Generator(Network):
    """Images [B, C, H, W] -> images [B, C, scale H, scale W]."""

    def __init__(self, module: Any, tree: Any, layout: torch.memory_format) -> None:
        super().__init__(module, tree, layout)
        self.norms = BatchNorms(self)

    def forward(self, x: Tensor) -> Tensor:
        blocks, factors = self.module.blocks, factors_of(self.module.scale)
        x = first = self.activate(self.convolve(x, 0), 0)
        for block in range(blocks):
            y = self.activate(self.norms(self.convolve(x, 2 * block + 1), 2 * block), block + 1)
            x = x + self.norms(self.convolve(y, 2 * block + 2), 2 * block + 1)
        last = 2 * blocks + 1
        x = first + self.norms(self.convolve(x, last), last - 1)
        for i, factor in enumerate(factors):
            x = functional.pixel_shuffle(self.convolve(x, last + 1 + i), factor)
            x = self.activate(x, blocks + 1 + i)
        return self.convolve(x, last + 1 + len(factors))

    def convolve(self, x: Tensor, number: int) -> Tensor:
        """The convolution of that number, at the same size."""
        kernel = self[f"Conv_{number}/kernel"]
        return functional.conv2d(x, kernel, self[f"Conv_{number}/bias"], padding=kernel.shape[-1] // 2)

    def activate(self, x: Tensor, number: int) -> Tensor:
        """The PReLU of that number."""
        return functional.prelu(x, self[f"PReLU_{number}/slope"].view(1))


class SuperResolution(Game):
    """The mean squared difference of pixels."""

    def __init__(self, gan: Twin, state: Any, layout: torch.memory_format) -> None:
        assert gan.content == Pixels()
        super().__init__(gan, {"generator": Generator(gan.generator, state.params["generator"], layout)})

    def losses(self, players: Players, batch: Batch, draws: Draws, due: Due) -> list[Tensor]:
        return [functional.mse_loss(self.networks["generator"](batch["a"]), batch["b"])]
