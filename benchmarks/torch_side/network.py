"""Parameters of gaxjax as PyTorch has them: the same tree by paths, kernels and images channels first."""

from collections.abc import Iterable, Mapping
from typing import Any

import flax.linen as linen
import jax
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gaxjax.transforms import path_names


class Network(nn.Module):
    """A network made of the parameters of its linen twin. Abstract: a subclass writes `forward`.

    Images are [B, C, H, W], clips [B, C, T, H, W]. Leaves go by their path in the tree,
    `network["Conv_0/kernel"]`.
    """

    def __init__(
        self,
        module: linen.Module,
        tree: Any,
        layout: torch.memory_format = torch.contiguous_format,
        image_outputs: Mapping[str, int] | None = None,
        image_inputs: Mapping[str, int] | None = None,
        transposed: Iterable[str] = (),
    ) -> None:
        """image_outputs, image_inputs: dense layers that end, or begin, with an image, and its channels.

        transposed: convolutions whose kernels are used only by a transposed convolution, and kept for it.
        """
        super().__init__()
        self.module, self.layout = module, layout
        self.image_outputs, self.image_inputs = image_outputs or {}, image_inputs or {}
        self.transposed = frozenset(transposed)
        leaves = {
            path: nn.Parameter(lay_out(torch.from_numpy(leaf), layout))
            for path, leaf in self.convert_tree(tree).items()
        }
        self.leaves = nn.ParameterDict(leaves)

    def __getitem__(self, path: str) -> Tensor:
        return self.leaves[path]

    def get(self, path: str) -> Tensor | None:
        """The leaf, if there is one: a layer may be without bias."""
        return self.leaves.get(path, None)

    def normalize(self, x: Tensor, number: int) -> Tensor:
        """Instance norm; with scale and bias, of that number, where the twin's is `scaled_instance`."""
        name = f"InstanceNorm_{number}"
        return instance_norm(x, scale=self.get(f"{name}/scale"), bias=self.get(f"{name}/bias"))

    def convert_tree(self, tree: Any) -> dict[str, np.ndarray]:
        """A tree like the parameters' (or their gradient) by path, in the layout of PyTorch."""
        leaves = jax.tree_util.tree_leaves_with_path(jax.device_get(tree))
        return {(path := "/".join(path_names(keys))): self._convert_leaf(path, leaf) for keys, leaf in leaves}

    def _convert_leaf(self, path: str, leaf: np.ndarray) -> np.ndarray:
        layer, _, name = path.rpartition("/")
        if name == "constant":
            leaf = leaf.transpose(0, 3, 1, 2)
        elif leaf.ndim >= 4:
            if layer in self.transposed:
                # A transposed convolution turns its kernel and exchanges inputs and outputs: done once, not
                # at every step.
                leaf = leaf[::-1, ::-1].swapaxes(2, 3)
            # [..., h, w, I, O] -> [O, I, ..., h, w]
            leaf = np.moveaxis(leaf, (-1, -2), (0, 1))
        else:
            if layer in self.image_outputs:
                # Outputs [H * W * C] -> [C * H * W].
                leaf = np.stack(np.split(leaf, leaf.shape[-1] // self.image_outputs[layer], -1), -1)
                leaf = leaf.reshape(*leaf.shape[:-2], -1)
            if layer in self.image_inputs:
                # Inputs [H * W * C] -> [C * H * W]; a bias has none.
                pixels = leaf.shape[0] // self.image_inputs[layer] if leaf.ndim == 2 else 1
                shape = leaf.shape
                leaf = leaf.reshape(pixels, -1, shape[-1]).swapaxes(0, 1).reshape(shape)
            # [I, O] -> [O, I], as PyTorch's `linear` takes it.
            leaf = leaf.T
        return np.array(leaf, order="C")


def lay_out(x: Tensor, layout: torch.memory_format) -> Tensor:
    """Images, clips and kernels in that layout, whose name is another for clips; others as they are."""
    if x.ndim == 5 and layout == torch.channels_last:
        layout = torch.channels_last_3d
    return x.contiguous(memory_format=layout) if x.ndim >= 4 else x


def instance_norm(
    x: Tensor, epsilon: float = 1e-5, scale: Tensor | None = None, bias: Tensor | None = None
) -> Tensor:
    """Each channel of each image to mean 0 and variance 1, or to a learned bias and scale.

    As group norm of one channel a group, in the default layout: three times as fast on a CPU as PyTorch's own
    `instance_norm`, whose gradient of a single image in channels last is wrong in 2.13.
    """
    return functional.group_norm(x.contiguous(), x.shape[1], scale, bias, epsilon)
