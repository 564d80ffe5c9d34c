"""What the loop does beside training, a method each: rows of metrics, pictures, measuring, checkpoints.

All processes of a run go through all of them, since arrays are fetched together; one keeps the record.
"""

import contextlib
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gaxjax import parallel
from gaxjax.data import Source, normalize
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.evaluation.protocol import is_best
from gaxjax.game import GAN, State, judge, sample
from gaxjax.metrics.result import Result
from gaxjax.metrics.samples import Statistics, Value
from gaxjax.pictures.point_plots import probe_points
from gaxjax.programs.events import Events
from gaxjax.programs.log_sums import mean_logs
from gaxjax.programs.program import StageProgram, to_saved
from gaxjax.recipe.sentinel import find_absurd_loss, find_collapse, find_nonfinite, find_saturation
from gaxjax.recipe.stages import images_at_step
from gaxjax.runs import examples
from gaxjax.runs.checkpoint import Checkpoints
from gaxjax.runs.history import tell_gaps
from gaxjax.runs.record import Record, read_results
from gaxjax.runs.rollback import MARK, raise_if
from gaxjax.runs.starts import note_start
from gaxjax.runs.trackers import Trackers, open_trackers
from gaxjax.training.interruption import MeasuringStopped
from gaxjax.training.memory import describe_memory
from gaxjax.training.progress import Progress

CHOSEN = ("metric", "features", "level", "fake", "split", "sampling", "seed", "checkpoint")
"""Fields of a result that say which of a run's evaluations it is of."""


@dataclass
class Bookkeeping:
    """What a run keeps of itself, while it trains. Open it with `open_bookkeeping`."""

    workdir: Path
    source: Source
    programs: Sequence[StageProgram]
    sample_key: jax.Array
    """of the latents in every picture"""
    checkpoints: Checkpoints
    best: Checkpoints | None
    evaluator: Evaluator | None
    record: Record | None
    """of one process alone"""
    trackers: Trackers
    """that the same process logs to"""
    progress: Progress
    results: list[Result]
    """so far, before this start too"""
    ending: dict[str, str]
    """what is noted of this start's end"""
    fixed_examples: dict[str, np.ndarray] = field(init=False)
    """the examples that pictures are made for"""

    def __post_init__(self) -> None:
        self.recipe, self.seeds = self.programs[0].recipe, self.programs[0].seeds
        self.fixed_examples = batch = examples.fixed_batch(self.source, self.recipe.samples)
        self.real, around = jax.device_get(normalize(batch)), probe_points(batch)
        # The game is static: each stage has its own, compiled once.
        self.draw = jax.jit(
            lambda gan, state, key: sample(gan, state, normalize(batch), key), static_argnums=0
        )
        self.judge = jax.jit(lambda gan, state: judge(gan, state, around), static_argnums=0)

    def tell_memory(self, compiled: Any, carry: Any, inputs: parallel.CallInput, key: jax.Array) -> None:
        """A line of what a stage takes on each device, before its first call."""
        if self.record:
            self.progress.write_lines(describe_memory(compiled, carry[0], inputs))

    def log(self, step: int, carry: Any) -> Any:
        """A row of metrics, means since the last one; returns the carry with sums that begin anew."""
        state, totals = carry
        # Sums begin anew on the devices, so that the next call need not wait for the host.
        values, carry = mean_logs(totals), (state, jax.tree.map(jnp.zeros_like, totals))
        if self.record:
            row = self.record.add_metrics(step, self.images(step), values)
            self.progress.update(row)
            pace = {"images": row["images"], "images_per_second": row["images_per_second"]}
            self.trackers.log(step, {**values, **pace})
        # After the row is written: it shows what went wrong.
        bad = find_nonfinite(values, carry) or find_absurd_loss(self.recipe.sentinel, values)
        raise_if(bad or find_saturation(self.recipe.sentinel, values), step, self.checkpoints)
        return carry

    def check(self, step: int, carry: Any) -> None:
        """Lets nothing be drawn or saved of a state that has gone wrong since the last row."""
        bad = find_nonfinite({}, carry) or find_absurd_loss(self.recipe.sentinel, mean_logs(carry[1]))
        raise_if(bad, step, self.checkpoints)

    def sample(self, gan: GAN, step: int, states: State, draw_picture: bool, check_collapse: bool) -> None:
        """Samples of the fixed latents: a picture, and whether they all look alike.

        check_collapse: not at a stage's first step, where fresh networks make much the same of everything.
        """
        state = self.seeds.select(states)  # pictures are of the first seed
        # Drawn and fetched by all processes, for the devices of each have a part of the work.
        fake, verdict = parallel.fetch((self.draw(gan, state, self.sample_key), self.judge(gan, state)))
        if draw_picture and self.record:
            real = self.fixed_examples.get("image")
            picture = self.record.add_picture(self.images(step), fake, real, verdict)
            self.trackers.log_image(step, "samples", picture)
        if check_collapse:
            raise_if(find_collapse(self.recipe.sentinel, fake, self.real), step, self.checkpoints)

    def evaluation_due(self, events: Events, step: int) -> bool:
        """Whether a state is to be measured: at a start's first step too, if that before it was stopped."""
        if self.evaluator is None or step == events.first or not events.due("evaluation", step):
            return False
        return not is_measured(self.evaluator, self.images(step), self.results)

    def evaluate(self, program: StageProgram, step: int, carry: Any) -> int:
        """Measures samples, and keeps the carry where it is the best so far; a signal that ends it, or 0."""
        assert self.evaluator is not None
        gan, images = program.stage.gan, self.images(step)
        try:
            results = self.evaluator.evaluate_seeds(
                gan, carry[0], self.source, images, str(self.workdir), self.seeds
            )
        except MeasuringStopped as stop:
            self.check(step, carry)  # before it is saved, which it may not have been due for
            return stop.signal
        name, better = self.evaluator.evaluation.best, self.evaluator.better
        if self.best and is_best(name, better[name], results, self.results):
            self.best.save(step, to_saved(carry), {"stage": program.number, "step": step})
        self.results += results
        if self.record:
            self.record.add_results(results)
            # Of several seeds, which have a result each, the mean.
            values = {r.name: float(np.mean([x.value for x in results if x.name == r.name])) for r in results}
            self.trackers.log(step, {"images": images, **values})
            self.progress.write_lines(*results)
        return 0

    def save(self, program: StageProgram, step: int, carry: Any) -> None:
        """A checkpoint, after all that it is of is on the disk."""
        # First the record: a checkpoint says that all before it is there.
        if self.record:
            self.record.flush()
        self.checkpoints.save(step, to_saved(carry), {"stage": program.number, "step": step})

    def finish(self, stopped: str = "") -> None:
        """Waits until all is saved, and says so in the directory, and what stopped the run before its end."""
        if stopped:
            self.ending["why"] = stopped
        self.checkpoints.wait()
        # Once marked, a directory without checkpoints is one that has lost them.
        if self.record and not (self.workdir / MARK).exists():
            (self.workdir / MARK).touch()
        if self.best:
            self.best.wait()

    def images(self, step: int) -> int:
        """Real images seen by a step of the run."""
        return images_at_step([program.stage for program in self.programs], step)


