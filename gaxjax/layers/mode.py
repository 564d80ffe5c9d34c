"""What a game says to its layers: that it trains or evaluates, and that weights are transformed already.

In a loop of one's own nobody says so, and layers warn where they may do something else than was meant.
"""

import contextlib
import warnings
from collections.abc import Iterator
from contextvars import ContextVar

import flax.linen as nn

DROPOUT = "dropout"
"""The stream of random numbers that dropout has while a player moves."""
PLAY = "play"
"""The stream of random numbers of latents and the like, always there; dropout has its own."""

# A context variable, not a global: a thread that evaluates must not silence the one that trains.
_evaluation_is_meant: ContextVar[bool] = ContextVar("evaluation_is_meant", default=False)
_weights_are_transformed: ContextVar[bool] = ContextVar("weights_are_transformed", default=False)
_shapes_are_enough: ContextVar[bool] = ContextVar("shapes_are_enough", default=False)
_errors_are_asked: ContextVar[bool] = ContextVar("errors_are_asked", default=False)


@contextlib.contextmanager
def evaluation_mode() -> Iterator[None]:
    """Batch norm takes its running statistics and dropout drops nothing, and neither warns of it.

    A game's own calls are so, or train. It is for a loop of one's own that samples or measures by
    `network.apply(variables, x)`: a forgotten `mutable=["batch_stats"]` or `rngs={"dropout": key}` looks the
    same there.
    """
    token = _evaluation_is_meant.set(True)
    try:
        yield
    finally:
        _evaluation_is_meant.reset(token)


def warn_of_evaluation(layer: nn.Module, what: str, training: str) -> None:
    """Says what a layer that switches on the mode does, where nobody has said that it should."""
    # Initialization has no statistics yet and drops nothing, whatever is meant afterwards.
    if not (_evaluation_is_meant.get() or layer.is_initializing()):
        name = "/".join(layer.path) or type(layer).__name__
        advice = "to evaluate, call it in gaxjax.game.evaluation_mode()"
        warnings.warn(f"{name} {what}: to train, call apply with {training}; {advice}", stacklevel=2)


@contextlib.contextmanager
def transformed_weights() -> Iterator[None]:
    """Parameters are given as networks compute with them, `network.weights(params, step)` of what is kept.

    A game's own calls are so. A network that is called otherwise transforms them by itself, or warns.
    """
    token = _weights_are_transformed.set(True)
    try:
        yield
    finally:
        _weights_are_transformed.reset(token)


def weights_are_transformed() -> bool:
    """Whether somebody has transformed the parameters that networks are called with."""
    return _weights_are_transformed.get()


def warn_of_kept_weights(network: nn.Module) -> None:
    """Says that a network of equalized parameters computes with these as they are kept."""
    if not (_weights_are_transformed.get() or network.is_initializing()):
        name = "/".join(network.path) or type(network).__name__
        advice = (
            "call gaxjax.layers.Equalized(network), or call it in gaxjax.game.transformed_weights() with "
            "network.weights(params, step)"
        )
        warnings.warn(f"{name} computes with unscaled kernels, N(0, 1) at first: {advice}", stacklevel=2)


@contextlib.contextmanager
def shapes_alone() -> Iterator[None]:
    """Parameters are asked for their shapes: a network that knows those of its file need not read it."""
    token = _shapes_are_enough.set(True)
    try:
        yield
    finally:
        _shapes_are_enough.reset(token)


def shapes_are_enough() -> bool:
    """Whether nobody will look at the values of what is initialized."""
    return _shapes_are_enough.get()


@contextlib.contextmanager
def asking_errors() -> Iterator[None]:
    """Discriminators' losses log what they make of real and of fake examples apart, for who goes by that."""
    # Not always: what a run logs is part of its checkpoints.
    token = _errors_are_asked.set(True)
    try:
        yield
    finally:
        _errors_are_asked.reset(token)


def errors_are_asked() -> bool:
    """Whether somebody asks for the errors on real and on fake examples."""
    return _errors_are_asked.get()
