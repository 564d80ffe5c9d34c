"""Semi-StyleGAN: each term by hand, what smoothness mixes, whom each term moves, what withheld labels do."""

import functools
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from games import Sketched, begin, play
from jax import Array
from labelled import IMAGES, RNGS, SHAPE, SmoothCritic

from gaxjax.errors import InputError
from gaxjax.game import State, call_averaged, objective, player_params
from gaxjax.gans import SemiStyleGAN
from gaxjax.latents import Latents
from gaxjax.layers import Head
from gaxjax.losses import squared_error

FACTORS = jax.random.uniform(jax.random.key(1), (6, 2))
LABELED = jnp.array([True, False, True, False, False, True])
BATCH = {"image": IMAGES, "factors": FACTORS, "labeled": LABELED}


GAN = SemiStyleGAN(
    Sketched(SHAPE),
    Head(SmoothCritic(), "code", 2),
    Latents(4),
    Latents(2, "uniform"),
    gamma=0.5,
    beta=0.7,
    alpha=0.3,
)
SHARES = jnp.array([0.0, 0.5, 0.25, 1.0, 0.5, 0.9])[:, None]


@functools.cache
def first_state() -> State:
    return begin(GAN, batch=BATCH)


@pytest.fixture(autouse=True)
def fixed_shares(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is asked of the mixture's distribution, in whose place there are six numbers."""
    first_state()  # with draws as they are
    asked: list[Any] = []

    def beta(key: Array, a: float, b: float, shape: Any) -> Array:
        asked.append((a, b, shape))
        return SHARES

    monkeypatch.setattr(jax.random, "beta", beta)
    return asked


def ask(method: str, *inputs: Any, network: str = "", rngs: Any = None) -> Any:
    """A method of the game, or a network of it, with the weights that it trains with."""
    params = GAN.weights(first_state().params, jnp.zeros((), int))

    def call(game: Any) -> Any:
        return getattr(game, network)(*inputs) if network else getattr(game, method)(*inputs)

    return GAN.apply({"params": params, **first_state().stats}, method=call, rngs=rngs)


def norms(values: Array) -> np.ndarray:
    return np.sum(np.asarray(values, np.float64) ** 2, axis=1)


def test_squared_error_by_hand() -> None:
    values, targets = (
        jnp.array([[1.0, 2.0], [0.0, 1.0], [5.0, 5.0]]),
        jnp.array([[0.0, 0.0], [0.0, 3.0], [5.0, 4.0]]),
    )
    assert squared_error(values, targets) == pytest.approx((5 + 4 + 1) / 3)
    mask = jnp.array([True, False, True])
    assert squared_error(values, targets, mask) == pytest.approx(3)
    assert squared_error(values, targets.at[1].set(jnp.nan), mask) == 3
    assert squared_error(values, targets, jnp.zeros(3, bool)) == 0
    with pytest.raises(InputError, match=r"got \(3, 2\) and \(3, 1\)"):
        squared_error(values, targets[:, :1])


def test_losses_by_hand() -> None:
    """Of the discriminator with E, and of the generator: each with its own terms and weights."""
    latents = ask("sample_latents", BATCH, rngs=RNGS)
    assert latents.shape == (6, 6) and jnp.abs(latents[:, 4:]).max() <= 1
    fake = ask("generate", latents)
    of_real, of_fake = (ask("", x, network="discriminator") for x in (IMAGES, fake))
    unsupervised = norms(of_fake["code"] - latents[:, 4:]).mean()
    # A factor of 0 is the code -1, and 1 is 1; only the labeled three count.
    supervised = norms(of_real["code"] - (2 * FACTORS - 1))[np.asarray(LABELED)].mean()
    value, logs, _, _ = play(GAN, "discriminator", first_state(), BATCH)
    np.testing.assert_allclose(logs["unsupervised"], unsupervised, rtol=1e-4)
    np.testing.assert_allclose(logs["supervised"], supervised, rtol=1e-4)
    source = np.mean(np.logaddexp(0, -of_real["logits"])) + np.mean(np.logaddexp(0, of_fake["logits"]))
    terms = 0.5 * unsupervised + 0.7 * supervised + 0.3 * logs["smoothness"]
    np.testing.assert_allclose(value, source + terms, rtol=1e-4)
    value, own, _, _ = play(GAN, "generator", first_state(), BATCH)
    assert set(own) == {"loss", "unsupervised", "smoothness"}
    terms = 0.5 * unsupervised + 0.3 * own["smoothness"]
    np.testing.assert_allclose(value, np.mean(np.logaddexp(0, -of_fake["logits"])) + terms, rtol=1e-4)
    np.testing.assert_array_equal(own["smoothness"], logs["smoothness"])  # of the same draws


def test_smoothness_is_of_a_mixture_of_labeled_and_generated_pairs(fixed_shares: list[Any]) -> None:
    """l (x, c) + (1 - l) (G(z, c'), c'), l from Beta(0.75, 0.75), of labeled examples alone."""
    _, logs, _, _ = play(GAN, "discriminator", first_state(), BATCH)
    assert fixed_shares == [(0.75, 0.75, (6, 1))]
    latents = ask("sample_latents", BATCH, rngs=RNGS)
    mixed = SHARES[:, :, None, None] * IMAGES + (1 - SHARES)[:, :, None, None] * ask("generate", latents)
    codes = SHARES * (2 * FACTORS - 1) + (1 - SHARES) * latents[:, 4:]
    read = ask("", mixed, network="discriminator")["code"]
    np.testing.assert_allclose(logs["smoothness"], norms(read - codes)[np.asarray(LABELED)].mean(), rtol=1e-4)


def gradients(gan: SemiStyleGAN, *batches: Any) -> list[dict[str, Any]]:
    """Of each player, of batches with the same arrays: by one program, bits are of what is in them alone."""

    def of_players(batch: Any) -> dict[str, Any]:
        def slope(player: str) -> Any:
            loss = objective(gan, player, first_state(), batch, jax.random.key(2))
            return jax.grad(loss, has_aux=True)(player_params(gan, player, first_state().params))[0]

        return {player: slope(player) for player in gan.players}

    program = quick.compiled(of_players, batches[0])
    return [program(batch) for batch in batches]


def differ(one: Any, other: Any) -> bool:
    return not all(jax.tree.leaves(jax.tree.map(np.array_equal, one, other)))


def test_withheld_labels_change_nothing() -> None:
    """Bit for bit, whatever stands in their place; and one that counts does."""
    junk = [{**BATCH, "factors": jnp.where(LABELED[:, None], FACTORS, x)} for x in (jnp.nan, 1e30)]
    counted = {**BATCH, "factors": FACTORS.at[2].add(0.1)}
    before, *same, other = gradients(GAN, BATCH, *junk, counted)
    for found in same:
        jax.tree.map(np.testing.assert_array_equal, found, before)
    # Smoothness takes a labeled example to the generator too.
    assert all(differ(other[player], before[player]) for player in GAN.players)


def test_whom_each_term_moves() -> None:
    """Gradients with a term and without it."""
    alone = replace(GAN, gamma=0.0, beta=0.0, alpha=0.0)
    (plain,) = gradients(alone, BATCH)
    moved = {}
    for term in ("gamma", "beta", "alpha"):
        (found,) = gradients(replace(alone, **{term: 1.0}), BATCH)
        moved[term] = {player for player in GAN.players if differ(found[player], plain[player])}
    both = {"discriminator", "generator"}
    assert moved == {"gamma": both, "beta": {"discriminator"}, "alpha": both}


def test_without_labels_the_data_need_none() -> None:
    info = replace(GAN, beta=0.0, alpha=0.0)
    assert set(play(info, "discriminator", first_state(), {"image": IMAGES})[1]) >= {"unsupervised"}
    with pytest.raises(
        InputError, match="beta and alpha are of factors, and the data have image: use shapes"
    ):
        play(GAN, "discriminator", first_state(), {"image": IMAGES})
    for count in (1, 3):
        few = {"image": IMAGES, "factors": jnp.zeros((6, count))}
        with pytest.raises(InputError, match=rf"{count} factors and gan\.code\.size=2; use gan\.code\.size"):
            play(GAN, "discriminator", first_state(), few)
    labels, labeled = GAN.labels_of({"image": IMAGES, "factors": FACTORS})
    assert labeled is True  # without a mask all of them count
    np.testing.assert_allclose(labels, 2 * FACTORS - 1)


def test_codes_are_factors() -> None:
    """What is read and what is asked for is in [0, 1], whatever the range of the code."""
    latents = jnp.array([[0.0] * 4 + [-1.0, 0.5]])
    np.testing.assert_allclose(
        call_averaged(GAN, first_state(), jax.random.key(0), "factors_of", latents), [[0.0, 0.75]]
    )
    wide = replace(GAN, code=Latents(2, "uniform", bound=2.0))

    def read(gan: SemiStyleGAN) -> Any:
        return call_averaged(gan, first_state(), jax.random.key(0), "encode", IMAGES)

    np.testing.assert_allclose(read(GAN) - 0.5, 2 * (read(wide) - 0.5), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        2 * read(GAN) - 1, ask("", IMAGES, network="discriminator")["code"], rtol=1e-4, atol=1e-5
    )
    assert wide.labels_of(BATCH)[0].max() > 1 and set(
        player_params(GAN, "generator", first_state().params)
    ) == {"generator"}
    assert quick.run(
        lambda s: call_averaged(GAN, s, jax.random.key(0), "sample", {"n": 3}), first_state()
    ).shape == (
        3,
        *SHAPE,
    )


def test_codes_that_are_no_factors_are_refused() -> None:
    for fields in ({"mixture": 0.0}, {"code": Latents(2, "categorical")}):
        with pytest.raises(InputError, match="the code is uniform and mixture above 0"):
            replace(GAN, **fields)
