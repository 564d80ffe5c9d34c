"""Networks of levels: what they compute, and what fading, mixing and modulation promise."""

import functools
from dataclasses import replace
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from jax import Array, lax
from rounding import widest

from gaxjax.errors import InputError
from gaxjax.game import transformed_weights
from gaxjax.layers.equalized import Equalized
from gaxjax.layers.resampling import average_pool, up_conv, upsample
from gaxjax.layers.standard import Dense, flatten
from gaxjax.networks.progressive import (
    Convolution,
    Discriminator,
    append_deviation,
    make_activation,
    pixel_norm,
)
from gaxjax.networks.style import Generator, mix_styles
from gaxjax.networks.synthesis import Modulated, adain
from gaxjax.transforms import graft, truncate

SMALL, LARGE = (8, 8, 3), (16, 16, 3)
SIZE = 6
PROGAN = Generator(SMALL, features=32, modulation="none", start="latents", noise=False, taps=())
STYLE = Generator(SMALL, features=32, style_size=SIZE, mapping_layers=2)
STYLE2 = replace(STYLE, modulation="weights", taps=(1, 3, 3, 1), scaled=True)
GENERATORS = {
    "progan": PROGAN,
    "both inputs": replace(STYLE, start="latents", noise=False),
    "style": STYLE,
    "style2": STYLE2,
}
DISCRIMINATORS = {
    "progan": Discriminator(SMALL, features=32),
    "style": Discriminator(SMALL, features=32, taps=(1, 2, 1), scaled=True),
}
LATENTS = jax.random.normal(jax.random.key(1), (4, SIZE))
IMAGES = jax.random.normal(jax.random.key(2), (4, *LARGE))
RNGS = {"params": jax.random.key(3), "play": jax.random.key(4)}


def begun(network: nn.Module, *inputs: Array) -> Any:
    """Variables in which nothing is zero, so that every part shows."""
    first = functools.partial(quick.run, network.init, RNGS, *inputs)
    # Of a shape and a type: networks begin as they do whatever they see.
    variables = quick.keep((begun, network), first, *inputs)
    leaves, tree = jax.tree.flatten(variables)
    keys = jax.random.split(jax.random.key(5), len(leaves))
    return tree.unflatten(
        [x + 0.1 * jax.random.normal(k, x.shape) for x, k in zip(leaves, keys, strict=True)]
    )


def seen(network: Any, variables: Any, alpha: Any = 1.0) -> Any:
    return {**variables, "params": network.effective_params(variables["params"], alpha)}


def made(network: Any, variables: Any, alpha: Any, x: Array) -> Array:
    # One number of noise for all pixels, so that what is enlarged has the noise that it had.
    with transformed_weights():
        return network.apply(seen(network, variables, alpha), x, rngs={"play": jax.random.key(6)})


NORMAL = jax.random.normal


def flat(key: Array, shape: Any = (), dtype: Any = float) -> Array:
    """Normal numbers, but for noise: of that, one for all pixels."""
    if len(shape) == 4 and shape[-1] == 1:
        return jnp.full(shape, 0.7, dtype)
    return NORMAL(key, shape, dtype)


@pytest.fixture(autouse=True)
def flat_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise that does not depend on the size of the image."""
    monkeypatch.setattr(jax.random, "normal", flat)


heads = [  # the other two have the same
    name if name in ("progan", "style2") else pytest.param(name, marks=pytest.mark.slow)
    for name in GENERATORS
]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", heads)
def test_a_grown_generator_fades_from_the_small_one(name: str) -> None:
    """At 0 it is the small one enlarged, at 1 the old colors do nothing, between it is the paper's blend."""
    small = GENERATORS[name]
    grown = replace(small, shape=LARGE, fading=True)
    plain = replace(grown, fading=False)
    variables = begun(grown, LATENTS)
    before = {**variables, "params": graft(begun(small, LATENTS)["params"], variables["params"])}

    def by_tree(params: Any, latents: Array, alpha: Array) -> Array:
        return made(grown, {**variables, "params": params}, alpha, latents)

    def by_formula(params: Any, latents: Array, alpha: Array) -> Array:
        known = {**before, "params": graft(before["params"], params)}
        old = upsample(made(small, known, 1.0, latents))
        return (1 - alpha) * old + alpha * made(plain, {**variables, "params": params}, 1.0, latents)

    agree(by_tree, by_formula, *widest((variables["params"], LATENTS)))


