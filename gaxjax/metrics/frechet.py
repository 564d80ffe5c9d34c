"""The Fréchet distance between two sets of features: FID, where they are Inception's. Heusel et al. 2017.

Moments are gathered batch by batch, so that memory is one batch and a matrix of features by features; where
examples are fewer than features, as with the pixels of large images, they are kept themselves.
"""

import contextlib
import dataclasses
import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Float

from gaxjax.errors import InputError
from gaxjax.metrics.checking import Values, check_features


@dataclasses.dataclass(frozen=True, eq=False)
class Moments:
    """Mean and scatter of a set of features, in float64."""

    count: int
    """examples"""
    mean: Float[np.ndarray, " features"]
    """of the examples"""
    scatter: Float[np.ndarray, "features features"]
    """sum of the outer products of what each example differs from the mean"""

    @classmethod
    def of(cls, features: Float[Values, "batch features"]) -> "Moments":
        """Of one batch, on the device that it is on or the devices over which it is split.

        >>> Moments.of(np.array([[1.0], [3.0]])).covariance
        array([[2.]])
        """
        # Finite or not is asked of the scatter below, where a single NaN of a batch arrives: no look at the
        # batch itself.
        check_features(features=features)
        sharding = features.sharding if isinstance(features, Array) else None
        gather = _gather_over(sharding.mesh) if isinstance(sharding, NamedSharding) else _gather
        # One batch is summed in float32 on its device, and batches are merged in float64 on the host: what
        # adds up over 50,000 examples is exact, and a device without float64 is enough.
        first, rest, scatter = (np.asarray(x, np.float64) for x in gather(features))
        if not np.isfinite(scatter).all():
            raise InputError("features have values that are not finite: find where they come from")
        return cls(len(features), first + rest, scatter)

    def merge(self, other: "Moments") -> "Moments":
        """Of both sets together. Chan, Golub and LeVeque 1983."""
        _check_widths(self, other)
        count = self.count + other.count
        # Not sums of squares, from which the mean's would be subtracted: those cancel where the mean is large
        # beside the deviation.
        apart = other.mean - self.mean
        between = np.outer(apart, apart) * (self.count * other.count / count)
        mean = self.mean + apart * (other.count / count)
        return Moments(count, mean, self.scatter + other.scatter + between)

    @property
    def covariance(self) -> Float[np.ndarray, "features features"]:
        """The unbiased estimate; of fewer than two examples there is none."""
        if self.count < 2:
            raise InputError(f"a covariance needs at least 2 examples; got {self.count}")
        return self.scatter / (self.count - 1)


@dataclasses.dataclass(frozen=True, eq=False)
class Vectors:
    """A set of features themselves: less than their scatter, where there are fewer of them than features."""

    values: Float[np.ndarray, "batch features"]
    """float32"""

    @property
    def count(self) -> int:
        """Examples."""
        return len(self.values)

    @functools.cached_property
    def mean(self) -> Float[np.ndarray, " features"]:
        """Of the examples, in float64."""
        return self.values.mean(axis=0, dtype=np.float64)


def frechet_distance(a: Moments | Vectors, b: Moments | Vectors) -> float:
    """|mean_a - mean_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)). Heusel et al. 2017, eq. 6.

    The trace of (C_a C_b)^(1/2) is the sum of the singular values of F_a^T F_b, where C = F F^T, which is as
    exact for singular covariances as for others: of fewer examples than features, say. F of vectors is what
    they differ from their mean, so that nothing is as large as features by features.

    >>> one, other = Moments.of(np.array([[0.0], [2.0]])), Moments.of(np.array([[3.0], [5.0]]))
    >>> frechet_distance(one, other)  # 3^2, and no difference in spread
    9.0
    """
    _check_widths(a, b)
    if isinstance(a, Moments) and isinstance(b, Moments):
        traces, roots = _traces_and_roots(a, b)
    else:
        traces, roots = _traces_and_roots_of_vectors(a, b)
    # Of the same set twice rounding may leave a little below zero.
    return max(0.0, float(np.sum((a.mean - b.mean) ** 2) + traces - 2 * roots))


