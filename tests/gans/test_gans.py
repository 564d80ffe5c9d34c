"""The games' own losses and memories, by hand."""

from typing import Any

import chex
import flax.linen as nn
import games
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from games import Constant, Times, play
from jax import Array

from gaxjax.errors import InputError
from gaxjax.game import PLAY, call_averaged, sample
from gaxjax.gans.began import BEGAN
from gaxjax.gans.cyclegan import CycleGAN
from gaxjax.gans.image_pool import ImagePool
from gaxjax.latents import Latents

KEY = jax.random.key(2)


class Judge(nn.Module):
    """Logits, one for each pixel of the one channel: the pixel times a parameter."""

    factor: float = 1.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return Times(self.factor)(x)[..., 0]


# BEGAN


def test_began_by_hand() -> None:
    """Reconstructions are half of each image: errors are 1/2 for real white and 1/5 for made gray of 0.4."""
    gan = BEGAN(
        generator=Constant(0.4), discriminator=Times(0.5), latents=Latents(2), diversity=0.5, gain=0.1
    )
    batch = {"image": jnp.ones((3, 2, 2, 1))}
    state = games.begin(gan, batch=batch)
    assert state.stats == {"balance": {"k": 0}}
    state = state._replace(stats={"balance": {"k": jnp.array(0.3)}})

    loss, logs, stats, gradient = play(gan, "discriminator", state, batch)
    balance = 0.5 * 0.5 - 0.2
    np.testing.assert_allclose(loss, 0.5 - 0.3 * 0.2, rtol=1e-6)
    np.testing.assert_allclose(stats["balance"]["k"], 0.3 + 0.1 * balance, rtol=1e-6)
    np.testing.assert_allclose(logs["convergence"], 0.5 + balance, rtol=1e-6)
    np.testing.assert_allclose([logs["real_error"], logs["fake_error"]], [0.5, 0.2], rtol=1e-6)
    # Of |1 - s| - k |0.4 (1 - s)|: k is no parameter.
    np.testing.assert_allclose(gradient["discriminator"]["factor"], -1 + 0.3 * 0.4, rtol=1e-6)

    loss, _, stats, gradient = play(gan, "generator", state, batch)
    np.testing.assert_allclose(loss, 0.2, rtol=1e-6)
    np.testing.assert_allclose(gradient["generator"]["value"], 0.5, rtol=1e-6)
    assert stats["balance"]["k"] == np.float32(0.3)


@pytest.mark.parametrize(("made", "end"), [(0.0, 1.0), (4.0, 0.0)])
def test_began_keeps_k_between_0_and_1(made: float, end: float) -> None:
    gan = BEGAN(generator=Constant(made), discriminator=Times(0.5), gain=100.0)
    batch = {"image": jnp.ones((3, 2, 2, 1))}
    state = games.begin(gan, batch=batch)._replace(stats={"balance": {"k": jnp.array(0.5)}})
    assert play(gan, "discriminator", state, batch)[2]["balance"]["k"] == end


def test_began_refuses_what_is_no_autoencoder() -> None:
    batch = {"image": jnp.ones((3, 2, 2, 1))}
    judge = BEGAN(generator=Constant(0.0), discriminator=Judge())
    with pytest.raises(InputError, match=r"reconstructions, shape \(3, 2, 2, 1\); got \(3, 2, 2\)"):
        play(judge, "discriminator", games.begin(judge, batch=batch), batch)
    color = BEGAN(generator=Constant(0.0, channels=3), discriminator=Times(0.5))
    with pytest.raises(InputError, match=r"shape \(2, 2, 3\), but the data's are \(2, 2, 1\)"):
        play(color, "discriminator", games.begin(color, batch=batch), batch)


# CycleGAN


def cyclegan(**fields: Any) -> CycleGAN:
    """a to b doubles, b to a does nothing, both discriminators return their input."""
    return CycleGAN(Times(2.0), Times(1.0), Judge(), Judge(), **fields)


WHITE = {"a": jnp.ones((3, 2, 2, 1)), "b": jnp.ones((3, 2, 2, 1))}


