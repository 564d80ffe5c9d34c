"""What a game says of points, drawn between them, and four moments of a run as one picture."""

import shutil
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
import runs
from games import begin, networks
from PIL import Image

from gaxjax import cli
from gaxjax.adversary import Adversary
from gaxjax.data import Data, open_source
from gaxjax.game import State, judge
from gaxjax.gans.adversarial import Adversarial
from gaxjax.gans.began import BEGAN
from gaxjax.latents import Latents
from gaxjax.layers.conditioning import Concatenated
from gaxjax.layers.transformed import Transformed
from gaxjax.networks import dcgan, mlp
from gaxjax.objectives import (
    FeatureMatching,
    Hinge,
    LeastSquares,
    Minimax,
    Nonsaturating,
    Wasserstein,
)
from gaxjax.pictures.images import compose_moments, new_figure, save_image
from gaxjax.pictures.point_plots import (
    PLANE,
    density,
    draw_line,
    optimal_discriminator,
    probe_points,
)
from gaxjax.pictures.samples import draw_samples
from gaxjax.runs.examples import fixed_batch
from gaxjax.transforms import Spectral

LINE = """\"\"\"A tiny game of points on a line.\"\"\"

from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.recipe import Data, Optimizer, Recipe

recipe = Recipe(
    gan=Adversarial(
        generator=Generator((1,), features=(8,), output="none"),
        discriminator=Discriminator(features=(8,)),
        latents=Latents(2),
    ),
    optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
    data=Data("mixture", shape=(1,)),
    batch_size=16,
    kimg=0.96,
    log_kimg=0.16,
    sample_kimg=0.24,
    checkpoint_kimg=0.48,
    samples=100,
)
"""
RED = (214, 39, 40)
"""matplotlib's C3: what D is drawn in."""


def verdict(gan: Any, state: State, batch: Any) -> dict[str, Any]:
    return quick.run(lambda state: judge(gan, state, batch), state)


def is_red(path: Path) -> bool:
    with Image.open(path) as picture:
        return bool(np.any(np.all(np.asarray(picture.convert("RGB")) == RED, axis=-1)))


def game(**fields: Any) -> Adversarial:
    return Adversarial(**{**networks(), "latents": Latents(3), **fields})


def test_what_is_said_is_what_the_objective_makes_of_a_logit() -> None:
    points = {"image": np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)}
    state = begin(game())
    discriminator: Any = networks()["discriminator"]
    logits = discriminator.apply({"params": state.params["discriminator"]}, points["image"])["logits"]
    for objective in (Minimax(), Nonsaturating(real_target=0.9), FeatureMatching()):
        said = verdict(game(adversary=Adversary(objective)), state, points)
        np.testing.assert_allclose(said.pop("D"), jax.nn.sigmoid(logits), rtol=1e-5)
        assert not said
    for objective in (Wasserstein(), Hinge(), LeastSquares()):
        said = verdict(game(adversary=Adversary(objective)), state, points)
        np.testing.assert_allclose(said.pop("critic"), logits, rtol=1e-5)
        assert not said
    # The weights are the ones that the network sees, not the ones that move.
    spectral = verdict(
        game(
            discriminator=Transformed(networks()["discriminator"], transform=Spectral()),
            adversary=Adversary(Hinge()),
        ),
        state,
        points,
    )
    assert not np.allclose(spectral["critic"], logits, rtol=0.05)


def test_nothing_is_said_where_there_is_nothing_to_say() -> None:
    points = {"image": jnp.zeros((3, 2)), "label": jnp.zeros(3, jnp.int32)}
    parts = {name: Concatenated(network, 2) for name, network in networks().items()}
    conditional = game(**parts, condition="label")
    state = begin(conditional, batch=points)
    assert verdict(conditional, state, {"image": points["image"]}) == {}
    assert verdict(conditional, state, points)["D"].shape == (3,)
    assert judge(conditional, state, {}) == {}
    errors = BEGAN(mlp.Generator((2,), (4,), output="none"), mlp.Autoencoder((2,), (4,), output="none"))
    assert verdict(errors, begin(errors), {"image": points["image"]}) == {}


