"""What metrics ask of a game itself: its latents, its styles, and paths between them."""

import functools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import games
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
import runs
from games import Linear, Styled
from jax import Array

from gaxjax import cli
from gaxjax.errors import InputError
from gaxjax.evaluation.latent_space import LatentSpaceMetrics, latent_spaces
from gaxjax.evaluation.questions import output_names
from gaxjax.features import Features, classifier, load_features
from gaxjax.game import GAN, State, call_averaged, sample
from gaxjax.gans.adversarial import Adversarial
from gaxjax.gans.began import BEGAN
from gaxjax.latents import Latents
from gaxjax.layers.conditioning import Concatenated
from gaxjax.networks import mlp
from gaxjax.runs.record import read_results

KEY = jax.random.key(0)
SHAPE = (8, 8, 1)
BATCH = {"image": jnp.zeros((512, *SHAPE)), "label": jnp.arange(512) % 2}
ENDS = ("ppl_w_end", "ppl_w_full", "ppl_z_end", "ppl_z_full")


def styled(**fields: Any) -> Styled:
    return Styled(Linear(SHAPE), mlp.Discriminator(features=(4,)), Latents(5), **fields)


def plain(**fields: Any) -> Adversarial:
    return Adversarial(Linear(SHAPE), mlp.Discriminator(features=(4,)), Latents(5), **fields)


def begin(gan: GAN) -> State:
    return games.begin(gan, batch={"image": jnp.zeros((2, *SHAPE)), "label": jnp.zeros(2, int)})


def matrix(state: State, network: str) -> np.ndarray:
    return np.asarray(state.average[network]["Dense_0"]["kernel"], np.float64)


def pick_pixels(params: Any, images: Array, levels: tuple[str, ...]) -> dict[str, Array]:
    return dict.fromkeys(levels, images[:, 3, 2:4, 0])


def measure_spaces(
    gan: GAN, state: State, need: str = "paths", crop: bool = False, seed: int = 0
) -> dict[str, np.ndarray]:
    """Arrays of a need, by pixels or a classifier that looks at two of them."""
    two_pixels = Features("classifier-eyes", {"logits": 2}, "logits", "", "", {}, pick_pixels)
    paths = need == "paths"
    metrics = LatentSpaceMetrics(
        load_features("pixels") if paths else None, None if paths else two_pixels, crop, seed
    )
    found = quick.run(functools.partial(metrics, gan), (state, metrics.params), BATCH, jnp.array(0))
    assert set(found) == set(output_names(metrics, gan, state, BATCH))
    return {name: np.asarray(values) for name, values in found.items()}


@pytest.mark.parametrize("gan", [plain(), styled(), BEGAN(Linear(SHAPE), Linear(SHAPE), Latents(5))])
def test_samples_are_what_is_generated_of_what_is_drawn(gan: GAN) -> None:
    state, batch = begin(gan), {"n": 8}
    drawn = call_averaged(gan, state, KEY, "sample_latents", batch)
    assert drawn.shape == (8, 5)
    if not isinstance(gan, Styled):  # whose noise comes second
        made = call_averaged(gan, state, KEY, "generate", drawn)
        np.testing.assert_array_equal(made, sample(gan, state, batch, KEY))


def test_what_is_drawn_did_not_change() -> None:
    """Latents are the first thing that is drawn of the stream, as of old."""
    gan = plain()
    state = begin(gan)
    latents = call_averaged(gan, state, KEY, "sample_latents", {"n": 3})
    expected = np.asarray(latents) @ matrix(state, "generator")
    np.testing.assert_allclose(
        sample(gan, state, {"n": 3}, KEY).reshape(3, -1), expected, rtol=1e-4, atol=1e-5
    )


def test_paths_of_a_linear_game_have_the_length_that_is_known() -> None:
    """In w, E |(w1 - w0) G|^2 / 4 = |M G|^2 / 2 for latents of N(0, 1); pixels are on [0, 1], hence the 4."""
    gan = styled()
    state = begin(gan)
    found = measure_spaces(gan, state)
    both = matrix(state, "mapping") @ matrix(state, "generator")
    expected = np.sum(both**2) / 2
    for name in ("ppl_w_full", "ppl_w_end"):
        values = found[name]
        assert values.shape == (512,)
        error = values.std() / np.sqrt(len(values))
        assert abs(values.mean() - expected) < 4 * error < 0.5 * expected, name
    assert not np.allclose(found["ppl_w_full"], found["ppl_w_end"])


