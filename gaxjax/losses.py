"""Objectives of the two players: pure functions of logits, `[batch]` in, a scalar mean out, to be minimized.

An objective is a pair, `<name>_discriminator(real_logits, fake_logits)` and `<name>_generator(fake_logits)`,
where a generator's loss may need `real_logits` too, or features, [batch, features], which a discriminator has
before its last layer. Numbers are keyword arguments; as values, the pairs are in `gaxjax.objectives`. A logit
is the discriminator's raw output: the probability of "real" is its sigmoid.
"""

from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gaxjax.errors import InputError, check_labels

Logits = Float[Array, " batch"]
Features = Float[Array, "batch features"]
Scalar = Float[Array, ""]


def minimax_discriminator(real_logits: Logits, fake_logits: Logits, *, real_target: float = 1.0) -> Scalar:
    """-E log D(x) - E log(1 - D(G(z))). Goodfellow et al. 2014, eq. 1.

    real_target below 1, such as 0.9, is one-sided label smoothing: real examples are to be called real with
    that probability, fake ones with none (Salimans et al. 2016, section 3.4).

    >>> minimax_discriminator(jnp.zeros(3), jnp.zeros(3)).round(4)  # 2 log 2
    Array(1.3863, dtype=float32)
    """
    _check(real_logits=real_logits, fake_logits=fake_logits)
    # t softplus(-x) + (1 - t) softplus(x), with softplus(x) = softplus(-x) + x: cross-entropy from the logit,
    # where the log of a sigmoid would be -inf for a sure discriminator.
    real = jax.nn.softplus(-real_logits) + (1 - real_target) * real_logits
    return jnp.mean(real) + jnp.mean(jax.nn.softplus(fake_logits))


def minimax_generator(fake_logits: Logits) -> Scalar:
    """E log(1 - D(G(z))). Goodfellow et al. 2014, eq. 1; its gradient vanishes where D is sure of a fake."""
    _check(fake_logits=fake_logits)
    # log(1 - sigmoid(x)) = -softplus(x).
    return -jnp.mean(jax.nn.softplus(fake_logits))


nonsaturating_discriminator = minimax_discriminator


def nonsaturating_generator(fake_logits: Logits) -> Scalar:
    """-E log D(G(z)). Goodfellow et al. 2014, section 3."""
    _check(fake_logits=fake_logits)
    return jnp.mean(jax.nn.softplus(-fake_logits))


def least_squares_discriminator(
    real_logits: Logits, fake_logits: Logits, *, a: float = 0.0, b: float = 1.0
) -> Scalar:
    """E (D(x) - b)^2 / 2 + E (D(G(z)) - a)^2 / 2. Mao et al. 2017, eq. 2; a = 0 and b = 1 give eq. 9."""
    _check(real_logits=real_logits, fake_logits=fake_logits)
    return (jnp.mean((real_logits - b) ** 2) + jnp.mean((fake_logits - a) ** 2)) / 2


def least_squares_generator(fake_logits: Logits, *, c: float = 1.0) -> Scalar:
    """E (D(G(z)) - c)^2 / 2. Mao et al. 2017, eq. 2; with a = -1, b = 1, c = 0 Pearson's chi^2 (eq. 8)."""
    _check(fake_logits=fake_logits)
    return jnp.mean((fake_logits - c) ** 2) / 2


def wasserstein_discriminator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """E f(G(z)) - E f(x). Arjovsky et al. 2017, eq. 2, negated: the critic f maximizes the difference."""
    _check(real_logits=real_logits, fake_logits=fake_logits)
    return jnp.mean(fake_logits) - jnp.mean(real_logits)


def wasserstein_generator(fake_logits: Logits) -> Scalar:
    """-E f(G(z)). Arjovsky et al. 2017, algorithm 1."""
    _check(fake_logits=fake_logits)
    return -jnp.mean(fake_logits)


