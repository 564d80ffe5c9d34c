"""The loop: `train` starts it, again after each rollback; `train_loop` reads from top to bottom."""

import contextlib
import functools
import gc
import itertools
from collections.abc import Sequence
from pathlib import Path

import jax

from gaxjax import parallel
from gaxjax.data import Source, open_source
from gaxjax.errors import Interrupted
from gaxjax.evaluation.accuracy import resolve_accuracy
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.files.places import as_path
from gaxjax.game import sample
from gaxjax.parallel.counting import nbytes
from gaxjax.parallel.processes import check_shared
from gaxjax.programs.feed import Feed, check_feed
from gaxjax.programs.program import StageProgram, abstract_batch, check_programs, stage_programs
from gaxjax.recipe import Recipe, beside
from gaxjax.recipe.sentinel import check_sentinel
from gaxjax.recipe.stages import images_at_step
from gaxjax.runs import examples, start_from
from gaxjax.runs.checkpoint import Checkpoints, check_disk
from gaxjax.runs.history import check_history, last_recorded, set_aside
from gaxjax.runs.inventory import (
    check_classes,
    check_every_domain,
    check_partners,
    class_summary,
    compare_data,
    inventory_of,
    write_inventory,
)
from gaxjax.runs.literal import check_place
from gaxjax.runs.lock import Lock, hold
from gaxjax.runs.record import check_run, last_picture, open_run
from gaxjax.runs.retention import retention_of
from gaxjax.runs.rollback import Anomaly, Rollbacks
from gaxjax.runs.trackers import check_trackers
from gaxjax.training.bookkeeping import open_bookkeeping
from gaxjax.training.interruption import Interruption
from gaxjax.training.profile import Profile


def train(
    recipe: Recipe,
    workdir: Path | str,
    config: Path | None = None,
    restart: bool = False,
    profile: int = 0,
) -> Path | None:
    """Runs a recipe to its end, from where the directory's last checkpoint left it; returns the last picture.

    restart: where checkpoints are gone, from those that are left, or the beginning, in place of a refusal.
    profile: of how many steps of this start to write one, see `Profile`.

    Raises InputError before the first step where something does not fit, another process is at it or no
    checkpoint can be read, Diverged where a loss or parameter is no longer finite, or the recipe's sentinel
    has seen something else, and no rollback is left; Unwritable where the disk refuses, and Interrupted, once
    all is saved, after Ctrl-C or SIGTERM.
    """
    workdir = as_path(workdir)
    profiler = Profile(workdir, profile)
    # Each block of `fail_together` ends in all processes alike: one that raised an error of its own would
    # leave the others waiting.
    with parallel.fail_together():
        source, programs = prepare(recipe)
        evaluator = open_evaluator(recipe, source, programs)
        if parallel.is_primary():
            check_place(workdir)
            check_run(workdir, recipe)
    intervals = [(program.steps, program.events.intervals["checkpoint"]) for program in programs]
    with hold(workdir) as lock:
        check_shared(workdir)
        with parallel.fail_together():
            if parallel.is_primary():
                open_directory(workdir, recipe, config, source, programs)
        if restart:  # all processes read checkpoints together, so not in the block above
            begin_again(workdir, programs)
        with parallel.fail_together():
            if parallel.is_primary() and not restart:
                check_history(workdir, recipe.all_stages, intervals)
        rollbacks, interruption = Rollbacks(workdir, recipe.sentinel, intervals), Interruption()
        if evaluator:  # measuring takes minutes, and a machine that is taken away leaves less than one
            evaluator.sampler.before_batch = evaluator.reader.before_batch = interruption.stop_measuring
        while True:
            try:
                rate = rollbacks.rate
                current = programs if rate == 1 else stage_programs(recipe, source.spec, rate)
                train_loop(workdir, source, current, evaluator, interruption, lock, profiler)
                return last_picture(workdir)
            except Anomaly as anomaly:
                rollbacks.go_back(anomaly)
            gc.collect()  # the frames that hold the state that went wrong, lest it stays on the device


