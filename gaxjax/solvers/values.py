"""Solvers as values: frozen dataclasses with their numbers, for recipes and the command line."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeAlias

from gaxjax.errors import InputError
from gaxjax.expressions import text_flag
from gaxjax.game import GAN
from gaxjax.solvers.balance import balanced
from gaxjax.solvers.competitive import competitive
from gaxjax.solvers.foresight import extragradient, unrolled
from gaxjax.solvers.step import Optimizers, Step, Updates
from gaxjax.solvers.turns import alternating, simultaneous


@dataclass(frozen=True)
class Solver(ABC):
    """How the players move."""

    # Through parts, a gradient's own derivative would need all of them at once, which is what parts spare.
    accumulates: ClassVar[bool] = False
    """whether gradients can be taken of a minibatch in parts: those that are differentiated through cannot"""

    @abstractmethod
    def __call__(
        self, gan: GAN, optimizers: Optimizers, updates: Updates, *options: Any, **more: Any
    ) -> Step:
        """The train step, (state, batches, key) -> (state, logs). Options: half_life, ramp_up, accumulate."""

    def check_parts(self, parts: int) -> None:
        """InputError for parts of minibatches where there can be none."""
        if parts < 1:
            raise InputError(f"accumulate must be at least 1; got {parts}")
        if parts > 1 and not self.accumulates:
            others = ", ".join(kind.__name__ for kind in Solver.__subclasses__() if kind.accumulates)
            raise InputError(
                f"accumulate={parts}: {self} differentiates through gradients of a whole minibatch; use one "
                f"of {others}, or accumulate 1"
            )


@dataclass(frozen=True)
class Alternating(Solver):
    """Each player in turn, as often as its optimizer's updates say. Goodfellow et al. 2014, algorithm 1."""

    accumulates: ClassVar[bool] = True

    def __call__(
        self, gan: GAN, optimizers: Optimizers, updates: Updates, *options: Any, **more: Any
    ) -> Step:
        return alternating(gan, optimizers, updates, *options, **more)


@dataclass(frozen=True)
class Balanced(Solver):
    """A player waits while it is ahead, by errors on real and on fake examples. Denton et al. 2015."""

    margin: float = 0.3
    """by that the error on fakes may be larger than the one on real examples, and the generator moves; if it
    is larger still, the discriminator alone"""
    threshold: float = 0.7
    """error on real examples from which the discriminator moves besides; log 2 is chance"""
    accumulates: ClassVar[bool] = True

    def __post_init__(self) -> None:
        # Of nan every comparison is false: the generator alone would move, without a word.
        if not (self.margin >= 0 and self.threshold >= 0):
            raise InputError(
                f"margin and threshold are errors, 0 or above; got {self.margin} and {self.threshold}"
            )

    def __call__(
        self, gan: GAN, optimizers: Optimizers, updates: Updates, *options: Any, **more: Any
    ) -> Step:
        more = {"margin": self.margin, "threshold": self.threshold, **more}
        return balanced(gan, optimizers, updates, *options, **more)


@dataclass(frozen=True)
class Simultaneous(Solver):
    """All players at once, from where the step began."""

    accumulates: ClassVar[bool] = True

    def __call__(
        self, gan: GAN, optimizers: Optimizers, updates: Updates, *options: Any, **more: Any
    ) -> Step:
        return simultaneous(gan, optimizers, updates, *options, **more)


@dataclass(frozen=True)
class Extragradient(Solver):
    """All players at once, by gradients at where that would take them. Korpelevich 1976."""

    accumulates: ClassVar[bool] = True

    def __call__(
        self, gan: GAN, optimizers: Optimizers, updates: Updates, *options: Any, **more: Any
    ) -> Step:
        return extragradient(gan, optimizers, updates, *options, **more)


@dataclass(frozen=True)
class Unrolled(Solver):
    """The last player looks through k moves of the first. Metz et al. 2017."""

    k: int
    """virtual updates"""

    def __post_init__(self) -> None:
        unrolled(self.k)  # which refuses a number that is none

    def __call__(
        self, gan: GAN, optimizers: Optimizers, updates: Updates, *options: Any, **more: Any
    ) -> Step:
        return unrolled(self.k)(gan, optimizers, updates, *options, **more)


@dataclass(frozen=True)
class Competitive(Solver):
    """Both players at once, in view of each other's moves. Schaefer and Anandkumar 2019."""

    iterations: int = 10
    """of conjugate gradients, at most"""
    tolerance: float = 1e-6
    """share of the right side that the residual is brought to"""

    def __call__(
        self, gan: GAN, optimizers: Optimizers, updates: Updates, *options: Any, **more: Any
    ) -> Step:
        more = {"iterations": self.iterations, "tolerance": self.tolerance, **more}
        return competitive(gan, optimizers, updates, *options, **more)


AnySolver: TypeAlias = Annotated[Solver, text_flag(Solver, "SOLVER")]
"""A field that holds a solver; on the command line the same text: Unrolled(10)."""
