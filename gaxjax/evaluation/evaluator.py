"""Measures what a game makes against real examples, as an `Evaluation` says; for the loop and the command."""

import functools
import math
from collections.abc import Callable, Iterator, Set
from dataclasses import replace
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gaxjax import __version__, parallel
from gaxjax.data import Data, Source, normalize, open_source
from gaxjax.data.points import Points
from gaxjax.errors import InputError
from gaxjax.evaluation.extractors import extractors
from gaxjax.evaluation.gathering import batches, gather, in_blocks, look
from gaxjax.evaluation.latent_space import PIXELS, Behind, spaces
from gaxjax.evaluation.stored import identity, stored
from gaxjax.game import GAN, State, sample
from gaxjax.generators.sampling import options_of
from gaxjax.metrics.metric import (
    OF_FEATURES,
    OF_GAME,
    PAIRED,
    PATHS,
    SPACES,
    Gathered,
    Metric,
    Sides,
    Value,
    chosen,
)
from gaxjax.metrics.points import Mixture
from gaxjax.metrics.result import Result
from gaxjax.parallel import compiler
from gaxjax.parallel.seeds import Seeds
from gaxjax.recipe.evaluation import Evaluation

BATCH, POINTS = 64, 2_000
"""Images, or points, of a block, which is drawn with one key: samples depend on it, and on no device."""
Look = Callable[[jax.Array], dict[str, jax.Array]]


