"""The loop: `train` starts it, again after each rollback; `play` reads from top to bottom."""

import contextlib
import functools
import gc
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gaxjax import parallel
from gaxjax.checkpoint import Checkpoints, check_disk
from gaxjax.counting import nbytes
from gaxjax.data import Source, normalize, open_source
from gaxjax.errors import Interrupted
from gaxjax.evaluator import Evaluator
from gaxjax.feed import Feed, lengths
from gaxjax.game import Batch, Logs, State, init, judge, sample
from gaxjax.interruption import Interruption
from gaxjax.landscape import places
from gaxjax.literal import check_place
from gaxjax.progress import Progress
from gaxjax.recipe import Course, Recipe, abstract_batch, check, go_on
from gaxjax.record import Record, last_picture, open_run, read_results
from gaxjax.rollback import Rollbacks, Seen, refuse
from gaxjax.seeds import Seeds
from gaxjax.sentinel import absurd, check_watched, collapsed, nonfinite, saturated
from gaxjax.solvers import Step


def train(recipe: Recipe, workdir: Path, config: Path | None = None) -> Path | None:
    """Runs a recipe to its end, from where the directory's last checkpoint left it; returns the last picture.

    Raises InputError before the first step where something does not fit or no checkpoint can be read,
    Diverged where a loss or parameter is no longer finite, or the recipe's sentinel has seen something else,
    and no rollback is left; Unwritable where the disk refuses, and Interrupted, once all is saved, after
    Ctrl-C or SIGTERM.
    """
    with parallel.together():
        mesh, source, courses = prepare(recipe)
        evaluator = Evaluator(recipe.evaluation, recipe.data, source) if recipe.evaluation.metrics else None
        if evaluator:
            for course in courses:
                evaluator.check(course.stage.gan, course.state, source.spec)
        if parallel.primary():
            check_place(workdir)
            open_run(workdir, recipe, config)
            largest = max(
                (Seeds(recipe.seed, recipe.seeds).shaped(carry_of(c.state, c.logs)) for c in courses),
                key=nbytes,
            )
            check_disk(workdir, largest, recipe.sentinel.kept(recipe.keep))
    lengths = [(c.planned.steps, c.planned.interval(recipe, "checkpoint")) for c in courses]
    rollbacks, interruption = Rollbacks(workdir, recipe.sentinel, lengths), Interruption()
    while True:
        try:
            slowed = [c.slowed(recipe, rollbacks.rate) for c in courses]
            play(recipe, workdir, mesh, source, slowed, evaluator, interruption)
            return last_picture(workdir)
        except Seen as seen:
            rollbacks.go_back(seen)
        gc.collect()  # the frames that hold the state that went wrong, lest it stays on the device


