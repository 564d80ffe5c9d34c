"""MIG and L2 of a game: what is asked of it, and the numbers that come of it."""

from pathlib import Path
from typing import Any

import games
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from labelled import SmoothCritic

from gaxjax.data import Data, open_source
from gaxjax.errors import InputError
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.evaluation.factor_codes import FactorMetrics
from gaxjax.evaluation.questions import output_names
from gaxjax.features import Features, factor_encoder
from gaxjax.game import call_averaged
from gaxjax.gans import SemiStyleGAN
from gaxjax.latents import Latents
from gaxjax.layers import Head
from gaxjax.metrics.disentanglement import parse_by_factor
from gaxjax.recipe.evaluation import Evaluation

SHAPE = (8, 8, 3)


def game(codes: int = 7) -> SemiStyleGAN:
    return SemiStyleGAN(
        games.Sketched(SHAPE), Head(SmoothCritic(), "code", codes), Latents(4), Latents(codes, "uniform")
    )


def first_pixels(params: Any, images: jax.Array, levels: tuple[str, ...]) -> dict[str, jax.Array]:
    return dict.fromkeys(levels, images[:, 0, :7, 0])


def test_a_game_is_asked_about_real_images_and_its_own() -> None:
    gan = game()
    batch = open_source(Data("shapes", SHAPE)).take(np.arange(6), seed=0)
    state = games.begin(gan, batch={"image": jnp.zeros((2, *SHAPE))})
    encoder = Features("pixels", {"factors": 7}, "factors", "", "", {}, first_pixels)
    metrics = FactorMetrics(True, encoder, True, seed=3)

    def ask(state: Any) -> Any:
        key = jax.random.fold_in(jax.random.key(3), 5)
        latents = call_averaged(gan, state, key, "sample_latents", {"n": 6})
        images = jnp.asarray(batch["image"], float) / 127.5 - 1
        expected = {
            "factors": jnp.asarray(batch["factors"]),
            "encoded": call_averaged(gan, state, key, "encode", images),
            "asked": (latents[:, 4:] + 1) / 2,
            "read": call_averaged(gan, state, key, "generate", latents)[:, 0, :7, 0],
        }
        return metrics(gan, (state, {}), batch, 5), expected

    found, expected = quick.run(ask, state)
    assert set(found) == set(expected) == set(output_names(metrics, gan, state, batch))
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-6)
    with pytest.raises(InputError, match="the game has 3 codes and the data have 7 factors"):
        few = game(3)
        output_names(metrics, few, games.begin(few, batch={"image": jnp.zeros((2, *SHAPE))}), batch)
    with pytest.raises(InputError, match=r"Bilinear has no codes .* encode\(images\), factors_of\(latents\)"):
        output_names(metrics, games.Bilinear(), state, batch)


def test_all_four_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a run that has few labels, measured on all of them; the encoder is trained once."""
    monkeypatch.setattr(factor_encoder, "STEPS", 3)
    monkeypatch.setattr(factor_encoder, "cache_path", tmp_path.joinpath)
    (tmp_path / "encoders").mkdir()
    data, gan = Data("shapes", SHAPE, labeled=100, labeled_share=0.5), game()
    source, state = open_source(data), games.begin(gan, batch={"image": jnp.zeros((2, *SHAPE))})
    evaluator = Evaluator(Evaluation("mig,l2,mig_gen,l2_gen", n=192), data, source)
    evaluator.check(gan, state, source.spec)
    results = evaluator(gan, state, source, 0, "run")
    assert [result.name for result in results] == ["MIG", "L2", "MIG-gen", "L2-gen"]
    assert all(result.fake == 192 and np.isfinite(result.value) for result in results)
    assert all(0 <= result.value <= 1 for result in results[::2])
    for result in results:
        assert tuple(parse_by_factor(result.details)) == source.factor_names
    assert all(result.features == "factor-encoder-shapes-8px" and result.weights for result in results[2:])
    assert not results[0].features and "20 bins" in results[0].options
    assert "192 images of shapes at 8x8x3" in str(results[1])
    assert capsys.readouterr().out.count("training an encoder of the factors of shapes, once") == 1
    again = factor_encoder.factor_encoder(Data("shapes", SHAPE, labeled=50))  # the same: of all labels
    assert again.weights == results[2].weights and "training" not in capsys.readouterr().out


def test_data_without_factors_are_refused() -> None:
    for metrics in ("mig", "l2_gen"):
        with pytest.raises(InputError, match="no factors"):
            Evaluator(Evaluation(metrics), Data("ring", (2,)))


def test_a_damaged_encoder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "encoder.npz").write_bytes(b"nothing")
    with pytest.raises(InputError, match="no file of an encoder, or is damaged"):
        factor_encoder.load_encoder(tmp_path / "encoder.npz")


@pytest.mark.slow
def test_an_encoder_learns_to_read_factors(tmp_path: Path) -> None:
    """At 16 pixels, in a tenth of its time: far below 0.75, what the mean of all factors comes to."""
    source = open_source(Data("shapes", (16, 16, 3)))
    path = factor_encoder.train_encoder(source, tmp_path / "encoder.npz", steps=600)
    assert factor_encoder.load_encoder(path)[1]["error"] < 0.45
