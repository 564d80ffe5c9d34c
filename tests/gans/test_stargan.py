"""StarGAN's losses by hand, what its networks are told of several sets of labels, and what is refused."""

from types import SimpleNamespace
from typing import Any, cast

import flax.linen as nn
import games
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from games import play
from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.data import Source
from gaxjax.errors import InputError
from gaxjax.game import call_averaged, sample
from gaxjax.gans import LabelSet, StarGAN
from gaxjax.gans.label_sets import classify, with_mask
from gaxjax.gans.target_labels import aim_at_each, permute
from gaxjax.layers.conditioning import Concatenated, Head
from gaxjax.networks.stargan import Discriminator
from gaxjax.networks.translation import ResidualGenerator
from gaxjax.objectives import Wasserstein
from gaxjax.runs.inventory import check_every_domain

KEY = jax.random.key(2)
BOTH = (LabelSet(2, exclusive=False), LabelSet(3))
"""Two attributes of the one set of data, three classes of the other."""
OF_FIRST, OF_SECOND = [1.0, 0.0, -1.0, -1.0, -1.0], [-1.0, -1.0, 0.0, 0.0, 1.0]


class Brush(nn.Module):
    """Images plus a parameter times what they are told, weighed 1, 2, 3, ..."""

    @nn.compact
    def __call__(self, x: Array, condition: Array) -> Array:
        value = self.param("value", lambda key: jnp.array(0.1))
        told = condition @ jnp.arange(1.0, condition.shape[1] + 1)
        return x + value * told[:, None, None, None]


class Reader(nn.Module):
    """A logit for each pixel, a parameter times it; and of classes the mean pixel times 1, 2, 3, ..."""

    classes: int

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        logit, head = (self.param(name, lambda key: jnp.array(2.0)) for name in ("logit", "head"))
        means = jnp.mean(x, axis=(1, 2, 3))[:, None]
        classes = head * means * jnp.arange(1.0, self.classes + 1)[None]
        return {"logits": logit * x[..., 0], "classes": classes}


def stargan(sets: tuple[LabelSet, ...] = BOTH, **fields: Any) -> StarGAN:
    count = sum(each.count for each in sets)
    return StarGAN(Brush(), Reader(count), sets, Adversary(Wasserstein()), **fields)


def gray(*values: float) -> Array:
    return jnp.asarray(values)[:, None, None, None] * jnp.ones((1, 2, 2, 1))


@pytest.mark.usefixtures("float64")
def test_losses_by_hand() -> None:
    """Of an image of each set: either is the only one of its kind, and is told its own labels as a target."""
    batch = {"image": gray(0.5, -0.25), "attributes": jnp.array([OF_FIRST, OF_SECOND])}
    gan = stargan(weight=3.0)
    state = games.begin(gan, batch=batch)
    real = np.array([0.5, -0.25])
    # Told [1, 0, 0, 0, 0, mask 1, 0] and [0, 0, 0, 0, 1, mask 0, 1]: 1 + 6 and 5 + 7.
    told = np.array([7, 12])

    def classes(pixels: np.ndarray, head: float = 2.0) -> float:
        """BCE of the first image's attributes, summed, and cross-entropy of the second one's class."""
        first, second = head * pixels[0] * np.array([1, 2]), head * pixels[1] * np.array([3, 4, 5])
        binary = np.log1p(np.exp(-first[0])) + np.log1p(np.exp(first[1]))
        return float(binary + np.log(np.sum(np.exp(second))) - second[2])

    def fooling(value: float) -> float:
        # There and back: what was added is added again.
        fake, back = real + value * told, 2 * value * told.mean()
        return float(-2 * fake.mean() + 3 * classes(fake) + 10 * back)

    def slope(function: Any, x: float) -> float:
        return float(function(x + 1e-5) - function(x - 1e-5)) / 2e-5

    loss, logs, _, gradient = play(gan, "discriminator", state, batch)
    difference = np.mean(0.1 * told)
    np.testing.assert_allclose(logs["real_class"], classes(real), rtol=1e-12)
    np.testing.assert_allclose(loss, 2 * difference + 3 * classes(real), rtol=1e-12)
    # The head learns of real images alone, and the logits of both.
    critic = gradient.pop("discriminator")
    np.testing.assert_allclose(critic["logit"], difference, rtol=1e-12)
    np.testing.assert_allclose(critic["head"], slope(lambda head: 3 * classes(real, head), 2.0), rtol=1e-8)
    assert not gradient

    loss, logs, _, gradient = play(gan, "generator", state, batch)
    np.testing.assert_allclose(logs["fake_class"], classes(real + 0.1 * told), rtol=1e-12)
    np.testing.assert_allclose(logs["reconstruction"], 2 * difference, rtol=1e-12)
    np.testing.assert_allclose(loss, fooling(0.1), rtol=1e-12)
    np.testing.assert_allclose(gradient.pop("generator")["value"], slope(fooling, 0.1), rtol=1e-8)
    assert not gradient