def play(
    recipe: Recipe,
    workdir: Path,
    mesh: jax.sharding.Mesh,
    source: Source,
    courses: Sequence[Course],
    evaluator: Evaluator | None,
    interruption: Interruption,
) -> None:
    """From the last checkpoint to the end. Raises Seen where the run has gone wrong."""
    seeds = Seeds(recipe.seed, recipe.seeds)
    init_key, play_key, sample_key = seeds.keys(3)
    shown = seeds.one(sample_key)
    fixed = fixed_batch(source, recipe.samples)
    real, around = jax.device_get(normalize(fixed)), places(fixed)

    on_devices = functools.cache(lambda count: parallel.copied(np.int32(count), mesh))

    with contextlib.ExitStack() as stack:
        keep = recipe.sentinel.kept(recipe.keep)
        checkpoints = stack.enter_context(Checkpoints(workdir / "checkpoints", keep))
        best = stack.enter_context(Checkpoints(workdir / "best")) if recipe.evaluation.best else None

        def load(step: int) -> tuple[dict[str, int], Any]:
            meta = checkpoints.meta(step)
            course = courses[meta["stage"]]
            like = parallel.placed(
                seeds.shaped(carry_of(course.state, course.logs)), parallel.state_sharding(mesh)
            )
            return meta, checkpoints.restore(step, like)

        start, carry = checkpoints.newest_good(load) or ({"stage": 0, "step": 0}, None)
        begin = step = start["step"]
        first, state, stopped = sum(c.planned.steps for c in courses[: start["stage"]]), None, 0
        total = sum(c.planned.steps * c.planned.images for c in courses)
        seen = int(seeds.one(carry[0].images)) if carry else 0
        record = stack.enter_context(Record(workdir, begin, seen)) if parallel.primary() else None
        measured = [result for result in read_results(workdir) if (result.checkpoint or 0) <= seen]
        progress = stack.enter_context(Progress(total, seen, mesh, shown=record is not None))
        stack.enter_context(interruption)

        for number, course in list(enumerate(courses))[start["stage"] :]:
            stage, planned = course.stage, course.planned
            if carry is None:
                key = seeds.mapped(lambda key, number=number: jax.random.fold_in(key, number))(init_key)
                carry = begin_stage(course, source, key, state, seeds)
            last, images = first + planned.steps, int(seeds.one(carry[0].images))
            names = ("log", "sample", "checkpoint", "evaluation")
            every = {name: planned.interval(recipe, name) for name in names}
            draw = jax.jit(lambda state, gan=stage.gan: sample(gan, state, normalize(fixed), shown))
            say = jax.jit(lambda state, gan=stage.gan: judge(gan, state, around))
            longest = recipe.steps_per_call
            ends = (last, first, every, longest)
            with contextlib.closing(Feed(recipe, stage, planned, source, number, step - first)) as feed:
                tables, calls = feed.tables(mesh), feed.calls(lengths(step, *ends), longest, mesh)
                advance = parallel.repeated(counted(planned.step), mesh, longest, feed.assemble)
                advance = parallel.waiting(advance, mesh)
                for count in itertools.chain(lengths(step, *ends), [0]):
                    state, totals = carry
                    stopped = interruption.asked(step % every["log"] == 0)
                    at = {name: step == last or (step - first) % steps == 0 for name, steps in every.items()}
                    # What the start before this one left at its last step is there: picture and checkpoint.
                    pictured = at["sample"] and (step > begin or step == 0)
                    saved = (at["checkpoint"] or stopped) and step > begin
                    if pictured or saved:
                        bad = nonfinite({}, (state, totals)) or absurd(recipe.sentinel, means(totals))
                        refuse(step, bad, checkpoints)
                    if pictured or (saved and at["checkpoint"] and recipe.sentinel.diversity):
                        one = seeds.one(state)
                        made, verdict = jax.device_get((draw(one), say(one)))
                        if pictured and record:
                            record.picture(images, made, fixed.get("image"), verdict)
                        if step > first:  # networks that have not moved yet make much the same of everything
                            refuse(step, collapsed(recipe.sentinel, made, real), checkpoints)
                    meta = {"stage": number, "step": step}
                    if evaluator and at["evaluation"] and step > max(begin, first):
                        results = evaluator.all(stage.gan, state, source, images, str(workdir), seeds)
                        if best and evaluator.improved(results, measured):
                            best.save(step, (state, totals), meta)
                        measured += results
                        if record:
                            record.measured(results)
                            progress.say(*results)
                    if saved:
                        checkpoints.save(step, (state, totals), meta)
                    if step == last or stopped:
                        break
                    chosen, number_of = next(calls), on_devices(count)
                    with jax.transfer_guard("disallow"):  # nothing waits for the host until the next row
                        carry = advance(carry, tables, chosen, number_of, play_key)
                    step, images = step + count, images + count * planned.images
                    if step % every["log"] == 0 or step == last:
                        state, totals = carry
                        values = means(totals)
                        carry = state, jax.tree.map(jnp.zeros_like, totals)
                        if record:
                            progress.update(record.metrics(step, images, values))
                        bad = nonfinite(values, carry) or absurd(recipe.sentinel, values)
                        refuse(step, bad or saturated(recipe.sentinel, values), checkpoints)
            if stopped:
                break
            first, carry = last, None
        checkpoints.wait()
        if best:
            best.wait()

    if stopped:
        raise Interrupted(f"stopped at step {step}, all is saved: the same command goes on from it", stopped)


