"""What is measured class by class: labels of samples, and what a game takes real images for."""

from pathlib import Path
from typing import Any

import flax.linen as nn
import games
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from labelled import SmoothCritic
from PIL import Image

from gaxjax.data import Data, normalize, open_source
from gaxjax.errors import InputError
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.evaluation.questions import output_names
from gaxjax.evaluation.readings import Readings
from gaxjax.gans.adversarial import Adversarial
from gaxjax.gans.infogan import InfoGAN
from gaxjax.latents import Latents
from gaxjax.layers.conditioning import Head
from gaxjax.metrics.matching import match_codes
from gaxjax.metrics.similarity import diversity
from gaxjax.networks import mlp
from gaxjax.recipe.evaluation import Evaluation

SHAPE = (16, 16, 1)
DIGITS = Data("digits", SHAPE)


class Gray(nn.Module):
    """Images as bright as their label says, with some of the latents in it."""

    @nn.compact
    def __call__(self, latents: Array, condition: Array) -> Array:
        self.param("unused", lambda key: jnp.zeros(()))
        noise = jnp.pad(latents, ((0, 0), (0, 256 - latents.shape[1]))).reshape(-1, *SHAPE)
        return jnp.clip((condition[:, None, None, None] / 5 - 0.9) + 0.01 * noise, -1, 1)


class Judge(nn.Module):
    """Of gray images, with their labels."""

    @nn.compact
    def __call__(self, x: Array, condition: Array) -> Array:
        return jnp.mean(x, axis=(1, 2, 3)) * self.param("slope", lambda key: jnp.ones(()))


def begin(gan: Any) -> Any:
    return games.begin(gan, batch={"image": jnp.zeros((2, *SHAPE)), "label": jnp.zeros(2, int)})


def test_samples_of_classes_alike_and_their_similarity() -> None:
    gan = Adversarial(Gray(), Judge(), Latents(256), condition="label")
    evaluator = Evaluator(Evaluation("class_ms_ssim", n=200, real=300, balanced=True), DIGITS)
    found = next(
        batch
        for _, batch in evaluator.extract_samples(gan, begin(gan), evaluator.source, {"images", "labels"})
    )
    # The labels are those that the images were made of.
    bright = found["images"].mean(axis=(1, 2, 3)) / 255
    np.testing.assert_allclose(bright, np.asarray(found["labels"]) / 10 + 0.05, atol=0.01)
    fake, real = evaluator(gan, begin(gan), evaluator.source, 0, "run")
    assert fake.name == "MS-SSIM within classes" and fake.value > 0.9 > real.value > 0
    assert fake.options.endswith("samples of all classes alike") and (fake.fake, fake.real) == (200, 300)
    assert fake.details.startswith("fake more varied than real in 0 of 10 classes; 0: ")
    # By hand, of one class: those that were asked for, 30 pairs of them or 1,000 as all classes have.
    threes = evaluator.real.arrays["images"][evaluator.real.arrays["labels"] == 3]
    by_hand = diversity(threes, pairs=1_000)
    assert f", 3: {fake.details.split(', 3: ')[1][:5]} ({by_hand:.3f})" in fake.details


def test_samples_without_a_class_have_no_similarity_within_classes() -> None:
    gan = Adversarial(mlp.Generator(SHAPE, (4,)), SmoothCritic(), Latents(3))
    evaluator = Evaluator(Evaluation("class_ms_ssim", n=20, real=40), DIGITS)
    with pytest.raises(InputError, match="class_ms_ssim asks for samples of a class, and Adversarial is"):
        evaluator.check(gan, begin(gan), evaluator.source.spec)
    evaluator = Evaluator(Evaluation("swd", n=20, real=40, balanced=True), DIGITS)
    with pytest.raises(InputError, match="classes alike, and those of Adversarial do not depend"):
        evaluator.check(gan, begin(gan), evaluator.source.spec)
    with pytest.raises(InputError, match="sides of at least 16 pixels; these are 8 x 8"):
        Evaluator(Evaluation("class_ms_ssim", n=20, real=40), Data("digits", (8, 8, 1)))


def test_a_code_is_read_off_real_images() -> None:
    gan = InfoGAN(mlp.Generator(SHAPE, (4,)), Head(SmoothCritic(), "code", 12), Latents(3))
    state = begin(gan)
    evaluator = Evaluator(Evaluation("code_error", n=10_000), DIGITS)
    error, classes = evaluator(gan, state, evaluator.source, 0, "run")
    source = open_source(DIGITS)
    batch = source.take(np.arange(len(source)))
    network: Any = gan.discriminator
    outputs = network.apply({"params": state.params["discriminator"]}, normalize(batch)["image"])
    by_hand = match_codes(np.argmax(outputs["code"][:, :10], axis=1), batch["label"])
    assert error.value == pytest.approx(by_hand.error) and classes.value == by_hand.classes_found
    # All there are, though more were asked for; and the protocol says of what.
    assert error.fake == 1797 and "1,797 images of digits at 16x16x1" in error.description
    assert error.split == "train" and error.error == pytest.approx(
        np.sqrt(by_hand.error * (1 - by_hand.error) / 1797)
    )


def test_refuses(tmp_path: Path) -> None:
    gan = Adversarial(mlp.Generator(SHAPE, (4,)), mlp.Discriminator((4,)), Latents(3))
    with pytest.raises(InputError, match=r"Adversarial does not say .* needs a method classify\(images\)"):
        output_names(Readings(of_classes=False), gan, None, {})
    # Which number stands for which class is chance.
    coded = InfoGAN(gan.generator, Head(gan.discriminator, "code", 12), Latents(3))
    with pytest.raises(InputError, match=r"InfoGAN does not say .* its codes are measured by code_error"):
        output_names(Readings(of_classes=True), coded, None, {})
    for number in range(2):
        Image.new("L", SHAPE[:2]).save(tmp_path / f"{number}.png")
    folder = Data("folder", SHAPE, str(tmp_path), split="")
    for metrics, balanced, what in (("code_error", False, "code_error"), ("swd", True, "balanced")):
        with pytest.raises(InputError, match=f"{what} is about classes, and .* folder, have no labels"):
            Evaluator(Evaluation(metrics, n=2, balanced=balanced), folder)
