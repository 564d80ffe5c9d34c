"""Transforms of parameter trees: pure functions `params -> params`, composed with `chain`.

Used in `GAN.weights` a transform stands between what an optimizer moves and what a network sees, and is
differentiated through; used once on a trained tree it gives plain weights to export.
"""

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import jax
import jax.numpy as jnp
import optax
from jax import Array

from gaxjax.errors import InputError
from gaxjax.expressions import text_flag

Tree = Any
Path = tuple[str, ...]
Transform = Callable[[Tree], Tree]


def chain(*transforms: Transform) -> Transform:
    """The transforms one after the other, the first one first.

    >>> chain(clip(2.0), lambda tree: jax.tree.map(lambda x: -x, tree))({"w": jnp.array([1.0, 5.0])})["w"]
    Array([-1., -2.], dtype=float32)
    """
    # Left to right, as optax.chain; functions compose the other way around.
    return lambda tree: functools.reduce(lambda value, transform: transform(value), transforms, tree)


def clip(bound: float) -> Transform:
    """Every parameter to [-bound, bound]. Arjovsky et al. 2017, algorithm 1, line 7."""
    if bound <= 0:
        raise InputError(f"clip(bound={bound}): must be positive")
    return lambda tree: jax.tree.map(lambda x: jnp.clip(x, -bound, bound), tree)


def equalize(
    lr_multiplier: float = 1.0, gain: float = 2**0.5, where: Callable[[Path], bool] = lambda path: True
) -> Transform:
    """Equalized learning rate: kernels times gain / sqrt(fan_in). Karras et al. 2018, section 4.1.

    For kernels stored as N(0, 1) / lr_multiplier, `[..., in, out]`; every other leaf is multiplied by
    lr_multiplier alone (StyleGAN's mapping network, Karras et al. 2019, appendix C). Leaves at paths that
    `where` does not select stay as they are.
    """

    def scale(path: Any, leaf: Array) -> Array:
        name = path_names(path)
        if not where(name):
            return leaf
        # Biases, constants, scales of noise. Only the mapping has a multiplier other than 1.
        if name[-1] != "kernel":
            return leaf * lr_multiplier
        # [..., in, out], so size / out is the fan-in, of a convolution with its window.
        return leaf * (gain * lr_multiplier / (leaf.size / leaf.shape[-1]) ** 0.5)

    return lambda tree: jax.tree_util.tree_map_with_path(scale, tree)


def fade(alpha: Array | float, new: str, old: str) -> Transform:
    """Progressive fade-in: what module `new` puts out times alpha, `old` times 1 - alpha, exactly.

    Karras et al. 2018, section 2 and figure 2. Both modules are linear in their own kernel and bias, but for
    a leaky ReLU, which passes factors of 0 and above on; so these are factors of what they put out.
    """

    def scale(path: Any, leaf: Array) -> Array:
        # A leaf's parent is its module, whose kernel and bias are scaled together.
        module = path_names(path)[-2]
        return leaf * alpha if module == new else leaf * (1 - alpha) if module == old else leaf

    return lambda tree: jax.tree_util.tree_map_with_path(scale, tree)


def truncate(psi: float | Array | Sequence[float], mean: Array, cutoff: int | None = None) -> Transform:
    """Styles towards their mean: mean + psi (w - mean). Karras et al. 2019, appendix B.

    For a tree of styles [B, S] by synthesis layer, in the order of layers: the first `cutoff` of them, None
    for all; psi may be a sequence, a number for each layer. mean: [S].
    """

    def pull(index: int, style: Array) -> Array:
        if cutoff is not None and index >= cutoff:
            return style
        # Below 1: fewer odd images and less variety; 0: the mean image.
        share = psi[index] if isinstance(psi, Sequence) else psi
        return mean[None] + share * (style - mean[None])

    def apply(styles: Tree) -> Tree:
        if isinstance(psi, Sequence) and len(psi) != len(styles):
            raise InputError(f"psi has {len(psi)} numbers, but there are {len(styles)} layers: give as many")
        return {layer: pull(i, styles[layer]) for i, layer in enumerate(sort_layers(styles))}

    return apply


def sort_layers(styles: Mapping[str, Any]) -> list[str]:
    """The layers of a tree of styles, "layer_0" first, "layer_10" after "layer_9"."""
    # By number: as text, layer_10 stands before layer_2, and jit returns dicts sorted as text.
    return sorted(styles, key=layer_index)


def layer_index(layer: str) -> int:
    """The number at the end of a layer's name.

    >>> layer_index("layer_12")
    12
    """
    return int(layer.rsplit("_", 1)[1])