def test_an_example_is_judged_as_if_it_were_alone() -> None:
    """Running statistics, not the batch's."""
    network = dcgan.Discriminator(features=4, depth=1, norm="batch")
    gan = Adversarial(mlp.Generator((8, 8, 1), (4,)), network, Latents(3))
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype(np.float32)
    state = begin(gan, batch={"image": images})
    alone = verdict(gan, state, {"image": images[:1]})["D"]
    np.testing.assert_allclose(verdict(gan, state, {"image": images})["D"][:1], alone, rtol=1e-4)


def test_places_are_around_the_data() -> None:
    assert probe_points({"image": np.zeros((3, 8, 8, 1), np.uint8)}) == {}
    assert probe_points({"a": np.zeros((3, 2)), "b": np.zeros((3, 2))}) == {}
    line = probe_points({"image": np.array([[-1.0], [3.0]])})["image"]
    assert line.shape == (401, 1) and (line[0], line[-1]) == (-2, 4) and np.all(np.diff(line[:, 0]) > 0)
    plane = probe_points({"image": np.array([[1.0, 0.0], [0.0, -2.0]])})["image"]
    assert plane.shape == (PLANE**2, 2)
    np.testing.assert_array_equal(plane[[0, PLANE - 1, -1]], [[-3, -3], [3, -3], [3, 3]])


def test_densities() -> None:
    line = np.linspace(-5, 5, 401)
    points = np.asarray(jax.scipy.special.ndtri((np.arange(100_000) + 0.5) / 100_000))  # no noise
    found = density(points, line)
    wide = 1 + 0.04**2  # the kernel's variance is added
    np.testing.assert_allclose(found, np.exp(-0.5 * line**2 / wide) / np.sqrt(2 * np.pi * wide), atol=1e-3)
    assert np.sum(found) * (line[1] - line[0]) == pytest.approx(1, abs=1e-3)
    far = np.where(np.arange(400) < 100, 1e3, 0.0)
    assert np.sum(density(far, line)) * (line[1] - line[0]) == pytest.approx(0.75, abs=1e-6)


def test_the_best_verdict() -> None:
    data, model = np.array([0.3, 0.3, 0.0, 0.0, 1.0]), np.array([0.1, 0.3, 0.5, 0.01, 0.0])
    np.testing.assert_allclose(optimal_discriminator(data, model), [0.75, 0.5, 0, np.nan, 1])


def test_the_discriminator_is_drawn_over_the_densities() -> None:
    generator = np.random.default_rng(0)
    real, made = generator.normal(size=(2, 5_000, 1))
    said = np.linspace(0, 1, 401)
    figure, axes = new_figure(1, 1)
    draw_line(axes[0, 0], made, real, {"D": said})
    above = {line.get_label(): line for line in figure.axes[1].lines}
    assert above.keys() == {"D", "optimal D"}
    np.testing.assert_array_equal(above["D"].get_ydata(), said)
    # Both densities are the same: the optimum is 1/2 wherever it is drawn.
    optimum = above["optimal D"].get_ydata()
    assert 100 < np.isfinite(optimum).sum() < 401
    np.testing.assert_allclose(optimum[150:250], 0.5, atol=0.15)
    limits = axes[0, 0].axis()
    figure, axes = new_figure(1, 1)
    draw_line(axes[0, 0], 3 * made, real, {"critic": said})
    assert [line.get_label() for line in figure.axes[1].lines] == ["critic"]  # no probability, no optimum
    assert axes[0, 0].axis() == limits  # which the data fix
    figure, axes = new_figure(1, 1)
    draw_line(axes[0, 0], made, real, {})
    assert len(figure.axes) == 1


