"""Training or evaluation: layers are told by what they are handed, and warn where nobody meant evaluation."""

import contextlib
import warnings
from collections.abc import Iterator
from contextvars import ContextVar

import flax.linen as nn

DROPOUT = "dropout"
"""The stream of random numbers that dropout has while a player moves."""

# A context variable, not a global: a thread that evaluates must not silence the one that trains.
_evaluation_is_meant: ContextVar[bool] = ContextVar("evaluation_is_meant", default=False)


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
