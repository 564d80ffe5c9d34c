"""A network whose parameters are transformed on their way to it, or kept within bounds."""

from typing import Any

import flax.linen as nn
from jax import Array

from gaxjax.transforms import AnyTransform, Identity, Tree


def share_scope(wrapper: nn.Module, network: nn.Module) -> None:
    """Gives a wrapper's network the wrapper's own place among the parameters: wrapping moves nothing."""
    # A wrapper in a wrapper has a field of the same name, which linen would take for the same child.
    assert wrapper.scope is not None  # linen calls setup with one
    wrapper.scope.reservations.pop("network", None)
    nn.share_scope(wrapper, network)


class Transformed(nn.Module):
    """Any network, with a transform of its weights: spectral normalization, WGAN's clipping.

    A game applies both by itself. The parameters are the network's own, at the same places in the tree.
    """

    network: nn.Module
    """whose parameters these are"""
    transform: AnyTransform = Identity()
    """of parameters on their way to the network: Spectral(16)"""
    bounds: AnyTransform = Identity()
    """of parameters after each move: Clip(0.01)"""

    def setup(self) -> None:
        share_scope(self, self.network)

    def __call__(self, *inputs: Any) -> Any:
        return self.network(*inputs)

    def weights(self, params: Tree, step: Array | int) -> Tree:
        """The parameters as the network gets them."""
        return self.transform(params)

    def project(self, params: Tree) -> Tree:
        """The parameters within their bounds."""
        return self.bounds(params)
