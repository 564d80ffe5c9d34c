"""What the loop does beside training, a chapter each: rows of metrics, pictures, measuring, checkpoints.

All processes of a run go through all of them, since arrays are fetched together; one keeps the record.
"""

import contextlib
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
from gaxjax.game import GAN, State, judge, sample
from gaxjax.metrics.result import Result
from gaxjax.pictures.points import places
from gaxjax.programs.program import StageProgram, means
from gaxjax.recipe.sentinel import absurd, collapsed, nonfinite, saturated
from gaxjax.recipe.stages import images_by
from gaxjax.runs import examples
from gaxjax.runs.checkpoint import Checkpoints
from gaxjax.runs.history import tell_gaps
from gaxjax.runs.record import Record, read_results
from gaxjax.runs.rollback import MARK, raise_if
from gaxjax.training.progress import Progress


@dataclass
class Chapters:
    """What a run keeps of itself, while it trains. Open it with `open_chapters`."""

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
    progress: Progress
    measured: list[Result]
    """so far, before this start too"""
    fixed: dict[str, np.ndarray] = field(init=False)
    """the examples that pictures are made for"""

    def __post_init__(self) -> None:
        self.recipe, self.seeds = self.programs[0].recipe, self.programs[0].seeds
        self.fixed = fixed = examples.fixed_batch(self.source, self.recipe.samples)
        self.real, around = jax.device_get(normalize(fixed)), places(fixed)
        # The game is static: each stage has its own, compiled once.
        self.draw = jax.jit(
            lambda gan, state, key: sample(gan, state, normalize(fixed), key), static_argnums=0
        )
        self.judge = jax.jit(lambda gan, state: judge(gan, state, around), static_argnums=0)

    def log(self, step: int, carry: Any) -> Any:
        """A row of metrics, means since the last one; returns the carry with sums that begin anew."""
        state, totals = carry
        # Sums begin anew on the devices, so that the next call need not wait for the host.
        values, carry = means(totals), (state, jax.tree.map(jnp.zeros_like, totals))
        if self.record:
            self.progress.update(self.record.metrics(step, self.images(step), values))
        # After the row is written: it shows what went wrong.
        bad = nonfinite(values, carry) or absurd(self.recipe.sentinel, values)
        raise_if(bad or saturated(self.recipe.sentinel, values), step, self.checkpoints)
        return carry

    def check(self, step: int, carry: Any) -> None:
        """Lets nothing be drawn or saved of a state that has gone wrong since the last row."""
        bad = nonfinite({}, carry) or absurd(self.recipe.sentinel, means(carry[1]))
        raise_if(bad, step, self.checkpoints)

    def sample(self, gan: GAN, step: int, states: State, pictured: bool, moved: bool) -> None:
        """Samples of the fixed latents: a picture, and whether they all look alike.

        moved: whether the stage's networks have; before, they make much the same of everything.
        """
        state = self.seeds.one(states)  # pictures are of the first seed
        # Drawn and fetched by all processes, for the devices of each have a part of the work.
        fake, verdict = parallel.fetch((self.draw(gan, state, self.sample_key), self.judge(gan, state)))
        if pictured and self.record:
            self.record.picture(self.images(step), fake, self.fixed.get("image"), verdict)
        if moved:
            raise_if(collapsed(self.recipe.sentinel, fake, self.real), step, self.checkpoints)

    def evaluate(self, program: StageProgram, step: int, carry: Any) -> None:
        """Measures samples, and keeps the carry where it is the best so far."""
        assert self.evaluator is not None
        gan, seen = program.stage.gan, self.images(step)
        results = self.evaluator.all(gan, carry[0], self.source, seen, str(self.workdir), self.seeds)
        if self.best and self.evaluator.improved(results, self.measured):
            self.best.save(step, carry, {"stage": program.number, "step": step})
        self.measured += results
        if self.record:
            self.record.measured(results)
            self.progress.say(*results)

    def save(self, program: StageProgram, step: int, carry: Any) -> None:
        """A checkpoint, after all that it is of is on the disk."""
        # First the record: a checkpoint says that all before it is there.
        if self.record:
            self.record.flush()
        self.checkpoints.save(step, carry, {"stage": program.number, "step": step})

    def finish(self) -> None:
        """Waits until all is saved, and says so in the directory."""
        self.checkpoints.wait()
        # Once marked, a directory without checkpoints is one that has lost them.
        if self.record and not (self.workdir / MARK).exists():
            (self.workdir / MARK).touch()
        if self.best:
            self.best.wait()

    def images(self, step: int) -> int:
        """Real images seen by a step of the run."""
        return images_by([program.stage for program in self.programs], step)


@contextlib.contextmanager
def open_chapters(
    workdir: Path,
    source: Source,
    programs: Sequence[StageProgram],
    evaluator: Evaluator | None,
    checkpoints: Checkpoints,
    begin: int,
    sample_key: jax.Array,
) -> Iterator[Chapters]:
    """The chapters of a start that goes on from step `begin`; what they have open is closed in the end."""
    recipe, stages = programs[0].recipe, [program.stage for program in programs]
    seen, total = images_by(stages, begin), sum(stage.steps * stage.images for stage in stages)
    with contextlib.ExitStack() as stack:
        best = stack.enter_context(Checkpoints(workdir / "best")) if recipe.evaluation.best else None
        record = stack.enter_context(Record(workdir, begin, seen)) if parallel.primary() else None
        if record:
            logs = [(program.steps, program.events.intervals["log"]) for program in programs]
            tell_gaps([row["step"] for row in record.rows], begin, logs)
        # Results of images that are to be seen again are made again.
        measured = [result for result in read_results(workdir) if (result.checkpoint or 0) <= seen]
        progress = stack.enter_context(Progress(total, seen, programs[0].mesh, shown=record is not None))
        yield Chapters(
            workdir=workdir,
            source=source,
            programs=programs,
            sample_key=sample_key,
            checkpoints=checkpoints,
            best=best,
            evaluator=evaluator,
            record=record,
            progress=progress,
            measured=measured,
        )