def hinge_discriminator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))). Lim and Ye 2017; Miyato et al. 2018, eq. 16."""
    _check(real_logits=real_logits, fake_logits=fake_logits)
    # Beyond the margin of 1 there is no gradient: what D is sure of teaches it nothing more.
    return jnp.mean(jax.nn.relu(1 - real_logits)) + jnp.mean(jax.nn.relu(1 + fake_logits))


def hinge_generator(fake_logits: Logits) -> Scalar:
    """-E D(G(z)). Lim and Ye 2017; Miyato et al. 2018, eq. 17."""
    _check(fake_logits=fake_logits)
    return -jnp.mean(fake_logits)


def relativistic_average_discriminator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """-E log s(C(x) - E C(G(z))) - E log(1 - s(C(G(z)) - E C(x))). Jolicoeur-Martineau 2019, RaGAN."""
    _check(real_logits=real_logits, fake_logits=fake_logits)
    # Gradients flow through the means too, as in the author's code.
    real, fake = real_logits - jnp.mean(fake_logits), fake_logits - jnp.mean(real_logits)
    return jnp.mean(jax.nn.softplus(-real)) + jnp.mean(jax.nn.softplus(fake))


def relativistic_average_generator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """The discriminator's with real and fake exchanged. Jolicoeur-Martineau 2019, RaGAN."""
    _check(real_logits=real_logits, fake_logits=fake_logits)
    return relativistic_average_discriminator(fake_logits, real_logits)


def relativistic_paired_discriminator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """-E log s(C(x) - C(G(z))) over pairs. Jolicoeur-Martineau 2019, RpGAN."""
    _check(real_logits=real_logits, fake_logits=fake_logits)
    _check_pairs(real_logits, fake_logits)
    # Pairs are by position: the i-th real example against the i-th fake one.
    return jnp.mean(jax.nn.softplus(fake_logits - real_logits))


def relativistic_paired_generator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """The discriminator's with real and fake exchanged. Huang et al. 2024 (R3GAN)."""
    _check(real_logits=real_logits, fake_logits=fake_logits)
    return relativistic_paired_discriminator(fake_logits, real_logits)


feature_matching_discriminator = minimax_discriminator


def feature_matching_generator(
    real_features: Features,
    fake_features: Features,
    *,
    distance: Literal["squared", "absolute"] = "squared",
) -> Scalar:
    """|E f(x) - E f(G(z))|^2 of the discriminator's features f. Salimans et al. 2016, section 3.1.

    absolute: the mean absolute difference, as in the authors' code for CIFAR-10.
    """
    _check_features(real_features=real_features, fake_features=fake_features)
    difference = jnp.mean(real_features, axis=0) - jnp.mean(fake_features, axis=0)
    if distance not in ("squared", "absolute"):
        raise InputError(f"feature_matching: distance is squared or absolute, not {distance!r}")
    # A sum over features in the paper, a mean in the authors' code.
    return jnp.sum(difference**2) if distance == "squared" else jnp.mean(jnp.abs(difference))


def layer_matching(real_features: Any, fake_features: Any) -> Scalar:
    """The mean squared difference of E f(x) and E f(y) of each layer f, [B, ...], summed over layers.

    Each side is a tree of layers' features. Kim et al. 2017 (DiscoGAN), the authors' code, whose hinge
    embedding loss of target 1 is this mean.
    """

    def of_layer(real: Array, fake: Array) -> Array:
        if real.shape[1:] != fake.shape[1:]:
            raise InputError(
                f"layer_matching: a layer is {real.shape} of real, {fake.shape} of fake examples"
            )
        return jnp.mean((jnp.mean(real, axis=0) - jnp.mean(fake, axis=0)) ** 2)

    return sum(jax.tree.leaves(jax.tree.map(of_layer, real_features, fake_features)), jnp.zeros(()))


def energy_discriminator(real_logits: Logits, fake_logits: Logits, *, margin: float = 10.0) -> Scalar:
    """E D(x) + E max(0, margin - D(G(z))) of energies D, logits negated. Zhao et al. 2017, section 2.1."""
    _check(real_logits=real_logits, fake_logits=fake_logits)
    # D = -logit, so max(0, margin - D) = relu(margin + logit).
    return jnp.mean(jax.nn.relu(margin + fake_logits)) - jnp.mean(real_logits)


def energy_generator(
    fake_logits: Logits, fake_features: Features | None = None, *, pulling_away: float = 0.0
) -> Scalar:
    """E D(G(z)), and `pulling_away` times that term of the codes. Zhao et al. 2017, sections 2.1 and 2.4."""
    _check(fake_logits=fake_logits)
    value = -jnp.mean(fake_logits)
    if not pulling_away:
        return value
    if fake_features is None:
        raise InputError("pulling_away is a term of fake_features, [batch, features]: give them too")
    return value + pulling_away * pulling_away_term(fake_features)


