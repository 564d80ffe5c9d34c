"""Finds directions of w: principal ones (Härkönen et al. 2020, GANSpace), or that of a class."""

import dataclasses
from typing import ClassVar, NamedTuple

import jax
import numpy as np

from gaxjax.errors import InputError
from gaxjax.features import classifier
from gaxjax.generators.edits.edit import Drawing, Edit, grid
from gaxjax.generators.trained import Trained
from gaxjax.generators.truncation import name_of

REACH = 3.0
"""How far a direction is walked, in standard deviations along it, to both sides."""
STEPS = 7
LEAST = 20
"""Of a class, and of the others, that a linear model needs."""
HELD_OUT = 5
"""One sample of so many tests the linear model."""


class Found(NamedTuple):
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

    def told(self, trained: Trained) -> Trained:
        """As ever where the game is told classes; elsewhere --label is one of the classifier's."""
        return trained.of(self.label) if trained.classes else trained

    def draw(self, trained: Trained) -> Drawing:
        if self.n < 2 * LEAST or self.components < 1:
            raise InputError(f"--n is {2 * LEAST} or more, and --components 1 or more; got {self}")
        if self.label is not None and not trained.classes:
            found, said = self.of_label(trained)
        else:
            if not trained.has_styles:
                raise InputError(
                    f"principal directions are of w, and {name_of(trained.gan)} has none; latents spread "
                    "alike in every direction, so theirs would say nothing: where a game is told no classes, "
                    "--label finds the direction of one"
                )
            found = principal(np.concatenate([w for _, w in trained.drawn(self.n)]), self.components)
            said = [f"direction {i}: {share:.1%} of the variance" for i, share in enumerate(found.share)]
        start = found.mean
        if self.seed is not None:
            latents = trained.latents([self.seed])
            start = (trained.w(latents) if trained.has_styles else latents)[0]
        page = [list(made(trained, walk(start, found, i))) for i in range(len(found.vectors))]
        return Drawing(grid(page), {"start": start, **found._asdict()}, lines=tuple(said))

    def of_label(self, trained: Trained) -> tuple[Found, list[str]]:
        """The direction of a class, and how well the linear model that it is of tells samples apart."""
        assert self.label is not None
        data = trained.recipe.data
        name = self.classifier or data.name
        classifier.check(name)
        if self.label >= classifier.CLASSES or self.label < 0:
            raise InputError(f"--label {self.label}: the classes are 0 to {classifier.CLASSES - 1}")
        features = classifier.classifier(name, None, data.directory)
        look = jax.jit(lambda x: features.apply(features.params, x, ("logits",))["logits"].argmax(-1))
        parts = [(w, np.asarray(look(x))) for _, w, x in trained.drawn(self.n, images=True)]
        vectors, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
        is_class = labels == self.label
        if min(is_class.sum(), (~is_class).sum()) < LEAST:
            raise InputError(
                f"of {self.n} samples {is_class.sum()} look like class {self.label} to {features.name}; a "
                f"direction needs {LEAST} that do and {LEAST} that do not: raise --n, or train the run longer"
            )
        direction, accuracy = separating(vectors, is_class)
        said = f"class {self.label}, as {features.name} has it: {is_class.mean():.1%} of {self.n} samples; "
        said += f"of a fifth of them held out, the linear model has {accuracy:.1%} right (balanced accuracy)"
        return along(vectors, direction[None]), [said]


def principal(vectors: np.ndarray, count: int) -> Found:
    """Principal directions of [n, S], most variance first, [count, S]; the largest entry of each is > 0."""
    count = min(count, vectors.shape[1])
    covariance = np.cov(vectors, rowvar=False, dtype=np.float64).reshape(2 * vectors.shape[1:])
    found = np.linalg.eigh(covariance).eigenvectors[:, ::-1].T[:count]
    largest = np.take_along_axis(found, np.abs(found).argmax(axis=1)[:, None], axis=1)
    return along(vectors, found * np.sign(largest))


def along(vectors: np.ndarray, directions: np.ndarray) -> Found:
    """How vectors [n, S] spread along unit vectors [k, S]."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    variances = np.var((vectors - mean) @ directions.T, axis=0)
    whole = np.var(vectors, axis=0, dtype=np.float64).sum()
    return Found(mean, directions, np.sqrt(variances), variances / whole)


def separating(vectors: np.ndarray, is_class: np.ndarray) -> tuple[np.ndarray, float]:
    """The unit normal of a logistic regression, towards the class, [S], and its accuracy on a fifth held out.

    Both sides weigh the same, however many they are, in both. vectors [n, S], is_class [n].
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score

    scale = vectors.std()  # one for all, so that the normal is one of w itself
    tested = np.arange(len(vectors)) % HELD_OUT == 0
    model = LogisticRegression(class_weight="balanced", max_iter=10_000)
    model.fit(vectors[~tested] / scale, is_class[~tested])
    accuracy = balanced_accuracy_score(is_class[tested], model.predict(vectors[tested] / scale))
    return model.coef_[0] / np.linalg.norm(model.coef_[0]), float(accuracy)


def walk(start: np.ndarray, found: Found, index: int) -> np.ndarray:
    """Points from -3 to 3 standard deviations along a direction, [7, S]."""
    steps = np.linspace(-REACH, REACH, STEPS)[:, None] * found.deviations[index]
    return np.asarray(start[None] + steps * found.vectors[index][None], np.float32)


def made(trained: Trained, vectors: np.ndarray) -> np.ndarray:
    """Images of w, or of latents where there is none."""
    return trained.synthesized(trained.styles(vectors)) if trained.has_styles else trained.images(vectors)