def agree(by_tree: Any, by_formula: Any, *inputs: Any) -> None:
    """Outputs and gradients of both, at the ends of a fade and inside of it, in float64."""

    def both(alpha: Array, *inputs: Any) -> Any:
        found = []
        for function in (by_tree, by_formula):
            outputs, pullback = jax.vjp(lambda *xs, f=function: f(*xs, alpha), *inputs)
            found.append((outputs, pullback(jnp.cos(outputs))))
        return found

    compiled = quick.compiled(both, jnp.float64(0), *inputs)
    for alpha in (0.0, 0.3, 1.0):
        found, expected = compiled(jnp.float64(alpha), *inputs)
        chex.assert_trees_all_close(found, expected, rtol=1e-9, atol=1e-9)


def blended(network: Discriminator, params: Any, images: Array, alpha: Array) -> Array:
    """The logits of a discriminator of 16 px by the formula of the paper's figure 2."""
    act = make_activation(network.scaled, images.dtype)

    def layer(name: str, x: Array, kernel: int = 3, resize: Any = "none") -> Array:
        kernels = params[name]
        module = Convolution(kernels["kernel"].shape[-1], kernel, resize, network.taps)
        return act(module.apply({"params": kernels}, x))

    def dense(name: str, x: Array) -> Array:
        return Dense(params[name]["bias"].shape[0]).apply({"params": params[name]}, x)

    x = layer("level_2_1", layer("level_2_0", layer("from_rgb_2", images, 1)), resize="down")
    x = alpha * x + (1 - alpha) * layer("from_rgb_1", average_pool(images), 1)
    x = layer("level_1_1", layer("level_1_0", x), resize="down")
    x = layer("convolution", append_deviation(x, network.group))
    return dense("last", act(dense("dense", flatten(x))))[:, 0]


