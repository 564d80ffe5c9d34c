"""Augmentation with a probability, which follows the logits."""

import json
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from augmenting import BGC, KEY, MEMBERS, images, ramps, slopes

from gaxjax import augmentations
from gaxjax.augmentations import (
    ADAPTIVE,
    DIFFERENTIABLE,
    Augment,
    Augmentation,
    Brightness,
    Color,
    Contrast,
    Cutout,
    FractionalShift,
    Noise,
    Rotation,
    Scale,
    Translation,
)
from gaxjax.recipe.serialization import describe, rebuild


def test_no_transformations_change_nothing() -> None:
    batch = images(2, 4, 4, 3)
    assert Augment().apply({}, batch, None, 0) is batch
    assert Augment().init({}, batch, None, 0) == {}
    assert Augment().apply({}, jnp.ones(2), method="observe") == {}


def changed_share(augment: Augment, n: int, variables: Any = None) -> float:
    """The share of n examples that come out different."""
    batch = jnp.broadcast_to(images(4, 4, 3), (n, 4, 4, 3))
    changed = quick.run(augment.apply, variables or {}, batch, KEY, 0)
    return float(np.mean(np.any(np.asarray(changed != batch), axis=(1, 2, 3))))


def test_probability_zero_gives_the_images_back() -> None:
    batch = images(4, 8, 8, 3)
    for augment in (Augment((*DIFFERENTIABLE, Noise()), 0.0), BGC):
        variables = jax.tree.map(
            lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(augment.init, {}, batch, KEY, 0)
        )
        np.testing.assert_array_equal(quick.run(augment.apply, variables, batch, KEY, 0), batch)


@pytest.mark.parametrize("member", [Noise(), Scale(), Rotation(), Brightness()])
def test_share_that_is_changed(member: Augmentation) -> None:
    assert changed_share(Augment((member,)), 2000) == 1
    share = changed_share(Augment((member,), 0.3), 2000)
    assert abs(share - 0.3) < 4 * math.sqrt(0.3 * 0.7 / 2000)


def test_each_transformation_has_a_coin_of_its_own() -> None:
    share = changed_share(Augment((Noise(), Brightness(), Scale()), 0.3), 2000)
    assert abs(share - (1 - 0.7**3)) < 4 * math.sqrt(0.7**3 * (1 - 0.7**3) / 2000)
    # Two rotations share one probability.
    share = changed_share(Augment((Rotation(among=2),) * 2, 0.3), 2000)
    assert abs(share - 0.3) < 4 * math.sqrt(0.3 * 0.7 / 2000)


def test_transformations_follow_one_another(ones: None) -> None:
    batch = images(2, 4, 4, 3)
    augment = Augment((Brightness(0.2), Contrast(1.0)))
    np.testing.assert_allclose(augment.apply({}, batch, KEY, 0), 2 * (batch + 0.2), rtol=1e-6)


def test_neighboring_moves_are_one_resampling(ones: None) -> None:
    # First twice as large, then a quarter turn, then three pixels on: linear images show it exactly.
    moves = (Scale(1.0), Rotation(90), FractionalShift(3 / 15))
    image = jnp.broadcast_to(ramps(15), (2, 15, 15, 2))
    together = np.asarray(Augment(moves).apply({}, image, KEY, 0))
    single = image
    for move in moves:
        single = move(single, KEY, 0)
    np.testing.assert_allclose(together[:, 7:13, 7:13], np.asarray(single)[:, 7:13, 7:13], atol=1e-5)
    np.testing.assert_allclose(together[0, 10, 10], [0, 0], atol=1e-5)
    np.testing.assert_allclose(
        np.abs(slopes(together)), np.broadcast_to([[0, 0.5], [0.5, 0]], (2, 2, 2)), atol=1e-5
    )


def test_gradients_flow_through_the_default_pipeline() -> None:
    augment, batch = Augment(ADAPTIVE, 0.8), images(4, 8, 8, 3)
    gradient = quick.run(jax.grad(lambda x: jnp.sum(augment.apply({}, x, KEY, 0) ** 2)), batch)
    assert np.all(np.isfinite(gradient)) and all(np.any(example) for example in np.asarray(gradient))