def test_cyclegan_by_hand() -> None:
    gan = cyclegan(pool=4)
    state = games.begin(gan, batch=WHITE)
    loss, logs, _, gradient = play(gan, "discriminator", state, WHITE)
    # Domain a: real 1, made 1: (0 + 1) / 2. Domain b: real 1, made 2: (0 + 4) / 2.
    assert (loss, logs["a"], logs["b"]) == (2.5, 0.5, 2)
    assert set(gradient) == {"discriminator_a", "discriminator_b"}

    loss, logs, _, gradient = play(gan, "generator", state, WHITE)
    # Fooling: (1 - 1)^2 / 2 + (2 - 1)^2 / 2. There and back 2 for 1, both ways. b to b 2 for 1, a to a right.
    assert (logs["fooling"], logs["forward_cycle"], logs["backward_cycle"]) == (0.5, 1, 1)
    assert logs["identity"] == 1
    assert loss == 0.5 + 10 * 2 + 5 * 1
    assert set(gradient) == {"generator_ab", "generator_ba"}
    # d/dp of (p - 1)^2 / 2 + 10 (|p q - 1| + |p q - 1|) + 5 |p - 1| at p = 2, q = 1.
    assert gradient["generator_ab"]["factor"] == 1 + 20 + 5
    without = play(cyclegan(pool=4, identity=0.0), "generator", state, WHITE)
    assert without[0] == 0.5 + 10 * 2 and "identity" not in without[1]


@pytest.mark.parametrize(
    ("term", "ab", "ba"),
    [
        # Each generator fools by what it makes of the other domain: (2 - 1) 1 and (3 * 2 - 1) 2.
        ("adversarial", 1, 10),
        # Ways there and back move both, |3 * 2 - 1| by a = 1, and twice as much by b = 2.
        ("forward_cycle", 3, 2),
        ("backward_cycle", 6, 4),
        # What is there already: b = 2 for the one, a = 1 for the other.
        ("identity", 2, 1),
    ],
)
def test_which_generator_a_term_of_cyclegan_moves(term: str, ab: float, ba: float) -> None:
    """And no term but the first asks a discriminator: nothing is left of the loss without them."""
    terms = dict.fromkeys(("adversarial", "forward_cycle", "backward_cycle", "identity"), 0.0)
    gan = CycleGAN(Times(2.0), Times(3.0), Judge(), Judge(), pool=0, **{**terms, term: 1.0})
    batch = {"a": WHITE["a"], "b": 2 * WHITE["b"]}
    state = games.begin(gan, batch=batch)
    loss, _, _, gradient = play(gan, "generator", state, batch)
    moved = {name: float(tree["factor"]) for name, tree in gradient.items()}
    assert moved == {"generator_ab": ab, "generator_ba": ba}
    other = {
        name: jax.tree.map(lambda x: x + 1, tree) for name, tree in state.params.items() if "disc" in name
    }
    elsewhere = state._replace(params={**state.params, **other})
    assert (play(gan, "generator", elsewhere, batch)[0] != loss) == (term == "adversarial")


def test_cyclegan_samples_go_there_and_back() -> None:
    gan = cyclegan()
    batch = {"a": WHITE["a"], "b": 3 * WHITE["b"]}
    made = sample(gan, games.begin(gan, batch=batch), batch, KEY)
    pixels = {name: float(images[0, 0, 0, 0]) for name, images in made.items()}
    assert pixels == {"a": 1, "a to b": 2, "a to b to a": 2, "b": 3, "b to a": 3, "b to a to b": 6}
    assert list(jax.jit(dict)(made)) == list(pixels), "a picture's columns keep their order"
    for source, target in gan.directions.items():
        alone = call_averaged(gan, games.begin(gan, batch=batch), KEY, "translate", batch, source)
        np.testing.assert_array_equal(alone, made[f"{source} to {target}"])


def test_cyclegan_refuses_data_without_domains() -> None:
    with pytest.raises(InputError, match=r"images 'a' and 'b'; the data has \['image'\].*layout halves"):
        games.begin(cyclegan(), batch={"image": WHITE["a"]})


def test_cyclegan_refuses_domains_that_do_not_fit() -> None:
    gan = cyclegan()
    batch = {"a": WHITE["a"], "b": jnp.ones((3, 4, 4, 1))}
    with pytest.raises(InputError, match=r"examples of shape \(4, 4, 1\), but the data's are \(2, 2, 1\)"):
        play(gan, "discriminator", games.begin(gan, batch=batch), batch)