def test_the_end_of_a_path_in_z_is_where_it_begins() -> None:
    """At t = 0 the derivative of a path is known: the angle, across, and the growth, along."""
    gan = plain()
    state = begin(gan)
    values = measure_spaces(gan, state)["ppl_z_end"]
    keys = jax.random.split(jax.random.fold_in(jax.random.fold_in(jax.random.key(0), 0), 0))
    start, end, *_ = jax.random.split(keys[1], 4)
    a, b = (
        np.asarray(call_averaged(gan, state, key, "sample_latents", BATCH), np.float64)
        for key in (start, end)
    )
    lengths = [np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b)]
    u, v = a / lengths[0], b / lengths[1]
    cosine = np.sum(u * v, axis=1, keepdims=True)
    across = (v - cosine * u) / np.sqrt(1 - cosine**2)
    change = (lengths[1] - lengths[0]) * u + lengths[0] * np.arccos(cosine) * across
    expected = np.sum((change @ matrix(state, "generator") / 2) ** 2, axis=1)
    np.testing.assert_allclose(values, expected, rtol=2e-2)
    assert values.mean() == pytest.approx(expected.mean(), rel=1e-3)


def test_the_averaged_parameters_are_asked() -> None:
    gan = styled()
    state = begin(gan)
    still = state._replace(average=jax.tree.map(jnp.zeros_like, state.average))
    found = measure_spaces(gan, still)  # its images are noise, the same at both ends
    assert all(not found[name].any() for name in ENDS)


def test_a_crop_is_a_part() -> None:
    gan = plain()
    state = begin(gan)
    whole, part = (measure_spaces(gan, state, crop=crop)["ppl_z_full"] for crop in (False, True))
    assert np.all(part < whole) and part.mean() == pytest.approx(whole.mean() / 4, rel=0.3)  # 4 x 4 of 8 x 8


def test_points_of_all_spaces_are_of_the_same_examples() -> None:
    gan = styled(noise=0.0)
    state = begin(gan)
    found = measure_spaces(gan, state, "spaces")
    np.testing.assert_allclose(found["w"], found["z"] @ matrix(state, "mapping"), rtol=1e-3, atol=1e-4)
    images = (found["w"] @ matrix(state, "generator")).reshape(-1, *SHAPE)
    np.testing.assert_allclose(found["class_logits"], images[:, 3, 2:4, 0], rtol=1e-3, atol=1e-3)
    assert np.abs(measure_spaces(gan, state, "spaces", seed=1)["z"] - found["z"]).min(axis=1).max() > 0


def test_both_ends_have_one_label() -> None:
    """Or a step would lead from one class to another, with a length of 1e8."""
    critic = mlp.Discriminator(features=(4,))
    parts = (Concatenated(network, 2) for network in (Linear(SHAPE), critic))
    gan = Adversarial(*parts, Latents(5), condition="label")
    found = measure_spaces(gan, begin(gan))
    assert set(found) == {"ppl_z_full", "ppl_z_end"}
    assert found["ppl_z_full"].max() < 1e4


def test_a_game_without_latents_is_refused() -> None:
    gan = games.Bilinear()
    with pytest.raises(
        InputError, match=r"Bilinear has no latents.* sample_latents\(batch\) and generate\(latents"
    ):
        latent_spaces(gan, games.begin(gan), BATCH)


# The command.

