"""Layers and the discriminator of `gaxjax.networks.progressive` in PyTorch: equalized kernels, resampling."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gaxjax.networks.progressive import count_levels, level_channels
from torch_side.network import Network

ROOT = math.sqrt(2)


class LevelNetwork(Network):
    """A network of levels. Abstract.

    Filters are depthwise convolutions with the whole window, which PyTorch is fastest at.
    """

    def __init__(
        self, module: Any, tree: Any, layout: torch.memory_format, linear: Iterable[str], **options: Any
    ) -> None:
        """linear: words in the paths of layers that no activation follows."""
        super().__init__(module, tree, layout, **options)
        if module.precision != "float32" or module.fading or module.classes:
            raise ValueError(f"the PyTorch twin is float32, neither fading nor with classes; got {module}")
        self.linear, self.taps = tuple(linear), module.taps
        self.top = count_levels(module.shape, module.base)
        self.width = level_channels(module.features, module.max_features)
        # The outer product of one line: the two-dimensional filter, of sum 1.
        line = torch.tensor(module.taps) / sum(module.taps)
        self.register_buffer("window", (line[:, None] * line[None])[None, None])

    def kernel(self, layer: str) -> Tensor:
        """A layer's kernel as the network uses it: times gain / sqrt(fan_in)."""
        kernel = self[f"{layer}/kernel"]
        # Of [O, I, h, w], or of [I, O, h, w] where it is kept for a transposed convolution.
        fan_in = kernel.numel() / kernel.shape[1 if layer in self.transposed else 0]
        # He's gain where a ReLU follows, unless activations are scaled themselves.
        plain = self.module.scaled or any(word in layer for word in self.linear)
        return kernel * ((1 if plain else ROOT) / math.sqrt(fan_in))

    def dense(self, x: Tensor, layer: str) -> Tensor:
        """A linear layer with a bias."""
        return functional.linear(x, self.kernel(layer), self[f"{layer}/bias"])

    def activate(self, x: Tensor) -> Tensor:
        """Leaky ReLU, times sqrt(2) where that is not in the kernels."""
        x = functional.leaky_relu(x, 0.2)
        return x * ROOT if self.module.scaled else x

    def filter_channels(self, x: Tensor, padding: int, gain: float = 1.0, stride: int = 1) -> Tensor:
        """Every channel through the filter, with zeros at the borders."""
        window = (self.window * gain).expand(x.shape[1], 1, -1, -1)
        return functional.conv2d(x, window, stride=stride, padding=padding, groups=x.shape[1])

    def up(self, x: Tensor, kernel: Tensor) -> Tensor:
        """A convolution with a window of 3 at twice the size."""
        if len(self.taps) == 3:
            x = functional.conv_transpose2d(x, double_kernel(kernel), stride=2, padding=1)
            return self.filter_channels(x, 1)
        # StyleGAN2's order: up with zeros between pixels, then the filter, 4 times as strong for those zeros.
        return self.filter_channels(functional.conv_transpose2d(x, kernel, stride=2), 1, gain=4)

    def down(self, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        """A convolution with a window of 1 or 3 at half the size."""
        if len(self.taps) == 3:
            return functional.conv2d(
                self.filter_channels(x, 1), double_kernel(kernel) / 4, bias, stride=2, padding=1
            )
        if kernel.shape[-1] == 1:
            # A window of 1 mixes no pixels: filtered at half the size first, it has a quarter to do.
            return functional.conv2d(self.filter_channels(x, 1, stride=2), kernel, bias)
        return functional.conv2d(self.filter_channels(x, 2), kernel, bias, stride=2)

    def upsample(self, x: Tensor) -> Tensor:
        """Twice the size by a filter of 4."""
        window = (self.window * 4).expand(x.shape[1], 1, -1, -1)
        return functional.conv_transpose2d(x, window, stride=2, padding=1, groups=x.shape[1])


class Discriminator(LevelNetwork):
    """Images [B, C, H, W] -> logits [B], plain or residual."""

    def __init__(self, module: Any, tree: Any, layout: torch.memory_format) -> None:
        if module.design == "skip" or len(module.taps) not in (3, 4):
            raise ValueError(f"the PyTorch twin is plain or residual, with 3 or 4 taps; got {module}")
        width = level_channels(module.features, module.max_features)(0)
        super().__init__(module, tree, layout, ("last", "_skip"), image_inputs={"dense": width})

    def forward(self, x: Tensor) -> Tensor:
        x = self.activate(
            functional.conv2d(x, self.kernel(name := f"from_rgb_{self.top}"), self[f"{name}/bias"])
        )
        for level in range(self.top, 0, -1):
            around, first, second = x, f"level_{level}_0", f"level_{level}_1"
            x = self.activate(functional.conv2d(x, self.kernel(first), self[f"{first}/bias"], padding=1))
            x = self.activate(self.down(x, self.kernel(second), self[f"{second}/bias"]))
            if self.module.design == "residual":
                x = (x + self.down(around, self.kernel(f"level_{level}_skip"), None)) * math.sqrt(0.5)
        x = with_deviation(x, self.module.group)
        kernel, bias = self.kernel("convolution"), self["convolution/bias"]
        x = self.activate(functional.conv2d(x, kernel, bias, padding=1))
        return self.dense(self.activate(self.dense(x.flatten(1), "dense")), "last")[:, 0]


def double_kernel(kernel: Tensor) -> Tensor:
    """A kernel over pixels that are each four: the sum of four shifts."""
    shifts = [(i, 1 - i, j, 1 - j) for i in range(2) for j in range(2)]
    first, *rest = (functional.pad(kernel, shift) for shift in shifts)
    return sum(rest, first)


def with_deviation(x: Tensor, group: int) -> Tensor:
    """One more channel: the mean standard deviation over each group, whose examples are B / group apart."""
    # The largest group that divides the batch.
    size = next(n for n in range(min(group, len(x)), 0, -1) if len(x) % n == 0)
    # [group, B / group, C, H, W]: groups go by strides, as in ProGAN's code.
    variance = x.unflatten(0, (size, -1)).var(0, correction=0)
    deviation = (variance + 1e-8).sqrt().mean((1, 2, 3)).repeat(size)
    return torch.cat([x, deviation[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)
