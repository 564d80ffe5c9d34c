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

from gaxjax import beside, examples, parallel
from gaxjax.checkpoint import Checkpoints, check_disk
from gaxjax.counting import nbytes
from gaxjax.data import Source, normalize, open_source
from gaxjax.errors import Interrupted
from gaxjax.evaluator import Evaluator
from gaxjax.feed import Feed, lengths
from gaxjax.game import judge, sample
from gaxjax.history import check_history, last_recorded, set_aside, tell_gaps
from gaxjax.interruption import Interruption
from gaxjax.inventory import check_classes, class_summary, compare_data, inventory_of, write_inventory
from gaxjax.landscape import places
from gaxjax.literal import check_place
from gaxjax.lock import Lock, hold
from gaxjax.processes import check_shared
from gaxjax.program import begin_stage, carry_of, means, training_program
from gaxjax.progress import Progress
from gaxjax.recipe import Course, Recipe, abstract_batch, check
from gaxjax.record import Record, check_run, last_picture, open_run, read_results
from gaxjax.rollback import MARK, Rollbacks, Seen, refuse
from gaxjax.seeds import Seeds
from gaxjax.sentinel import absurd, check_watched, collapsed, nonfinite, saturated
from gaxjax.stages import images_by


def train(recipe: Recipe, workdir: Path, config: Path | None = None, restart: bool = False) -> Path | None:
    """Runs a recipe to its end, from where the directory's last checkpoint left it; returns the last picture.

    restart: where checkpoints are gone, from those that are left, or the beginning, in place of a refusal.

    Raises InputError before the first step where something does not fit, another process is at it or no
    checkpoint can be read, Diverged where a loss or parameter is no longer finite, or the recipe's sentinel
    has seen something else, and no rollback is left; Unwritable where the disk refuses, and Interrupted, once
    all is saved, after Ctrl-C or SIGTERM.
    """
    with parallel.together():
        mesh, source, courses = prepare(recipe)
        evaluator = Evaluator(recipe.evaluation, recipe.data, source) if recipe.evaluation.metrics else None
        if evaluator:
            for course in courses:
                evaluator.check(course.stage.gan, course.state, source.spec)
        if parallel.primary():
            check_place(workdir)
            check_run(workdir, recipe)
    intervals = [(c.planned.steps, c.planned.interval(recipe, "checkpoint")) for c in courses]
    with hold(workdir) as lock:
        check_shared(workdir)
        with parallel.together():
            if parallel.primary():
                inventory = inventory_of(source)
                compare_data(workdir, recipe, inventory)
                open_run(workdir, recipe, config)
                write_inventory(workdir, inventory)
                if config is not None:
                    beside.keep(config, workdir)
                examples.keep(workdir, source, recipe.samples, courses)
                largest = max(
                    (Seeds(recipe.seed, recipe.seeds).shaped(carry_of(c.state, c.logs)) for c in courses),
                    key=nbytes,
                )
                check_disk(workdir, largest, recipe.sentinel.kept(recipe.keep))
                if classes := class_summary(recipe, inventory):
                    print(classes, flush=True)
        if restart:
            begin_again(recipe, workdir, mesh, courses)
        with parallel.together():
            if parallel.primary() and not restart:
                check_history(workdir, recipe.all_stages, intervals)
        rollbacks, interruption = Rollbacks(workdir, recipe.sentinel, intervals), Interruption()
        while True:
            try:
                slowed = [c.slowed(recipe, rollbacks.rate) for c in courses]
                play(recipe, workdir, mesh, source, slowed, evaluator, interruption, lock)
                return last_picture(workdir)
            except Seen as seen:
                rollbacks.go_back(seen)
            gc.collect()  # the frames that hold the state that went wrong, lest it stays on the device


def begin_again(recipe: Recipe, workdir: Path, mesh: jax.sharding.Mesh, courses: Sequence[Course]) -> None:
    """Sets aside what was recorded after the newest checkpoint that can be read, or all of it."""
    with Checkpoints(workdir / "checkpoints", recipe.sentinel.kept(recipe.keep)) as checkpoints:
        load = loader(recipe, checkpoints, mesh, courses)
        start, _ = checkpoints.newest_good(load, restart=True) or ({"step": 0}, None)
    with parallel.together():
        if parallel.primary() and last_recorded(workdir, recipe.all_stages) > start["step"]:
            set_aside(workdir, start["step"], images_by(recipe.all_stages, start["step"]))


