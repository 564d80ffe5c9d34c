"""Finds directions of w: principal ones (Härkönen et al. 2020, GANSpace), or that of a class."""

import dataclasses
from typing import ClassVar, Literal, NamedTuple

import jax
import numpy as np

from gaxjax.errors import InputError
from gaxjax.features import classifier
from gaxjax.generators.edits.edit import Drawing, Edit, image_grid
from gaxjax.generators.model import TrainedModel
from gaxjax.generators.truncation import describe_game

REACH = 3.0
"""How far a direction is walked, in standard deviations along it, to both sides."""
STEPS = 7
LEAST = 20
"""Of a class, and of the others, that a linear model needs."""
HELD_OUT = 5
"""One sample of so many tests the linear model."""


class DirectionSet(NamedTuple):
    """Unit vectors and how samples spread along them."""

    mean: np.ndarray
    """of the samples, [S]"""
    vectors: np.ndarray
    """[k, S]"""
    deviations: np.ndarray
    """standard deviations of the samples along each, [k]"""
    share: np.ndarray
    """of the samples' variance, [k]"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Directions(Edit):
    """A row for each direction, walked from -3 to 3 standard deviations, from the mean or a seed's w.

    The principal ones of w, most variance first; or with --label, for a game that is told no classes, the
    normal of a linear model of what a classifier says of samples, in w, or in z where there is no w.
    """

    n: int = 10_000
    """samples that directions are found in"""
    components: int = 5
    """principal directions"""
    seed: int | None = None
    """of the latent that walks begin at (default: the mean)"""
    classifier: str = ""
    """mnist, fashion_mnist or digits: whose classes --label is of (default: the run's own data)"""

    name: ClassVar = "directions"

    def select_class(self, model: TrainedModel) -> TrainedModel:
        """As ever where the game is told classes; elsewhere --label is one of the classifier's."""
        return model.with_label(self.label) if model.classes else model

    def draw(self, model: TrainedModel) -> Drawing:
        if self.n < 2 * LEAST or self.components < 1:
            raise InputError(f"--n is {2 * LEAST} or more, and --components 1 or more; got {self}")
        if self.label is not None and not model.classes:
            directions, lines = self.find_class_direction(model)
        else:
            if not model.has_styles:
                raise InputError(
                    f"principal directions are of w, and {describe_game(model.gan)} has none; latents "
                    "spread alike in every direction, so theirs would say nothing: where a game is told no "
                    "classes, --label finds the direction of one"
                )
            # As GANSpace does with StyleGAN; of games without w it takes activations, which differ by
            # network.
            ws = np.concatenate([w for _, w in model.iterate_latents(self.n)])
            directions = principal_directions(ws, self.components)
            shares = enumerate(directions.share)
            lines = [f"direction {i}: {share:.1%} of the variance" for i, share in shares]
        start = directions.mean
        if self.seed is not None:
            latents = model.latents_of_seeds([self.seed])
            # Untruncated, as the samples were that the deviations are of.
            start = (model.map_latents(latents) if model.has_styles else latents)[0]
        space: Literal["z", "w"] = "w" if model.has_styles else "z"
        walks = [walk_direction(start, directions, i) for i in range(len(directions.vectors))]
        page = [list(model.generate_points(walk, space)) for walk in walks]
        return Drawing(image_grid(page), {"start": start, **directions._asdict()}, lines=tuple(lines))

    def find_class_direction(self, model: TrainedModel) -> tuple[DirectionSet, list[str]]:
        """The direction of a class, and how well the linear model that it is of tells samples apart."""
        assert self.label is not None
        data = model.recipe.data
        name = self.classifier or data.name
        classifier.check_dataset(name)
        if self.label >= classifier.CLASSES or self.label < 0:
            raise InputError(f"--label {self.label}: the classes are 0 to {classifier.CLASSES - 1}")
        # A game that is told no classes can say none: someone else has to, of its images.
        features = classifier.classifier(name, None, data.directory)
        classify = jax.jit(lambda x: features.apply(features.params, x, ("logits",))["logits"].argmax(-1))
        # A chunk at a time: of 10,000 images only vectors and labels are kept.
        parts = [(w, np.asarray(classify(x))) for _, w, x in model.iterate_latents(self.n, images=True)]
        vectors, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
        is_class = labels == self.label
        if min(is_class.sum(), (~is_class).sum()) < LEAST:
            raise InputError(
                f"of {self.n} samples {is_class.sum()} look like class {self.label} to {features.name}; a "
                f"direction needs {LEAST} that do and {LEAST} that do not: raise --n, or train the run longer"
            )
        # Said with the picture: a direction whose model cannot tell the class apart is no direction of it.
        direction, accuracy = separate_class(vectors, is_class)
        line = f"class {self.label}, as {features.name} has it: {is_class.mean():.1%} of {self.n} samples; "
        line += f"of a fifth of them held out, the linear model has {accuracy:.1%} right (balanced accuracy)"
        return measure_spread(vectors, direction[None]), [line]


def principal_directions(vectors: np.ndarray, count: int) -> DirectionSet:
    """Principal directions of [n, S], most variance first, [count, S]; the largest entry of each is > 0."""
    count = min(count, vectors.shape[1])
    # cov of one feature is a number; eigh wants a matrix.
    covariance = np.cov(vectors, rowvar=False, dtype=np.float64).reshape(2 * vectors.shape[1:])
    # eigh sorts by rising eigenvalue; its vectors are columns.
    directions = np.linalg.eigh(covariance).eigenvectors[:, ::-1].T[:count]
    # An eigenvector's sign is arbitrary: fixed, so that a walk goes the same way on every machine.
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    return measure_spread(vectors, directions * np.sign(largest))


def measure_spread(vectors: np.ndarray, directions: np.ndarray) -> DirectionSet:
    """How vectors [n, S] spread along unit vectors [k, S]."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    variances = np.var((vectors - mean) @ directions.T, axis=0)
    total = np.var(vectors, axis=0, dtype=np.float64).sum()
    return DirectionSet(mean, directions, np.sqrt(variances), variances / total)


def separate_class(vectors: np.ndarray, is_class: np.ndarray) -> tuple[np.ndarray, float]:
    """The unit normal of a logistic regression, towards the class, [S], and its accuracy on a fifth held out.

    Both sides weigh the same, however many they are, in both. vectors [n, S], is_class [n].
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score

    scale = vectors.std()  # one for all, so that the normal is one of w itself
    # Every fifth, and no draw: samples are independent already.
    held_out = np.arange(len(vectors)) % HELD_OUT == 0
    # Balanced, for the class is about a tenth of the samples: always saying no would be right in nine of ten.
    model = LogisticRegression(class_weight="balanced", max_iter=10_000)
    model.fit(vectors[~held_out] / scale, is_class[~held_out])
    accuracy = balanced_accuracy_score(is_class[held_out], model.predict(vectors[held_out] / scale))
    return model.coef_[0] / np.linalg.norm(model.coef_[0]), float(accuracy)


def walk_direction(start: np.ndarray, directions: DirectionSet, index: int) -> np.ndarray:
    """Points from -3 to 3 standard deviations along a direction, [7, S]."""
    # An odd number of steps: the middle column is the start itself.
    steps = np.linspace(-REACH, REACH, STEPS)[:, None] * directions.deviations[index]
    return np.asarray(start[None] + steps * directions.vectors[index][None], np.float32)
