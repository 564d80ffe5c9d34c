"""The kernel distance between two sets of features: KID, where they are Inception's."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from gaxjax.errors import InputError
from gaxjax.metrics.checking import Values, check_features, check_finite


class KernelDistance(NamedTuple):
    """An estimate over random subsets; below zero by chance where the sets are alike."""

    mean: float
    """of the subsets' squared distances"""
    standard_deviation: float
    """of the subsets' squared distances"""


def kernel_distance(
    real: Float[Values, "real features"],
    fake: Float[Values, "fake features"],
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 2020,
) -> KernelDistance:
    """The unbiased squared maximum mean discrepancy under (x.y / d + 1)^3. Bińkowski et al. 2018, section 4.

    Each subset is drawn from the fakes, then from the real ones, by NumPy's RandomState(seed), which are the
    subsets of torch-fidelity for the fakes as input1, the real ones as input2 and rng_seed = seed.
    """
    check_features(real=real, fake=fake)
    check_finite(real=real, fake=fake)
    if subsets < 1:
        raise InputError(f"subsets must be at least 1; got {subsets}")
    fewest = min(len(real), len(fake))
    if not 2 <= subset_size <= fewest:
        raise InputError(
            f"subset_size must be from 2 to the size of the smaller set; got {subset_size} for "
            f"{len(real)} real and {len(fake)} fake examples: use subset_size={min(1000, fewest)}"
            if fewest >= 2
            else f"a kernel distance needs at least 2 examples of each; got {len(real)} and {len(fake)}"
        )
    # The fakes first, as in torch-fidelity: the generator's state goes from one to the other.
    sets = [np.asarray(values, np.float32) for values in (fake, real)]
    random = np.random.RandomState(seed)
    distances = []
    for _ in range(subsets):
        drawn = [values[random.choice(len(values), subset_size, replace=False)] for values in sets]
        # [subset_size] each, summed in float64: the distance is a small difference of large sums.
        within_fake, within_real, across = (np.asarray(x, np.float64).sum() for x in _kernel_sums(*drawn))
        # Unbiased: an example is not paired with itself within a set. Across, all pairs count.
        pairs = subset_size * (subset_size - 1)
        distances.append((within_fake + within_real) / pairs - 2 * across / subset_size**2)
    return KernelDistance(float(np.mean(distances)), float(np.std(distances)))


@jax.jit
def _kernel_sums(x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Each example's sum of kernels with the others of x, of y with y, and of x with y."""

    def kernels(a: Array, b: Array) -> Array:
        products = jnp.matmul(a, b.T, precision=jax.lax.Precision.HIGHEST) / a.shape[1]
        # (p + 1)^3 less 1, which the distance does not have and whose rounding would be most of a small one
        return products * (3 + products * (3 + products))

    # Masks the diagonal, whose kernels are of each example with itself and bias the estimate.
    others = 1 - jnp.eye(len(x))
    within = [jnp.sum(kernels(values, values) * others, axis=1) for values in (x, y)]
    return within[0], within[1], jnp.sum(kernels(x, y), axis=1)
