"""The layers against Flax's own and against loops."""

import math
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from jax import Array
from rounding import widest

from gaxjax.errors import InputError
from gaxjax.game import DROPOUT, evaluation_mode, transformed_weights
from gaxjax.layers.conditioning import Concatenated
from gaxjax.layers.norms import BatchNorm, InstanceNorm, instance_norm, normalize
from gaxjax.layers.resampling import repeat_pixels
from gaxjax.layers.standard import (
    Conv,
    ConvTranspose,
    Dense,
    Dropout,
    Maxout,
    activate,
    flatten,
    halved_sizes,
)
from gaxjax.networks import dcgan, style

KEY = jax.random.key(11)


def apply(layer: nn.Module, variables: Any, *inputs: Any) -> Any:
    """`layer.apply`, compiled at once and without optimization."""
    return quick.run(lambda variables, x: layer.apply(variables, x, *inputs[1:]), variables, inputs[0])


def shapes(layer: nn.Module, x: Array) -> Any:
    """Of the layer's parameters."""
    return jax.tree.map(jnp.shape, jax.eval_shape(lambda: layer.init(KEY, x)))


def noise(*shape: int, seed: int = 0) -> Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


class Styled(style.Generator):
    """StyleGAN2's generator of the smallest size."""

    shape: tuple[int, int, int] = (8, 8, 1)
    features: int = 8
    modulation: Any = "weights"
    style_size: int = 2
    noise: bool = False


class Beside(nn.Module):
    """A network whose condition is the label as one channel more, as it is."""

    @nn.compact
    def __call__(self, x: Array) -> Any:
        return Concatenated(Flat())(x, jnp.arange(2)[:, None])


