"""DCGAN's networks in PyTorch: strided convolutions with a window of 4, sizes that halve without a rest."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from torch_side.network import Network, lay_out

CONVOLUTIONS = {2: functional.conv2d, 3: functional.conv3d}
TRANSPOSED = {2: functional.conv_transpose2d, 3: functional.conv_transpose3d}
"""By the axes of images, or of clips."""


def check(module: Any) -> None:
    """Refuses what is not written here."""
    if module.kernel != 4 or module.norm not in ("batch", "none"):
        raise ValueError(f"the PyTorch twin has windows of 4, batch norm or no norm; got {module}")


class Generator(Network):
    """Latents [B, L] -> images [B, C, H, W] or clips [B, C, T, H, W]."""

    def __init__(self, module: Any, tree: Any, layout: torch.memory_format) -> None:
        check(module)
        width = module.features * 2 ** (module.depth - 1)
        # Dense outputs go [..., H, W, C] in gaxjax and [C, ..., H, W] here: a kernel's outputs are reordered
        # once, when it is converted.
        super().__init__(module, tree, layout, image_outputs={"Dense_0": width})
        self.start = (width, *(n // 2**module.depth for n in module.shape[:-1]))
        self.norms = BatchNorms(self)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.linear(x, self["Dense_0/kernel"], self.get("Dense_0/bias"))
        x = lay_out(x.view(-1, *self.start), self.layout)
        convolve = TRANSPOSED[x.ndim - 2]
        for level in range(self.module.depth):
            x = functional.relu(self.norms(x, level))
            layer = f"ConvTranspose_{level}"
            # Padding 1 of a window of 4: exactly twice the size, as SAME has it.
            x = convolve(x, self[f"{layer}/kernel"], self.get(f"{layer}/bias"), 2, 1)
        outputs = {"tanh": torch.tanh, "sigmoid": lambda x: 2 * torch.sigmoid(x) - 1, "none": lambda x: x}
        return outputs[self.module.output](x)


class Discriminator(Network):
    """Images [B, C, H, W] or clips [B, C, T, H, W] -> logits [B]."""

    def __init__(self, module: Any, tree: Any, layout: torch.memory_format) -> None:
        check(module)
        last = module.features * 2 ** (module.depth - 1)
        super().__init__(module, tree, layout, image_inputs={"Dense_0": last})
        self.norms = BatchNorms(self)

    def forward(self, x: Tensor) -> Tensor:
        for level in range(self.module.depth):
            layer = f"Conv_{level}"
            convolve = CONVOLUTIONS[x.ndim - 2]
            x = convolve(x, self[f"{layer}/kernel"], self.get(f"{layer}/bias"), 2, 1)
            x = functional.leaky_relu(self.norms(x, level - 1) if level else x, 0.2)
        return functional.linear(x.flatten(1), self["Dense_0/kernel"], self["Dense_0/bias"])[:, 0]


class BatchNorms:
    """The batch norms of a network by number, with its running statistics; nothing where it has no norm."""

    def __init__(self, network: Network) -> None:
        self.network = network
        for path in [path for path in network.leaves if path.endswith("/scale")]:
            number = path.split("/")[0].split("_")[1]
            # Running statistics are moved in training, which costs time on both sides, and read by nobody
            # here.
            network.register_buffer(f"mean_{number}", torch.zeros_like(network[path].detach()))
            network.register_buffer(f"variance_{number}", torch.ones_like(network[path].detach()))

    def __call__(self, x: Tensor, number: int) -> Tensor:
        network, name = self.network, f"BatchNorm_{number}"
        if network.module.norm == "none":
            return x
        mean, variance = getattr(network, f"mean_{number}"), getattr(network, f"variance_{number}")
        scale, bias = network[f"{name}/scale"], network[f"{name}/bias"]
        return functional.batch_norm(x, mean, variance, scale, bias, training=True, momentum=0.1, eps=1e-5)
