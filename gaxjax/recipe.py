"""What to run: a game, its optimizers, data and length, as plain data that a file, flags or JSON can hold."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax
import optax
from jax.sharding import Mesh

from gaxjax import parallel, solvers
from gaxjax.data import Data, normalize
from gaxjax.errors import InputError, check_seed
from gaxjax.evaluation import Evaluation
from gaxjax.game import GAN, Batch, Logs, State, init, sample
from gaxjax.modules import inside, setting
from gaxjax.optimizers import Exponential, Linear, Optimizer
from gaxjax.sentinel import Sentinel
from gaxjax.solvers.accumulation import divide
from gaxjax.stages import Growth, Stage
from gaxjax.transforms import graft

__all__ = [
    "Data",
    "Evaluation",
    "Exponential",
    "Growth",
    "Linear",
    "Optimizer",
    "Plan",
    "Recipe",
    "Sentinel",
    "Stage",
    "plan",
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
    solver: str = "alternating"
    """how the players move: alternating, simultaneous, extragradient, competitive, unrolled(k)"""
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
    """checkpoints that are kept"""
    stages: tuple[Stage, ...] = field(default=())
    """for runs in parts: each with a game of its own, instead of gan, optimizers, batch_size and kimg"""
    growth: Growth = field(default_factory=Growth)
    """how networks and images grow, if they do: makes the stages"""
    sentinel: Sentinel = field(default_factory=Sentinel)
    """what the run is watched for, and whether it goes back by itself"""
    evaluation: Evaluation = field(default_factory=Evaluation)
    """what is measured while it trains"""

    def __post_init__(self) -> None:
        solvers.named(self.solver)
        solvers.refuse_parts(self.solver, self.accumulate)
        for name in ("log_kimg", "sample_kimg", "checkpoint_kimg", "evaluation_kimg"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name} must be positive; got {getattr(self, name)}")
        for name in ("samples", "keep", "seeds", "steps_per_call"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1; got {getattr(self, name)}")
        check_seed(self.seed)
        check_seed(self.seed + self.seeds - 1, "the last of the seeds")
        if self.half_life < 0:
            raise InputError(f"half_life, in images, must not be negative; got {self.half_life}")
        if self.ramp_up < 0:
            raise InputError(f"ramp_up must not be negative; got {self.ramp_up}")
        if self.precision:
            object.__setattr__(self, "gan", at_precision(self.gan, self.precision))
            stages = tuple(replace(s, gan=at_precision(s.gan, self.precision)) for s in self.stages)
            object.__setattr__(self, "stages", stages)
        for stage in self.all_stages:  # each checks its own fields
            divide(stage.batch_size, self.accumulate)

    @property
    def all_stages(self) -> tuple[Stage, ...]:
        """The stages: given, made by growth, or the whole run as one."""
        if self.stages:
            return self.stages
        if self.growth.first:
            shape = self.data.shape
            return self.growth.stages(self.gan, self.optimizers, shape, self.batch_size, self.kimg)
        return (Stage(self.gan, self.batch_size, self.kimg, self.optimizers),)


def at_precision(gan: GAN, precision: str) -> GAN:
    """The game with networks that compute in that type; InputError if one has no field for it."""

    def check_field(network: nn.Module) -> None:
        inner = inside(network).values()
        if not inner and not hasattr(network, "precision"):
            raise InputError(
                f"precision {precision!r} cannot be set for {type(network).__name__}, which has no field of "
                f"that name: give it one, or set those of the networks that have one"
            )
        for module in inner:
            check_field(module)

    names = {name for networks in gan.players.values() for name in networks}
    networks: dict[str, Any] = {name: network for name, network in inside(gan).items() if name in names}
    for network in networks.values():
        check_field(network)
    return replace(gan, **{name: setting(network, precision=precision) for name, network in networks.items()})


class Plan(NamedTuple):
    """A stage in the terms of the loop: pure functions and numbers of steps."""

    optimizers: Mapping[str, optax.GradientTransformation]
    """player -> optax transformation"""
    step: solvers.Step
    """(state, batches, key) -> (state, logs), for batches as the data pipeline gives them"""
    minibatches: int
    """the length of the first axis of those batches"""
    images: int
    """real images that a step counts"""
    steps: int
    """length of the stage"""

    def interval(self, recipe: Recipe, name: str) -> int:
        """The recipe's `<name>_kimg` in steps of this stage."""
        return max(1, round(getattr(recipe, f"{name}_kimg") * 1000 / self.images))