def pulling_away_term(features: Features) -> Scalar:
    """The mean squared cosine between the features of two examples. Zhao et al. 2017, section 2.4.

    >>> pulling_away_term(jnp.array([[2.0, 0.0], [3.0, 0.0], [0.0, 1.0]])).round(4)  # one pair of three
    Array(0.3333, dtype=float32)
    """
    _check_features(features=features)
    n = features.shape[0]
    if n < 2:
        raise InputError("the pulling-away term is of pairs: a minibatch of at least 2 is needed; got 1")
    # The square root has no gradient at zero.
    unit = features * jax.lax.rsqrt(jnp.sum(features**2, axis=1, keepdims=True) + 1e-12)
    cosines = unit @ unit.T
    # Without the diagonal: a feature's cosine with itself is 1 whatever it is.
    return (jnp.sum(cosines**2) - jnp.sum(jnp.diagonal(cosines) ** 2)) / (n * (n - 1))


def classification(logits: Array, labels: Array, mask: Array | float = 1.0) -> Scalar:
    """Mean cross-entropy of labels [B], or summed of attributes [B, classes]; logits [B, classes].

    mask: [B], the examples that count. A label that is none of the classes is refused; inside of a compiled
    function, where nobody can look, the loss is nan. AC-GAN (Odena et al. 2017), StarGAN (Choi et al. 2018).
    """
    if labels.ndim == 1:
        # Where the mask says no, a label may be anything, -1 too.
        index, classes = jnp.where(jnp.asarray(mask) > 0, labels, 0), logits.shape[-1]
        check_labels(index, classes)
        # Below 0, an index would count from the end.
        index = jnp.where(index < 0, classes, index)[:, None]
        values = -jnp.take_along_axis(jax.nn.log_softmax(logits), index, axis=1, mode="fill")[:, 0]
    else:
        # [B, 1] would count for every class.
        if labels.shape != logits.shape:
            raise InputError(
                f"labels are [B], or attributes as the logits are, {list(logits.shape)}; got "
                f"{list(labels.shape)}"
            )
        # Binary cross-entropy from logits; a sum over attributes and a mean over examples, as in StarGAN's
        # code.
        values = jnp.sum(jax.nn.softplus(logits) - labels * logits, axis=-1)
    mask = jnp.broadcast_to(jnp.asarray(mask, values.dtype), values.shape)
    # Where no example counts, 0 and not 0 / 0.
    return jnp.sum(mask * values) / jnp.maximum(jnp.sum(mask), 1)


def squared_error(values: Array, targets: Array, mask: Array | bool = True) -> Scalar:
    """Mean of |values - targets|^2, summed over numbers, of the examples that count; both [B, K].

    mask: [B], the examples that count; what stands in the others, nan or anything, has no part in it. Nie et
    al. 2020 (Semi-StyleGAN).
    """
    if values.ndim != 2 or values.shape != targets.shape:
        raise InputError(
            f"squared_error: values and targets must both have shape [batch, numbers]; got {values.shape} "
            f"and {targets.shape}: set the size of what gives them, such as Head(network, output, size)"
        )
    counts = jnp.broadcast_to(jnp.asarray(mask) > 0, values.shape[:1])
    # On the way in and on the way out: a product with 0 would keep a nan, in the value or in the slope.
    differences = jnp.where(counts[:, None], values - jnp.where(counts[:, None], targets, 0), 0)
    # Where no example counts, 0 and not 0 / 0.
    return jnp.sum(differences**2) / jnp.maximum(jnp.sum(counts), 1)


def absolute(x: Array, y: Array) -> Scalar:
    """Mean absolute difference (L1) of two arrays of one shape."""
    if jnp.shape(x) != jnp.shape(y):
        raise InputError(f"absolute: x and y must have one shape; got {jnp.shape(x)} and {jnp.shape(y)}")
    return jnp.mean(jnp.abs(x - y))


def _check(**logits: Array) -> None:
    """Refuses anything but [batch]: [batch, 1] against [batch] would broadcast to a matrix without a word."""
    for name, value in logits.items():
        if jnp.ndim(value) != 1:
            raise InputError(
                f"{name} must have shape [batch]; got {jnp.shape(value)}: squeeze the trailing axes"
            )


def _check_pairs(real_logits: Array, fake_logits: Array) -> None:
    if real_logits.shape != fake_logits.shape:
        came = f"real_logits {real_logits.shape} and fake_logits {fake_logits.shape}"
        raise InputError(f"a paired loss needs as many real as fake examples; got {came}")


def _check_features(**features: Array) -> None:
    for name, value in features.items():
        if jnp.ndim(value) != 2:
            raise InputError(f"{name} must have shape [batch, features]; got {jnp.shape(value)}: flatten it")