def test_labels_are_a_set_of_one() -> None:
    """One-hot, without a mask; translated to each number, to the batch's label, and there and back."""
    gan = stargan((LabelSet(3),))
    batch = {"image": gray(0.0, 0.5), "label": jnp.array([2, 2])}
    state = games.begin(gan, batch=batch)
    other = batch | {"label": jnp.array([0, 1])}
    names = []

    def draw(state: Any) -> Any:
        made = sample(gan, state, batch, KEY)
        names.extend(made)
        return made, call_averaged(gan, state, KEY, "translate", other)

    made, translated = quick.run(draw, state)
    assert list(made) == names, "a picture's columns keep their order"
    pixels = {name: [round(float(x[0, 0, 0]), 4) for x in images] for name, images in made.items()}
    domains = {f"image to {number}": [0.1 * number + 0.1, 0.1 * number + 0.6] for number in range(3)}
    twice = {"image to image": [0.3, 0.8], "image to image to image": [0.6, 1.1]}
    assert pixels == {"image": [0, 0.5], **{k: np.round(v, 4).tolist() for k, v in domains.items()}, **twice}
    assert gan.condition_of(batch) is batch["label"], "class_accuracy is of the class that is asked for"
    np.testing.assert_allclose(translated, gray(0.1, 0.7), rtol=1e-6)
    assert gan.directions == {"image": "image"}


def test_targets_are_the_labels_of_others_of_the_same_sets() -> None:
    labels = np.array([OF_FIRST, *[[-1, -1, *row] for row in np.eye(3)]] * 3)
    labels[0, 0] = 0
    drawn = jax.jit(lambda key, labels: permute(key, labels, BOTH))
    targets, others = (np.asarray(drawn(key, labels)) for key in (KEY, jax.random.key(3)))
    np.testing.assert_array_equal(targets < 0, labels < 0)
    assert sorted(targets.tolist()) == sorted(labels.tolist())
    assert not np.array_equal(targets, labels) and not np.array_equal(targets, others)


def test_what_a_generator_is_told() -> None:
    labels = jnp.array([OF_FIRST, OF_SECOND, [1.0, -1.0, 0.0, 1.0, 0.0]])
    told, aims, nothing = quick.run(
        lambda labels: (
            with_mask(labels, BOTH),
            aim_at_each(labels, BOTH),
            classify(labels, jnp.full_like(labels, -1), BOTH),
        ),
        labels,
    )
    # What is known of a set in part is not known.
    assert told.tolist() == [[1, 0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 1, 0, 1], [0, 0, 0, 1, 0, 0, 1]]
    # An attribute is turned, a class takes the place of another, and the other set is not known.
    of_first = aims[jnp.array([0, 1, 4]), 0].tolist()
    assert of_first == [[0, 0, -1, -1, -1], [1, 1, -1, -1, -1], [-1, -1, 0, 0, 1]]
    assert aims.shape == (5, 3, 5)
    assert nothing == 0, "of no labels there is nothing to learn"