def plan(recipe: Recipe, stage: Stage, rate: float = 1.0) -> Plan:
    """Turns one stage of a recipe into functions, with every learning rate times `rate`."""
    images = stage.images
    optimizers = {player: o.slowed(rate).build(images / o.updates) for player, o in stage.optimizers.items()}
    parts = {"accumulate": recipe.accumulate} if recipe.accumulate > 1 else {}
    step = solvers.named(recipe.solver)(
        stage.gan, optimizers, stage.updates, recipe.half_life, recipe.ramp_up, **parts
    )
    return Plan(
        optimizers=optimizers,
        # For JAX to remember the trace, which is wanted for its shapes first and takes as long as compiling.
        step=jax.jit(lambda state, batches, key: step(state, normalize(batches), key), inline=True),
        minibatches=solvers.minibatches(stage.updates),
        images=images,
        steps=stage.steps,
    )


def abstract_batch(spec: Batch, *leading: int) -> Batch:
    """Shapes and types of normalized examples with the given leading axes."""
    shapes = {name: jax.ShapeDtypeStruct((*leading, *x.shape), x.dtype) for name, x in spec.items()}
    return jax.eval_shape(normalize, shapes)


class Course(NamedTuple):
    """A stage that has been checked."""

    stage: Stage
    planned: Plan
    state: State
    """shapes and types"""
    logs: Logs
    """shapes and types"""

    def slowed(self, recipe: Recipe, rate: float) -> "Course":
        """With every learning rate times `rate`."""
        return self if rate == 1 else self._replace(planned=plan(recipe, self.stage, rate))


def check(recipe: Recipe, spec: Batch, mesh: Mesh | None = None) -> list[Course]:
    """Traces every stage's step and samples without computing them, so that what does not fit is said now."""
    courses: list[Course] = []
    for stage in recipe.all_stages:
        planned = plan(recipe, stage)
        state, logs = outputs(stage, planned, spec, mesh)
        if courses:
            jax.eval_shape(go_on, state, courses[-1].state)
        batch = abstract_batch(spec, stage.batch_size)
        jax.eval_shape(
            lambda state, batch, gan=stage.gan: sample(gan, state, batch, jax.random.key(0)), state, batch
        )
        courses.append(Course(stage, planned, state, logs))
    return courses


def go_on(fresh: State, before: State) -> State:
    """A stage's first state: fresh, but for what it has in common with the end of the stage before it."""
    return fresh._replace(
        step=before.step,
        images=before.images,
        params=graft(fresh.params, before.params),
        stats=graft(fresh.stats, before.stats),
        average=graft(fresh.average, before.average),
    )


def inputs(stage: Stage, planned: Plan, spec: Batch) -> tuple[State, Batch]:
    """Shapes and types of a stage's first state and of a step's batches, for data of this spec."""
    spec = stage.seen(spec)
    batch = abstract_batch(spec, stage.batch_size)
    state = jax.eval_shape(lambda key: init(stage.gan, planned.optimizers, key, batch), jax.random.key(0))
    batches = {
        name: jax.ShapeDtypeStruct((planned.minibatches, stage.batch_size, *x.shape), x.dtype)
        for name, x in spec.items()
    }
    return state, batches


def outputs(stage: Stage, planned: Plan, spec: Batch, mesh: Mesh | None = None) -> tuple[State, Logs]:
    """Shapes and types of a stage's state and logs, for data of this spec; computes nothing.

    mesh: where the step will run, if it will: JAX remembers a trace for arrays of one mesh.
    """
    given = (*inputs(stage, planned, spec), jax.eval_shape(lambda: jax.random.key(0)))
    given = given if mesh is None else parallel.placed(given, parallel.everywhere(mesh))
    return jax.eval_shape(planned.step, *given)