def _traces_and_roots(a: Moments, b: Moments) -> tuple[float, float]:
    """tr(C_a + C_b) and the trace of (C_a C_b)^(1/2), from the eigenvalues of P P^T, P = F_a^T F_b.

    In float64 a root of an eigenvalue is off by 1e-8 of the largest, where features come as they are. With
    those of large variance first P P^T is graded, and then it is not, for covariances of any condition. Only
    of roots that are zero it would be: where a covariance has not full rank, they are singular values of P.
    """
    # By the product of variances, largest first, in both alike: a permutation of features changes no trace.
    order = np.argsort(-np.diag(a.scatter) * np.diag(b.scatter))
    first, second = (_root(side.covariance[np.ix_(order, order)]) for side in (a, b))
    product = first.T @ second
    # Both of full rank. At 2,048 features the eigenvalues of one product take 2.2 s of one core, its singular
    # values 4.5 s, and the root of a matrix of the formula as it stands 12 s.
    if min(product.shape) == len(order):
        roots = np.sqrt(np.maximum(np.linalg.eigvalsh(product @ product.T), 0))
    else:
        roots = np.linalg.svd(product, compute_uv=False)
    return float(np.trace(a.covariance) + np.trace(b.covariance)), float(roots.sum())


def _traces_and_roots_of_vectors(a: Moments | Vectors, b: Moments | Vectors) -> tuple[float, float]:
    """The same by singular values, which are exact in any order, and are few where there are few examples."""
    first, second = _factor(a), _factor(b)
    # By blocks of features, [2048, examples] in float64 each: the pixels of 256 px images are 196,608
    # features, whose covariance would take 288 GiB.
    traces, product = 0.0, np.zeros(())
    for block in [slice(start, start + BLOCK) for start in range(0, len(a.mean), BLOCK)]:
        left, right = first(block), second(block)
        traces += float(np.sum(left**2) + np.sum(right**2))
        product = product + left.T @ right
    return traces, float(np.linalg.svd(product, compute_uv=False).sum())


BLOCK = 2048
"""Features at once, of vectors in float64."""


def bytes_needed(features: int, *counts: int) -> int:
    """What the distance of sets of so many examples takes, about.

    >>> round(bytes_needed(2048, 50_000, 10_000) / 2**20)
    320
    """
    ranks = [min(count, features) for count in counts]
    # The factor F of few examples, or scatter, covariance and what decomposing it needs; then the product of
    # both.
    sides = [8 * features * rank if rank < features else 32 * features**2 for rank in ranks]
    return sum(sides) + 16 * math.prod(ranks)


def _factor(side: Moments | Vectors) -> Callable[[slice], np.ndarray]:
    """Rows of F of F F^T = C, [rows, rank] in float64."""
    if side.count < 2:
        raise InputError(f"a covariance needs at least 2 examples; got {side.count}")
    if isinstance(side, Moments):
        factor = _root(side.covariance)
        return lambda rows: factor[rows]
    values, mean, scale = side.values, side.mean, 1 / math.sqrt(side.count - 1)
    return lambda rows: (values[:, rows].T.astype(np.float64) - mean[rows, None]) * scale


def _root(covariance: np.ndarray) -> np.ndarray:
    """F of F F^T = C, [features, rank]: Cholesky's, which is many times faster, where the rank is full."""
    with contextlib.suppress(np.linalg.LinAlgError):
        factor = np.linalg.cholesky(covariance)
        pivots = np.diag(factor) ** 2
        # Cholesky may succeed by rounding where the rank is not full, with pivots that are noise: then
        # eigenvalues.
        if pivots.min() > pivots.max() * len(pivots) * np.finfo(np.float64).eps:
            return factor
    values, vectors = np.linalg.eigh(covariance)
    # Relative, as in NumPy's `matrix_rank`: what is below is rounding.
    kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
    return vectors[:, kept] * np.sqrt(values[kept])


def _check_widths(a: Moments | Vectors, b: Moments | Vectors) -> None:
    if a.mean.shape != b.mean.shape:
        raise InputError(
            f"both sets must have the same number of features; got {len(a.mean)} and {len(b.mean)}"
        )


def _moments(features: Array) -> tuple[Array, Array, Array]:
    """The mean in two parts, and the scatter; float32 holds neither of them in one."""
    features = jnp.asarray(features, jnp.float32)
    # The mean in float32 is off by as much as its rounding. What is left of it is the mean of the
    # differences, which are small, so that the two parts hold about twice the digits (summed in float64 by
    # `Moments.of`).
    first = jnp.mean(features, axis=0)
    features = features - first[None]
    rest = jnp.mean(features, axis=0)
    features = features - rest[None]
    # HIGHEST: accelerators multiply in fewer bits by themselves, TPUs in bfloat16, which would move FID.
    return first, rest, jnp.matmul(features.T, features, precision=jax.lax.Precision.HIGHEST)


_gather = jax.jit(_moments)


@functools.cache
def _gather_over(mesh: Mesh) -> jax.stages.Wrapped:
    """The same with the whole result on every device, so that each process has it."""
    return jax.jit(_moments, out_shardings=NamedSharding(mesh, PartitionSpec()))