def test_the_surface_is_the_right_way_up(tmp_path: Path) -> None:
    """D is 1 on the right and 0 on the left: green is right of purple, and neither is there without D."""
    points = np.array([[-1.0, 0.0], [1.0, 0.0]])
    around = probe_points({"image": points})["image"]

    def pixels(name: str, said: dict[str, Any]) -> np.ndarray:
        with Image.open(draw_samples(points, tmp_path / name, points, said)) as picture:
            assert picture.size == (500, 400)
            return np.asarray(picture.convert("RGB")).astype(int)

    def colored(page: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        red, green, blue = np.moveaxis(page, -1, 0)
        return (green - red > 15) & (green > blue), red - green > 15

    green, purple = colored(pixels("with.png", {"D": (around[:, 0] > 0).astype(float)}))
    left, right = np.s_[:, 110:240], np.s_[:, 260:390]
    assert purple[left].mean() > 0.5 and not green[left].any()
    assert green[right].mean() > 0.5 and not purple[right].any()
    green, purple = colored(pixels("without.png", {}))
    assert not green.any() and not purple.any()


def test_points_of_a_picture_are_all_different() -> None:
    batch = fixed_batch(open_source(Data("mixture", shape=(1,), modes=2)), 2_000)
    assert len(np.unique(batch["image"])) > 1_990
    np.testing.assert_array_equal(batch["label"], np.repeat([0, 1], 1_000))


def gray(folder: Path, count: int, height: int = 6, width: int = 9) -> list[Path]:
    """Pictures of one gray each, named by the images seen."""
    return [
        save_image(np.full((height, width, 1), 10 * i, np.uint8), folder / f"{1000 * i:010d}.png")
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("count", "chosen"), [(2, [0, 1]), (3, [0, 1, 2]), (4, [0, 1, 2, 3]), (10, [0, 3, 6, 9])]
)
def test_moments_are_equally_spaced(tmp_path: Path, count: int, chosen: list[int]) -> None:
    path = compose_moments(gray(tmp_path, count), tmp_path / "moments.png")
    assert path is not None
    with Image.open(path) as picture:
        page = np.asarray(picture.convert("L"))
    assert page.shape == (28 + 6, len(chosen) * (9 + 12) - 12)
    for panel, number in enumerate(chosen):
        np.testing.assert_array_equal(page[28:, 21 * panel : 21 * panel + 9], 10 * number)
    assert page[:28].min() < 128  # says which


def test_moments_of_large_and_of_growing_pictures(tmp_path: Path) -> None:
    pictures = [
        *gray(tmp_path, 3),
        save_image(np.zeros((640, 1280, 1), np.uint8), tmp_path / "0000009000.png"),
    ]
    path = compose_moments(pictures, tmp_path / "moments.png")
    assert path is not None
    with Image.open(path) as picture:
        assert picture.size == (4 * (640 + 12) - 12, 28 + 320)
    assert compose_moments(pictures[:1], tmp_path / "none.png") is None
    assert compose_moments([], tmp_path / "none.png") is None
    assert not (tmp_path / "none.png").exists()


def test_a_run_leaves_four_moments_and_again_after_it_went_on(tmp_path: Path) -> None:
    recipe = runs.write_recipe(tmp_path, LINE)
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    assert cli.main(["train", str(recipe), "--workdir", str(whole)]) == 0
    with Image.open(whole / "moments.png") as picture:
        page = np.asarray(picture.convert("RGB"))
    assert page.shape == (28 + 400, 4 * (500 + 12) - 12, 3)
    pictures = runs.pictures(whole)
    assert len(pictures) == 5 and all(is_red(path) for path in pictures)
    for panel, number in enumerate((0, 1, 3, 4)):
        with Image.open(pictures[number]) as picture:
            expected = np.asarray(picture.convert("RGB"))
        np.testing.assert_array_equal(page[28:, 512 * panel : 512 * panel + 500], expected)

    shutil.copytree(whole, resumed)
    (resumed / "moments.png").unlink()
    shutil.rmtree(resumed / "checkpoints" / "000000060")
    assert runs.steps(resumed) == [30]
    assert cli.main(["train", str(recipe), "--workdir", str(resumed)]) == 0
    assert (resumed / "moments.png").read_bytes() == (whole / "moments.png").read_bytes()

    sheet = tmp_path / "sheet.png"
    assert cli.main(["sample", str(whole), "--n", "100", "--out", str(sheet)]) == 0
    assert is_red(sheet)
