"""The generator of `gaxjax.networks.style` in PyTorch: StyleGAN's AdaIN, or StyleGAN2's modulated kernels."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gaxjax.networks.progressive import count_levels
from gaxjax.networks.style import MAPPING_RATE
from gaxjax.networks.synthesis import layer_names
from torch_side.draws import Draws
from torch_side.levels import ROOT, LevelNetwork
from torch_side.network import instance_norm


class Generator(LevelNetwork):
    """Latents [B, L] -> w [B, S]; styles [layers, B, S] -> images [B, C, H, W]."""

    def __init__(self, module: Any, tree: Any, layout: torch.memory_format) -> None:
        known = module.start == "constant" and module.noise and module.modulation != "none"
        if not known or (module.output, len(module.taps)) not in (("last", 3), ("skip", 4)):
            raise ValueError(f"the PyTorch twin has styles, noise, 3 or 4 taps; got {module}")
        named = layer_names(module.modulation, count_levels(module.shape, module.base))
        up = [f"synthesis/{names[0]}/convolution" for names in named[1:]]
        super().__init__(module, tree, layout, ("to_rgb", "style"), transposed=up)
        self.named, self.is_modulated = named, module.modulation == "weights"
        self.register_buffer("mean", torch.zeros(module.style_size))

    def map(self, latents: Tensor) -> Tensor:
        """w of latents, [B, L] -> [B, S]."""
        # Pixel norm of the latents, as the mapping begins in both StyleGANs.
        x = latents * (latents.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        gain = MAPPING_RATE * (1 if self.module.scaled else ROOT)
        for i in range(self.module.mapping_layers):
            kernel, bias = self[f"mapping/dense_{i}/kernel"], self[f"mapping/dense_{i}/bias"]
            x = functional.linear(x, kernel * (gain / math.sqrt(kernel.shape[1])), bias * MAPPING_RATE)
            x = self.activate(x)
        return x

    def track_mean(self, w: Tensor) -> None:
        """Moves the average of w."""
        self.mean.lerp_(w.detach().mean(0), 1 - self.module.mean_decay)

    def forward(self, styles: Tensor, draws: Draws) -> Tensor:
        # One image for all examples, brought to the layout of activations once.
        constant = self["synthesis/constant"].expand(styles.shape[1], -1, -1, -1)
        x, colors = constant.contiguous(memory_format=self.layout), None
        for level, names in enumerate(self.named):
            for number, name in enumerate(names):
                style = styles[int(name.split("_")[1])]
                x = self.layer(x, style, f"synthesis/{name}", level > 0 and number == 0, draws)
            if self.module.output == "skip" or level == self.top:
                rgb = self.to_rgb(x, styles[2 * level + 1], f"synthesis/to_rgb_{level}")
                colors = rgb if colors is None else self.upsample(colors) + rgb
        return colors

    def layer(self, x: Tensor, style: Tensor, name: str, up: bool, draws: Draws) -> Tensor:
        """Convolution, noise, bias, leaky ReLU and AdaIN, or demodulation in its place."""
        layer = f"{name}/convolution"
        if f"{layer}/kernel" in self.leaves:
            kernel = self.kernel(layer)
            if self.is_modulated:
                scale = self.dense(style, f"{layer}/style")
                # Modulates the input and not each example's kernel, which is the same and needs no grouped
                # convolution.
                x = x * scale[:, :, None, None]
            x = self.up(x, kernel) if up else functional.conv2d(x, kernel, padding=1)
            if self.is_modulated:
                squares = kernel.square().sum((2, 3))
                # [I, O]: of a kernel kept for the transposed convolution as it is.
                squares = squares if up else squares.T
                x = x * (scale.square() @ squares + 1e-8).rsqrt()[:, :, None, None]
        noise = draws.take(len(x), 1, *x.shape[2:])
        x = torch.addcmul(x, noise, self[f"{name}/noise"].view(1, -1, 1, 1))
        x = self.activate(x + self[f"{name}/bias"].view(1, -1, 1, 1))
        if self.is_modulated:
            return x
        scale, shift = self.dense(style, f"{name}/style")[:, :, None, None].chunk(2, 1)
        return torch.addcmul(shift, instance_norm(x, 1e-8), 1 + scale)

    def to_rgb(self, x: Tensor, style: Tensor, name: str) -> Tensor:
        """Colors of a level; of a modulated kernel without demodulation."""
        if self.is_modulated:
            x = x * self.dense(style, f"{name}/style")[:, :, None, None]
        return functional.conv2d(x, self.kernel(name), self[f"{name}/bias"])