def spectral(iterations: int = 16) -> Transform:
    """Every kernel, as a matrix [..., out], over its largest singular value. Miyato et al. 2018, section 2.1.

    The singular vectors come from so many power iterations from a fixed start, as constants to the gradient
    (eq. 12 of the paper). The paper keeps one vector from step to step and takes one iteration; this keeps
    none, so the result is a function of the parameters alone.
    """
    if iterations < 1:
        raise InputError(f"spectral(iterations={iterations}): must be at least 1")

    def scale(path: Any, leaf: Array) -> Array:
        if path_names(path)[-1] != "kernel":
            return leaf
        matrix = leaf.reshape(-1, leaf.shape[-1])
        # u and v are constants, and sigma = u' W v is differentiated in W alone: its gradient is u v' (eq.
        # 12).
        constant = jax.lax.stop_gradient(matrix)

        def iterate(_: int, v: Array) -> Array:
            v = constant.T @ (constant @ v)
            # Kernels of zeros have no direction.
            return v / (jnp.linalg.norm(v) + 1e-12)

        # The same at each call, or samples of one tree would differ from call to call.
        start = jax.random.normal(jax.random.key(0), matrix.shape[1:], leaf.dtype)
        v = jax.lax.fori_loop(0, iterations, iterate, start)
        u = constant @ v
        return leaf / (jnp.vdot(u / (jnp.linalg.norm(u) + 1e-12), matrix @ v) + 1e-12)

    return lambda tree: jax.tree_util.tree_map_with_path(scale, tree)


def graft(base: Tree, donor: Tree, where: Callable[[Path], Any] = lambda path: True) -> Tree:
    """`base` with the leaves of `donor` at every path that both have and `where(path)` selects.

    `where` may return a traced boolean, so that the same call runs inside a compiled step. Grows a network
    from one resolution to the next, mixes styles, swaps layers.

    >>> graft({"a": 1, "b": 2}, {"b": 3, "c": 4})
    {'a': 1, 'b': 3}
    """
    # By path and not by structure: the trees may be of networks of different depth.
    leaves = leaves_by_path(donor)

    def choose(path: Any, leaf: Any) -> Any:
        name = path_names(path)
        if name not in leaves:
            return leaf
        # True and False are settled while tracing, and leave shapes out of it; a traced choice needs both
        # leaves.
        given, selected = leaves[name], where(name)
        if selected is False:
            return leaf
        if jnp.shape(given) != jnp.shape(leaf):
            shapes = f"{jnp.shape(leaf)} in base and {jnp.shape(given)} in donor"
            raise InputError(f"graft: {'/'.join(name)} has shape {shapes}; leave it out with `where`")
        return given if selected is True else jnp.where(selected, given, leaf)

    return jax.tree_util.tree_map_with_path(choose, base)


def average(
    old: Tree, new: Tree, images: float, half_life: float, seen: Array | float = 0.0, ramp_up: float = 0.0
) -> Tree:
    """Exponential moving average with decay 0.5 ** (images / half_life), both in images; 0 keeps no memory.

    Karras et al. 2019 (StyleGAN), appendix C: written this way, it does not depend on the batch size.
    ramp_up: the half-life is at most that share of the images `seen` so far, so that an average is not mostly
    of the beginning; 0: no ramp (Karras et al. 2020, ADA: 0.05).
    """
    if half_life <= 0:
        return optax.incremental_update(new, old, 1.0)
    # incremental_update(new, old, share) = share * new + (1 - share) * old.
    if ramp_up > 0:
        return optax.incremental_update(
            # 1e-8 as in the authors' code: at first there is no half-life, and the average is the parameters.
            new,
            old,
            1 - 0.5 ** (images / jnp.clip(ramp_up * seen, 1e-8, half_life)),
        )
    return optax.incremental_update(new, old, 1 - 0.5 ** (images / half_life))


@dataclass(frozen=True)
class WeightTransform(ABC):
    """A transform as a value, for a field of a network: Spectral(16), Clip(0.01)."""

    @abstractmethod
    def __call__(self, params: Tree) -> Tree:
        """The parameters, transformed."""


@dataclass(frozen=True)
class Identity(WeightTransform):
    """Parameters as they are."""

    def __call__(self, params: Tree) -> Tree:
        return params


@dataclass(frozen=True)
class Clip(WeightTransform):
    """`clip`."""

    bound: float
    """largest absolute value"""

    def __post_init__(self) -> None:
        clip(self.bound)  # which refuses a bound that is none

    def __call__(self, params: Tree) -> Tree:
        return clip(self.bound)(params)


@dataclass(frozen=True)
class Spectral(WeightTransform):
    """`spectral`."""

    iterations: int = 16
    """of the power method"""

    def __post_init__(self) -> None:
        spectral(self.iterations)

    def __call__(self, params: Tree) -> Tree:
        return spectral(self.iterations)(params)


@dataclass(frozen=True)
class Equalize(WeightTransform):
    """`equalize`, of every kernel."""

    lr_multiplier: float = 1.0
    """of the learning rate"""
    gain: float = 2**0.5
    """of kernels"""

    def __call__(self, params: Tree) -> Tree:
        return equalize(self.lr_multiplier, self.gain)(params)


AnyTransform: TypeAlias = Annotated[WeightTransform, text_flag(WeightTransform, "TRANSFORM")]
"""A field that holds a transform; on the command line the same text: Spectral(16)."""


def leaves_by_path(tree: Tree) -> Mapping[Path, Any]:
    """Leaves by their path of names."""
    return {path_names(path): leaf for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]}


def path_names(path: Any) -> Path:
    """A path of `jax.tree_util` as plain names: dict keys, field names, positions."""
    return tuple(jax.tree_util.keystr((key,), simple=True) for key in path)