def test_zeros_around_label_maps_tell_the_labels() -> None:
    """A map that is mirrored gives the same all over, which instance norm takes away."""
    x, labels = jnp.repeat(jax.random.normal(KEY, (1, 8, 8, 3)), 2, axis=0), jnp.eye(2)
    networks = [
        Concatenated(ResidualGenerator(3, features=2, blocks=0, kernel=4, padding=padding))
        for padding in ("same", "reflect")
    ]

    def differences() -> list[Array]:
        made = [network.init_with_output(KEY, x, labels)[0] for network in networks]
        return [jnp.max(jnp.abs(first - second)) for first, second in made]

    zeros, mirrored = quick.run(differences)
    assert zeros > 1e-2 and mirrored < 1e-4


def test_networks_are_the_authors() -> None:
    """At 128 px with five attributes; a bias of the head more, and one of the generator's last layer."""
    discriminator = Head(Discriminator(), "classes", 5)
    generator = Concatenated(ResidualGenerator(kernel=4, padding="same", norm="scaled_instance", bias=False))
    image, domain = jnp.zeros((1, 128, 128, 3)), jnp.zeros((1, 5))
    outputs, critic = jax.eval_shape(lambda: discriminator.init_with_output(KEY, image))
    assert outputs["logits"].shape == (1, 2, 2) and outputs["classes"].shape == (1, 5)
    painter = jax.eval_shape(lambda: generator.init(KEY, image, domain))
    sizes = [sum(x.size for x in jax.tree.leaves(tree)) for tree in (painter, critic)]
    assert sizes == [8_430_528 + 3, 44_702_656 + 3 * 3 * 2048 + 2 * 2 * 2048 * 5 + 5]


IMAGE = {"image": gray(0.0, 0.5)}


@pytest.mark.parametrize(
    ("sets", "batch", "message"),
    [
        (BOTH, {"label": jnp.array([0, 1])}, r"one label an image, and sets are of 2 and 3.*LabelSet\(5\)"),
        ((LabelSet(3, exclusive=False),), {"label": jnp.array([0, 1])}, "one label an image"),
        (BOTH, {"attributes": jnp.zeros((2, 4))}, "have 4 attributes, and sets are of 2 and 3: choose"),
        (BOTH, {}, r"condition is 'label', which needs data with it; the data has \['image'\]"),
        ((), {"label": jnp.array([0, 1])}, r"say what the labels are, such as sets=\(LabelSet\(6\),\)"),
    ],
)
def test_labels_that_do_not_fit(sets: Any, batch: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        games.begin(stargan(sets), batch=IMAGE | batch)


def test_networks_and_sets_that_do_not_fit() -> None:
    gan = StarGAN(Brush(), Reader(4), (LabelSet(3),), Adversary(Wasserstein()))
    batch = IMAGE | {"label": jnp.array([0, 1])}
    with pytest.raises(InputError, match=r"classes have shape \(2, 4\), .* give its Head the size 3"):
        play(gan, "discriminator", games.begin(gan, batch=batch), batch)
    for exclusive, least in ((True, "two or more"), (False, "one or more")):
        with pytest.raises(InputError, match=least):
            LabelSet(int(exclusive), exclusive)


def test_domains_that_no_image_has() -> None:
    few = cast(Source, SimpleNamespace(attributes={}, classes=2, class_names=("dark", "light")))
    with pytest.raises(InputError, match=r"into 3 domains, .* of 2 classes, dark, light: no image is of the"):
        check_every_domain(stargan((LabelSet(3),)), few)
    check_every_domain(stargan((LabelSet(2),)), few)
    none_bald = cast(Source, SimpleNamespace(attributes={"Male": 2, "Bald": 0}))
    with pytest.raises(InputError, match="no image has Bald: leave it out of attributes"):
        check_every_domain(stargan((LabelSet(2, exclusive=False),)), none_bald)