def loader(
    recipe: Recipe, checkpoints: Checkpoints, mesh: jax.sharding.Mesh, courses: Sequence[Course]
) -> Callable[[int], tuple[dict[str, int], Any]]:
    """Reads a checkpoint: step -> its plain values, and the carry on the devices."""

    def load(step: int) -> tuple[dict[str, int], Any]:
        meta = checkpoints.meta(step)
        course = courses[meta["stage"]]
        carry = Seeds(recipe.seed, recipe.seeds).shaped(carry_of(course.state, course.logs))
        return meta, checkpoints.restore(step, parallel.placed(carry, parallel.state_sharding(mesh)))

    return load


def play(
    recipe: Recipe,
    workdir: Path,
    mesh: jax.sharding.Mesh,
    source: Source,
    courses: Sequence[Course],
    evaluator: Evaluator | None,
    interruption: Interruption,
    lock: Lock | None,
) -> None:
    """From the last checkpoint to the end. Raises Seen where the run has gone wrong."""
    seeds = Seeds(recipe.seed, recipe.seeds)
    init_key, play_key, sample_key = seeds.keys(3)
    shown_key = seeds.one(sample_key)
    fixed = examples.fixed_batch(source, recipe.samples)
    real, around = jax.device_get(normalize(fixed)), places(fixed)

    on_devices = functools.cache(lambda count: parallel.copied(np.int32(count), mesh))

    with contextlib.ExitStack() as stack:
        keep = recipe.sentinel.kept(recipe.keep)
        checkpoints = stack.enter_context(Checkpoints(workdir / "checkpoints", keep))
        best = stack.enter_context(Checkpoints(workdir / "best")) if recipe.evaluation.best else None

        load = loader(recipe, checkpoints, mesh, courses)
        start, carry = checkpoints.newest_good(load) or ({"stage": 0, "step": 0}, None)
        begin = step = start["step"]
        first, state, stopped = sum(c.planned.steps for c in courses[: start["stage"]]), None, 0
        total = sum(c.planned.steps * c.planned.images for c in courses)
        seen = images_by(recipe.all_stages, begin)
        record = stack.enter_context(Record(workdir, begin, seen)) if parallel.primary() else None
        if record:
            logs = [(c.planned.steps, c.planned.interval(recipe, "log")) for c in courses]
            tell_gaps([row["step"] for row in record.rows], begin, logs)
        measured = [result for result in read_results(workdir) if (result.checkpoint or 0) <= seen]
        progress = stack.enter_context(Progress(total, seen, mesh, shown=record is not None))
        stack.enter_context(interruption)

        for number, course in list(enumerate(courses))[start["stage"] :]:
            stage, planned = course.stage, course.planned
            if carry is None:
                carry = begin_stage(course, source, init_key, number, state, seeds)
            last, images = first + planned.steps, images_by(recipe.all_stages, step)
            names = ("log", "sample", "checkpoint", "evaluation")
            every = {name: planned.interval(recipe, name) for name in names}
            draw = jax.jit(lambda state, key, gan=stage.gan: sample(gan, state, normalize(fixed), key))
            say = jax.jit(lambda state, gan=stage.gan: judge(gan, state, around))
            longest = recipe.steps_per_call
            ends = (last, first, every, longest)
            with contextlib.closing(Feed(recipe, stage, planned, source, number, step - first)) as feed:
                tables, calls = feed.tables(mesh), feed.calls(lengths(step, *ends), longest, mesh)
                advance = training_program(planned.step, mesh, longest, feed.assemble)
                for count in itertools.chain(lengths(step, *ends), [0]):
                    state, totals = carry
                    if lock:
                        lock.check()
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
                        made, verdict = parallel.fetch((draw(one, shown_key), say(one)))
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
                        if record:
                            record.flush()
                        checkpoints.save(step, (state, totals), meta)
                    if step == last or stopped:
                        break
                    chosen, number_of = next(calls), on_devices(count)
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
        if record and not (workdir / MARK).exists():
            (workdir / MARK).touch()
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
    for stage in recipe.all_stages:
        check_classes(stage.gan, source)
    courses = check(recipe, source.spec, mesh)
    for number, (stage, planned, state, logs) in enumerate(courses):
        Feed(recipe, stage, planned, source, number, 0).close()
        if recipe.sentinel.diversity or recipe.sentinel.saturation:
            batch = abstract_batch(source.spec, recipe.samples)
            made = jax.eval_shape(functools.partial(sample, stage.gan), state, batch, jax.random.key(0))
            check_watched(recipe.sentinel, logs, made, batch)
    return mesh, source, courses
