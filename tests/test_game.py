"""A game's pure functions: its first state, its objectives, its samples."""

from typing import Any, ClassVar

import chex
import flax.linen as nn
import games
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import quick
from games import begin, sgd
from jax import Array
from rounding import derivative, widest

from gaxjax import solvers
from gaxjax.errors import InputError
from gaxjax.game import GAN, State, count_examples, frozen, init, objective, player_params, pure, sample
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.layers.norms import BatchNorm
from gaxjax.layers.standard import Dense, Dropout

KEY = jax.random.key(5)
IMAGES = {"image": np.random.default_rng(0).uniform(-1, 1, (6, 3)).astype(np.float32)}


class Noisy(nn.Module):
    """Batch norm and dropout, where a module can go wrong."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return Dropout(0.5)(jnp.tanh(BatchNorm()(Dense(8)(x))))


class Mapping(GAN):
    """A generator of what it is given, so that a sample's latents are the test's to choose."""

    generator: nn.Module = Noisy()
    players: ClassVar = {"generator": ("generator",)}
    averaged: ClassVar = ("generator",)

    def __call__(self, batch: Any) -> Any:
        return self.generator(batch["image"])

    def sample(self, batch: Any, **options: Any) -> Array:
        return self(batch)

    def generator_loss(self, batch: Any, step: Array) -> Any:
        made = self(batch)
        return jnp.mean(made), {"made": made}


def adversarial(**fields: Any) -> Adversarial:
    return Adversarial(**{**games.networks(), "latents": Latents(3), **fields})


# The first state.


def test_init_is_a_pure_function_of_its_key() -> None:
    gan = adversarial()
    shapes = {"image": jax.ShapeDtypeStruct((4, 2), jnp.float32)}
    begun = quick.compiled(lambda key: init(gan, sgd(gan), key, shapes), KEY)
    first, again, other = begun(KEY), begun(KEY), begun(jax.random.key(6))
    chex.assert_trees_all_equal(first, again)
    kernels = [state.params["generator"]["Dense_0"]["kernel"] for state in (first, other)]
    assert np.all(kernels[0] != kernels[1])
    assert (first.step, first.images, first.step.dtype, first.images.dtype) == (0, 0, jnp.int32, jnp.int32)
    assert set(first.params) == {"generator", "discriminator"}
    assert set(first.average) == {"generator"}
    assert set(first.optimizers) == {"generator", "discriminator"}
    # Real arrays shape it just as well, and their values do not matter.
    with_nan = init(gan, sgd(gan), KEY, {"image": jnp.full((4, 2), jnp.nan)})
    chex.assert_trees_all_close(with_nan.params, first.params, rtol=1e-6)


def test_the_average_begins_as_a_copy() -> None:
    """A step donates its state: two leaves in one buffer would be donated twice."""
    gan = games.Chase()
    state = init(gan, sgd(gan), KEY, {"image": jnp.zeros((2, 2))})  # not compiled: nothing copies for us
    parameter, average = state.params["g"]["value"], state.average["g"]["value"]
    assert parameter == average
    assert parameter.unsafe_buffer_pointer() != average.unsafe_buffer_pointer()
    donated = jax.jit(lambda state: jax.tree.map(lambda x: x + 1, state), donate_argnums=0)(state)
    assert donated.average["g"]["value"] == 2
    assert parameter.is_deleted() and average.is_deleted()


def test_optimizers_of_other_players_are_refused() -> None:
    with pytest.raises(InputError, match=r"\['critic', 'generator'\].*\['discriminator', 'generator'\]"):
        init(adversarial(), {"critic": optax.sgd(1), "generator": optax.sgd(1)}, KEY, {})


def test_a_network_that_call_leaves_out_is_named() -> None:
    class Forgetful(games.Chase):
        def __call__(self, batch: Any) -> Any:
            return self.g()

    with pytest.raises(InputError, match=r"Forgetful.__call__ must use every network.*\['d'\]"):
        begin(Forgetful())


def test_a_player_without_a_loss_is_an_error_of_the_class() -> None:
    with pytest.raises(TypeError, match=r"Half has a player 'judge' but no method judge_loss"):

        class Half(GAN):
            players: ClassVar = {"generator": ("generator",), "judge": ("judge",)}

            def generator_loss(self, batch: Any, step: Array) -> Any:
                return jnp.zeros(()), {}


def test_what_a_game_must_define_says_so() -> None:
    class Empty(GAN):
        players: ClassVar = {}

    with pytest.raises(NotImplementedError, match="Empty must define __call__"):
        Empty()({})
    with pytest.raises(NotImplementedError, match="Empty must define sample"):
        Empty().sample({})


def test_size_of_a_batch() -> None:
    assert count_examples({"image": jnp.zeros((5, 2)), "label": jnp.zeros(5)}) == 5
    assert count_examples({"n": 7}) == 7


# Objectives.


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_an_objective_is_of_the_players_own_networks(player: str) -> None:
    gan = adversarial()
    state, batch = begin(gan), {"image": jnp.ones((4, 2))}
    loss = objective(gan, player, state, batch, KEY)
    gradient, (logs, stats) = quick.run(
        jax.grad(loss, has_aux=True), player_params(gan, player, state.params)
    )
    assert set(gradient) == {player}
    chex.assert_trees_all_equal_shapes_and_dtypes(gradient[player], state.params[player])
    assert all(np.any(leaf != 0) for leaf in jax.tree.leaves(gradient))
    assert "loss" in logs and stats == {}


def test_an_objective_of_a_player_that_is_none_is_refused() -> None:
    gan = adversarial()
    with pytest.raises(InputError, match=r"has no player 'disc'; it has \['discriminator', 'generator'\]"):
        objective(gan, "disc", begin(gan), {"image": jnp.ones((4, 2))}, KEY)


def test_a_loss_that_is_no_scalar_is_refused() -> None:
    class Vector(games.Chase):
        def leader_loss(self, batch: Any, step: Array) -> Any:
            return self.g().reshape(1), {}

    gan = Vector()
    state = begin(gan)
    with pytest.raises(InputError, match=r"Vector.leader_loss returned shape \(1,\)"):
        objective(gan, "leader", state, {"image": jnp.zeros((2, 2))}, KEY)(
            player_params(gan, "leader", state.params)
        )


def test_weights_stand_between_what_moves_and_what_is_seen() -> None:
    class Halved(games.Chase):
        def weights(self, params: Any, step: Array) -> Any:
            return jax.tree.map(lambda x: x / 2 + step, params)

        def sample(self, batch: Any, **options: Any) -> Array:
            return self.g()

    gan = Halved()
    state = begin(gan)._replace(step=jnp.array(10))
    batch = {"image": jnp.zeros((2, 2))}
    loss = objective(gan, "leader", state, batch, KEY)
    (value, _), gradient = jax.value_and_grad(loss, has_aux=True)(player_params(gan, "leader", state.params))
    assert value == (3 / 2 + 10) * (1 / 2 + 10)
    assert gradient["g"]["value"] == (3 / 2 + 10) / 2
    assert sample(gan, state, batch, KEY) == 1 / 2 + 10


# A bound network as a pure function.


class Pure(Mapping):
    """Logs what `pure` gives beside what the bound network gives."""

    generator: nn.Module = nn.Sequential([Dense(8), BatchNorm(), jnp.tanh, Dense(1)])
    dropout: nn.Module = Dropout(0.5)

    def __call__(self, batch: Any) -> Any:
        return self.generator(batch["image"]), self.dropout(batch["image"])

    def generator_loss(self, batch: Any, step: Array) -> Any:
        x = batch["image"]
        bound, function = self.generator(x), pure(self.generator)
        slope = jax.grad(lambda x: jnp.sum(function(x)))(x)
        dropping = pure(self.dropout)
        once, twice = dropping(jnp.ones((50, 2))), dropping(jnp.ones((50, 2)))
        slope_of_dropping = jax.grad(lambda x: jnp.sum(dropping(x)))(jnp.ones((50, 2)))
        logs = {"bound": bound, "pure": function(x), "slope": slope}
        logs |= {"once": once, "twice": twice, "dropping": slope_of_dropping}
        logs |= {"anew": pure(self.dropout)(jnp.ones((50, 2)))}
        return jnp.mean(bound**2) + jnp.mean(slope**2), logs


@pytest.mark.usefixtures("float64")
def test_pure_gives_what_the_bound_network_gives() -> None:
    gan, images = Pure(), widest(IMAGES)
    state = begin(gan, batch=images)
    loss = objective(gan, "generator", state, images, KEY)
    params = player_params(gan, "generator", state.params)
    (_, (logs, stats)), gradient = quick.run(jax.value_and_grad(loss, has_aux=True), params)
    np.testing.assert_allclose(logs["pure"], logs["bound"], rtol=1e-9)
    assert np.all(logs["slope"] != 0)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    # One draw of dropout for all calls of one pure function, another for the next function.
    np.testing.assert_array_equal(logs["once"], logs["twice"])
    np.testing.assert_array_equal(logs["once"], logs["dropping"])
    assert set(np.unique(logs["once"])) == {0, 2}
    assert np.any(logs["anew"] != logs["once"])
    # Running statistics followed the one call of the bound network: those of `pure` were dropped.
    inside = IMAGES["image"] @ np.array(params["generator"]["layers_0"]["kernel"])
    running = stats["batch_stats"]["generator"]["layers_1"]
    np.testing.assert_allclose(running["mean"], 0.1 * inside.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(running["var"], 0.9 + 0.1 * inside.var(axis=0), rtol=1e-9)


@pytest.mark.parametrize("function", [pure, frozen])
def test_pure_and_frozen_are_for_networks_in_a_loss(function: Any) -> None:
    with pytest.raises(InputError, match=r"Dense has no parameters here: .*; elsewhere use network.app"):
        function(Dense(1))(jnp.ones((2, 3)))


@pytest.mark.usefixtures("float64")
def test_the_gradient_of_an_input_gradient_passes_through_batch_norm() -> None:
    """Second order, through `pure` in training mode, against differences, in float64."""
    gan = Pure()
    images = widest(IMAGES)
    state = begin(gan, batch=images)
    loss = objective(gan, "generator", state, images, KEY)
    differentiated = quick.compiled(
        jax.value_and_grad(lambda p: loss(p)[0]), player_params(gan, "generator", state.params)
    )
    params = player_params(gan, "generator", state.params)
    gradient = differentiated(params)[1]

    def along(step: float) -> Array:
        return differentiated(jax.tree.map(lambda x, g: x + step * g, params, gradient))[0]

    squared = sum(jnp.sum(g**2) for g in jax.tree.leaves(gradient))
    np.testing.assert_allclose(derivative(along), squared, rtol=1e-8)


# Samples.


def trained(gan: GAN, batch: Any) -> State:
    """A state whose running statistics are not those of the first step."""
    state = begin(gan, batch=batch)
    shifted = jax.tree.map(lambda x: x * 1.5 + 0.25, state.stats)
    return state._replace(stats=shifted)


def hidden(state: State) -> np.ndarray:
    """What the generator's batch norm is given."""
    layer = jax.device_get(state.params["generator"]["Dense_0"])
    return IMAGES["image"] @ layer["kernel"] + layer["bias"]


