"""What to run: a game, its optimizers, data and length, as plain data that a file, flags or JSON can hold."""

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import flax.linen as nn

from gaxjax.data import Data
from gaxjax.errors import InputError, check_seed
from gaxjax.game import GAN, networks
from gaxjax.layers.modules import replace_modules, set_fields, submodules
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.log import Log
from gaxjax.recipe.optimizers import Exponential, Linear, Optimizer
from gaxjax.recipe.sentinel import Sentinel
from gaxjax.recipe.stages import Growth, Stage
from gaxjax.solvers import Alternating, AnySolver, Solver
from gaxjax.solvers.accumulation import check_divisible

__all__ = [
    "Data",
    "Evaluation",
    "Exponential",
    "Growth",
    "Linear",
    "Log",
    "Optimizer",
    "Recipe",
    "Sentinel",
    "Stage",
]


@dataclass(frozen=True)
class Recipe:
    """One run. Lengths and intervals are in thousands of real images (kimg)."""

    gan: GAN
    """what is played"""
    optimizers: dict[str, Optimizer]
    """player -> how it moves"""
    data: Data
    """what is imitated"""
    batch_size: int
    """examples of a minibatch, over all devices"""
    kimg: float
    """length: real images that the first player sees, counted at each of its updates"""
    solver: AnySolver = Alternating()
    """how the players move: Alternating, Balanced, Simultaneous, Extragradient, Competitive, Unrolled(k)"""
    accumulate: int = 1
    """parts that each minibatch is taken in, one after the other, for less memory: gradients are averaged
    before a move, as if they were one minibatch with other draws; for networks whose examples do not mix"""
    half_life: float = 10_000
    """of the moving average of parameters, in images; 0 samples from the parameters themselves"""
    ramp_up: float = 0.0
    """share of the images seen that the half-life at most is, to forget the beginning; 0: no ramp"""
    seed: int = 0
    """everything random derives from it"""
    seeds: int = 1
    """runs of this recipe in one program: of seed, seed + 1, ..."""
    precision: Literal["", "float32", "bfloat16", "float16"] = ""
    """of all networks' activations and products, in place of each one's own; empty: as they say"""
    steps_per_call: int = 1
    """steps in one dispatch, which changes no number; more are faster where a step is short"""
    log_kimg: float = 1.0
    """interval of metrics"""
    sample_kimg: float = 10.0
    """interval of sample grids"""
    checkpoint_kimg: float = 50.0
    """interval of checkpoints"""
    evaluation_kimg: float = 100.0
    """interval of measuring, where evaluation names metrics"""
    samples: int = 64
    """examples in a grid"""
    keep: int = 2
    """checkpoints that are kept, the newest (Orbax's max_to_keep)"""
    keep_kimg: float = 0.0
    """besides, the first checkpoint of each so many kimg stays for good (as its keep_period); 0: none does"""
    keep_hours: float = 0.0
    """besides, one stays for good each so many hours (its keep_time_interval); 0: none does"""
    stages: tuple[Stage, ...] = field(default=())
    """for runs in parts: each with a game of its own, instead of gan, optimizers, batch_size and kimg"""
    growth: Growth = field(default_factory=Growth)
    """how networks and images grow, if they do: makes the stages"""
    sentinel: Sentinel = field(default_factory=Sentinel)
    """what the run is watched for, and whether it goes back by itself"""
    evaluation: Evaluation = field(default_factory=Evaluation)
    """what is measured while it trains"""
    log: Log = field(default_factory=Log)
    """where its metrics and pictures go besides its directory"""

    def __post_init__(self) -> None:
        if not isinstance(self.solver, Solver):
            known = "such as Unrolled(10)"
            raise InputError(f"solver is a value of gaxjax.solvers, {known}; got {self.solver!r}")
        self.solver.check_parts(self.accumulate)
        for name in ("log_kimg", "sample_kimg", "checkpoint_kimg", "evaluation_kimg"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name} must be positive; got {getattr(self, name)}")
        for name in ("keep_kimg", "keep_hours"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} must be 0 or more, and finite; got {getattr(self, name)}")
        for name in ("samples", "keep", "seeds", "steps_per_call"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1; got {getattr(self, name)}")
        check_seed(self.seed)
        # The last one too, for a seed past 32 bits would be another one, without a word.
        check_seed(self.seed + self.seeds - 1, "the last of the seeds")
        if self.half_life < 0:
            raise InputError(f"half_life, in images, must not be negative; got {self.half_life}")
        if self.ramp_up < 0:
            raise InputError(f"ramp_up must not be negative; got {self.ramp_up}")
        for stage in self.all_stages:  # each checks its own fields
            check_divisible(stage.batch_size, self.accumulate)

    @property
    def all_stages(self) -> tuple[Stage, ...]:
        """The stages: given, made by growth, or the whole run as one; games at the recipe's precision."""
        # A run of one game is one stage, so that the loop knows nothing else.
        stages = self.stages or (Stage(self.gan, self.batch_size, self.kimg, self.optimizers),)
        # Stages that are given are taken as they are: growth is for the one game that they take the place of.
        if self.growth.first and not self.stages:
            shape = self.data.shape
            stages = self.growth.stages(self.gan, self.optimizers, shape, self.batch_size, self.kimg)
        if not self.precision:
            return stages
        # Here, and not in the field `gan`: the recipe that is stored with the run reads as it was written.
        return tuple(replace(stage, gan=at_precision(stage.gan, self.precision)) for stage in stages)


def at_precision(gan: GAN, precision: str) -> GAN:
    """The game with networks that compute in that type; InputError if one has no field for it."""

    def check_field(network: nn.Module) -> None:
        inner = submodules(network).values()
        # A network without modules inside is where products are; one without the field would stay in float32,
        # and nobody would know.
        if not inner and not hasattr(network, "precision"):
            raise InputError(
                f"precision {precision!r} cannot be set for {type(network).__name__}, which has no field of "
                f"that name: give it one, or set those of the networks that have one"
            )
        for module in inner:
            check_field(module)

    def change(name: str, network: nn.Module) -> nn.Module:
        if name not in names:  # an adversary, a network that nobody moves
            return network
        check_field(network)
        return set_fields(network, precision=precision)

    names = {name for fields in gan.players.values() for name in networks(gan, fields)}
    return replace_modules(gan, change)
