"""A stage as it runs: the program that trains it, and what goes from step to step in it.

What goes on is the carry: the state, and sums of logs.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gaxjax import parallel, solvers
from gaxjax.data import normalize
from gaxjax.errors import InputError
from gaxjax.game import PRETRAINED, Batch, Logs, State, init, remove_pretrained, sample
from gaxjax.layers.mode import shapes_alone
from gaxjax.parallel import compiler
from gaxjax.parallel.seeds import Seeds
from gaxjax.programs.events import NAMES, Events
from gaxjax.programs.log_sums import with_log_sums
from gaxjax.recipe import Recipe
from gaxjax.recipe.stages import Stage
from gaxjax.transforms import graft


@dataclass(frozen=True, eq=False)
class StageProgram:
    """Everything that follows from a recipe's stage and the shapes of its data.

    Built once and handed down. What takes a trace is traced when it is first asked for, and only then.
    """

    recipe: Recipe
    """of the run"""
    number: int
    """of the stage in it"""
    data: Batch
    """shapes and types of one example of the data"""
    rate: float = 1.0
    """factor of every learning rate"""

    @functools.cached_property
    def stage(self) -> Stage:
        """A part of the run, as plain data."""
        return self.recipe.all_stages[self.number]

    @functools.cached_property
    def seeds(self) -> Seeds:
        """Of the runs that are in one program."""
        return Seeds(self.recipe.seed, self.recipe.seeds)

    @functools.cached_property
    def mesh(self) -> jax.sharding.Mesh:
        """Where the run takes place: all devices."""
        return self.seeds.mesh

    @property
    def spec(self) -> Batch:
        """Shapes and types of one example as the stage plays with it."""
        return self.stage.spec(self.data)

    @property
    def images_per_step(self) -> int:
        """Real images that a step counts."""
        return self.stage.images_per_step

    @property
    def steps(self) -> int:
        """Length of the stage."""
        return self.stage.steps

    @functools.cached_property
    def events(self) -> Events:
        """What is due when: the recipe's intervals in steps of this stage."""
        first = sum(stage.steps for stage in self.recipe.all_stages[: self.number])
        kimg = {name: getattr(self.recipe, f"{name}_kimg") for name in NAMES}
        # At least one step: an interval may be shorter.
        intervals = {name: max(1, round(x * 1000 / self.images_per_step)) for name, x in kimg.items()}
        return Events(first, first + self.steps, intervals)

    @functools.cached_property
    def optimizers(self) -> Mapping[str, optax.GradientTransformation]:
        """Player -> optax transformation."""
        # Schedules count in updates, and a player may make several in a step.
        rules = self.stage.optimizers.items()
        return {p: o.scale_learning_rate(self.rate).build(self.images_per_step / o.updates) for p, o in rules}

    @functools.cached_property
    def step(self) -> Any:
        """`(state, batches, key) -> (state, logs)`, for batches as the data pipeline gives them."""
        recipe, stage = self.recipe, self.stage
        # Not all solvers can take a minibatch in parts; the recipe has refused those that cannot.
        parts = {"accumulate": recipe.accumulate} if recipe.accumulate > 1 else {}
        # Pixels are sent as bytes, a quarter of the size, and become floats inside the step.
        step = recipe.solver(
            stage.gan, self.optimizers, stage.updates, recipe.half_life, recipe.ramp_up, **parts
        )
        # For JAX to remember the trace, which is wanted for its shapes first and takes as long as compiling.
        return jax.jit(lambda state, batches, key: step(state, normalize(batches), key), inline=True)

    @property
    def minibatches(self) -> int:
        """Of a step: the length of the first axis of its batches."""
        return solvers.minibatches_per_step(self.stage.updates)

    @property
    def batches(self) -> Batch:
        """Shapes and types of a step's batches, [minibatches, batch, ...]."""
        leading = (self.minibatches, self.stage.batch_size)
        return {name: jax.ShapeDtypeStruct((*leading, *x.shape), x.dtype) for name, x in self.spec.items()}

    @functools.cached_property
    def first_state(self) -> State:
        """Shapes and types of the state before the first step, of one seed: without a trace of the step."""
        # Weights that networks read from files are large, and here only their shapes are asked for.
        with shapes_alone():
            return jax.eval_shape(self.init, jax.eval_shape(lambda: jax.random.key(0)))

    def check_pretrained(self) -> None:
        """InputError where what networks read from files cannot be read, before anything is trained."""
        if PRETRAINED in self.first_state.stats:
            # Of a function of its own: of `init` JAX remembers a trace in which nothing was read.
            jax.eval_shape(lambda key: self.init(key), jax.eval_shape(lambda: jax.random.key(0)))

    @functools.cached_property
    def traced_step(self) -> Any:
        """The step of one seed as JAX has traced it; computes nothing."""
        arguments = self.first_state, self.batches, jax.eval_shape(lambda: jax.random.key(0))
        # Where the step will run: JAX remembers a trace for arrays of one mesh.
        arguments = parallel.with_sharding(arguments, parallel.replicated_sharding(self.mesh))
        return compiler.use_mesh(self.step.trace, self.mesh)(*arguments)

    @functools.cached_property
    def output_shapes(self) -> tuple[State, Logs]:
        """Shapes and types of the state and of a step's logs, of one seed."""
        return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), self.traced_step.out_info)

    @property
    def state(self) -> State:
        """Shapes and types of the state, of one seed."""
        return self.output_shapes[0]

    @property
    def logs(self) -> Logs:
        """Shapes and types of a step's logs, of one seed."""
        return self.output_shapes[1]

    @property
    def carry(self) -> Any:
        """Shapes and types of what goes from step to step, of all seeds."""
        # The count is summed too: a row may be of fewer steps than its interval, after a resume or at an end.
        totals = {"sums": self.logs, "count": jax.ShapeDtypeStruct((), jnp.int32)}
        return self.seeds.add_axis((self.state, totals))

    @property
    def saved_carry(self) -> Any:
        """The same as a checkpoint holds it, with where each array lies."""
        return self.place_saved(self.carry)

    def place_saved(self, carry: Any) -> Any:
        """A carry's shapes and types as a checkpoint holds them, with where each array lies."""
        return parallel.with_sharding(to_saved(carry), parallel.state_sharding(self.mesh))

    def from_saved(self, carry: Any, needed: bool = True) -> Any:
        """A carry of a checkpoint, with what networks read from files beside it.

        needed: to train. Else it is left out, with a word, where a file is not there: samples seldom need it.
        """
        state, totals = carry
        # Most games have none, and restore as they are.
        if PRETRAINED not in self.first_state.stats:
            return carry

        def read_pretrained(key: jax.Array) -> Any:
            return self.init(key).stats[PRETRAINED]

        sharding = parallel.state_sharding(self.mesh)
        read = jax.jit(self.seeds.vmap(read_pretrained), out_shardings=sharding)
        try:
            pretrained = read(self.seeds.keys(1)[0])
        except InputError as error:
            if needed:
                raise
            parallel.tell(f"warning: going on without a network of the game's: {error}")
            return carry
        return state._replace(stats={**state.stats, PRETRAINED: pretrained}), totals

    def init(self, key: jax.Array) -> State:
        """The state of one seed before the stage's first step, if there was none before it."""
        batch = abstract_batch(self.spec, self.stage.batch_size)
        return init(self.stage.gan, self.optimizers, key, batch)

    def init_carry(self, key: jax.Array, before: State | None) -> Any:
        """The carry before the stage's first step: a fresh tree, but for what the stage before has too."""

        def fresh(key: jax.Array, *before: State) -> State:
            # Every stage's new parameters are independent of those of the stages before it.
            state = self.init(jax.random.fold_in(key, self.number))
            return warm_start(state, *before) if before else state

        # Made where it will lie, for a large state need not fit on the host or on one device twice.
        sharding = parallel.state_sharding(self.mesh)
        state = jax.jit(self.seeds.vmap(fresh), out_shardings=sharding)(key, *([before] if before else []))
        # As the step adds to them: of several seeds with an axis for these, and in the types of its logs.
        totals = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), self.carry[1])
        return state, parallel.replicate(totals, self.mesh)

    def compilable(self, assemble: Callable[..., Any], mesh: jax.sharding.Mesh | None = None) -> Any:
        """`(carry, Fed, key) -> (carry, {})`, the program that trains, for `lower` and `compile`.

        assemble: as of the stage's `Feed`. mesh: of devices that are elsewhere, in place of those here.
        """
        return parallel.compilable(with_log_sums(self.step), mesh or self.mesh, self._calls(assemble))

    def trainer(
        self, assemble: Callable[..., Any], announce: Callable[..., None] | None = None
    ) -> Callable[..., Any]:
        """The same to be called, `(carry, Fed, key) -> carry`: what trains, on any mesh.

        A call moves nothing between host and devices or from one device to another: nothing waits for the
        host until the next row of metrics. announce: see `parallel.pmapped`.
        """
        advance = parallel.pmapped(with_log_sums(self.step), self.mesh, self._calls(assemble), announce)

        def call(carry: Any, inputs: parallel.CallInput, key: jax.Array) -> Any:
            # A stray NumPy number would be sent anew in every call, and each would wait for it.
            with jax.transfer_guard("disallow"):
                return advance(carry, inputs, key)[0]

        return call

    def _calls(self, assemble: Callable[..., Any]) -> parallel.Calls:
        return parallel.Calls(self.recipe.steps_per_call, assemble)