def train_loop(
    workdir: Path,
    source: Source,
    programs: Sequence[StageProgram],
    evaluator: Evaluator | None,
    interruption: Interruption,
    lock: Lock | None,
    profile: Profile,
) -> None:
    """From the last checkpoint to the end. Raises Anomaly where the run has gone wrong."""
    recipe, (init_key, step_key, sample_key) = programs[0].recipe, programs[0].seeds.keys(3)
    with contextlib.ExitStack() as stack, profile:
        checkpoints = stack.enter_context(checkpoints_of(workdir, recipe))
        number, begin, carry = start_from(checkpoints, programs)
        books = stack.enter_context(
            open_bookkeeping(workdir, source, programs, evaluator, checkpoints, begin, sample_key)
        )
        stack.enter_context(interruption)
        step, state, stop_signal = begin, None, 0
        for program in programs[number:]:
            gan, events = program.stage.gan, program.events
            books.progress.show_compiling()
            # The last stage's state is let go at once: two of them may not fit on a device.
            carry, state = carry or program.init_carry(init_key, state), None
            with contextlib.closing(Feed(program, source, step - events.first)) as feed:
                # The feed is asked for calls before they are due, so that they are on their way meanwhile.
                counts, ahead = itertools.tee(events.call_lengths(step, recipe.steps_per_call))
                advance, inputs = program.trainer(feed.assemble, books.tell_memory), feed.calls(ahead)
                for count in itertools.chain(counts, [0]):  # none after the last step, which has events too
                    own_steps = step - max(begin, events.first)  # of this start, in this stage
                    if own_steps and events.due("log", step):
                        carry = books.log(step, carry)
                    if lock:  # before what replaces anything is written
                        lock.check()
                    stop_signal = interruption.poll(events.due("log", step))
                    # What the start before this one left at its last step is there: picture and checkpoint.
                    picture_due = events.due("sample", step) and (step > begin or step == 0)
                    save_due = (events.due("checkpoint", step) or stop_signal) and step > begin
                    if picture_due or save_due:  # a last look, for rows are not due at the same steps
                        books.check(step, carry)
                    # A collapse is looked for before a checkpoint takes the place of a good one.
                    collapse_due = save_due and events.due("checkpoint", step) and recipe.sentinel.diversity
                    if picture_due or collapse_due:
                        books.sample(gan, step, carry[0], picture_due, check_collapse=step > events.first)
                    if books.evaluation_due(events, step):
                        stop_signal = stop_signal or books.evaluate(program, step, carry)
                    if save_due or (stop_signal and step > begin):
                        books.save(program, step, carry)
                    if stop_signal or not count:
                        break
                    with profile.around(step, carry):
                        carry = advance(carry, next(inputs), step_key)  # dispatched, and not waited for
                    step += count
            if stop_signal:
                break
            state, carry = carry[0], None
        what = f"stopped at step {step}, all is saved: the same command goes on from it"
        books.finish(what if stop_signal else "")
    if stop_signal:
        raise Interrupted(what, stop_signal)


def prepare(recipe: Recipe) -> tuple[Source, list[StageProgram]]:
    """Everything that can be refused before a directory is touched: the data, and the stages' programs."""
    for stage in recipe.all_stages:
        parallel.check_batch(stage.batch_size, parallel.make_mesh(recipe.seeds), recipe.accumulate)
    check_trackers(recipe)
    source = open_source(recipe.data)
    for stage in recipe.all_stages:
        check_classes(stage.gan, source)
        check_every_domain(stage.gan, source)
        check_partners(stage.gan, source)
    programs = stage_programs(recipe, source.spec)
    check_programs(programs)
    for program in programs:
        program.check_pretrained()
        check_feed(program, source)
        if recipe.sentinel.diversity or recipe.sentinel.saturation:
            batch = abstract_batch(source.spec, recipe.samples)
            draw = functools.partial(sample, program.stage.gan)
            check_sentinel(
                recipe.sentinel,
                program.logs,
                jax.eval_shape(draw, program.state, batch, jax.random.key(0)),
                batch,
            )
    return source, programs


def open_evaluator(
    recipe: Recipe, source: Source, programs: Sequence[StageProgram], prepare: bool = True
) -> Evaluator | None:
    """What measures the run while it trains, if anything; InputError where it could not.

    prepare: see `Evaluator`.
    """
    evaluation = resolve_accuracy(recipe.evaluation, programs[-1].stage.gan, recipe.data, source.spec)
    if not evaluation.metrics:
        return None
    evaluator = Evaluator(evaluation, recipe.data, source, prepare=prepare)
    for program in programs:
        evaluator.check(program.stage.gan, program.state, source.spec)
    return evaluator


def open_directory(
    workdir: Path, recipe: Recipe, config: Path | None, source: Source, programs: Sequence[StageProgram]
) -> None:
    """Makes a directory the run's, or sees that it is, with what has to be in it before the first step."""
    inventory = inventory_of(source)
    compare_data(workdir, recipe, inventory)
    open_run(workdir, recipe, config)
    write_inventory(workdir, inventory)
    if config is not None:
        beside.copy_modules(config, workdir)
    examples.write_examples(workdir, source, programs)
    largest = max((program.carry for program in programs), key=nbytes)
    images = sum(stage.steps * stage.images_per_step for stage in recipe.all_stages)
    check_disk(workdir, largest, retention_of(recipe).largest_count(images))
    if classes := class_summary(recipe, inventory):
        print(classes, flush=True)


def begin_again(workdir: Path, programs: Sequence[StageProgram]) -> None:
    """Sets aside what was recorded after the newest checkpoint that can be read, or all of it."""
    recipe = programs[0].recipe
    with checkpoints_of(workdir, recipe) as checkpoints:
        step = start_from(checkpoints, programs, restart=True).step
    with parallel.fail_together():
        if parallel.is_primary() and last_recorded(workdir, recipe.all_stages) > step:
            set_aside(workdir, step, images_at_step(recipe.all_stages, step))


def checkpoints_of(workdir: Path, recipe: Recipe) -> Checkpoints:
    """Those that a run goes on from, as many as it keeps."""
    return Checkpoints(workdir / "checkpoints", retention_of(recipe))