def following(augment: Augment) -> tuple[dict[str, Any], Callable[..., Any]]:
    """Fresh variables, and `(variables, logits) -> (logs, variables)` as it is in a player's move."""
    variables = dict(augment.init({}, images(2, 4, 4, 3), KEY, 0))
    return variables, partial(augment.apply, method="observe", mutable=["augmentation"])


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
def test_probability_follows_the_logits(compiled: bool) -> None:
    # 4 minibatches of 8 images of 1000: a step is 0.032.
    variables, observe = following(Augment((Brightness(),), 0.5, target=0.6, interval=4, kimg=1.0))
    observe = jax.jit(observe) if compiled else observe
    shape = jax.tree.map(lambda x: (x.shape, x.dtype), variables)
    seen = []
    # Mean signs of 1, 1, 0, 0.5 (0.625: above the target), then of 1, 0.5, 0.5, 0.25 (0.5625: below).
    for positive in (8, 8, 4, 6, 8, 6, 6, 5):
        logits = jnp.where(jnp.arange(8) < positive, 0.1, -30.0)
        logs, variables = observe(variables, logits)
        assert jax.tree.map(lambda x: (x.shape, x.dtype), variables) == shape
        np.testing.assert_allclose(logs["sign"], positive / 4 - 1)
        assert logs["probability"] == variables["augmentation"]["probability"]
        seen.append(float(logs["probability"]))
    np.testing.assert_allclose(seen, [0.5] * 3 + [0.532] * 4 + [0.5], rtol=1e-6)
    assert (variables["augmentation"]["signs"], variables["augmentation"]["count"]) == (0, 0)


@pytest.mark.parametrize(("start", "logit", "end"), [(0.95, 1.0, 1.0), (0.05, -1.0, 0.0)])
def test_probability_is_clipped(start: float, logit: float, end: float) -> None:
    variables, observe = following(Augment((Brightness(),), start, target=0.6, interval=1, kimg=0.1))
    logs, variables = observe(variables, jnp.full(10, logit))
    assert logs["probability"] == end
    logs, variables = observe(variables, jnp.full(10, -logit))
    np.testing.assert_allclose(logs["probability"], abs(end - 0.1), rtol=1e-6)


def test_probability_takes_kimg_to_rise() -> None:
    # The authors' speed, in images: 100 of 100,000 is a thousandth, whatever the interval and logits' shape.
    for interval, size, logits in ((4, 25, (25,)), (2, 50, (50, 3, 3))):
        variables, observe = following(Augment((Noise(),), 0.0, target=0.6, interval=interval, kimg=100))
        for _ in range(100 // size):
            logs, variables = observe(variables, jnp.ones(logits))
        np.testing.assert_allclose(logs["probability"], 0.001, rtol=1e-6)


def test_the_current_probability_is_the_one_in_use() -> None:
    augment = Augment((Noise(),), 0.0, target=0.6)
    variables = augment.init({}, images(2, 4, 4, 3), KEY, 0)
    current = {"augmentation": {**variables["augmentation"], "probability": jnp.float32(0.4)}}
    share = changed_share(augment, 1000, current)
    assert abs(share - 0.4) < 4 * math.sqrt(0.24 / 1000)


def test_nothing_moves_at_the_start_or_in_sampling() -> None:
    augment = Augment((Brightness(),), 0.25, target=0.6, interval=1, kimg=0.001)
    logits = jnp.ones(8)
    logs, variables = augment.init_with_output({}, logits, method="observe")
    assert logs["probability"] == 0.25
    assert variables == {"augmentation": {"probability": 0.25, "signs": 0, "count": 0}}
    assert augment.apply(variables, logits, method="observe") == {"probability": 0.25, "sign": 1}


def test_logits_get_no_gradient() -> None:
    variables, observe = following(Augment((Noise(),), 0.0, target=0.6, interval=1, kimg=1.0))
    gradient = jax.grad(lambda x: observe(variables, x)[0]["sign"] + jnp.sum(x**2))(jnp.ones(4))
    np.testing.assert_array_equal(gradient, 2 * jnp.ones(4))


def test_configurations_are_plain_data() -> None:
    for augment in (Augment(DIFFERENTIABLE), BGC):
        assert rebuild(json.loads(json.dumps(describe(augment)))) == augment
        assert hash(augment) == hash(augment.copy())


def test_fields_are_flags() -> None:
    import tyro

    flags = ["--transformations.1.ratio", "0.25", "--target", "0.6"]
    parsed = tyro.cli(
        Augment, default=Augment(DIFFERENTIABLE), args=flags, config=(tyro.conf.AvoidSubcommands,)
    )
    assert parsed == Augment((Color(), Translation(0.25), Cutout()), target=0.6)


def test_all_members_are_tested() -> None:
    classes = {getattr(augmentations, name) for name in augmentations.__all__ if name[1:2].islower()}
    concrete = {kind for kind in classes if issubclass(kind, Augmentation) and not kind.__abstractmethods__}
    assert concrete == {type(member) for member in MEMBERS}