def stage_programs(recipe: Recipe, data: Batch, rate: float = 1.0) -> list[StageProgram]:
    """Of every stage of a recipe, for data of such examples, with every learning rate times `rate`."""
    return [StageProgram(recipe, number, data, rate) for number in range(len(recipe.all_stages))]


def check_programs(programs: list[StageProgram]) -> None:
    """Traces every step and its samples without computing them, so that what does not fit is said now."""
    for program in programs:
        state, stage = program.state, program.stage
        check_solver(program)
        if program.number:  # what has one name in both stages must have one shape
            jax.eval_shape(warm_start, state, programs[program.number - 1].state)
        # Samples are asked for with examples of the data's size, whatever the stage plays with.
        batch = abstract_batch(program.data, stage.batch_size)
        jax.eval_shape(functools.partial(sample, stage.gan), state, batch, jax.random.key(0))


def check_solver(program: StageProgram) -> None:
    """InputError for a solver whose step does not count itself, or leaves the averages as they began."""
    leaves, structure = jax.tree.flatten(program.state)
    trace, count = program.traced_step.jaxpr.jaxpr, len(leaves)
    # The state comes first in and first out; what is handed through is the same variable of the trace.
    pairs = zip(trace.invars[:count], trace.outvars[:count], strict=True)
    kept = jax.tree.unflatten(structure, [given is returned for given, returned in pairs])
    averages = jax.tree.leaves(kept.average)
    left = {"step": kept.step}
    if averages:
        left |= {"images": kept.images, "average": all(averages)}
    names = [name for name, is_left in left.items() if is_left]
    if names:
        raise InputError(
            f"{program.recipe.solver} leaves {' and '.join(names)} of the state as before its step, so that "
            f"draws are the same at each or samples of networks that have not learned: end it with "
            f"gaxjax.solvers.finish_step(gan, state, batches, updates, half_life, ramp_up)"
        )


def warm_start(fresh: State, before: State) -> State:
    """A stage's first state: fresh, but for what it has in common with the end of the stage before it."""
    # Optimizers begin afresh: their sums are of gradients of other networks, at other sizes.
    return fresh._replace(
        step=before.step,
        images=before.images,
        params=graft(fresh.params, before.params),
        stats=graft(fresh.stats, before.stats),
        average=graft(fresh.average, before.average),
    )


def abstract_batch(spec: Batch, *leading: int) -> Batch:
    """Shapes and types of normalized examples with the given leading axes."""
    shapes = {name: jax.ShapeDtypeStruct((*leading, *x.shape), x.dtype) for name, x in spec.items()}
    return jax.eval_shape(normalize, shapes)


def to_saved(carry: Any) -> Any:
    """The carry as checkpoints hold it: what is read from files is not written again at each of them."""
    state, totals = carry
    return remove_pretrained(state), totals
