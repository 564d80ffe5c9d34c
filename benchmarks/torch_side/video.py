"""VGAN's generator in PyTorch: a still image and a moving clip, laid over one another."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gaxjax.networks import dcgan as twin_dcgan
from torch_side import dcgan


class TwoStreams(nn.Module):
    """Latents [B, L] -> clips [B, C, T, H, W] and their masks [B, 1, T, H, W]."""

    def __init__(self, module: Any, tree: Any, layout: torch.memory_format) -> None:
        super().__init__()
        *size, channels = module.shape
        still, moving = (size[1:], channels, "tanh"), (size, channels + 1, "none")
        self.streams = nn.ModuleDict()
        for name, (sides, width, output) in {"background": still, "foreground": moving}.items():
            fields = module.features, module.depth
            twin = twin_dcgan.Generator((*sides, width), *fields, norm=module.norm, output=output)
            self.streams[name] = dcgan.Generator(twin, tree[name], layout)

    @property
    def leaves(self) -> Mapping[str, Tensor]:
        """Parameters of both by path, in the order of `parameters`."""
        streams = self.streams.items()
        return {f"{name}/{path}": leaf for name, stream in streams for path, leaf in stream.leaves.items()}

    def convert_tree(self, tree: Any) -> dict[str, np.ndarray]:
        """`Network.convert_tree` of both."""
        streams = {name: stream.convert_tree(tree[name]) for name, stream in self.streams.items()}
        return {f"{name}/{path}": leaf for name, leaves in streams.items() for path, leaf in leaves.items()}

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        moving = self.streams["foreground"](x)
        foreground, mask = torch.tanh(moving[:, :-1]), torch.sigmoid(moving[:, -1:])
        return mask * foreground + (1 - mask) * self.streams["background"](x)[:, :, None], mask