def test_only_the_discriminators_move_changes_the_pool() -> None:
    gan = cyclegan(pool=4)
    state = games.begin(gan, batch=WHITE)
    empty = {"count": 0, "images": np.zeros((4, 2, 2, 1))}
    chex.assert_trees_all_equal(state.stats, {"pool": {"pool_a": empty, "pool_b": empty}})
    chex.assert_trees_all_equal(play(gan, "generator", state, WHITE)[2], state.stats)
    sample(gan, state, WHITE, KEY)  # would raise if it wrote
    after = play(gan, "discriminator", state, WHITE)[2]["pool"]
    for name, pixel in (("pool_a", 1), ("pool_b", 2)):
        assert after[name]["count"] == 3
        np.testing.assert_array_equal(after[name]["images"][:3], np.full((3, 2, 2, 1), pixel))
        np.testing.assert_array_equal(after[name]["images"][3], np.zeros((2, 2, 1)))


# The pool alone.


def exchange(capacity: int, images: Array, pool: Any = None, key: Array = KEY) -> tuple[np.ndarray, Any]:
    """What the pool gives for images, and the pool after."""
    module = ImagePool(capacity)
    if pool is None:
        pool = module.init({PLAY: key}, images).get("pool", {})
    out, after = module.apply({"pool": pool}, images, rngs={PLAY: key}, mutable=["pool"])
    return np.array(out), after.get("pool", {})


def numbered(start: int, stop: int) -> Array:
    """Images that are their number."""
    return jnp.arange(start, stop, dtype=jnp.float32).reshape(-1, 1, 1, 1)


def test_a_pool_fills_first() -> None:
    out, pool = exchange(5, numbered(1, 4))
    np.testing.assert_array_equal(out, numbered(1, 4))
    np.testing.assert_array_equal(pool["images"].reshape(-1), [1, 2, 3, 0, 0])
    assert pool["count"] == 3
    out, pool = exchange(5, numbered(4, 6), pool)
    np.testing.assert_array_equal(out, numbered(4, 6))
    np.testing.assert_array_equal(pool["images"].reshape(-1), [1, 2, 3, 4, 5])


def test_a_full_pool_gives_an_older_image_half_of_the_time() -> None:
    out, pool = exchange(50, numbered(0, 2050))
    given = out.reshape(-1)[50:]
    older = given != np.arange(50, 2050)
    assert abs(older.mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)
    assert np.all(given[older] < np.arange(50, 2050)[older])
    # Nothing is lost or given twice, but for the first 50, which were given and kept.
    seen = np.concatenate([out.reshape(-1), np.array(pool["images"]).reshape(-1)])
    np.testing.assert_array_equal(np.sort(seen), np.sort([*range(2050), *range(50)]))
    assert pool["count"] == 50


def test_every_place_of_a_pool_is_exchanged() -> None:
    _, full = exchange(8, numbered(0, 8))
    _, later = exchange(8, numbered(8, 208), full)
    assert np.all(np.array(later["images"]) >= 8)  # a place is left alone with probability (15/16)^200


def test_a_pool_depends_on_its_key_alone() -> None:
    out, pool = exchange(5, numbered(0, 50))
    again, same = exchange(5, numbered(0, 50))
    np.testing.assert_array_equal(out, again)
    chex.assert_trees_all_equal(pool, same)
    other, _ = exchange(5, numbered(0, 50), key=jax.random.key(3))
    assert np.any(other != out)


def test_a_pool_of_none_gives_everything_back() -> None:
    out, pool = exchange(0, numbered(0, 5))
    np.testing.assert_array_equal(out, numbered(0, 5))
    assert pool == {}


# Latents


def test_latents() -> None:
    normal = np.array(Latents(50).draw(KEY, 2000))
    assert normal.shape == (2000, 50)
    assert abs(normal.mean()) < 4 / np.sqrt(1e5) and abs(normal.std() - 1) < 4 / np.sqrt(2e5)
    uniform = np.array(Latents(50, "uniform", bound=3**0.5).draw(KEY, 2000))
    assert np.abs(uniform).max() <= 3**0.5 < np.abs(uniform).max() + 0.01
    assert abs(uniform.mean()) < 4 / np.sqrt(1e5) and abs(uniform.std() - 1) < 4 / np.sqrt(2e5)