class Evaluator:
    """Metrics, with everything they need but the samples; refuses at once what cannot be measured."""

    def __init__(
        self, evaluation: Evaluation, data: Data, source: Source | None = None, paired: bool = False
    ):
        """`source`: the data, where they are open already; what is compared with is then not read twice."""
        self.evaluation = evaluation
        self.metrics = chosen(evaluation.metrics)
        alone = PAIRED & set(self.metrics) if not (paired or evaluation.output) else ()
        if alone:
            raise InputError(f"{', '.join(alone)} compares pairs, and samples of noise have no partner")
        self.data = replace(data, split=evaluation.split or data.split, flip=False)
        self.mesh = parallel.make_mesh()
        self.local = Mesh(np.array(jax.local_devices()), ("data",))
        # made once, so that the second seed, and the next measuring, need not be compiled
        self.draw_on = compiler.jit(
            self.draw_blocks, static_argnums=0, in_shardings=self.shardings, out_shardings=self.shardings[1]
        )
        needs = {need for metric in self.metrics.values() for need in (*metric.fake, *metric.real)}
        self.extractors = extractors(evaluation, needs, data.directory)
        self.features, self.level, self.classifier, distance = self.extractors
        classes, crop = self.features if "spaces" in needs else None, evaluation.crop == "face"
        self.behind = Behind(distance, classes, crop, evaluation.seed) if needs & OF_GAME else None
        values = [value for metric in self.metrics.values() for value in metric.values]
        if evaluation.best and evaluation.best not in values:
            raise InputError(f"best={evaluation.best!r} is not measured; measured: {', '.join(values)}")
        self.better = {value: m.direction(value) for m in self.metrics.values() for value in m.values}
        real = {need for metric in self.metrics.values() for need in metric.real}
        held_out = any(metric.validation for metric in self.metrics.values())
        same = source is not None and self.data.split == data.split
        self.source = source if source is not None and same else open_source(self.data)
        self.count = min(evaluation.real or len(self.source), len(self.source)) if real else 0
        if evaluation.reference not in self.source.spec:
            known = ", ".join(self.source.spec)
            raise InputError(f"reference={evaluation.reference!r} is not in the data, which has {known}")
        self.shape = self.source.spec[evaluation.reference].shape
        self.batch = POINTS if len(self.shape) == 1 else BATCH
        for name, metric in self.metrics.items():
            metric.check(name, self.shape, evaluation.n, self.count)
        self.extractors.check_memory(needs, self.shape, evaluation.n, self.count)
        self.real = self.gathered(self.data, self.source, self.count, real) if real else Gathered(0)
        points = self.source if isinstance(self.source, Points) else None
        self.mixture = Mixture(points.centers, points.deviation) if points else None
        self.validation = Gathered(0)
        if held_out:
            apart = replace(self.data, split=evaluation.validation)
            source = open_source(apart)
            self.validation = self.gathered(apart, source, len(source), {"pixels"})

    @property
    def needs(self) -> Set[str]:
        """What is kept of the images that are measured."""
        return {need for metric in self.metrics.values() for need in metric.fake} - OF_GAME

    def __call__(self, gan: GAN, state: State, source: Source, seen: int, run: str) -> list[Result]:
        """Measures samples of a state, made for examples of the source (their labels, or to translate)."""
        self.check(gan, state, source.spec)
        fake = Gathered(self.evaluation.n)
        if self.needs:
            fake = gather(self.samples(gan, state, source, self.needs), self.needs)
        if self.behind:
            kept = self.behind.kept(gan, state, self.like(source.spec))
            asked = gather(self.answers(self.behind, gan, state, source), kept)
            fake = replace(fake, arrays={**fake.arrays, **asked.arrays})
        return self.results(fake, seen, run)

    def all(self, gan: GAN, states: State, source: Source, seen: int, run: str, seeds: Seeds) -> list[Result]:
        """Measures every seed of a run."""
        return [
            replace(result, trained=seeds.first + i)
            for i in range(seeds.count)
            for result in self(gan, seeds.one(states, i), source, seen, run)
        ]

    def results(self, fake: Gathered, seen: int | None, run: str) -> list[Result]:
        """The metrics of what was gathered."""
        sides = Sides(self.real, fake, self.validation, self.evaluation.seed, self.mixture)
        return [
            self.result(metric, name, value, fake.count, seen, run)
            for metric in self.metrics.values()
            for name, value in metric.compute(sides).items()
        ]

    def result(
        self, metric: Metric, name: str, value: Value, fake: int, seen: int | None, run: str
    ) -> Result:
        """A number with its protocol."""
        features, level = self.extractors.seen_by(metric)
        data, e = self.data, self.evaluation
        compared = bool(metric.real)
        options = [metric.options, f"validation {e.validation}" if metric.validation else ""]
        if e.output:
            options.append(f"{e.output!r} against {e.reference!r}")
        if e.crop != "none" and "paths" in metric.fake:
            options.append(f"crop {e.crop}")
        return Result(
            metric=name,
            value=float(value.value),
            error=None if value.error is None else float(value.error),
            spread=metric.spread,
            features=features.name if features else "",
            weights=features.weights if features else "",
            level=level,
            resize=features.resize if features else "",
            real=self.count if compared else 0,
            fake=fake,
            unit=metric.unit,
            data=described(data, self.source, self.shape) if compared else "",
            split=data.split if compared and self.mixture is None else "",
            options="; ".join(option for option in options if option),
            sampling="" if OF_GAME & set(metric.fake) else e.sampling,
            details=value.how,
            seed=e.seed,
            checkpoint=seen,
            source=run,
            version=__version__,
        )

    def improved(self, results: list[Result], before: list[Result]) -> bool:
        """Whether the number that the best checkpoint is chosen by is better than all like it before."""
        name = self.evaluation.best
        now = [result for result in results if result.metric == name]
        like = [r for r in before if r.protocol == now[0].protocol]
        earlier = [[r.value for r in like if r.checkpoint == seen] for seen in {r.checkpoint for r in like}]
        sign = 1 if self.better[name] == "higher" else -1
        reached = sign * np.mean([result.value for result in now])  # of all seeds
        return bool(np.isfinite(reached)) and not any(sign * np.mean(x) >= reached for x in earlier)

    def gathered(self, data: Data, source: Source, count: int, needs: Set[str]) -> Gathered:
        """Of real images; what a network has to be run for is kept in a file for the next time."""
        e = self.evaluation
        costly = {need for need in needs if need in OF_FEATURES}
        f = self.features if costly else None
        seen: dict[str, Gathered] = {}
        for group in [{need} for need in sorted(costly)] + ([needs - costly] if needs - costly else []):
            make = functools.partial(self.of_real, source, count, group)
            if f is None or group.isdisjoint(OF_FEATURES):
                seen |= dict.fromkeys(group, make())
                continue
            identified = {"name": f.name, "weights": f.weights, "resize": f.resize, "level": self.level}
            key = identity(data, features=identified, count=count, reference=e.reference, needs=sorted(group))
            seen |= dict.fromkeys(group, stored(key, make))
        moments = seen["moments"].moments if "moments" in seen else None
        return Gathered(count, moments, {n: g.arrays[n] for n, g in seen.items() if n != "moments"})

    def of_real(self, source: Source, count: int, needs: Set[str]) -> Gathered:
        """Of the first `count` images of a split, shuffled; by each process for itself."""
        see = self.looking(needs, self.local)
        size = math.lcm(self.batch, self.local.size)
        place = NamedSharding(self.local, PartitionSpec("data"))

        def looks() -> Iterator[tuple[int, dict[str, jax.Array]]]:
            for rows, positions in batches(count, size, "real images"):
                images = source.take(positions, seed=0)[self.evaluation.reference]
                yield rows, see(jax.device_put(normalize(images), place))

        return gather(looks(), needs)

    def samples(
        self, gan: GAN, state: State, source: Source, needs: Set[str]
    ) -> Iterator[tuple[int, dict[str, jax.Array]]]:
        """What is seen of samples, a batch at a time, made and looked at on all devices of all processes."""
        see = self.looking(needs, self.mesh)
        for rows, number, batch in self.placed(source, self.batch, "samples"):
            yield rows, see(self.draw_on(gan, state, batch, number))

    def answers(
        self, behind: Behind, gan: GAN, state: State, source: Source
    ) -> Iterator[tuple[int, dict[str, jax.Array]]]:
        """What the game itself says when it is asked, a batch at a time, as above."""
        held = state, parallel.replicate(behind.params, self.mesh)
        whole = parallel.state_sharding(self.mesh)
        size = max(1, min(BATCH, PIXELS // math.prod(self.shape[:2])))

        def ask_blocks(held: Any, batch: Any, first: Any) -> dict[str, jax.Array]:
            return in_blocks(functools.partial(behind, gan, held), batch, first, size)

        ask = jax.jit(ask_blocks, in_shardings=self.shardings, out_shardings=whole)
        for rows, number, batch in self.placed(source, size, "latents"):
            yield rows, ask(held, batch, number)

    @property
    def shardings(self) -> tuple[Any, Any, None]:
        """Of functions of a state, a batch and the number of its first block."""
        return parallel.state_sharding(self.mesh), NamedSharding(self.mesh, PartitionSpec("data")), None

    def placed(self, source: Source, size: int, what: str) -> Iterator[tuple[int, int, Any]]:
        """(examples that count, number of the first block, batch over all devices) of what is measured.

        Blocks are of `size` examples; a batch is of as many as the devices share equally.
        """
        e, split = self.evaluation, self.shardings[1]
        processes, index = jax.process_count(), jax.process_index()
        for rows, positions in batches(e.n, math.lcm(size, self.mesh.size), what):
            own = source.take(positions.reshape(processes, -1)[index], seed=e.seed)
            put = functools.partial(jax.make_array_from_process_local_data, split)
            yield rows, int(positions[0]) // size, jax.tree.map(put, own)

    def draw_blocks(self, gan: GAN, state: State, batch: Any, first: Any) -> jax.Array:
        """Samples of the blocks of a batch, [B, H, W, C] or [B, D], given the number of the first."""
        images: jax.Array = in_blocks(functools.partial(self.draw, gan, state), batch, first, self.batch)
        return images

    def draw(self, gan: GAN, state: State, batch: Any, number: Any) -> jax.Array:
        """Samples of one block, [B, H, W, C] or [B, D]: the output that is measured, if there are several."""
        key = jax.random.fold_in(jax.random.key(self.evaluation.seed), number)
        options, output = options_of(gan, self.evaluation.sampling), self.evaluation.output
        made = sample(gan, state, normalize(batch), key, **options)
        if isinstance(made, dict) != bool(output) or (output and output not in made):
            known = ", ".join(map(repr, made)) if isinstance(made, dict) else "one, which has no name"
            raise InputError(f"output={output!r} is none of the game's outputs: {known}")
        images: jax.Array = made[output] if output else made
        if images.shape[1:] != self.shape:
            raise InputError(f"samples have shape {images.shape[1:]}, the real images {self.shape}")
        return images

    def check(self, gan: GAN, state: Any, spec: Any) -> None:
        """Refuses a game whose samples cannot be measured, given shapes alone."""
        batch = self.like(spec)
        jax.eval_shape(functools.partial(self.draw, gan), state, batch, 0)
        if self.behind:
            self.behind.kept(gan, state, batch)
            best = self.evaluation.best
            if best in (*PATHS, *SPACES) and best.split("_")[1] not in spaces(gan, state, batch):
                raise InputError(f"best={best!r} is not measured: {type(gan).__name__} has no styles")

    def like(self, spec: Any) -> dict[str, jax.ShapeDtypeStruct]:
        """The shapes of the smallest batch."""
        return {k: jax.ShapeDtypeStruct((self.mesh.size, *x.shape), x.dtype) for k, x in spec.items()}

    def looking(self, needs: Set[str], mesh: Mesh) -> Look:
        """images -> what the needs keep of them, whole on every device."""
        here = {"features": self.features, "classifier": self.classifier}
        params = parallel.replicate({name: f.params for name, f in here.items() if f}, mesh)
        return functools.partial(
            look,
            params,
            features=self.features,
            level=self.level,
            classifier=self.classifier,
            needs=frozenset(needs),
            sharding=parallel.state_sharding(mesh),
        )


def described(data: Data, source: Source, shape: tuple[int, ...]) -> str:
    """What examples are compared with; of images, with how they were brought to size."""
    if isinstance(source, Points):
        gaussians = f"{source.classes} Gaussians, spread {source.spread:g}, deviation {source.deviation:g}"
        return f"{data.name} ({gaussians})"
    return f"{data.name} at {'x'.join(str(n) for n in shape)} ({data.fit}, {data.filter})"
