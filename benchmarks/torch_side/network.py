"""Parameters of gaxjax as PyTorch has them: the same tree by paths, kernels and images channels first."""

from collections.abc import Iterable, Mapping
from typing import Any

import flax.linen as linen
import jax
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gaxjax.transforms import name_of


class Network(nn.Module):
    """A network made of the parameters of its linen twin. Abstract: a subclass writes `forward`.

    Images are [B, C, H, W]. Leaves go by their path in the tree, `network["Conv_0/kernel"]`.
    """

    def __init__(
        self,
        module: linen.Module,
        tree: Any,
        layout: torch.memory_format = torch.contiguous_format,
        spread: Mapping[str, int] | None = None,
        gathered: Mapping[str, int] | None = None,
        turned: Iterable[str] = (),
    ) -> None:
        """spread, gathered: dense layers whose outputs, or inputs, are an image, with its channels.

        turned: convolutions whose kernels are used only by a transposed convolution, and kept for it.
        """
        super().__init__()
        self.module, self.layout = module, layout
        self.spread, self.gathered, self.turned = spread or {}, gathered or {}, frozenset(turned)
        leaves = {path: nn.Parameter(torch.from_numpy(leaf)) for path, leaf in self.converted(tree).items()}
        self.leaves = nn.ParameterDict(leaves)
        self.to(memory_format=layout)

    def __getitem__(self, path: str) -> Tensor:
        return self.leaves[path]

    def get(self, path: str) -> Tensor | None:
        """The leaf, if there is one: a layer may be without bias."""
        return self.leaves.get(path, None)

    def converted(self, tree: Any) -> dict[str, np.ndarray]:
        """A tree like the parameters' (or their gradient) by path, in the layout of PyTorch."""
        leaves = jax.tree_util.tree_leaves_with_path(jax.device_get(tree))
        return {(path := "/".join(name_of(keys))): self._convert(path, leaf) for keys, leaf in leaves}

    def _convert(self, path: str, leaf: np.ndarray) -> np.ndarray:
        layer, _, name = path.rpartition("/")
        if name == "constant":
            leaf = leaf.transpose(0, 3, 1, 2)
        elif leaf.ndim == 4:
            if layer in self.turned:
                leaf = leaf[::-1, ::-1].swapaxes(2, 3)
            leaf = leaf.transpose(3, 2, 0, 1)
        else:
            if layer in self.spread:
                leaf = np.stack(np.split(leaf, leaf.shape[-1] // self.spread[layer], -1), -1)
                leaf = leaf.reshape(*leaf.shape[:-2], -1)
            if layer in self.gathered:
                pixels = leaf.shape[0] // self.gathered[layer] if leaf.ndim == 2 else 1
                shape = leaf.shape
                leaf = leaf.reshape(pixels, -1, shape[-1]).swapaxes(0, 1).reshape(shape)
            leaf = leaf.T
        return np.array(leaf, order="C")


def instance_norm(x: Tensor, epsilon: float = 1e-5) -> Tensor:
    """Each channel of each image to mean 0 and variance 1.

    As group norm of one channel a group, in the default layout: three times as fast on a CPU as PyTorch's own
    `instance_norm`, whose gradient of a single image in channels last is wrong in 2.13.
    """
    return functional.group_norm(x.contiguous(), x.shape[1], eps=epsilon)
