"""The loop: one function that reads from top to bottom."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gaxjax import parallel
from gaxjax.checkpoint import Checkpoints, check_disk, nbytes, placed
from gaxjax.data import Loader, Source, normalize, open_source
from gaxjax.errors import Diverged, Interrupted
from gaxjax.game import Batch, State, init, sample
from gaxjax.interruption import Interruption
from gaxjax.progress import Progress
from gaxjax.recipe import Plan, Recipe, Stage, abstract_batch, check, go_on, outputs, plan
from gaxjax.record import Record, last_picture, open_run
from gaxjax.transforms import leaves_by_path


def train(recipe: Recipe, workdir: Path, config: Path | None = None) -> Path | None:
    """Runs a recipe to its end, from where the directory's last checkpoint left it; returns the last picture.

    Raises InputError before the first step where something does not fit, Diverged where a loss or parameter
    is no longer finite, Unwritable where the disk refuses, and Interrupted, once all is saved, after Ctrl-C
    or SIGTERM.
    """
    with parallel.together():
        mesh, source = prepare(recipe)
        stages = [(stage, plan(recipe, stage)) for stage in recipe.all_stages]
        if parallel.primary():
            open_run(workdir, recipe, config)
            check_disk(workdir, max((carry_of(*s, source.spec) for s in stages), key=nbytes), recipe.keep)
    init_key, play_key, sample_key = jax.random.split(jax.random.key(recipe.seed), 3)
    fixed = fixed_batch(source, recipe.samples)

    with contextlib.ExitStack() as stack:
        checkpoints = stack.enter_context(Checkpoints(workdir / "checkpoints", recipe.keep))

        def load(step: int) -> tuple[dict[str, int], Any]:
            meta = checkpoints.meta(step)
            stage, planned = stages[meta["stage"]]
            like = placed(carry_of(stage, planned, source.spec), parallel.state_sharding(mesh))
            return meta, checkpoints.restore(step, like)

        start, carry = checkpoints.newest_good(load) or ({"stage": 0, "step": 0}, None)
        begin = step = start["step"]
        first, state, stopped = sum(planned.steps for _, planned in stages[: start["stage"]]), None, 0
        total = sum(planned.steps * planned.images for _, planned in stages)
        seen = int(carry[0].images) if carry else 0
        record = stack.enter_context(Record(workdir, begin)) if parallel.primary() else None
        progress = stack.enter_context(Progress(total, seen, mesh, shown=record is not None))
        interruption = stack.enter_context(Interruption())

        for number, (stage, planned) in list(enumerate(stages))[start["stage"] :]:
            if carry is None:
                carry = begin_stage(stage, planned, source, jax.random.fold_in(init_key, number), state, mesh)
            state, totals = carry
            last, images = first + planned.steps, int(state.images)
            every = {name: planned.interval(recipe, name) for name in ("log", "sample", "checkpoint")}
            step_on = parallel.pmapped(planned.step, mesh)
            draw = jax.jit(lambda state, gan=stage.gan: sample(gan, state, normalize(fixed), sample_key))
            with loader_of(recipe, stage, planned, source, number, step - first) as loader:
                batches = ahead(loader, mesh)
                while True:
                    stopped = interruption.asked(step % every["log"] == 0)
                    at = {name: step == last or (step - first) % steps == 0 for name, steps in every.items()}
                    # What the start before this one left at its last step is there: picture and checkpoint.
                    pictured = at["sample"] and (step > begin or step == 0)
                    saved = (at["checkpoint"] or stopped) and step > begin
                    if pictured or saved:
                        refuse_nonfinite(step, {}, (state, totals), checkpoints)
                    if pictured:
                        made = jax.device_get(draw(state))
                        if record:
                            record.picture(images, made, fixed.get("image"))
                    if saved:
                        checkpoints.save(step, (state, totals), {"stage": number, "step": step})
                    if step == last or stopped:
                        break
                    state, logs = step_on(state, next(batches), play_key)
                    totals = add(totals, logs)
                    step, images = step + 1, images + planned.images
                    if step % every["log"] == 0 or step == last:
                        values = {name: float(value) for name, value in jax.device_get(mean(totals)).items()}
                        totals = jax.tree.map(jnp.zeros_like, totals)
                        if record:
                            progress.update(record.metrics(step, images, values))
                        refuse_nonfinite(step, values, (state, totals), checkpoints)
            if stopped:
                break
            first, carry = last, None
        checkpoints.wait()

    if stopped:
        raise Interrupted(f"stopped at step {step}, all is saved: the same command goes on from it", stopped)
    return last_picture(workdir)


def prepare(recipe: Recipe) -> tuple[jax.sharding.Mesh, Source]:
    """Everything that can be refused before a directory is touched."""
    mesh = parallel.make_mesh()
    for stage in recipe.all_stages:
        parallel.check_batch(stage.batch_size, mesh)
    source = open_source(recipe.data)
    check(recipe, source.spec)
    for number, stage in enumerate(recipe.all_stages):
        loader_of(recipe, stage, plan(recipe, stage), source, number, 0).close()
    return mesh, source


def carry_of(stage: Stage, planned: Plan, spec: Batch) -> Any:
    """Shapes and types of what goes from step to step: the state, and sums of logs with their count."""
    state, logs = outputs(stage, planned, spec)
    return state, {"sums": logs, "count": jax.ShapeDtypeStruct((), jnp.int32)}


def begin_stage(
    stage: Stage, planned: Plan, source: Source, key: jax.Array, before: State | None, mesh: jax.sharding.Mesh
) -> Any:
    """The carry at a stage's first step: a fresh tree, with all that the stage before it has in common."""
    batch = abstract_batch(source.spec, stage.batch_size)

    def fresh(key: jax.Array, before: State | None) -> State:
        state = init(stage.gan, planned.optimizers, key, batch)
        return state if before is None else go_on(state, before)

    state = jax.jit(fresh, out_shardings=parallel.state_sharding(mesh))(key, before)
    totals = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), carry_of(stage, planned, source.spec)[1])
    return state, parallel.replicate(totals, mesh)