def prepare(recipe: Recipe) -> tuple[jax.sharding.Mesh, Source, list[Course]]:
    """Everything that can be refused before a directory is touched."""
    mesh = Seeds(recipe.seed, recipe.seeds).mesh
    for stage in recipe.all_stages:
        parallel.check_batch(stage.batch_size, mesh, recipe.accumulate)
    source = open_source(recipe.data)
    courses = check(recipe, source.spec, mesh)
    for number, (stage, planned, state, logs) in enumerate(courses):
        Feed(recipe, stage, planned, source, number, 0).close()
        if recipe.sentinel.diversity or recipe.sentinel.saturation:
            batch = abstract_batch(source.spec, recipe.samples)
            made = jax.eval_shape(functools.partial(sample, stage.gan), state, batch, jax.random.key(0))
            check_watched(recipe.sentinel, logs, made, batch)
    return mesh, source, courses


def carry_of(state: State, logs: Logs) -> Any:
    """Shapes and types of what goes from step to step: the state, and sums of logs with their count."""
    return state, {"sums": logs, "count": jax.ShapeDtypeStruct((), jnp.int32)}


def begin_stage(course: Course, source: Source, key: jax.Array, before: State | None, seeds: Seeds) -> Any:
    """The carry at a stage's first step: a fresh tree, with all that the stage before it has in common."""
    stage = course.stage
    batch = abstract_batch(stage.seen(source.spec), stage.batch_size)

    def fresh(key: jax.Array, *before: State) -> State:
        state = init(stage.gan, course.planned.optimizers, key, batch)
        return go_on(state, *before) if before else state

    sharding = parallel.state_sharding(seeds.mesh)
    state = jax.jit(seeds.mapped(fresh), out_shardings=sharding)(key, *([before] if before else []))
    totals = seeds.shaped(carry_of(course.state, course.logs)[1])
    return state, parallel.replicate(jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), totals), seeds.mesh)


def fixed_batch(source: Source, n: int) -> dict[str, np.ndarray]:
    """The examples that go with the sample grids (sources, labels), spread over the set; classes in order."""
    if not source.classes:
        return source.take(np.linspace(0, len(source) - 1, n).astype(np.int64))
    # Chosen from some more, as many of each class, so that a sheet has a row for each.
    more = max(n, min(16 * n, len(source)))
    batch = source.take(np.linspace(0, len(source) - 1, more).astype(np.int64))
    chosen = []
    for i, label in enumerate(np.arange(n) * source.classes // n):
        members = np.flatnonzero(batch["label"] == label)
        chosen.append(members[i % len(members)] if len(members) else i)
    return {name: values[chosen] for name, values in batch.items()}


def counted(step: Step) -> Callable[[Any, Batch, jax.Array], Any]:
    """The step with sums of logs since the last row beside the state: a resumed run logs the same means."""

    def on(carry: Any, batches: Batch, key: jax.Array) -> Any:
        state, totals = carry
        state, logs = step(state, batches, key)
        return state, {"sums": jax.tree.map(jnp.add, totals["sums"], logs), "count": totals["count"] + 1}

    return on


def means(totals: Any) -> dict[str, float]:
    """Of the logs since the last row, over the seeds too; none right after a row."""
    if not np.all(jax.device_get(totals["count"])):
        return {}
    return {name: float(np.mean(x)) for name, x in jax.device_get(mean(totals)).items()}


@jax.jit
def mean(totals: Any) -> Any:
    """The means since the last row."""
    return jax.tree.map(lambda x: x / totals["count"].astype(x.dtype), totals["sums"])