RECIPE = '''"""A tiny game with styles, on the digits."""

from dataclasses import replace

from games import Linear, Styled

from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks import mlp
from gaxjax.recipe import Data, Optimizer, Recipe

networks = Linear((8, 8, 1)), mlp.Discriminator(features=(4,)), Latents(5)
recipe = Recipe(
    gan=Styled(*networks, noise=0.1),
    optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
    data=Data("digits", shape=(8, 8, 1)),
    batch_size=16,
    kimg=0.032,
    samples=4,
)
plain = replace(recipe, gan=Adversarial(*networks))
'''


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs.write_recipe(tmp_path_factory.mktemp("recipe"), RECIPE)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a classifier that has learned nothing."""
    note = {"dataset": "digits", "epochs": 0, "seed": 0, "accuracy": 0.1, "tested": 1}
    return classifier.save_weights(
        classifier.init_classifier(KEY)[0], note, tmp_path_factory.mktemp("weights") / "digits.npz"
    )


@pytest.fixture(scope="module", params=["recipe", pytest.param("plain", marks=pytest.mark.slow)])
def finished(recipe: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp(request.param) / request.param
    assert cli.main(["train", f"{recipe}:{request.param}", "--workdir", str(run)]) == 0
    return run


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Iterator[Path]:
    yield Path(shutil.copytree(finished, tmp_path / finished.name))


def evaluate(*arguments: object) -> int:
    return cli.main(["evaluate", *map(str, arguments)])


def test_command(run: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = ["--features", "classifier(digits)", "--weights", weights]
    flags = ["--metrics", "ppl,separability", "--distance", "pixels", "--n", "100", *seen]
    assert evaluate(run, *flags) == 0
    results = read_results(run)
    spaces = ("z", "w") if run.name == "recipe" else ("z",)
    paths = [f"PPL-{space}-{part}-pixels" for space in spaces for part in ("full", "end")]
    separable = [f"separability-{space}-classifier-digits" for space in spaces]
    assert [result.name for result in results] == [*paths, *separable]
    assert all(result.fake == 100 and result.real == 0 for result in results)
    assert all(result.value > 0 and result.error > 0 for result in results[: len(paths)] if result.error)
    assert all(result.value >= 1 for result in results[len(paths) :])
    first, last = capsys.readouterr().out.splitlines()[0], results[-1]
    assert "pixels, resized: none; 100 images; as many paths, steps of 1e-4" in first
    assert "not the 40 attributes of the paper" in str(last) and last.level == "logits"
    assert evaluate(run, *flags) == 0
    again = read_results(run)[len(results) :]
    assert [result.value for result in again] == [result.value for result in results]
    assert evaluate(run, *flags, "--crop", "face", "--metrics", "ppl") == 0
    cropped = read_results(run)[-1]
    assert cropped.options.endswith("crop face") and cropped.protocol != results[len(paths) - 1].protocol


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--metrics ppl", "lpips needs two PyTorch files"),
        ("--metrics ppl --distance inception", "inception rounds images to whole numbers"),
        ("--metrics separability --features pixels", "separability is of a classifier's classes"),
        ("--metrics separability", "separability is of a classifier's classes"),
        ("--metrics ppl --distance pixels --crop eyes", "crop"),
    ],
)
def test_what_cannot_be_asked(
    flags: str, message: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        assert evaluate(run, *flags.split()) == 2
    except SystemExit as ended:
        assert ended.code == 2
    assert message in capsys.readouterr().err
    assert read_results(run) == []


def test_what_has_no_game_is_not_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("--images", tmp_path, tmp_path, "--metrics", "ppl", "--distance", "pixels") == 2
    assert "ppl asks the game itself, and not its images alone: measure a run" in capsys.readouterr().err


def test_refused_before_training(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By a number that the game does not have, or by a game that has no latents."""
    best = [
        "--evaluation.metrics",
        "ppl",
        "--evaluation.distance",
        "pixels",
        "--evaluation.best",
        "ppl_w_end",
    ]
    assert cli.main(["train", f"{recipe}:plain", "--workdir", str(tmp_path / "run"), *best]) == 2
    assert "best='ppl_w_end' is not measured: Adversarial has no styles" in capsys.readouterr().err
    other = runs.write_recipe(tmp_path / "other")
    assert cli.main(["train", str(other), "--workdir", str(tmp_path / "run"), *best[:4]]) == 2
    assert "Duel has no latents to measure" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_best_checkpoint_by_path_length(recipe: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    flags = "--evaluation.metrics ppl --evaluation.distance pixels --evaluation.n 20 --evaluation-kimg 0.016"
    assert (
        cli.main(
            ["train", str(recipe), "--workdir", str(run), *flags.split(), "--evaluation.best", "ppl_w_end"]
        )
        == 0
    )
    assert {r.checkpoint for r in read_results(run)} == {16, 32} and list((run / "best").iterdir())
