"""Measures samples of a game against real examples, as an `Evaluation` says: for the loop and the command."""

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
from gaxjax.data.factors import NAME as FACTORS
from gaxjax.data.points import Points
from gaxjax.errors import InputError
from gaxjax.evaluation.accuracy import is_told_labels, refuse_classes
from gaxjax.evaluation.extractors import load_extractors, refuse_features_of_images
from gaxjax.evaluation.factor_codes import refuse_factors
from gaxjax.evaluation.gathering import batch_positions, extract, gather_statistics
from gaxjax.evaluation.latent_space import latent_spaces
from gaxjax.evaluation.protocol import check_count, describe_options, measured_data
from gaxjax.evaluation.questions import OF_NO_FEATURES, choose_questions, output_names
from gaxjax.evaluation.sampler import Sampler
from gaxjax.evaluation.stored import describe_data, load_or_make, statistics_key
from gaxjax.game import GAN, State
from gaxjax.metrics.catalog import PAIRED
from gaxjax.metrics.label_maps import check_label_maps, parse_palette
from gaxjax.metrics.metric import UNITS, Metric
from gaxjax.metrics.points import Mixture
from gaxjax.metrics.result import Result
from gaxjax.metrics.samples import OF_FEATURES, OF_GAME, OF_REAL, PATHS, SPACES, Samples, Statistics, Value
from gaxjax.metrics.selection import check_metrics, check_pairs, parse_metrics
from gaxjax.parallel.seeds import Seeds
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.runs.examples import needed_names

Extract = Callable[[jax.Array, jax.Array | None], dict[str, jax.Array]]


