"""Random numbers that are drawn before a loss is computed, so that a check can give others in their place."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Draw(NamedTuple):
    """One call of a function of `jax.random` in a loss, and what it returned."""

    kind: str
    """normal, uniform, bernoulli or randint"""
    arguments: tuple[float, ...]
    """low and high of uniform and randint, the probability of bernoulli"""
    value: np.ndarray
    """of the call's shape, images [B, H, W, C]"""

    @property
    def shape(self) -> tuple[int, ...]:
        """As PyTorch has it, images [B, C, H, W]."""
        shape = self.value.shape
        return (shape[0], shape[3], *shape[1:3]) if len(shape) == 4 else shape

    def to_tensor(self, examples: Tensor) -> Tensor:
        """The same values, of the type and on the device of the examples.

        A single one, drawn in a loop over the examples, comes once for each of them.
        """
        value = self.value.transpose(0, 3, 1, 2) if self.value.ndim == 4 else self.value
        # Numbers that index are int64 in PyTorch.
        dtype = torch.int64 if self.kind == "randint" else examples.dtype
        tensor = torch.from_numpy(np.array(value)).to(examples.device, dtype)
        # gaxjax draws it inside a scan over the pool's images, traced once; here there is a tensor of all.
        return tensor.expand(len(examples)).contiguous() if tensor.ndim == 0 else tensor

    def sample_anew(self, examples: Tensor) -> Tensor:
        """Others of the same distribution, in the same way."""
        shape, like = self.shape or (len(examples),), {"dtype": examples.dtype, "device": examples.device}
        match self.kind:
            case "normal":
                return torch.randn(shape, **like)
            case "uniform":
                return torch.empty(shape, **like).uniform_(*self.arguments)
            case "bernoulli":
                return torch.empty(shape, **like).bernoulli_(self.arguments[0])
        low, high = map(int, self.arguments)
        return torch.randint(low, high, shape, device=examples.device)


class Draws:
    """Takes numbers in the order in which the loss wants them."""

    def __init__(self, values: Sequence[Tensor]) -> None:
        self.values, self.taken = values, 0

    def take(self, *shape: int) -> Tensor:
        """The next ones; ValueError if they are not of that shape."""
        value = self.values[self.taken]
        self.taken += 1
        if tuple(value.shape) != shape:
            raise ValueError(f"draw {self.taken} has shape {tuple(value.shape)}; the loss wants {shape}")
        return value

    def dropout(self, x: Tensor, rate: float) -> Tensor:
        """Zeroes a share of the input and scales up the rest."""
        return x * (self.take(*x.shape) / (1 - rate))