class Flat(nn.Module):
    """As it comes."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return nn.Dense(1)(flatten(x))


# Convolutions


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [(3, 1, "same"), (4, 2, "same"), (5, 2, "same"), (4, 1, "same"), (1, 1, "valid"), (4, 2, "valid")],
)
def test_conv_is_flaxs(kernel: int, stride: int, padding: Any) -> None:
    x = noise(2, 7, 6, 3)
    ours = Conv(5, kernel, stride, padding)
    theirs = nn.Conv(5, (kernel, kernel), stride, padding.upper())
    variables = {"params": {"kernel": noise(kernel, kernel, 3, 5), "bias": noise(5)}}
    assert shapes(ours, x) == jax.tree.map(jnp.shape, variables)
    np.testing.assert_allclose(apply(ours, variables, x), apply(theirs, variables, x), rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [(4, 2, "same"), ((2, 4, 3), (1, 2, 2), ((0, 0), (1, 1), (2, 1))), (3, (1, 1, 2), "valid")],
)
def test_layers_of_clips_are_flaxs_and_their_transposes(kernel: Any, stride: Any, padding: Any) -> None:
    """A number for all axes, or one for each, and zeros by name or by pairs."""
    x = noise(2, 5, 6, 7, 3)
    windows, strides = (np.broadcast_to(n, 3).tolist() for n in (kernel, stride))
    variables = {"params": {"kernel": noise(*windows, 3, 5)}}
    ours = Conv(5, kernel, stride, padding, bias=False)
    theirs = nn.Conv(
        5, windows, strides, padding.upper() if isinstance(padding, str) else padding, use_bias=False
    )
    back = ConvTranspose(3, kernel, stride, padding, bias=False)
    assert shapes(ours, x) == jax.tree.map(jnp.shape, variables)

    def all_of(variables: Any, x: Array) -> Any:
        y = ours.apply(variables, x)
        cotangent = jnp.cos(y)
        # <conv(x), y> = <x, transpose(y)>, with one kernel.
        inner = jnp.vdot(y, cotangent), jnp.vdot(x, back.apply(variables, cotangent, x.shape[1:4]))
        return (y, inner[0]), (theirs.apply(variables, x), inner[1])

    found, expected = quick.run(all_of, variables, x)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_shapes_of_transposed_convolutions_of_clips() -> None:
    """The size by `same`, by what is asked for, and the smallest that pairs leave."""
    y = noise(1, 4, 5, 3, 2)

    def shape(layer: ConvTranspose, *size: Any) -> tuple[int, ...]:
        return jax.eval_shape(lambda: layer.init_with_output(KEY, y, *size)[0]).shape[1:4]

    assert shape(ConvTranspose(2, 4, (1, 2, 2))) == (4, 10, 6)
    assert shape(ConvTranspose(2), (7, 10, 5)) == (7, 10, 5)
    assert shape(ConvTranspose(2, (2, 4, 4), 1, "valid")) == (5, 8, 6)
    assert shape(ConvTranspose(2, 4, 2, ((0, 0), (1, 1), (1, 1)))) == (10, 10, 6)


def test_initial_kernels_of_clips_are_by_what_an_output_sums_over() -> None:
    """He et al. 2015: of a transposed convolution with strides (1, 2, 2) a quarter of the kernel."""
    x = jnp.ones((1, 4, 4, 4, 32))
    for layer, fan_in in ((Conv(64, 4, (1, 2, 2)), 4**3 * 32), (ConvTranspose(64, 4, (1, 2, 2)), 4**3 * 8)):
        kernel = quick.run(layer.init, KEY, x)["params"]["kernel"]
        assert np.std(kernel) == pytest.approx((2 / fan_in) ** 0.5, rel=0.02)


def test_layers_refuse_what_fits_no_axes() -> None:
    x = noise(1, 4, 4, 2)
    for layer, message in (
        (Conv(2, (3, 3, 3)), "^kernel is \\(3, 3, 3\\); give .* 2 of them"),
        (ConvTranspose(2, 4, (1, 2, 2)), "^stride is \\(1, 2, 2\\); give .* 2 of them"),
        (Conv(2, padding="mirror"), "^unknown padding 'mirror'; known: same"),  # type: ignore[arg-type]
        (ConvTranspose(2, padding="reflect"), "mirrored has no transpose"),  # type: ignore[arg-type]
    ):
        with pytest.raises(InputError, match=message):
            shapes(layer, x)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (7, 1), (4, 2)])
def test_reflect_padding_mirrors_the_border(kernel: int, stride: int) -> None:
    x = noise(2, 7, 6, 3)
    variables = {"params": {"kernel": noise(kernel, kernel, 3, 2)}}
    out = apply(Conv(2, kernel, stride, "reflect", bias=False), variables, x)
    before = [(max((math.ceil(n / stride) - 1) * stride + kernel - n, 0)) // 2 for n in (7, 6)]
    padded = np.pad(x, ((0, 0), (8, 8), (8, 8), (0, 0)), mode="reflect")[:, 8 - before[0] :, 8 - before[1] :]
    assert out.shape == (2, math.ceil(7 / stride), math.ceil(6 / stride), 2)
    for i, j in ((0, 0), (out.shape[1] - 1, out.shape[2] - 1)):
        window = padded[:, i * stride : i * stride + kernel, j * stride : j * stride + kernel]
        by_hand = np.einsum("bhwi,hwio->bo", window, variables["params"]["kernel"])
        np.testing.assert_allclose(out[:, i, j], by_hand, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("kernel", "stride", "size"),
    [(4, 2, (8, 8)), (4, 2, (7, 6)), (5, 2, (5, 9)), (3, 2, (7, 6)), (3, 1, (7, 6)), (4, 3, (5, 9))],
)
def test_conv_transpose_is_the_transpose_of_conv(kernel: int, stride: int, size: tuple[int, int]) -> None:
    """<conv(x), y> = <x, transpose(y)>, with one kernel."""
    x = noise(2, *size, 3)
    variables = {"params": {"kernel": noise(kernel, kernel, 3, 4)}}
    convolved = apply(Conv(4, kernel, stride, bias=False), variables, x)
    y = noise(*convolved.shape, seed=1)
    transpose = ConvTranspose(3, kernel, stride, bias=False)
    assert shapes(transpose, y) == jax.tree.map(jnp.shape, variables)
    back = apply(transpose, variables, y, size)
    assert back.shape == x.shape
    np.testing.assert_allclose(jnp.vdot(convolved, y), jnp.vdot(x, back), rtol=1e-9, atol=1e-9)


def test_conv_transpose_makes_any_size_of_that_ceiling() -> None:
    layer = ConvTranspose(2)
    y = noise(1, 4, 3, 5)

    def shape(*size: Any) -> tuple[int, ...]:
        return jax.eval_shape(lambda: layer.init_with_output(KEY, y, *size)[0]).shape

    assert shape() == (1, 8, 6, 2)
    assert shape((7, 5)) == (1, 7, 5, 2)
    for size in ((9, 6), (6, 6)):
        with pytest.raises(InputError, match="size"):
            shape(size)


def test_biases_are_added_to_every_pixel() -> None:
    x = noise(1, 4, 4, 2)
    for layer in (Conv(3), ConvTranspose(3), Dense(3)):
        variables = jax.tree.map(jnp.zeros, shapes(layer, x), is_leaf=lambda x: isinstance(x, tuple))
        out = apply(layer, {"params": {**variables["params"], "bias": jnp.array([1.0, 2.0, 3.0])}}, x)
        np.testing.assert_array_equal(out, np.broadcast_to([1, 2, 3], out.shape))
        assert set(shapes(layer.clone(bias=False), x)["params"]) == {"kernel"}


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Conv(256, 4, 2), (64, 8, 8, 16)),
        (ConvTranspose(16, 4, 2), (16, 8, 8, 256)),
        (Dense(1024), (512, 128)),
    ],
)
def test_initial_kernels_keep_the_variance_through_relu(layer: nn.Module, shape: tuple[int, ...]) -> None:
    """He et al. 2015: of rectified normal inputs, whose mean square is 1/2, the outputs have variance 1."""
    x = jax.nn.relu(noise(*shape))
    out = np.array(quick.run(lambda x: layer.init_with_output(KEY, x)[0], x))
    inside = out[:, 1:-1, 1:-1] if out.ndim == 4 else out  # a border's pixels sum over fewer
    assert np.var(inside) == pytest.approx(1, rel=0.1)
    small = quick.run(lambda x: layer.clone(deviation=0.02).init(KEY, x), x)["params"]
    assert np.std(small["kernel"]) == pytest.approx(0.02, rel=0.03)
    np.testing.assert_array_equal(small["bias"], 0)


# Dense layers


@pytest.mark.usefixtures("float64")
def test_dense_is_flaxs() -> None:
    x = noise(4, 3)
    variables = {"params": {"kernel": noise(3, 5), "bias": noise(5)}}
    np.testing.assert_allclose(
        Dense(5).apply(variables, x), nn.Dense(5).apply(variables, x), rtol=1e-9, atol=1e-9
    )


def test_a_bound_makes_initial_kernels_uniform() -> None:
    kernel = np.array(Dense(200, bound=0.005).init(KEY, noise(1, 100))["params"]["kernel"])
    assert 0.00499 < kernel.max() <= 0.005 and -0.005 <= kernel.min() < -0.00499
    assert kernel.std() == pytest.approx(0.005 / 3**0.5, rel=0.02)


@pytest.mark.usefixtures("float64")
def test_maxout_is_the_largest_of_its_pieces() -> None:
    x, layer = noise(4, 3), Maxout(5, pieces=2, bound=1.0)
    variables = layer.init(KEY, x)
    (dense,) = jax.device_get(widest(variables["params"])).values()
    dense["bias"] = np.arange(10) / 10
    out = layer.apply({"params": {"Dense_0": dense}}, x)
    assert out.shape == (4, 5)
    for row in range(4):
        for unit in range(5):
            lines = [
                sum(float(x[row, i]) * dense["kernel"][i, piece] for i in range(3)) + dense["bias"][piece]
                for piece in (2 * unit, 2 * unit + 1)
            ]
            assert out[row, unit] == pytest.approx(max(lines), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.int32, jnp.bool_])
@pytest.mark.parametrize(
    "layer",
    [Conv(2), ConvTranspose(2), Dense(2), BatchNorm(), dcgan.Generator((8, 8, 1), 2, 1), Styled(), Beside()],
)
def test_whole_numbers_are_refused(layer: nn.Module, dtype: Any) -> None:
    """In their type, kernels would be zeros, and nothing else would say so."""
    images = jnp.ones((2, 4, 4, 3)) if not isinstance(layer, (dcgan.Generator, Styled)) else jnp.ones((2, 3))
    message = rf"is {jnp.dtype(dtype)} \[2, .*floats are expected: give x.astype\(jnp.float32\)"
    variables = jax.eval_shape(lambda: layer.init(KEY, images))
    for call in (lambda x: layer.init(KEY, x), lambda x: layer.apply(variables, x)):
        # As a game calls it, which scales kernels: networks that grow warn where nobody does.
        with transformed_weights(), pytest.raises(InputError, match=message):
            jax.eval_shape(call, images.astype(dtype))


# Normalization


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("shape", [(6, 4), (3, 4, 5, 4), (3, 2, 2, 5, 4)])
def test_batch_norm_is_flaxs(shape: tuple[int, ...]) -> None:
    x = 3 * noise(*shape) + 2
    variables = {
        "params": {"scale": noise(4), "bias": noise(4, seed=1)},
        "batch_stats": {"mean": noise(4, seed=2), "var": 1 + noise(4, seed=3) ** 2},
    }
    ours = BatchNorm(momentum=0.8)

    def train(layer: nn.Module) -> Any:
        return quick.run(lambda v, x: layer.apply(v, x, mutable=["batch_stats"]), variables, x)

    training, moved = train(ours)
    theirs = nn.BatchNorm(use_running_average=False, momentum=0.8, epsilon=1e-5)
    expected, expected_moved = train(theirs)
    np.testing.assert_allclose(training, expected, rtol=1e-9, atol=1e-9)
    for name in ("mean", "var"):
        np.testing.assert_allclose(
            moved["batch_stats"][name], expected_moved["batch_stats"][name], rtol=1e-9, atol=1e-9
        )
    sampling = nn.BatchNorm(use_running_average=True, epsilon=1e-5)
    with evaluation_mode():
        found = apply(ours, variables, x)
    np.testing.assert_allclose(found, apply(sampling, variables, x), rtol=1e-9, atol=1e-9)


def test_batch_norm_begins_around_one_and_with_standard_statistics() -> None:
    variables = BatchNorm().init(KEY, 5 + noise(4, 2000))
    scale = np.array(variables["params"]["scale"])
    assert abs(scale.mean() - 1) < 4 * 0.02 / 2000**0.5 and scale.std() == pytest.approx(0.02, rel=0.1)
    np.testing.assert_array_equal(variables["params"]["bias"], 0)
    np.testing.assert_array_equal(variables["batch_stats"]["mean"], 0)
    np.testing.assert_array_equal(variables["batch_stats"]["var"], 1)


@pytest.mark.usefixtures("float64")
def test_instance_norm_and_its_gradients_are_those_of_flax() -> None:
    x = 3 * noise(2, 5, 4, 3).astype(float) + jnp.arange(3.0).reshape(1, 1, 1, 3)
    # None of them begins so: whether each takes part shows.
    variables = {"params": {"scale": jnp.array([0.5, 1.0, -2.0]), "bias": jnp.array([0.0, 1.0, 3.0])}}
    weights = noise(2, 5, 4, 3).astype(float)

    def differentiate(layer: nn.Module) -> Any:
        def loss(variables: Any, x: Array) -> Array:
            out: Any = layer.apply(variables, x)
            return jnp.sum(weights * out**2)

        return quick.run(jax.value_and_grad(loss, argnums=(0, 1)), variables, x)

    chex.assert_trees_all_close(
        differentiate(InstanceNorm()), differentiate(nn.InstanceNorm(epsilon=1e-5)), rtol=1e-9, atol=1e-9
    )
    assert shapes(InstanceNorm(), x) == shapes(nn.InstanceNorm(), x)


class Normalized(nn.Module):
    norm: Any

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return normalize(x, self.norm)


@pytest.mark.parametrize(("norm", "axes"), [("batch", (0, 1, 2)), ("instance", (1, 2)), ("layer", (1, 2, 3))])
def test_each_norm_is_over_its_own_axes(norm: str, axes: tuple[int, ...]) -> None:
    x = 3 * noise(4, 5, 6, 3) + jnp.arange(3.0).reshape(1, 1, 1, 3) + jnp.arange(4.0).reshape(4, 1, 1, 1)
    module = Normalized(norm)
    variables = jax.device_get(module.init(KEY, x))
    if norm == "batch":
        variables["params"]["BatchNorm_0"]["scale"] = np.ones(3, np.float32)
    out = np.array(quick.run(lambda v, x: module.apply(v, x, mutable=["batch_stats"])[0], variables, x))
    np.testing.assert_allclose(out.mean(axes), 0, atol=1e-5)
    np.testing.assert_allclose(out.var(axes), 1, rtol=1e-4)
    finest = np.abs(out.mean((1, 2))).max()  # of one channel of one example
    assert finest < 1e-5 if norm == "instance" else finest > 0.1


def test_examples_do_not_mix_but_in_batch_norm() -> None:
    x = noise(4, 5, 6, 3)
    changed = x.at[1:].mul(2.0)
    for norm in ("batch", "instance", "layer", "none"):
        module = Normalized(norm)

        def out(x: Array, module: Normalized = module) -> Array:
            return module.init_with_output(KEY, x)[0][0]

        first, second = (quick.run(out, y) for y in (x, changed))
        assert np.allclose(first, second, atol=1e-6) == (norm != "batch")


def test_no_norm_is_the_identity() -> None:
    x = noise(2, 3, 3, 1)
    assert Normalized("none").init(KEY, x) == {}
    np.testing.assert_array_equal(Normalized("none").apply({}, x), x)


def test_flat_images_are_normalized_without_nan() -> None:
    np.testing.assert_array_equal(instance_norm(jnp.full((2, 3, 3, 1), 1e3)), jnp.zeros((2, 3, 3, 1)))
    out, _ = BatchNorm().init_with_output(KEY, jnp.full((2, 3), 1e3))
    assert np.isfinite(out).all() and np.abs(out).max() < 0.1


def test_names_that_are_not_known_are_refused() -> None:
    with pytest.raises(InputError, match="'bach'; known: batch, instance, scaled_instance, layer, none"):
        Normalized("bach").init(KEY, noise(1, 2, 2, 1))
    with pytest.raises(InputError, match="'gelu'; known: relu, leaky_relu, elu, softplus, tanh, sigmoid"):
        activate(noise(1), "gelu")  # type: ignore[arg-type]


# Pieces


@pytest.mark.parametrize(
    ("activation", "values"),
    [
        ("relu", [0, 0, 2]),
        ("leaky_relu", [-0.2, 0, 2]),
        ("elu", [math.exp(-1) - 1, 0, 2]),
        ("tanh", [math.tanh(-1), 0, math.tanh(2)]),
        ("sigmoid", [2 / (1 + math.e) - 1, 0, 2 / (1 + math.exp(-2)) - 1]),
        ("none", [-1, 0, 2]),
    ],
)
def test_activations(activation: Any, values: list[float]) -> None:
    np.testing.assert_allclose(activate(jnp.array([-1.0, 0.0, 2.0]), activation), values, atol=1e-6)


def test_dropout_keeps_the_mean_and_stops_without_random_numbers() -> None:
    x = jnp.ones((100, 100))
    out = np.array(Dropout(0.2).apply({}, x, rngs={DROPOUT: KEY}))
    assert set(np.unique(out)) == {0, np.float32(1 / 0.8)}
    assert abs((out == 0).mean() - 0.2) < 4 * 0.4 / 100
    with evaluation_mode():
        np.testing.assert_array_equal(Dropout(0.2).apply({}, x), x)
    np.testing.assert_array_equal(Dropout(0.0).apply({}, x, rngs={DROPOUT: KEY}), x)


@pytest.mark.parametrize(
    ("layer", "collections", "training"),
    [
        (BatchNorm(), {"mutable": ["batch_stats"]}, r'mutable=\["batch_stats"\]'),
        (Dropout(0.5), {"rngs": {DROPOUT: KEY}}, r'rngs=\{"dropout": key\}'),
    ],
)
def test_a_mode_that_nobody_asked_for_is_told(layer: nn.Module, collections: Any, training: str) -> None:
    """Outside of a game, which trains or samples: there one forgotten argument is the other mode."""
    x = noise(4, 3)
    variables = layer.init(KEY, x)
    layer.apply(variables, x, **collections)
    with pytest.warns(
        UserWarning, match=f"{type(layer).__name__} is .*: to train, call apply with {training}"
    ):
        expected = layer.apply(variables, x)
    with evaluation_mode():
        np.testing.assert_array_equal(layer.apply(variables, x), expected)


def test_upsampling_repeats_pixels() -> None:
    x = noise(2, 3, 2, 4)
    for factor in (1, 2, 3):
        repeated = np.repeat(np.repeat(x, factor, axis=1), factor, axis=2)
        np.testing.assert_array_equal(repeat_pixels(x, factor), repeated)


def test_halvings_round_up() -> None:
    assert halved_sizes((28, 28, 1), 3) == [(28, 28), (14, 14), (7, 7), (4, 4)]
    assert halved_sizes((5, 1, 3), 2) == [(5, 1), (3, 1), (2, 1)]
    assert halved_sizes((8, 6, 1), 0) == [(8, 6)]
    assert halved_sizes((5, 8, 6, 3), 1) == [(5, 8, 6), (3, 4, 3)]


def test_flatten() -> None:
    x = noise(3, 2, 4, 1)
    np.testing.assert_array_equal(flatten(x), np.array(x).reshape(3, 8))
