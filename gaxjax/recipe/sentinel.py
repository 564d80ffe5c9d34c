"""What a run is watched for: numbers that are not finite or absurd, collapse, saturation; each is named."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gaxjax import parallel
from gaxjax.errors import InputError
from gaxjax.transforms import leaves_by_path


@dataclass(frozen=True)
class Sentinel:
    """What a run is watched for besides numbers that are not finite, and whether it goes back by itself."""

    diversity: float = 0.0
    """least diversity of the samples of fixed latents, as a share of the real examples' (0.05: 5%): the
    standard deviation over the samples, averaged over their elements; 0: not watched"""
    saturation: float = 0.0
    """mean logits, above it at real and below minus it at fake examples, with which a discriminator counts as
    saturated; 10 is a probability of 5e-5; 0: not watched"""
    largest_loss: float = 1e9
    """magnitude of a player's mean loss above which the run has gone wrong, though all is finite: penalties
    square it, Adam squares their gradient, and float32 ends at 3e38; 0: not watched"""
    rollbacks: int = 0
    """how often the run may go back to its last good checkpoint, and on with smaller learning rates"""
    factor: float = 0.5
    """of every learning rate, at each rollback"""

    def __post_init__(self) -> None:
        if not 0 <= self.diversity < 1:
            raise InputError(f"sentinel.diversity is a share, from 0 to below 1; got {self.diversity}")
        if not 0 <= self.saturation < math.inf:
            raise InputError(f"sentinel.saturation must be 0 or more, and finite; got {self.saturation}")
        if not 0 <= self.largest_loss < math.inf:
            raise InputError(f"sentinel.largest_loss must be 0 or more, and finite; got {self.largest_loss}")
        if self.rollbacks < 0:
            raise InputError(f"sentinel.rollbacks must be 0 or more; got {self.rollbacks}")
        if not 0 < self.factor < 1:
            raise InputError(f"sentinel.factor must be between 0 and 1; got {self.factor}")

    def checkpoints_to_keep(self, keep: int) -> int:
        """How many checkpoints to keep: with rollbacks one more, which an interruption leaves."""
        # At the end of a start there is one at a step of its own, which must not push out the one to go back
        # to.
        return max(keep, 2) + 1 if self.rollbacks else keep


def check_sentinel(sentinel: Sentinel, logs: Iterable[str], fake: Any, real: Mapping[str, Any]) -> None:
    """Refuses to watch what a game does not show; of samples and real examples the shapes are enough."""
    if sentinel.saturation and not players_with_logits(logs):
        raise InputError(
            "sentinel.saturation watches <player>/real_logits and <player>/fake_logits, but this game's "
            f"metrics are {', '.join(sorted(logs))}: use sentinel.saturation 0"
        )
    if sentinel.diversity and not any(comparable(fake, real).values()):
        shapes = ", ".join(f"{name} {tuple(x.shape)}" for name, x in real.items())
        raise InputError(
            f"sentinel.diversity has nothing to compare the samples with: they are "
            f"{', '.join(f'{name} {tuple(x.shape)}' for name, x in arrays_by_name(fake).items())}, "
            f"the real examples {shapes}: use sentinel.diversity 0"
        )
    if sentinel.diversity and jax.tree.leaves(fake)[0].shape[0] < 2:
        raise InputError("sentinel.diversity needs at least two samples; got samples 1")


def players_with_logits(logs: Iterable[str]) -> list[str]:
    """The players that log the logits of real and of fake examples."""
    return [
        name.removesuffix("/real_logits")
        for name in sorted(logs)
        if name.endswith("/real_logits") and name.replace("/real_", "/fake_") in logs
    ]


def arrays_by_name(fake: Any) -> dict[str, Any]:
    """What a game sampled, by name: a single array is called "image"."""
    return dict(fake) if isinstance(fake, Mapping) else {"image": fake}


def comparable(fake: Any, real: Mapping[str, Any]) -> dict[str, list[str]]:
    """The real arrays that each sampled one is compared with: that of its name, else all of its shape.

    >>> x = np.ones((2, 3))
    >>> comparable({"a": x, "a to b": x}, {"a": x, "b": x, "label": np.ones(2)})
    {'a': ['a'], 'a to b': ['a', 'b']}
    """
    return {
        # "a to b" is compared with both a and b, for only their shapes say that it may be like either.
        name: [name] if name in real else [other for other, y in real.items() if y.shape == x.shape]
        for name, x in arrays_by_name(fake).items()
    }


def diversity(examples: Any) -> float:
    """The standard deviation over the examples [n, ...], averaged over the elements.

    >>> diversity([[0.0, 1.0], [2.0, 1.0]])
    0.5
    """
    # The mean in float64, for it is of a million elements in a large image.
    return float(np.mean(np.std(np.asarray(examples, np.float32), axis=0), dtype=np.float64))


def find_collapse(sentinel: Sentinel, fake: Any, real: Mapping[str, Any]) -> str | None:
    """Names samples that are hardly more than one: less diverse than the watched share of the real examples.

    Several sampled arrays are looked at one by one, each beside the mean diversity of what it is `comparable`
    to.
    """
    if not sentinel.diversity:
        return None
    for name, others in comparable(fake, real).items():
        # Compared with nothing the bound is 0, below which no deviation is.
        least = sentinel.diversity * float(np.mean([diversity(real[other]) for other in others] or 0.0))
        own = diversity(arrays_by_name(fake)[name])
        what = f'samples "{name}"' if isinstance(fake, Mapping) else "samples"
        # First, for nan is not below any bound.
        if not math.isfinite(own):
            return f"{what} are not finite"
        if own < least:
            share, limit = 100 * sentinel.diversity * own / least, 100 * sentinel.diversity
            return (
                f"{what} are {share:.3g}% as diverse as the real examples (watched: {limit:.3g}%): "
                "the generator has collapsed"
            )
    return None


def find_saturation(sentinel: Sentinel, values: Mapping[str, float]) -> str | None:
    """Names a discriminator that calls everything right with logits so large that its gradient is gone."""
    limit = sentinel.saturation
    for player in players_with_logits(values) if limit else []:
        real, fake = values[f"{player}/real_logits"], values[f"{player}/fake_logits"]
        # Both: one that is wrong about one of the two has a gradient there, however large its logits are.
        if real > limit and fake < -limit:
            return (
                f"{player} is saturated: mean logits {real:.3g} at real and {fake:.3g} at fake examples "
                f"(watched: {limit:g})"
            )
    return None


def find_absurd_loss(sentinel: Sentinel, values: Mapping[str, float]) -> str | None:
    """Names a loss that is larger than any that a game is played with.

    >>> find_absurd_loss(Sentinel(), {"critic/loss": -8.8e30, "painter/loss": 1e5, "painter/seen": 1e12})
    'critic/loss is -8.8e+30 (watched: 1e+09)'
    """
    for name, value in values.items():
        # Losses alone, for another metric, such as a count of images, may be as large as it likes.
        if sentinel.largest_loss and name.endswith("/loss") and abs(value) > sentinel.largest_loss:
            return f"{name} is {value:.3g} (watched: {sentinel.largest_loss:.3g})"
    return None


def find_nonfinite(values: Mapping[str, float], carry: tuple[Any, Any]) -> str | None:
    """Names a metric, or an array of the state and its sums of logs, that has left the real numbers."""
    # Metrics first, whose names say more than those of arrays.
    bad = [f"{name} is {value}" for name, value in values.items() if not np.isfinite(value)]
    # One flag for each array is fetched, and not the state.
    state, totals = parallel.fetch(are_finite(carry))
    for path, okay in leaves_by_path({**state._asdict(), "metrics": totals["sums"]}).items():
        if not okay:
            bad.append(f"{'/'.join(path)} is not finite")
    return bad[0] + (f" (and {len(bad) - 1} more)" if len(bad) > 1 else "") if bad else None


@jax.jit
def are_finite(carry: Any) -> Any:
    """Whether each array is finite."""
    return jax.tree.map(lambda x: jnp.all(jnp.isfinite(x)), carry)