def by_hand(state: State, mean: Any, variance: Any) -> np.ndarray:
    """What the generator makes of such statistics, without dropout."""
    norm = jax.device_get(state.params["generator"]["BatchNorm_0"])
    normal = (hidden(state) - np.array(mean)) / np.sqrt(np.array(variance) + 1e-5)
    return np.tanh(norm["scale"] * normal + norm["bias"])


@pytest.mark.usefixtures("float64")
def test_samples_use_running_statistics_and_no_dropout() -> None:
    gan, images = Mapping(), widest(IMAGES)
    state = trained(gan, images)
    whole = sample(gan, state, images, KEY)
    alone = sample(gan, state, {"image": images["image"][:1]}, jax.random.key(9))
    np.testing.assert_allclose(alone[0], whole[0], rtol=1e-9)
    assert np.all(whole != 0)  # half of them would be, with dropout
    running = state.stats["batch_stats"]["generator"]["BatchNorm_0"]
    np.testing.assert_allclose(whole, by_hand(state, running["mean"], running["var"]), rtol=1e-9)


@pytest.mark.usefixtures("float64")
def test_a_move_uses_batch_statistics_and_dropout() -> None:
    gan, images = Mapping(), widest(IMAGES)
    state = trained(gan, images)

    def made(key: Array) -> np.ndarray:
        return np.array(objective(gan, "generator", state, images, key)(state.params)[1][0]["made"])

    first, again, other = made(KEY), made(KEY), made(jax.random.key(6))
    np.testing.assert_array_equal(first, again)
    assert 0.2 < np.mean(first == 0) < 0.8
    assert np.any((first == 0) != (other == 0))
    before = hidden(state)
    whole = by_hand(state, before.mean(axis=0), before.var(axis=0))
    np.testing.assert_allclose(first, np.where(first == 0, 0, 2 * whole), rtol=1e-9)


