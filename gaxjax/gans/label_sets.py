"""Labels of several sets of data, side by side: what StarGAN's generator is told and its head learns.

Labels are [B, K]: 0 or 1, and -1 in all of a set that is not known of an image. Choi et al. 2018, 3.2.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gaxjax.errors import InputError, check_labels
from gaxjax.losses import classification


@dataclass(frozen=True)
class LabelSet:
    """Labels that are known of an image together, or not at all."""

    count: int
    """labels, each a domain"""
    exclusive: bool = True
    """whether an image has one of them (RaFD's expressions: cross-entropy); if not, any of them (CelebA's
    attributes: binary cross-entropy)"""

    def __post_init__(self) -> None:
        if self.count < 1 + self.exclusive:
            least = "two or more, of which it has one" if self.exclusive else "one or more"
            raise InputError(f"LabelSet(count={self.count}): an image has labels of {least}")


def count_labels(game: Any) -> list[int]:
    """How many labels each set of a game has, each a domain; none of a game that has no sets."""
    return [each.count for each in getattr(game, "sets", ())]


def columns(sets: Sequence[LabelSet]) -> list[slice]:
    """Which of the K labels are each set's.

    >>> columns([LabelSet(5, exclusive=False), LabelSet(8)])
    [slice(0, 5, None), slice(5, 13, None)]
    """
    if not sets:
        raise InputError("sets=(): say what the labels are, such as sets=(LabelSet(6),)")
    ends = [sum(each.count for each in sets[:number]) for number in range(len(sets) + 1)]
    return [slice(start, end) for start, end in itertools.pairwise(ends)]


def encode_labels(labels: Array, sets: Sequence[LabelSet]) -> Array:
    """Labels [B] as [B, K], one-hot, or those of the data's attributes, [B, K] already."""
    count, sizes = columns(sets)[-1].stop, " and ".join(str(each.count) for each in sets)
    if labels.ndim == 1:
        # No image has labels of two sets by one number.
        if len(sets) > 1 or not sets[0].exclusive:
            raise InputError(
                f"the data have one label an image, and sets are of {sizes}, exclusive: give attributes "
                f"(--data.attributes), or use sets=(LabelSet({count}),)"
            )
        check_labels(labels, count)
        return jax.nn.one_hot(labels, count)
    if labels.shape[1] != count:
        raise InputError(
            f"the data have {labels.shape[1]} attributes, and sets are of {sizes}: choose attributes "
            f"(--data.attributes), or set each count to how many there are"
        )
    return labels


def known_sets(labels: Array, sets: Sequence[LabelSet]) -> Array:
    """The mask vector: which sets are known of each image, [B, S] bool."""
    return jnp.stack([jnp.all(labels[:, own] >= 0, axis=1) for own in columns(sets)], axis=1)


def with_mask(labels: Array, sets: Sequence[LabelSet]) -> Array:
    """The domain as a generator is told it (eq. 7): 0 for what is not known, and of several sets the mask.

    >>> with_mask(jnp.array([[-1, 0, 1]]), [LabelSet(1, exclusive=False), LabelSet(2)]).tolist()
    [[0, 0, 1, 0, 1]]
    """
    known = known_sets(labels, sets)
    # Of NumPy: how often each is repeated is a matter of shapes, which a compiled function has to know.
    counts = np.array([each.count for each in sets])
    domain = jnp.where(jnp.repeat(known, counts, axis=1, total_repeat_length=counts.sum()), labels, 0)
    # Of one set the mask would be a 1 that is always there.
    return jnp.concatenate([domain, known.astype(labels.dtype)], axis=1) if len(sets) > 1 else domain


def classify(logits: Array, labels: Array, sets: Sequence[LabelSet]) -> Array:
    """The sum of each set's classification loss, a mean over the images that it is known of."""
    if logits.shape != labels.shape:
        raise InputError(
            f"the discriminator's classes have shape {logits.shape}, and the labels {labels.shape}: give its "
            f"Head the size {labels.shape[1]}"
        )
    # An image counts in the sets that are known of it, and in no other.
    losses = [
        classification(
            logits[:, own], jnp.argmax(labels[:, own], axis=1) if each.exclusive else labels[:, own], known
        )
        for each, own, known in zip(sets, columns(sets), known_sets(labels, sets).T, strict=True)
    ]
    return sum(losses[1:], start=losses[0])