def is_measured(evaluator: Evaluator, checkpoint: int, results: Sequence[Result]) -> bool:
    """Whether any of the results is what an evaluator makes of a state, after so many images.

    Not one that was asked for by hand, of other samples, features or data. Of the protocol only what is
    chosen is compared: a state is not measured again because a later version says the rest in other words.
    """
    count = Statistics(evaluator.evaluation.n)
    expected = [
        evaluator.result(metric, name, Value(0.0), evaluator.count_measured(metric, count), checkpoint, "")
        for metric in evaluator.metrics.values()
        for name in metric.values
    ]
    choice = operator.attrgetter(*CHOSEN)
    return not {choice(result) for result in expected}.isdisjoint(map(choice, results))


@contextlib.contextmanager
def open_bookkeeping(
    workdir: Path,
    source: Source,
    programs: Sequence[StageProgram],
    evaluator: Evaluator | None,
    checkpoints: Checkpoints,
    begin: int,
    sample_key: jax.Array,
) -> Iterator[Bookkeeping]:
    """That of a start that goes on from step `begin`; what it has open is closed in the end."""
    recipe, stages = programs[0].recipe, [program.stage for program in programs]
    images = images_at_step(stages, begin)
    total = sum(stage.steps * stage.images_per_step for stage in stages)
    # Results of images that are to be seen again are made again.
    results = [result for result in read_results(workdir) if (result.checkpoint or 0) <= images]
    # The measuring of the last state may have been stopped.
    finished = begin == programs[-1].events.last
    finished &= evaluator is None or is_measured(evaluator, images, results)
    with contextlib.ExitStack() as stack:
        # Of a run that is finished there is nothing to note, and nothing is written.
        goes_on = parallel.is_primary() and not finished
        ending = stack.enter_context(note_start(workdir)) if goes_on else {}
        # A folder of its own, from which what is saved later drops nothing.
        best = stack.enter_context(Checkpoints(workdir / "best")) if recipe.evaluation.best else None
        # Before the record: what sends things over a network has the last word, and no file waits for it.
        trackers = stack.enter_context(open_trackers(workdir, recipe, begin) if goes_on else Trackers())
        record = stack.enter_context(Record(workdir, begin, images)) if parallel.is_primary() else None
        if record:
            logs = [(program.steps, program.events.intervals["log"]) for program in programs]
            tell_gaps([row["step"] for row in record.rows], begin, logs)
        progress = stack.enter_context(Progress(total, images, programs[0].mesh, visible=record is not None))
        yield Bookkeeping(
            workdir=workdir,
            source=source,
            programs=programs,
            sample_key=programs[0].seeds.select(sample_key),
            checkpoints=checkpoints,
            best=best,
            evaluator=evaluator,
            record=record,
            trackers=trackers,
            progress=progress,
            results=results,
            ending=ending,
        )
