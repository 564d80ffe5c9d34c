"""Labels that images are translated to: another image's in training, and each domain's in samples."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.gans.label_sets import LabelSet, columns, known_sets


def permute(key: Array, labels: Array, sets: Sequence[LabelSet]) -> Array:
    """Another image's labels for each, of the sets that its own are of: the rows in another order."""
    # The authors' minibatches are of one set each; one that is mixed is permuted among those of a kind.
    kind = known_sets(labels, sets) @ 2 ** jnp.arange(len(sets))
    # Both sorted by kind, the one as they lie and the other at random: place for place they are of a kind.
    places = jnp.lexsort((jnp.arange(len(labels)), kind))
    rows = jnp.lexsort((jax.random.uniform(key, kind.shape), kind))
    return labels.at[places].set(labels[rows])


def aim_at_each(labels: Array, sets: Sequence[LabelSet]) -> Array:
    """The labels that turn images into each domain, [K, B, K]; other sets than its own are not known.

    An exclusive label takes the place of another; of an image that has an attribute, that is taken away.

    >>> aim_at_each(jnp.array([[1, 0, 0, 1]]), [LabelSet(2, exclusive=False), LabelSet(2)])[:, 0].tolist()
    [[0, 0, -1, -1], [1, 1, -1, -1], [-1, -1, 1, 0], [-1, -1, 0, 1]]
    """
    aims = []
    for each, own in zip(sets, columns(sets), strict=True):
        # Where nothing is known, as if it had none.
        has = jnp.maximum(labels[:, own], 0)
        for place in range(each.count):
            turned = has.at[:, place].set(1 - has[:, place])
            aim = jnp.zeros_like(has).at[:, place].set(1) if each.exclusive else turned
            aims.append(jnp.full_like(labels, -1).at[:, own].set(aim))
    return jnp.stack(aims)
