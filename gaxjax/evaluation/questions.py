"""What is asked of a game beside samples: of its latents, and of what it says of real images."""

import functools
from collections.abc import Set
from typing import Any, ClassVar, Protocol

import jax

from gaxjax.data import Data
from gaxjax.evaluation.agreement import PixelAgreement
from gaxjax.evaluation.diversity import Diversity
from gaxjax.evaluation.extractors import Extractors
from gaxjax.evaluation.factor_codes import FactorMetrics
from gaxjax.evaluation.latent_space import LatentSpaceMetrics
from gaxjax.evaluation.lower_bound import LowerBound
from gaxjax.evaluation.readings import Readings
from gaxjax.game import GAN, Batch, State
from gaxjax.metrics.samples import OF_FACTORS, OF_LATENTS
from gaxjax.recipe.evaluation import Evaluation

OF_NO_FEATURES = {"readings", "bounds", "agreement"}
"""Needs that the game alone answers, without a network of features."""


class Question(Protocol):
    """A function of arrays, and of features that it brings along."""

    of: ClassVar[str]
    """what there is an answer for, each"""
    of_real: ClassVar[bool]
    """whether it is of the images of the split that is measured on, each once; else of as many as samples"""

    @property
    def params(self) -> dict[str, Any]:
        """Of the features."""

    def __call__(self, gan: GAN, held: tuple[State, Any], batch: Batch, number: Any) -> dict[str, jax.Array]:
        """Arrays over the examples of a batch, by name, given the state and `params`.

        InputError for a game that cannot be asked.
        """


def output_names(question: Question, gan: GAN, state: Any, batch: Any) -> Set[str]:
    """The names of what is found, given shapes alone; InputError for a game that cannot be asked."""
    return set(jax.eval_shape(functools.partial(question, gan), (state, question.params), batch, 0))


def choose_questions(
    needs: Set[str], metrics: Set[str], extractors: Extractors, evaluation: Evaluation, data: Data
) -> list[Question]:
    """Those that the needs of metrics, by name, ask for."""
    seed, questions = evaluation.seed, list[Question]()
    if needs & OF_LATENTS:
        # Separability's classes are those of the classifier that the evaluation names.
        classes, crop = extractors.features if "spaces" in needs else None, evaluation.crop == "face"
        questions.append(LatentSpaceMetrics(extractors.distance, classes, crop, seed))
    if needs & OF_FACTORS:
        # Norms are of each code less its own factor; information is of any code about any factor.
        aligned = bool({"l2", "l2_gen"} & metrics)
        questions.append(FactorMetrics("encodings" in needs, extractors.encoder, aligned, seed))
    # Of real images alone, and of no features: what the game says itself.
    if "bounds" in needs:
        questions.append(LowerBound(seed))
    if "readings" in needs:
        questions.append(Readings("test_accuracy" in metrics, evaluation.reference))
    if "diversity" in needs:
        assert extractors.distance is not None
        questions.append(Diversity(extractors.distance, seed))
    if "agreement" in needs:
        questions.append(PixelAgreement(data.domain_b, seed))
    return questions