class Evaluator:
    """Metrics, with everything they need but the samples; refuses at once what cannot be measured."""

    def __init__(
        self,
        evaluation: Evaluation,
        data: Data,
        source: Source | None = None,
        paired: bool = False,
        prepare: bool = True,
    ):
        """`source`: the data, where they are open already; what is compared with is then not read twice.

        prepare: if not, this only checks: no network of features is read or trained, no real image measured.
        """
        self.evaluation = evaluation
        self.metrics = parse_metrics(evaluation.metrics)
        self.better = {value: m.direction(value) for m in self.metrics.values() for value in m.values}
        self.check_choice(paired)
        self.data = measured_data(evaluation, data, bool(PAIRED & set(self.metrics)))
        refuse_features_of_images(self.metrics, evaluation.features, self.data.shape)
        # Samples are drawn by all processes together. Real images are not: one process may find their
        # statistics in its cache and another not, and a collective of some of them would never end.
        self.local = Mesh(np.array(jax.local_devices()), ("data",))
        # Needs, not metrics, decide what is loaded and extracted: FID and KID run Inception over an image
        # once.
        needs = {need for metric in self.metrics.values() for need in (*metric.fake, *metric.real)}
        self.extractors = load_extractors(evaluation, needs if prepare else set(), self.data, data.split)
        self.features, self.level, self.classifier = self.extractors[:3]
        # Beforehand only what needs no network of features can be tried.
        about = needs if prepare else needs & OF_NO_FEATURES
        self.questions = choose_questions(about, set(self.metrics), self.extractors, evaluation, self.data)
        real = {need for metric in self.metrics.values() for need in metric.real}
        # Opened anew, a set would be read and decoded twice.
        same = source is not None and self.data == replace(data, flip=False)
        self.source = source if source is not None and same else open_source(self.data)
        self.check_data()
        # Of two domains, an epoch has the smaller one's images more than once.
        check_count(self.data, images := self.source.count(evaluation.reference))
        self.count = min(evaluation.real or images, images) if real else 0
        self.shape = self.source.spec[evaluation.reference].shape
        self.sampler = Sampler(evaluation, self.shape, all(m.any_length for m in self.metrics.values()))
        # Of the images that there are: past the end of a set it would begin again.
        reading = replace(evaluation, n=min(evaluation.n, images), balanced=False, back="")
        self.reader = Sampler(reading, self.shape)
        # All that can be refused is refused here, before the first step of the training that this belongs to.
        check_metrics(self.metrics, self.shape, evaluation.n, self.count)
        check_pairs(self.metrics, evaluation.n, self.count, len(self.source))
        colors = any(metric.palette for metric in self.metrics.values())
        self.palette = parse_palette(evaluation.palette, self.shape) if colors else None
        self.extractors.check_features(needs, self.shape, evaluation.n, self.count)
        points = self.source if isinstance(self.source, Points) else None
        self.mixture = Mixture(points.centers, points.deviation) if points else None
        self.real = self.validation = Statistics(0)
        if not prepare:
            return
        # Real images first, and once: every later checkpoint of the run is compared with the same statistics.
        if real:
            self.real = self.gather_cached(self.data, self.source, self.count, real)
        if self.palette is not None:
            check_label_maps(self.real.arrays["images"], self.palette)
        self.validation = self.gather_held_out()

    def check_choice(self, paired: bool) -> None:
        """Refuses metrics of pairs where there are none, and a best that is not among the numbers."""
        e, alone = self.evaluation, PAIRED & set(self.metrics)
        if alone and not (paired or e.output):
            raise InputError(f"{', '.join(alone)} compares pairs, and samples of noise have no partner")
        # A metric may give several numbers (precision and recall, say), and any one may choose the
        # checkpoint.
        if e.best and e.best not in self.better:
            raise InputError(f"best={e.best!r} is not measured; measured: {', '.join(self.better)}")

    def check_data(self) -> None:
        """Refuses data without what the metrics are about."""
        spec, reference = self.source.spec, self.evaluation.reference
        if reference not in spec:
            raise InputError(f"reference={reference!r} is not in the data, which has {', '.join(spec)}")
        if FACTORS not in spec:
            refuse_factors(self.metrics, self.data.name)
        if self.source.classes is None:
            refuse_classes(self.metrics, self.evaluation.balanced, self.data.name)

    @property
    def needs(self) -> Set[str]:
        """What is kept of the images that are measured."""
        return {need for metric in self.metrics.values() for need in metric.fake} - OF_GAME

    def __call__(self, gan: GAN, state: State, source: Source, checkpoint: int, run: str) -> list[Result]:
        """Measures fakes of a state, drawn for examples of the source (their labels, or to translate)."""
        # Of several outputs, translations, those of the very images whose partners they are compared with.
        source = self.source if self.evaluation.output else source
        self.check(gan, state, source.spec)
        # The count is set even where nothing is kept of samples: metrics of latents alone report it too.
        fake = Statistics(self.evaluation.n)
        if self.needs:
            fake = gather_statistics(self.extract_samples(gan, state, source, self.needs), self.needs)
        for question in self.questions:
            sampler, examples = (self.reader, self.source) if question.of_real else (self.sampler, source)
            # Which arrays there are depends on the game: one with styles has w beside z.
            names = output_names(question, gan, state, sampler.abstract_batch(examples.spec))
            answers = gather_statistics(sampler.ask_game(question, gan, state, examples), names)
            fake = replace(fake, arrays={**fake.arrays, **answers.arrays})
        return self.results(fake, checkpoint, run)

    def evaluate_seeds(
        self, gan: GAN, states: State, source: Source, checkpoint: int, run: str, seeds: Seeds
    ) -> list[Result]:
        """Measures every seed of a run."""
        return [
            replace(result, trained=seeds.first + i)
            for i in range(seeds.count)
            for result in self(gan, seeds.select(states, i), source, checkpoint, run)
        ]

    def results(self, fake: Statistics, checkpoint: int | None, run: str) -> list[Result]:
        """The metrics of what was gathered."""
        factors = self.source.factor_names, self.source.factor_sizes
        e, palette = self.evaluation, self.palette
        sides = Samples(self.real, fake, self.validation, e.seed, self.mixture, *factors, palette, e.border)
        return [
            self.result(metric, name, value, self.count_measured(metric, fake), checkpoint, run)
            for metric in self.metrics.values()
            for name, value in metric.compute(sides).items()
        ]

    def count_measured(self, metric: Metric, fake: Statistics) -> int:
        """How many samples a metric is of; or real images, where it asks the game about these."""
        return self.reader.evaluation.n if OF_REAL & set(metric.fake) else fake.count

    def result(
        self, metric: Metric, name: str, value: Value, fake: int, checkpoint: int | None, run: str
    ) -> Result:
        """A number with its protocol."""
        features, level = self.extractors.features_for(metric)
        data, e = self.data, self.evaluation
        compared = bool(metric.real)
        of_data = compared or bool(OF_REAL & set(metric.fake))
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
            unit=UNITS[len(self.shape)],
            # A metric of samples alone depends on no real set, and names none.
            data=describe_data(data, self.source, self.shape) if of_data else "",
            split=data.split if of_data and self.mixture is None else "",
            options=describe_options(metric, e),
            sampling="" if OF_GAME & set(metric.fake) else e.sampling,
            details=value.details,
            seed=e.seed,
            checkpoint=checkpoint,
            source=run,
            version=__version__,
        )

    def gather_held_out(self) -> Statistics:
        """Of the validation split, where a metric chooses something on it; else nothing."""
        needs = {need for metric in self.metrics.values() if metric.validation for need in metric.real}
        if not needs:
            return Statistics(0)
        apart = replace(self.data, split=self.evaluation.validation)
        source = open_source(apart)
        return self.gather_cached(apart, source, len(source), needs)

    def gather_cached(self, data: Data, source: Source, count: int, needs: Set[str]) -> Statistics:
        """Of real images; what a network has to be run for is kept in a file for the next time."""
        e = self.evaluation
        costly = {need for need in needs if need in OF_FEATURES}
        features = self.features if costly else None
        by_need: dict[str, Statistics] = {}
        # One file for each need, so that a metric asked for later shares what another has had gathered. What
        # takes no network is gathered together, and anew every time.
        for group in [{need} for need in sorted(costly)] + ([needs - costly] if needs - costly else []):
            make = functools.partial(self.gather_source, source, count, group)
            if features is None or group.isdisjoint(OF_FEATURES):
                by_need |= dict.fromkeys(group, make())
                continue
            identity = {name: getattr(features, name) for name in ("name", "weights", "resize")}
            identity["level"] = self.level
            key = statistics_key(
                data, features=identity, count=count, reference=e.reference, needs=sorted(group)
            )
            by_need |= dict.fromkeys(group, load_or_make(key, make))
        moments = by_need["moments"].moments if "moments" in by_need else None
        return Statistics(count, moments, {n: g.arrays[n] for n, g in by_need.items() if n != "moments"})

    def gather_source(self, source: Source, count: int, needs: Set[str]) -> Statistics:
        """Of the first `count` images of a split, shuffled; by each process for itself."""
        extract_batch = self.bind_extract(needs, self.local)
        # Whole blocks, and as many examples for every device: see Sampler.load_batches.
        size = math.lcm(self.sampler.block, self.local.size)
        sharding = NamedSharding(self.local, PartitionSpec("data"))

        def extract_all() -> Iterator[tuple[int, dict[str, jax.Array]]]:
            for rows, positions in batch_positions(count, size, "real images"):
                # Always seed 0, not the evaluation's: the cache's key then needs no seed, and a part of a set
                # (--real) is a random one that stays the same.
                batch = source.take(positions, seed=0)
                images = jax.device_put(normalize(batch[self.evaluation.reference]), sharding)
                labels = jax.device_put(batch["label"], sharding) if "labels" in needs else None
                yield rows, extract_batch(images, labels)

        return gather_statistics(extract_all(), needs)

    def extract_samples(
        self, gan: GAN, state: State, source: Source, needs: Set[str]
    ) -> Iterator[tuple[int, dict[str, jax.Array]]]:
        """(samples that count, what is extracted of them) of a batch at a time."""
        extract_batch = self.bind_extract(needs, self.sampler.mesh)
        for rows, images, labels in self.sampler.draw_samples(gan, state, source):
            yield rows, extract_batch(images, labels if "labels" in needs else None)

    def check(self, gan: GAN, state: Any, spec: Any) -> None:
        """Refuses a game whose samples cannot be measured, given shapes alone."""
        spec = self.source.spec if self.evaluation.output else spec
        batch, real = (self.sampler.abstract_batch(x) for x in (spec, self.source.spec))
        # Shapes alone take no time, so a loop can ask this before it trains for days towards an evaluation.
        for question in self.questions:
            output_names(question, gan, state, real if question.of_real else batch)
        draw = functools.partial(self.sampler.draw_block, gan)
        if self.needs:
            jax.eval_shape(draw, state, batch, 0)
        if self.evaluation.balanced and "label" not in needed_names(lambda b, s: draw(s, b, 0), batch, state):
            what = f"those of {type(gan).__name__} do not depend on the label: leave balanced out"
            raise InputError(f"balanced asks for samples of all classes alike, and {what}")
        # Labels that a game is not told would stand beside samples that have nothing to do with them.
        of_classes = [name for name, metric in self.metrics.items() if "labels" in metric.fake]
        if of_classes and not is_told_labels(gan, batch):
            ask = "asks" if len(of_classes) == 1 else "ask"
            raise InputError(
                f"{', '.join(of_classes)} {ask} for samples of a class, and {type(gan).__name__} is told none"
            )
        best = self.evaluation.best
        if best in (*PATHS, *SPACES) and best.split("_")[1] not in latent_spaces(gan, state, batch):
            raise InputError(f"best={best!r} is not measured: {type(gan).__name__} has no styles")

    def bind_extract(self, needs: Set[str], mesh: Mesh) -> Extract:
        """images -> what the needs keep of them, whole on every device."""
        here = {"features": self.features, "classifier": self.classifier}
        # Arguments of the program, not constants in it: a network's weights would be compiled into each.
        params = parallel.replicate({name: f.params for name, f in here.items() if f}, mesh)
        return functools.partial(
            extract,
            params,
            features=self.features,
            level=self.level,
            classifier=self.classifier,
            needs=frozenset(needs),
            sharding=parallel.state_sharding(mesh),
        )