def logits_of(network: Discriminator, params: Any, images: Array, alpha: Array | float = 1.0) -> Any:
    """A discriminator's logits, from the parameters that move."""
    with transformed_weights():
        outputs: Any = network.apply({"params": network.effective_params(params, alpha)}, images)
    return outputs["logits"]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_a_grown_discriminator_fades_from_the_small_one(name: str) -> None:
    small = DISCRIMINATORS[name]
    grown = replace(small, shape=LARGE, fading=True)
    images = widest(IMAGES)
    params = begun(grown, images)["params"]
    rest = graft(begun(small, images[:, ::2, ::2])["params"], params)

    # Seen without fading: the formula itself weighs the two ways.
    whole = replace(grown, fading=False)
    agree(
        lambda params, images, alpha: logits_of(grown, params, images, alpha),
        lambda params, images, alpha: blended(grown, whole.effective_params(params), images, alpha),
        params,
        images,
    )
    at_first, alone = quick.run(
        lambda params, rest: (
            logits_of(grown, params, images, 0.0),
            logits_of(small, rest, average_pool(images)),
        ),
        params,
        rest,
    )
    np.testing.assert_allclose(at_first, alone, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", ["style", "style2"])
def test_mixed_styles_are_both_latents_by_hand(name: str) -> None:
    generator = GENERATORS[name]
    variables = begun(generator, LATENTS)

    def images(variables: Any, latents: Array, crossover: Array) -> Any:
        def call(method: str, *inputs: Any) -> Any:
            rngs = {"play": jax.random.key(6)}
            with transformed_weights():
                return generator.apply(seen(generator, variables), *inputs, method=method, rngs=rngs)

        w = call("map", latents)
        first, second = call("styles", w[:2]), call("styles", w[2:])
        by_hand = {f"layer_{i}": (first if i < 3 else second)[f"layer_{i}"] for i in range(4)}
        return (
            call("synthesize", mix_styles(first, second, crossover)),
            call("synthesize", by_hand),
            call("synthesize", mix_styles(first, second, jnp.array([[3], [4]]))),
            call("synthesize", first),
        )

    found, by_hand, each, first = quick.run(images, variables, widest(LATENTS), jnp.int32(3))
    np.testing.assert_array_equal(found, by_hand)
    np.testing.assert_allclose(each[0], by_hand[0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(each[1], first[1], rtol=1e-9, atol=1e-9)
    assert float(jnp.max(jnp.abs(by_hand - first))) > 1e-3


def test_truncation_pulls_the_first_layers_to_the_mean() -> None:
    styles = {f"layer_{i}": jnp.full((1, 2), float(i)) for i in range(11)}
    mean = jnp.array([1.0, -1.0])
    pulled = truncate(0.5, mean, cutoff=2)(styles)
    np.testing.assert_allclose(pulled["layer_0"], [[0.5, -0.5]])
    np.testing.assert_allclose(pulled["layer_1"], [[1.0, 0.0]])
    assert all(pulled[f"layer_{i}"] is styles[f"layer_{i}"] for i in range(2, 11))
    each = truncate([0.0] * 10 + [1.0], mean)(styles)
    np.testing.assert_allclose(each["layer_9"], mean[None])
    np.testing.assert_allclose(each["layer_10"], styles["layer_10"])
    with pytest.raises(InputError, match="psi has 2 numbers, but there are 11 layers"):
        truncate([0.5, 0.5], mean)(styles)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("resize", ["none", "up"])
def test_modulation_by_scaling_is_a_convolution_for_each_example(resize: Any) -> None:
    module = Modulated(5, resize=resize, taps=(1, 3, 3, 1))
    x = jax.random.normal(jax.random.key(7), (3, 4, 4, 2))
    style = jax.random.normal(jax.random.key(8), (3, SIZE))
    variables = begun(module, x, style)
    params = variables["params"]
    scale = style @ params["style"]["kernel"] + params["style"]["bias"][None]
    kernels = params["kernel"][None] * scale[:, None, None, :, None]
    kernels = kernels / jnp.sqrt(jnp.sum(kernels**2, axis=(1, 2, 3), keepdims=True) + 1e-8)
    if resize == "none":  # all examples at once, as so many groups
        groups = x.transpose(1, 2, 0, 3).reshape(1, 4, 4, 6)
        kernel = kernels.transpose(1, 2, 3, 0, 4).reshape(3, 3, 2, 15)
        y = lax.conv_general_dilated(
            groups, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=3
        )
        expected = y.reshape(4, 4, 3, 5).transpose(2, 0, 1, 3)
    else:
        expected = jnp.concatenate([up_conv(x[i : i + 1], kernels[i], (1, 3, 3, 1)) for i in range(len(x))])
    expected = expected + params["bias"].reshape(1, 1, 1, -1)
    np.testing.assert_allclose(quick.run(module.apply, variables, x, style), expected, rtol=1e-9, atol=1e-9)


def test_adain_by_hand() -> None:
    x = jnp.array([1.0, 3.0]).reshape(1, 1, 2, 1)
    style = jnp.array([[1.0, 0.5]])  # scale 1 + 1, shift 0.5
    np.testing.assert_allclose(adain(x, style).ravel(), [-1.5, 2.5], atol=1e-6)


def test_pixel_norm_and_deviation_by_hand() -> None:
    np.testing.assert_allclose(
        pixel_norm(jnp.array([[3.0, 4.0]])), jnp.array([[3, 4]]) / 12.5**0.5, rtol=1e-6
    )
    # Groups of two: examples 0 and 2 differ by 2, 1 and 3 by 6; standard deviations 1 and 3.
    x = jnp.array([0.0, 10.0, 2.0, 16.0]).reshape(4, 1, 1, 1) * jnp.ones((1, 2, 2, 3))
    got = append_deviation(x, 2)
    assert got.shape == (4, 2, 2, 4)
    np.testing.assert_allclose(got[:, 0, 0, 3], [1, 3, 1, 3], rtol=1e-6)
    # Three do not divide four: two do.
    np.testing.assert_allclose(append_deviation(x, 3), got)


def count(network: nn.Module, x: Array) -> int:
    shapes = jax.eval_shape(network.init, RNGS, x)["params"]
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))


def test_parameter_counts_are_the_papers() -> None:
    """23.1M for A and 26.2M for F of StyleGAN at 1024 px, with the colors of all sizes from 4 px on;
    with those from 8 px on, where F begins, a little less.

    30.4M and 29.0M for StyleGAN2's F, and 30.0M and 28.9M at 256 px.
    """
    shape, latents = (1024, 1024, 3), jnp.zeros((1, 512))
    colors = sum(3 * width + 3 for width in (512, 512, 512, 512, 256, 128, 64))  # of 4 px to 256 px
    entries = sum(4 * width for width in (512, 512, 512, 512, 256, 128, 64))
    images = jax.ShapeDtypeStruct((1, *shape), jnp.float32)
    a = replace(PROGAN, shape=shape, features=8192, fading=True)
    f = Generator(shape, fading=True)
    assert count(a, latents) + colors == 23_079_115
    assert count(f, latents) + colors == 26_219_627
    d = Discriminator(shape, fading=True, taps=(1, 2, 1))
    assert count(d, images) + entries == 23_087_249
    at_4_px = 512 * 3 + 3, 512 * 3 + 512
    assert count(f, latents) + colors - at_4_px[0] == 26_218_088
    assert count(d, images) + entries - at_4_px[1] == 23_085_201
    large = Generator(
        shape, features=16384, modulation="weights", taps=(1, 3, 3, 1), output="skip", scaled=True
    )
    residual = Discriminator(shape, features=16384, taps=(1, 3, 3, 1), design="residual", scaled=True)
    assert (count(large, latents), count(residual, images)) == (30_370_060, 29_012_513)
    smaller = jax.ShapeDtypeStruct((1, 256, 256, 3), jnp.float32)
    large, residual = replace(large, shape=smaller.shape[1:]), replace(residual, shape=smaller.shape[1:])
    millions = [round(n / 1e6, 1) for n in (count(large, latents), count(residual, smaller))]
    assert millions == [30.0, 28.9]


@pytest.mark.parametrize("precision", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
def test_half_precision_is_near_and_finite(precision: Any, request: pytest.FixtureRequest) -> None:
    if precision == "float16":
        request.getfixturevalue("float16")
    for full in (STYLE, replace(STYLE2, output="skip"), PROGAN):
        half = replace(full, precision=precision)
        variables = begun(full, LATENTS)
        loud = {**variables, "params": jax.tree.map(lambda x: 30 * x, variables["params"])}
        expected = quick.run(lambda v, n=full: made(n, v, 1.0, LATENTS), variables)
        program = quick.compiled(lambda v, n=half: made(n, v, 1.0, LATENTS), variables)
        found, high = program(variables), program(loud)
        assert found.dtype == jnp.float32
        difference = jnp.sqrt(jnp.mean((found - expected) ** 2) / jnp.mean(expected**2))
        assert 1e-5 < float(difference) < 0.05  # it is another computation, and not far away
        chex.assert_tree_all_finite((found, high))
    full = Discriminator(SMALL, features=32, taps=(1, 3, 3, 1), design="residual", scaled=True)
    params = begun(full, IMAGES[:, ::2, ::2])["params"]
    half = replace(full, precision=precision)
    expected, found = (
        quick.run(lambda p, x, n=n: logits_of(n, p, x), params, IMAGES[:, ::2, ::2]) for n in (full, half)
    )
    assert found.dtype == jnp.float32
    assert 1e-6 < float(jnp.max(jnp.abs(found - expected))) < 0.05 * float(jnp.max(jnp.abs(expected))) + 0.05


@pytest.mark.parametrize("design", ["plain", "skip", "residual"])
def test_every_design_at_a_size_that_is_not_square(design: Any) -> None:
    shape = (6, 8, 3)
    discriminator = Discriminator(shape, base=(3, 4), features=16, design=design, classes=5)
    generator = replace(STYLE2, shape=shape, base=(3, 4), output="skip")
    images = quick.run(lambda v: made(generator, v, 1.0, LATENTS), begun(generator, LATENTS))
    assert images.shape == (4, *shape)
    labels = jnp.array([0, 4, 2, 1])
    outputs = quick.run(Equalized(discriminator).apply, begun(discriminator, images, labels), images, labels)
    assert outputs["logits"].shape == (4,) and outputs["features"].ndim == 2
    with pytest.raises(InputError, match="discriminator has classes=5 and needs labels"):
        jax.eval_shape(discriminator.init, RNGS, images)


def test_equalized_layers_keep_variance() -> None:
    """At the start logits, through nine layers, have a deviation of the order of 1."""
    discriminator = Discriminator(LARGE, features=512, group=1)
    x = jax.random.normal(jax.random.key(0), (16, *LARGE))
    params = quick.run(discriminator.init, RNGS, x)["params"]
    logits = quick.run(lambda p, x: logits_of(discriminator, p, x), params, x)
    assert 0.05 < float(jnp.std(logits)) < 5


def test_bad_shapes_are_refused() -> None:
    with pytest.raises(InputError, match="images of 12 x 12 pixels are not 4 x 4, doubled"):
        jax.eval_shape(replace(STYLE, shape=(12, 12, 3)).init, RNGS, LATENTS)
    with pytest.raises(
        InputError, match=r"discriminator is for images of shape \(8, 8, 3\); got \(16, 16, 3\)"
    ):
        jax.eval_shape(DISCRIMINATORS["progan"].init, RNGS, IMAGES)
    with pytest.raises(InputError, match="has no styles: its modulation is none"):
        jax.eval_shape(lambda: PROGAN.init(RNGS, LATENTS, method="map"))