def loader_of(recipe: Recipe, stage: Stage, planned: Plan, source: Source, number: int, steps: int) -> Loader:
    """This process's batches of a stage, after so many steps of it."""
    loader = Loader(
        source,
        stage.batch_size,
        planned.minibatches,
        seed=recipe.seed + 1_000_003 * number,
        process_index=jax.process_index(),
        process_count=jax.process_count(),
        flip=recipe.data.flip,
        workers=recipe.data.workers,
    )
    loader.set_state({"position": steps * planned.minibatches * stage.batch_size})
    return loader


def ahead(loader: Loader, mesh: jax.sharding.Mesh) -> Iterator[Batch]:
    """Batches on the devices, the next one on its way while a step computes."""
    following = parallel.shard(next(loader), mesh)
    while True:
        current, following = following, parallel.shard(next(loader), mesh)
        yield current


def fixed_batch(source: Source, n: int) -> dict[str, np.ndarray]:
    """The examples that go with the sample grids (sources, labels), spread over the set; classes in order."""
    if not source.classes:
        return source.take(np.linspace(0, len(source) - 1, n).astype(np.int64))
    # Chosen from some more, as many of each class, so that a sheet has a row for each.
    batch = source.take(np.linspace(0, len(source) - 1, 16 * n).astype(np.int64))
    chosen = []
    for i, label in enumerate(np.arange(n) * source.classes // n):
        members = np.flatnonzero(batch["label"] == label)
        chosen.append(members[i % len(members)] if len(members) else i)
    return {name: values[chosen] for name, values in batch.items()}


@jax.jit
def add(totals: Any, logs: Any) -> Any:
    """Sums of logs since the last row, which a checkpoint keeps: a resumed run logs the same means."""
    return {"sums": jax.tree.map(jnp.add, totals["sums"], logs), "count": totals["count"] + 1}


@jax.jit
def mean(totals: Any) -> Any:
    """The means since the last row."""
    return jax.tree.map(lambda x: x / totals["count"].astype(x.dtype), totals["sums"])


@jax.jit
def finite(carry: Any) -> Any:
    """Whether each array is finite."""
    return jax.tree.map(lambda x: jnp.all(jnp.isfinite(x)), carry)


def refuse_nonfinite(
    step: int, values: dict[str, float], carry: tuple[State, Any], checkpoints: Checkpoints
) -> None:
    """Stops a run that has left the real numbers, before it overwrites a good checkpoint."""
    bad = [f"{name} is {value}" for name, value in values.items() if not np.isfinite(value)]
    state, totals = jax.device_get(finite(carry))
    for path, okay in leaves_by_path({**state._asdict(), "metrics": totals["sums"]}).items():
        if not okay:
            bad.append(f"{'/'.join(path)} is not finite")
    if bad:
        checkpoints.wait()
        good = checkpoints.latest()
        where = "there is no checkpoint yet" if good is None else f"checkpoint {good} is the last good one"
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise Diverged(f"step {step}: {bad[0]}{more}. Stopped; {where}, and all that was written is kept.")