def test_bytes_are_no_images() -> None:
    """What a source gives and a loop of one's own has not normalized: refused by its type alone."""
    gan = games.Ledger()
    state = begin(gan)
    step = solvers.alternating(gan, sgd(gan), dict.fromkeys(gan.players, 1))
    batches = {"image": jax.ShapeDtypeStruct((2, 4, 2), np.uint8)}
    with pytest.raises(
        InputError, match=r"batch\['image'\] has bytes .* give gaxjax.data.normalize\(batch\)"
    ):
        jax.eval_shape(step, state, batches, KEY)


def test_sampling_changes_nothing() -> None:
    gan = Mapping()
    state = trained(gan, IMAGES)
    before = jax.tree.map(np.array, state)
    sample(gan, state, IMAGES, KEY)
    chex.assert_trees_all_equal(state, before)


def test_samples_come_from_the_average() -> None:
    gan = adversarial()
    state = begin(gan)
    batch = {"image": jnp.zeros((4, 2))}
    first = sample(gan, state, batch, KEY)
    moved = state._replace(params=jax.tree.map(lambda x: x + 1, state.params))
    np.testing.assert_array_equal(sample(gan, moved, batch, KEY), first)
    averaged = state._replace(average=jax.tree.map(lambda x: x + 1, state.average))
    assert np.all(sample(gan, averaged, batch, KEY) != first)
    assert sample(gan, state, {"n": 7}, KEY).shape == (7, 2)
