"""Pairs that agree, translations that differ, classes of a second domain: by games whose answer is known."""

from dataclasses import replace
from typing import Any

import flax.linen as nn
import games
import jax.numpy as jnp
import numpy as np
import pytest
from games import Constant, Times
from jax import Array

from gaxjax.data import Data
from gaxjax.errors import InputError
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.game import GAN
from gaxjax.gans import BicycleGAN, CoGAN
from gaxjax.latents import Latents
from gaxjax.metrics.result import Result
from gaxjax.recipe.evaluation import Evaluation

DIGITS = Data("digits", (8, 8, 1), split="train[:40]", domain_b="negatives", paired=False)
PAIRED = replace(DIGITS, paired=True)
ZEROS = {name: jnp.zeros((2, 8, 8, 1)) for name in "ab"} | {
    name: jnp.zeros(2, jnp.int32) for name in ("label", "label_b")
}


class Plain(nn.Module):
    """Pairs of plain images."""

    b: float

    @nn.compact
    def __call__(self, latents: Array) -> dict[str, Array]:
        images = {"a": Constant(0.4)(latents), "b": Constant(self.b)(latents)}
        return {name: jnp.tile(x, (1, 4, 4, 1)) for name, x in images.items()}


class Row(nn.Module):
    """Takes a row of ten pixels, from the 30th on, for logits of classes."""

    @nn.compact
    def __call__(self, images: dict[str, Array]) -> dict[str, Any]:
        times = Times(1.0)
        classes = {name: times(x).reshape(-1, 64)[:, 30:40] for name, x in images.items()}
        return {"logits": {name: jnp.sum(x, axis=1) for name, x in classes.items()}, "classes": classes}


def measure(gan: GAN, evaluation: Evaluation, data: Data) -> Result:
    evaluator = Evaluator(evaluation, data)
    return evaluator(gan, games.begin(gan, batch=ZEROS), evaluator.source, 0, "")[0]


def test_perfect_pairs_agree_in_every_pixel() -> None:
    asked = Evaluation("pixel_agreement", reference="b", n=70)
    found = measure(CoGAN(Plain(-0.4), Row(), Latents(3)), asked, DIGITS)
    assert (found.value, found.error, found.fake, found.real) == (1.0, 0.0, 70, 0)
    assert "pixels black or white, from 128 of 256 on" in str(found)
    assert measure(CoGAN(Plain(0.4), Row(), Latents(3)), asked, DIGITS).value == 0
    # A plain image has no edges but where black begins: beyond its border, which is none of it.
    edges = replace(DIGITS, domain_b="edges")
    assert measure(CoGAN(Plain(-1.0), Row(), Latents(3)), asked, edges).value == 1
    # Refused as it is tried before a start too, which reads no network of features.
    other, gan = replace(DIGITS, domain_b="digits"), CoGAN(Plain(0.4), Row(), Latents(3))
    evaluator = Evaluator(asked, other, prepare=False)
    with pytest.raises(
        InputError, match="needs data whose domain b is made of domain a, by edges or negative"
    ):
        evaluator.check(gan, games.begin(gan, batch=ZEROS), evaluator.source.spec)


def test_classes_of_the_second_domain() -> None:
    """Read off images b, each once, and compared with labels of images b."""
    asked = Evaluation("test_accuracy", reference="b", n=500)
    evaluator = Evaluator(asked, DIGITS)
    found = measure(CoGAN(Plain(0.0), Row(), Latents(3)), asked, DIGITS)
    stored = evaluator.source.take(np.arange(20))
    right = np.argmax(stored["b"].reshape(20, -1)[:, 30:40], axis=1) == stored["label_b"]
    assert (found.value, found.fake) == (pytest.approx(np.mean(right)), 20)
    assert "digits and negatives at 8x8x1" in str(found)


class Shifted(nn.Module):
    """Images with a multiple of the first latent added."""

    scale: float

    @nn.compact
    def __call__(self, x: Array, latents: Array) -> Array:
        return 0.3 * Times(1.0)(x) + self.scale * latents[:, :1, None, None]


class Mean(nn.Module):
    """The mean pixel, as a logit or as a code."""

    code: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Any:
        mean = Times(1.0)(jnp.mean(x, axis=(1, 2, 3)))
        return {"mean": mean[:, None], "log_variance": 0 * mean[:, None]} if self.code else mean


def test_diversity_is_of_the_code_alone() -> None:
    """0 where it is ignored; of shifts by 0.1 z, the mean of (0.05 (z - z'))^2 in each of 64 pixels."""
    asked = Evaluation("diversity", reference="b", distance="pixels", n=40)

    def of(scale: float) -> Result:
        return measure(BicycleGAN(Shifted(scale), Mean(True), Mean(), Mean(), Latents(1)), asked, PAIRED)

    ignored, shifted = of(0.0), of(0.1)
    assert (ignored.value, ignored.error, ignored.features, ignored.fake) == (0.0, 0.0, "pixels", 40)
    assert shifted.value == pytest.approx(64 * 2 * 0.05**2, abs=4 * (shifted.error or 0))
    assert 0 < (shifted.error or 0) < 0.1 * shifted.value
    assert "mean squared distance between 10 translations of one image" in str(shifted)
    with pytest.raises(InputError, match=r"CoGAN makes none: it needs the method translate\(batch\)"):
        measure(CoGAN(Plain(0.0), Row(), Latents(3)), asked, PAIRED)
