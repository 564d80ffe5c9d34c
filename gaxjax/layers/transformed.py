"""Networks whose parameters are transformed on their way to them, or kept within bounds.

A network may have `weights(params, step)`, what it computes with of what is kept, and `project(params)`,
where its parameters may be. A game applies both, and finds them through every wrapper (`transform_params`).
"""

from typing import Any

import flax.linen as nn
from jax import Array

from gaxjax.errors import InputError
from gaxjax.layers.mode import transformed_weights, weights_are_transformed
from gaxjax.layers.modules import submodules
from gaxjax.transforms import AnyTransform, Identity, Tree


class Wrapper(nn.Module):
    """A module around a network, whose parameters are the network's own, at the same places in the tree.

    Abstract: a subclass says how it calls `self.network`. Any other module with networks among its fields has
    their parameters under the fields' names, and is no Wrapper.
    """

    network: nn.Module
    """whose parameters these are"""

    def setup(self) -> None:
        assert self.scope is not None  # linen calls setup with one
        # A wrapper in a wrapper has a field of the same name, which linen would take for the same child.
        self.scope.reservations.pop("network", None)
        nn.share_scope(self, self.network)


class Transformed(Wrapper):
    """Any network, with a transform of its weights: spectral normalization, WGAN's clipping.

    A game applies both by itself. In a loop of one's own the network applies the transform when it is called,
    and after each update the parameters within bounds are `network.project(params)`.
    """

    transform: AnyTransform = Identity()
    """of parameters on their way to the network: Spectral(16)"""
    bounds: AnyTransform = Identity()
    """of parameters after each move: Clip(0.01)"""

    def __call__(self, *inputs: Any) -> Any:
        return call_transformed(self, *inputs)

    @nn.nowrap
    def weights(self, params: Tree, step: Array | int) -> Tree:
        """The parameters as the network gets them, after what is inside of it: the outer transform holds."""
        return self.transform(transform_params(self.network, "weights", params, step))

    @nn.nowrap
    def project(self, params: Tree) -> Tree:
        """The parameters within their bounds."""
        return self.bounds(transform_params(self.network, "project", params))


def call_transformed(wrapper: Any, *inputs: Any) -> Any:
    """A wrapper's network, of transformed parameters: a game's are so already, others are on the way in."""
    if weights_are_transformed():
        check_reach(wrapper)
        return wrapper.network(*inputs)
    # Nothing to transform yet: parameters are drawn as they are kept.
    if wrapper.is_initializing():
        return wrapper.network(*inputs)

    def transform(variables: Any) -> Any:
        return {"params": wrapper.weights(variables["params"], 0)}

    def call(network: nn.Module, *inputs: Any) -> Any:
        # The wrapper's weights are of everything inside of it, which must not do it again.
        with transformed_weights():
            return network(*inputs)

    # On the way in alone: gradients are of the tree as it is kept.
    return nn.map_variables(call, "params", trans_in_fn=transform)(wrapper.network, *inputs)


def check_reach(module: nn.Module) -> None:
    """Refuses a module that `transform_params` does not find, as it is in no field of what it is in."""
    inner: Any = module
    while isinstance(inner.parent, nn.Module):
        if inner.name not in submodules(inner.parent):
            raise InputError(
                f"{type(module).__name__} is made inside of {type(inner.parent).__name__}, where a game does "
                f"not find its transform and bounds: make it a field of it, such as network: nn.Module"
            )
        inner = inner.parent


def transform_params(network: nn.Module, method: str, params: Tree, *arguments: Any) -> Tree:
    """A network's parameters by its method of that name, `weights` or `project`.

    Where it has none, by those of the networks among its fields, wherever they stand in the tree.
    """
    own = getattr(network, method, None)
    if callable(own):
        return own(params, *arguments)
    if isinstance(network, Wrapper):
        return transform_params(network.network, method, params, *arguments)
    for name, inner in submodules(network).items():
        if name not in params and has_method(inner, method):
            raise InputError(
                f"{type(network).__name__} has {type(inner).__name__} as its {name}, whose {method} is to be "
                f"applied, but no parameters {name!r}: call it, or where it shares its scope derive "
                f"{type(network).__name__} from gaxjax.layers.Wrapper"
            )
    return transform_fields(network, method, params, *arguments)


def transform_fields(module: nn.Module, method: str, params: Tree, *arguments: Any) -> Tree:
    """`transform_params` of each of a module's fields that is a network; other parameters as they are."""
    inner = {name: network for name, network in submodules(module).items() if has_method(network, method)}
    # Mostly none, and then the same tree.
    if not inner:
        return params
    return {
        name: transform_params(inner[name], method, tree, *arguments) if name in inner else tree
        for name, tree in params.items()
    }


def has_method(network: nn.Module, method: str) -> bool:
    """Whether a network, or one inside of it, has a method of that name."""
    return callable(getattr(network, method, None)) or any(
        has_method(inner, method) for inner in submodules(network).values()
    )
