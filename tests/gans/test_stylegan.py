"""The game of ProGAN and StyleGANs: what the players' losses are made of."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from games import begin, play
from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.errors import InputError
from gaxjax.game import call_averaged, player_params, sample, transformed_weights
from gaxjax.gans.adversarial import Adversarial
from gaxjax.gans.path_length import PathLength
from gaxjax.gans.stylegan import StyleGAN
from gaxjax.generators import sampling
from gaxjax.latents import Latents
from gaxjax.layers.equalized import Equalized
from gaxjax.networks.progressive import Discriminator
from gaxjax.networks.style import Generator
from gaxjax.penalties import R1, Lazy

SHAPE = (8, 8, 1)
BATCH = {"image": jax.random.normal(jax.random.key(0), (4, *SHAPE)), "label": jnp.array([0, 1, 2, 1])}
GENERATOR = Generator(SHAPE, features=16, style_size=4, mapping_layers=1, noise=False)
GAN = StyleGAN(GENERATOR, Discriminator(SHAPE, features=16), Latents(4))
KEY = jax.random.key(1)


def test_the_average_of_w_follows_and_truncation_uses_it() -> None:
    """One move of the discriminator makes four images: the average moves by 0.005 towards their w."""
    state = begin(GAN, batch=BATCH)
    assert not np.any(state.stats["styles"]["generator"]["mean"])
    _, _, stats, _ = play(GAN, "discriminator", state, BATCH)
    mean = stats["styles"]["generator"]["mean"]
    moved = state._replace(stats=stats)

    def asked(state: Any) -> Any:
        z = jnp.eye(4)
        w = call_averaged(GAN, state, KEY, "map_latents", z)
        pulled = sample(GAN, state, {"n": 3}, KEY, psi=0.0)
        average = jnp.broadcast_to(call_averaged(GAN, state, KEY, "average_style")[None], (3, 4))
        styles = call_averaged(GAN, state, KEY, "broadcast_styles", average)
        return (
            w,
            pulled,
            call_averaged(GAN, state, KEY, "synthesize", styles),
            sample(GAN, state, {"n": 3}, KEY),
        )

    w, pulled, at_average, free = quick.run(asked, moved)
    assert w.shape == (4, 4)
    assert 0 < float(jnp.max(jnp.abs(mean))) < 0.005 * 5  # w has mean square 1
    np.testing.assert_allclose(pulled, at_average, atol=1e-6)
    np.testing.assert_allclose(pulled[0], pulled[1], atol=1e-6)
    assert float(jnp.max(jnp.abs(free[0] - free[1]))) > 1e-3


def test_samples_are_as_large_as_the_batchs_images() -> None:
    state = begin(GAN, batch=BATCH)
    large = {"image": jnp.zeros((2, 16, 16, 1))}
    small, enlarged = quick.run(lambda s: (sample(GAN, s, {"n": 2}, KEY), sample(GAN, s, large, KEY)), state)
    np.testing.assert_array_equal(enlarged, small.repeat(2, 1).repeat(2, 2))


def test_samples_of_two_latents_are_others() -> None:
    state = begin(GAN, batch=BATCH)
    one, two = quick.run(
        lambda s: (sample(GAN, s, {"n": 4}, KEY), sample(GAN, s, {"n": 4}, KEY, mix=2)), state
    )
    assert one.shape == two.shape and float(jnp.max(jnp.abs(one - two))) > 1e-3


@pytest.mark.parametrize("share, differ", [(0.0, False), (1.0, True)])
def test_mixing_is_for_that_share_of_the_images(share: float, differ: bool) -> None:
    gan = replace(GAN, mixing=share)
    state = begin(gan, batch=BATCH)

    def styles(state: Any) -> Any:
        w = jnp.ones((64, 4))
        return call_averaged(gan, state, KEY, "mix_share", w, None, {"n": 64}, gan.mixing)

    found = quick.run(styles, state)
    changed = np.array([np.any(np.asarray(found[f"layer_{i}"]) != 1, axis=1) for i in range(4)])
    assert not changed[0].any()  # the first layer is always the first latent's
    assert changed[3].all() if differ else not changed.any()
    assert np.all(changed[1:] >= changed[:-1])  # once crossed, crossed
    if differ:
        assert 10 < changed[1].sum() < 40  # a third of the crossovers are at 1


def test_path_length_by_the_jacobian() -> None:
    """Its penalty and running mean against the whole Jacobian of images by w; nothing at other steps."""
    rule = PathLength(weight=2.0, every=4, decay=0.01, shrink=2)
    gan = replace(GAN, path_length=rule)
    step = 4
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax.random, "normal", lambda key, shape=(), dtype=float: jnp.ones(shape) * 0.5)
        state = begin(gan, batch=BATCH)
        value, logs, stats, _ = play(gan, "generator", state._replace(step=jnp.int32(step)), BATCH)
        _, none, unmoved, _ = play(gan, "generator", state._replace(step=jnp.int32(step + 1)), BATCH)

        def lengths(state: Any) -> Array:
            latents = 0.5 * jnp.ones((2, 4))
            w = call_averaged(gan, state, KEY, "map_latents", latents)

            def image(w: Array, layer: int) -> Array:
                styles = call_averaged(gan, state, KEY, "broadcast_styles", jax.lax.stop_gradient(w)[None])
                styles = {**styles, f"layer_{layer}": w[None]}
                return call_averaged(gan, state, KEY, "synthesize", styles)[0]

            # As the loss sees them: parameters that move, not their average, which is the same at first.
            squares = []
            for layer in range(4):
                jacobian = jax.vmap(jax.jacrev(lambda w, layer=layer: image(w, layer)))(w)
                noise = 0.5 * jnp.ones(SHAPE) / 8.0
                slope = jnp.einsum("bhwcs,hwc->bs", jacobian, noise)
                squares.append(jnp.sum(slope**2, axis=-1))
            return jnp.sqrt(jnp.mean(jnp.stack(squares), axis=0))

        found = np.asarray(quick.run(lengths, state), np.float64)
    mean = 0.01 * found.mean()
    assert float(stats["path_length"]["mean"]) == pytest.approx(mean, rel=1e-4)
    assert float(logs["path_length"]) == pytest.approx(2 * 4 * np.mean((found - mean) ** 2), rel=1e-3)
    assert float(none["path_length"]) == 0 and float(unmoved["path_length"]["mean"]) == 0
    assert np.isfinite(value)


def test_classes_choose_their_logit() -> None:
    generator = replace(GENERATOR, classes=3)
    gan = StyleGAN(
        generator,
        Discriminator(SHAPE, features=16, classes=3),
        Latents(4),
        adversary=Adversary(penalties=(R1(),)),
    )
    state = begin(gan, batch=BATCH)

    def logits(state: Any) -> Any:
        network, params = Equalized(gan.discriminator), {"params": state.params["discriminator"]}
        labels = [jnp.full(4, label) for label in range(3)]
        each = [network.apply(params, BATCH["image"], label)["logits"] for label in labels]
        return each, network.apply(params, BATCH["image"], BATCH["label"])["logits"]

    outputs, selected = quick.run(logits, state)
    assert len({float(x[0]) for x in outputs}) == 3
    np.testing.assert_allclose(selected, np.asarray(outputs)[[0, 1, 2, 1], np.arange(4)], rtol=1e-6)
    _, _, _, gradient = play(gan, "discriminator", state, BATCH)
    bias = gradient["discriminator"]["last"]["bias"]
    assert bias.shape == (3,) and np.all(bias != 0)
    with pytest.raises(InputError, match="condition is 'label', which needs data with it; the data has"):
        begin(gan, batch={"image": BATCH["image"]})


def test_moves_are_of_equalized_parameters() -> None:
    """The gradient of a stored kernel is that of the kernel that is seen, times its scale."""
    state = begin(GAN, batch=BATCH)
    _, _, _, gradient = play(GAN, "discriminator", state, BATCH)
    stored = player_params(GAN, "discriminator", state.params)["discriminator"]["level_1_0"]["kernel"]
    seen = GAN.weights(state.params, jnp.int32(0))["discriminator"]["level_1_0"]["kernel"]
    scale = np.sqrt(2 / (9 * stored.shape[2]))
    np.testing.assert_allclose(seen, stored * scale, rtol=1e-5)
    assert 0.8 < float(jnp.std(stored)) < 1.2
    assert float(jnp.max(jnp.abs(gradient["discriminator"]["level_1_0"]["kernel"]))) > 0


def test_lazy_penalties_are_at_their_steps() -> None:
    gan = replace(GAN, adversary=replace(GAN.adversary, penalties=(Lazy(R1(10.0), every=4),)))
    whole = replace(GAN, adversary=replace(GAN.adversary, penalties=(R1(10.0),)))
    state = begin(gan, batch=BATCH)
    lazy = [
        float(play(gan, "discriminator", state._replace(step=jnp.int32(step)), BATCH)[1]["lazy"])
        for step in (4, 5)
    ]
    each = float(play(whole, "discriminator", state, BATCH)[1]["r1"])
    assert lazy == [pytest.approx(4 * each, rel=1e-5), 0.0]


def test_options_of_samples() -> None:
    assert sampling.sampling_options(GAN, "psi=0.7, cutoff=4") == {"psi": 0.7, "cutoff": 4}
    with pytest.raises(InputError, match="StyleGAN takes psi, cutoff, mix"):
        sampling.sampling_options(GAN, "size=3")
    other = Adversarial(GENERATOR, Discriminator(SHAPE))
    with pytest.raises(InputError, match="Adversarial takes none"):
        sampling.sampling_options(other, "psi=0.5")
    with pytest.raises(InputError, match="is not one of: NAME=NUMBER"):
        sampling.sampling_options(GAN, "0.7")


def test_networks_of_ones_own_are_those_of_the_game() -> None:
    """Equalized, faded, with the game's parameters as they are: outputs, gradients and the average of w."""
    half = (10, 30)  # at step 20 the newest level has faded in by half
    gan = replace(
        GAN,
        generator=replace(GENERATOR, fading=True),
        discriminator=Discriminator(SHAPE, features=16, fading=True),
        fade=half,
    )
    state = begin(gan, batch=BATCH)._replace(step=jnp.int32(20))
    z, images = jax.random.normal(KEY, (4, 4)), BATCH["image"]
    generator, discriminator = (Equalized(n, alpha=0.5) for n in (gan.generator, gan.discriminator))

    def of_game(params: Any, z: Array, images: Array) -> Any:
        held = state._replace(params=params, average={"generator": params["generator"]})
        made = call_averaged(gan, held, KEY, "generate", z)
        params = gan.weights(params, held.step)["discriminator"]
        with transformed_weights():
            return made, gan.discriminator.apply({"params": params}, images)

    def alone(params: Any, z: Array, images: Array) -> Any:
        made = generator.apply(
            {"params": params["generator"], "styles": state.stats["styles"]["generator"]}, z
        )
        return made, discriminator.apply({"params": params["discriminator"]}, images)

    def with_gradient(function: Any) -> Any:
        def total(params: Any) -> Array:
            return sum(jnp.sum(jnp.sin(x)) for x in jax.tree.leaves(function(params, z, images)))

        return quick.run(lambda params: (function(params, z, images), jax.grad(total)(params)), state.params)

    found, expected = with_gradient(alone), with_gradient(of_game)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5), found, expected)

    def begun() -> Any:
        fresh, raw = (
            n.init({"params": KEY, "play": KEY}, z) for n in (Equalized(gan.generator), gan.generator)
        )
        return fresh, raw, generator.apply(fresh, z, mutable=["styles"])

    fresh, raw, (made, moved) = quick.run(begun)
    jax.tree.map(np.testing.assert_array_equal, fresh, raw)
    assert made.shape == (4, *SHAPE) and np.any(moved["styles"]["mean"] != fresh["styles"]["mean"])
