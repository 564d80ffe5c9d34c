"""Objectives as values: what the two players minimize, as frozen dataclasses with their numbers.

An objective takes what a discriminator puts out, by name: {"logits": [B], "features": [B, F], ...} of real
and of fake examples. In Python it is `LeastSquares(a=-1, b=1, c=0)`, on the command line the same text. One
of your own is a subclass anywhere, in a recipe's file too: its name works in both places.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from jax import Array

from gaxjax import losses
from gaxjax.errors import InputError
from gaxjax.expressions import text_flag

NamedOutputs = Mapping[str, Any]
"""A discriminator's outputs for a batch of examples, by name."""


@dataclass(frozen=True)
class Objective(ABC):
    """A pair of losses, each a scalar to be minimized."""

    probabilities: ClassVar[bool] = False
    """whether logits are log-odds, so that the sigmoid of one is the probability of being real"""
    # Asked before real examples are judged in the generator's step, which costs a forward pass.
    relative: ClassVar[bool] = False
    """whether the generator's loss is of real examples too; if not, `real` is empty there"""

    @abstractmethod
    def discriminator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        """The discriminator's loss."""

    @abstractmethod
    def generator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        """The generator's loss."""


def check_target(objective: Any) -> None:
    """Refuses a `real_target` that is no probability: the loss would have no lowest value."""
    if not 0 < objective.real_target <= 1:
        raise InputError(f"{objective}: real_target must be in (0, 1], such as 0.9")


@dataclass(frozen=True)
class Minimax(Objective):
    """Goodfellow et al. 2014, eq. 1."""

    # Of real examples alone: with a target above 0 for fakes, the best D would have p_model in its numerator,
    # and draw samples to where there are some already (ibid.).
    real_target: float = 1.0
    """below 1: one-sided label smoothing (Salimans et al. 2016, section 3.4)"""
    probabilities: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_target(self)

    def discriminator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        return losses.minimax_discriminator(real["logits"], fake["logits"], real_target=self.real_target)

    def generator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        return losses.minimax_generator(fake["logits"])


@dataclass(frozen=True)
class Nonsaturating(Objective):
    """Goodfellow et al. 2014, section 3."""

    real_target: float = 1.0
    """below 1: one-sided label smoothing (Salimans et al. 2016, section 3.4)"""
    probabilities: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_target(self)

    def discriminator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        return losses.minimax_discriminator(real["logits"], fake["logits"], real_target=self.real_target)

    def generator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        return losses.nonsaturating_generator(fake["logits"])


@dataclass(frozen=True)
class LeastSquares(Objective):
    """Mao et al. 2017, eq. 9; a = -1, b = 1, c = 0: Pearson's chi^2 (eq. 8)."""

    # Pearson's chi^2 between p_data + p_model and 2 p_model takes any b - c = 1 with b - a = 2; the defaults
    # are the targets that the paper found to work as well.
    a: float = 0.0
    """the discriminator's target for fake examples"""
    b: float = 1.0
    """the discriminator's target for real examples"""
    c: float = 1.0
    """the generator's target"""

    def discriminator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        return losses.least_squares_discriminator(real["logits"], fake["logits"], a=self.a, b=self.b)

    def generator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        return losses.least_squares_generator(fake["logits"], c=self.c)


@dataclass(frozen=True)
class Wasserstein(Objective):
    """Arjovsky et al. 2017, eq. 2."""

    def discriminator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        # Nothing here bounds the critic: that is for Clip, GradientPenalty or Spectral beside it.
        return losses.wasserstein_discriminator(real["logits"], fake["logits"])

    def generator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        return losses.wasserstein_generator(fake["logits"])


@dataclass(frozen=True)
class Hinge(Objective):
    """Lim and Ye 2017; Miyato et al. 2018, eq. 16 and 17."""

    def discriminator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        return losses.hinge_discriminator(real["logits"], fake["logits"])

    def generator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        return losses.hinge_generator(fake["logits"])


@dataclass(frozen=True)
class RelativisticAverage(Objective):
    """Jolicoeur-Martineau 2019, RaGAN."""

    # Not `probabilities`: a logit counts against the other side's alone, and its sigmoid means nothing.
    relative: ClassVar[bool] = True

    def discriminator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        return losses.relativistic_average_discriminator(real["logits"], fake["logits"])

    def generator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        return losses.relativistic_average_generator(real["logits"], fake["logits"])


@dataclass(frozen=True)
class RelativisticPaired(Objective):
    """Jolicoeur-Martineau 2019, RpGAN; Huang et al. 2024 (R3GAN)."""

    relative: ClassVar[bool] = True

    def discriminator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        return losses.relativistic_paired_discriminator(real["logits"], fake["logits"])

    def generator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        return losses.relativistic_paired_generator(real["logits"], fake["logits"])


def features_of(outputs: NamedOutputs, objective: str) -> Array:
    """The features [B, F] among a discriminator's outputs; InputError where it gives none."""
    if "features" not in outputs:
        raise InputError(
            f"{objective} needs the discriminator's features: it must return "
            f'{{"logits": [B], "features": [B, F]}}; it returns {", ".join(outputs)} alone'
        )
    features: Array = outputs["features"]
    return features


@dataclass(frozen=True)
class FeatureMatching(Objective):
    """Salimans et al. 2016, section 3.1."""

    distance: Literal["squared", "absolute"] = "squared"
    """of the means of features"""
    probabilities: ClassVar[bool] = True
    relative: ClassVar[bool] = True

    def discriminator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        return losses.minimax_discriminator(real["logits"], fake["logits"])

    def generator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        # No stop_gradient on the real side: a solver differentiates in the generator's parameters alone.
        of_real, of_fake = (features_of(outputs, "FeatureMatching") for outputs in (real, fake))
        return losses.feature_matching_generator(of_real, of_fake, distance=self.distance)


@dataclass(frozen=True)
class Energy(Objective):
    """Zhao et al. 2017, sections 2.1 and 2.4: a logit is an energy, negated."""

    margin: float = 10.0
    """energy above which fake examples are let be"""
    pulling_away: float = 0.0
    """weight of the pulling-away term of features"""

    def discriminator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        return losses.energy_discriminator(real["logits"], fake["logits"], margin=self.margin)

    def generator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        # Without the term, an energy need not have features.
        features = features_of(fake, "Energy(pulling_away)") if self.pulling_away else None
        return losses.energy_generator(fake["logits"], features, pulling_away=self.pulling_away)


@dataclass(frozen=True)
class ZeroSum(Objective):
    """The generator minimizes the discriminator's loss negated, for solvers that look through the answer."""

    objective: Objective = Minimax()
    """whose discriminator's loss it is"""
    relative: ClassVar[bool] = True

    def discriminator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        return self.objective.discriminator(real, fake)

    def generator(self, real: NamedOutputs, fake: NamedOutputs) -> Array:
        # Of the discriminator's loss, not of the generator's: Goodfellow's non-saturating pair has no one
        # value that both pull at, which unrolling and competitive gradients assume.
        return -self.objective.discriminator(real, fake)


AnyObjective: TypeAlias = Annotated[Objective, text_flag(Objective, "OBJECTIVE")]
"""A field that holds an objective; on the command line the same text: LeastSquares(a=-1, b=1, c=0)."""
