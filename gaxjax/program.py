"""The program that trains a stage, and what goes from step to step in it: the state, and sums of logs."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gaxjax import parallel
from gaxjax.data import Source
from gaxjax.game import Batch, Logs, State, init
from gaxjax.recipe import Course, abstract_batch, go_on
from gaxjax.seeds import Seeds
from gaxjax.solvers import Step


def training_program(step: Step, mesh: jax.sharding.Mesh, longest: int, assemble: Callable[..., Any]) -> Any:
    """`parallel.repeated` of a step, whose logs are summed: the one program that trains, on any mesh.

    A call moves nothing between host and devices or from one device to another: nothing waits for the host
    until the next row of metrics.
    """
    advance = parallel.waiting(parallel.repeated(with_log_sums(step), mesh, longest, assemble), mesh)

    def call(*arguments: Any) -> Any:
        with jax.transfer_guard("disallow"):
            return advance(*arguments)

    return call


def with_log_sums(step: Step) -> Callable[[Any, Batch, jax.Array], Any]:
    """The step with sums of logs since the last row beside the state: a resumed run logs the same means."""

    def step_with_sums(carry: Any, batches: Batch, key: jax.Array) -> Any:
        state, totals = carry
        state, logs = step(state, batches, key)
        return state, {"sums": jax.tree.map(jnp.add, totals["sums"], logs), "count": totals["count"] + 1}

    return step_with_sums


def carry_of(state: State, logs: Logs) -> Any:
    """Shapes and types of what goes from step to step: the state, and sums of logs with their count."""
    return state, {"sums": logs, "count": jax.ShapeDtypeStruct((), jnp.int32)}


def begin_stage(
    course: Course, source: Source, key: jax.Array, number: int, before: State | None, seeds: Seeds
) -> Any:
    """The carry at the first step of stage `number`: a fresh tree, but for what the one before it has too."""
    stage = course.stage
    batch = abstract_batch(stage.seen(source.spec), stage.batch_size)

    def fresh(key: jax.Array, *before: State) -> State:
        state = init(stage.gan, course.planned.optimizers, jax.random.fold_in(key, number), batch)
        return go_on(state, *before) if before else state

    sharding = parallel.state_sharding(seeds.mesh)
    state = jax.jit(seeds.mapped(fresh), out_shardings=sharding)(key, *([before] if before else []))
    return state, no_totals(course, seeds)


def no_totals(course: Course, seeds: Seeds) -> Any:
    """Sums of logs of no step."""
    totals = seeds.shaped(carry_of(course.state, course.logs)[1])
    return parallel.replicate(jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), totals), seeds.mesh)


def means(totals: Any) -> dict[str, float]:
    """Of the logs since the last row, over the seeds too; none right after a row."""
    if not np.all(parallel.fetch(totals["count"])):
        return {}
    return {name: float(np.mean(x)) for name, x in parallel.fetch(mean(totals)).items()}


@jax.jit
def mean(totals: Any) -> Any:
    """The means since the last row."""
    return jax.tree.map(lambda x: x / totals["count"].astype(x.dtype), totals["sums"])
