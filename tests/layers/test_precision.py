"""One field of a recipe makes all networks compute in another type; what they say and keep stays float32."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from jax import Array
from shrinking import batches, recipes, shrunk

from gaxjax.data import spec_of
from gaxjax.errors import InputError
from gaxjax.game import sample
from gaxjax.layers.norms import BatchNorm, instance_norm
from gaxjax.layers.standard import Conv, ConvTranspose, Dense
from gaxjax.parallel.counting import count_operations
from gaxjax.programs.program import StageProgram, abstract_batch, stage_programs
from gaxjax.recipe import Recipe

NAMES = [
    "quickstart.py:recipe",
    "gan_mnist.py:recipe",
    "began_fashion_mnist.py:recipe",
    "cyclegan_facades.py:recipe",
    "lucic2018.py:wgan_gp",
    "lucic2018.py:began",
    "improved_mnist.py:recipe",
]
KEY = jax.random.key(3)


def at(name: str, precision: str) -> Recipe:
    found: Recipe = replace(shrunk(recipes()[name]), precision=precision)
    return found


def types(tree: Any) -> set[str]:
    return {x.dtype.name for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.floating)}


def begin_both(*programs: StageProgram) -> Callable[[Any], Any]:
    """The first states of several programs: draws that they have in common are compiled once."""
    return lambda key: [program.init(key) for program in programs]


@pytest.mark.parametrize("name", [NAMES[0], *(pytest.param(x, marks=pytest.mark.slow) for x in NAMES[1:4])])
def test_a_step_in_bfloat16(name: str) -> None:
    """Near the step in float32 and not the same, finite, and with nothing but float32 in what is kept.

    Other networks, the largest of residual blocks, come on request: their arithmetic is counted below.
    """
    recipe, wide = at(name, "bfloat16"), at(name, "")
    data = spec_of(recipe.data)
    programs = StageProgram(recipe, 0, data), StageProgram(wide, 0, data)
    begun, begun32 = quick.run(begin_both(*programs), KEY)
    jax.tree.map(np.testing.assert_array_equal, begun.params, begun32.params)
    examples = batches(recipe, recipe.all_stages[0], 0)
    state, logs = quick.run(programs[0].step, begun, examples, KEY)
    state32, logs32 = quick.run(programs[1].step, begun32, examples, KEY)
    assert types(state) == types(logs) == {"float32"}
    assert all(np.isfinite(x).all() for x in jax.tree.leaves((state.params, state.stats, logs)))
    losses = {key: float(x) for key, x in logs.items() if key.endswith("/loss")}
    expected = {key: float(logs32[key]) for key in losses}
    assert losses == pytest.approx(expected, rel=0.1, abs=0.1)
    moved, moved32 = jax.tree.leaves(state.params), jax.tree.leaves(state32.params)
    assert any(np.any(one != other) for one, other in zip(moved, moved32, strict=True))


@pytest.mark.parametrize("name", [*NAMES[:-3], "stylegan_small.py:recipe"])
def test_products_are_of_that_type(name: str) -> None:
    """Nearly all of the arithmetic of a step at full size is in bfloat16, and none of it otherwise."""

    def share(precision: str, full: bool = False) -> float:
        recipe = replace(recipes()[name], precision=precision) if full else at(name, precision)
        program = stage_programs(recipe, spec_of(recipe.data))[-1]
        stage, state = program.stage, jax.eval_shape(program.init, KEY)
        batch = abstract_batch(program.spec, stage.batch_size)
        made = jax.eval_shape(lambda state, batch: sample(stage.gan, state, batch, KEY), state, batch)
        assert types(made) == {"float32"}
        jaxpr = jax.make_jaxpr(program.step)(state, program.batches, KEY)
        return count_operations(jaxpr, dtype="bfloat16") / count_operations(jaxpr)

    assert share("bfloat16", full=True) > 0.9 and share("") == 0


def test_every_network_of_every_stage_gets_it() -> None:
    recipe = at("cyclegan_facades.py:recipe", "float16")
    for stage in recipe.all_stages:
        moved = [name for fields in stage.gan.players.values() for name in fields]
        networks = [getattr(stage.gan, name) for name in moved]
        assert len(networks) == 4 and all(n.precision == "float16" for n in networks)
    recipe = at("ebgan_mnist.py:recipe", "bfloat16")
    energy: Any = recipe.all_stages[0].gan
    assert energy.discriminator.autoencoder.precision == "bfloat16"
    # What was written is what is stored, and can be taken back.
    assert replace(recipe, precision="") == shrunk(recipes()["ebgan_mnist.py:recipe"])
    grown = at("progan_small.py:recipe", "bfloat16")
    assert {s.gan.generator.precision for s in grown.all_stages} == {"bfloat16"}  # type: ignore[attr-defined]


class Plain(nn.Module):
    """A network without the field."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return Dense(4)(x)


def test_a_network_without_the_field_is_refused() -> None:
    recipe = recipes()["quickstart.py:recipe"]
    other = replace(recipe, gan=replace(recipe.gan, generator=Plain()))  # type: ignore[call-arg]
    with pytest.raises(InputError, match="precision 'bfloat16' cannot be set for Plain, which has no field"):
        replace(other, precision="bfloat16")


@pytest.mark.parametrize("layer", [Conv(3), ConvTranspose(3), Dense(3), BatchNorm()])
def test_layers_follow_their_input(layer: nn.Module) -> None:
    x = jnp.ones((2, 4, 4, 3), jnp.bfloat16)
    made, variables = jax.eval_shape(lambda: layer.init_with_output(jax.random.key(0), x))
    assert made.dtype == jnp.bfloat16 and types(variables) == {"float32"}


def test_statistics_are_float32() -> None:
    """A mean of 300 with a deviation of 1: squares in bfloat16 would be off by more than the variance."""
    wide = 300 + jax.random.normal(jax.random.key(0), (16, 8, 8, 1))
    x = wide.astype(jnp.bfloat16)
    normal = np.asarray(instance_norm(x), np.float32)
    expected = np.asarray(x, np.float32)
    expected = (expected - expected.mean((1, 2), keepdims=True)) / expected.std((1, 2), keepdims=True)
    np.testing.assert_allclose(normal, expected, atol=0.02)
