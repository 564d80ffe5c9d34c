"""Metrics of a game's latents: the spaces that they lie in, and paths through them."""

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.data import normalize
from gaxjax.errors import InputError
from gaxjax.features import Features
from gaxjax.game import GAN, Batch, State, call_averaged
from gaxjax.generators.truncation import has_styles
from gaxjax.metrics.path_length import Images, PerPath, Space, crop_face, lengths, lerp, shrink, slerp

PIXELS = 2**21
"""Of the images that paths are measured by at a time, all devices together: 32 of 256 x 256."""


def latent_spaces(gan: GAN, state: State, batch: Batch) -> dict[str, Space]:
    """z, and w of games that map latents to styles, of as many points as the batch has examples.

    The game needs the methods sample_latents(batch) and generate(latents, condition); with
    map_latents(latents, condition), broadcast_styles(w) and synthesize(styles) it has w.

    InputError for a game that has no latents.
    """
    if not hasattr(gan, "sample_latents") or not hasattr(gan, "generate"):
        raise InputError(
            f"{type(gan).__name__} has no latents to measure: it needs the methods sample_latents(batch) "
            "and generate(latents, condition)"
        )
    # The condition of real examples: labels come in the data's proportions.
    condition = gan.condition_of(batch)

    def sample_latents(key: Array) -> Array:
        return call_averaged(gan, state, key, "sample_latents", batch)

    def generate(z: Array, key: Array) -> Array:
        return call_averaged(gan, state, key, "generate", z, condition)

    # z between two normal latents goes along the sphere that they lie near; w has no such shape and goes
    # straight (Karras et al. 2019, section 4.1).
    spaces = {"z": Space(sample_latents, slerp, generate)}
    if has_styles(gan):

        def sample_w(key: Array) -> Array:
            return call_averaged(gan, state, key, "map_latents", sample_latents(key), condition)

        # Without truncation: paths and points are of what the game maps latents to itself.
        def synthesize(w: Array, key: Array) -> Array:
            return call_averaged(
                gan, state, key, "synthesize", call_averaged(gan, state, key, "broadcast_styles", w)
            )

        spaces["w"] = Space(sample_w, lerp, synthesize)
    return spaces


@dataclass(frozen=True, eq=False)
class LatentSpaceMetrics:
    """What is asked of a game, and the features that its images are seen by."""

    distance: Features | None
    """whose squared distance paths are measured by; None: no paths"""
    classifier: Features | None
    """whose classes are the attributes of points of the spaces; None: no points"""
    crop: bool
    """whether paths are of the part of a face alone"""
    seed: int
    """of the latents"""

    of: ClassVar = "latents"
    of_real: ClassVar = False

    @property
    def params(self) -> dict[str, Any]:
        """Of the features."""
        here = {"distance": self.distance, "classifier": self.classifier}
        return {name: f.params for name, f in here.items() if f}

    def __call__(self, gan: GAN, held: tuple[State, Any], batch: Batch, number: Any) -> dict[str, Array]:
        """Arrays over the examples of a batch, by name, given the state and `params`.

        By the distance: lengths of paths, "ppl_<space>_<full or end>". With the classifier: the same examples
        as points of each space, "<space>", and its logits of their images, "class_logits".
        """
        state, params = held
        arrays: dict[str, Array] = {}
        key = jax.random.fold_in(jax.random.key(self.seed), number)
        spaces = latent_spaces(gan, state, normalize(batch))
        if self.distance:
            for index, (name, space) in enumerate(spaces.items()):
                measure = functools.partial(self.measure_paths, space, params["distance"])
                # Other paths in each space, and others for full and end: no number is correlated with
                # another.
                keys = jax.random.split(jax.random.fold_in(key, index))
                # One after the other, as a loop: it is compiled once, and holds the memory of one.
                full, end = jax.lax.map(measure, (keys, jnp.array([True, False])))
                arrays |= {f"ppl_{name}_full": full, f"ppl_{name}_end": end}
        if self.classifier:
            draw, noise = jax.random.split(jax.random.fold_in(key, len(spaces)))
            # One key for all spaces: the w are then those of the same z, and one set of images, made of the
            # last space's points, gives the classes of both.
            arrays |= {name: space.draw(draw) for name, space in spaces.items()}
            name, space = list(spaces.items())[-1]
            images = space.images(arrays[name], noise)
            arrays["class_logits"] = self.classifier.apply(params["classifier"], images, ("logits",))[
                "logits"
            ]
        return arrays

    def measure_paths(self, space: Space, params: Any, at: tuple[Array, Array]) -> PerPath:
        """Of new paths, given a key and whether they are measured anywhere or at their start."""
        assert self.distance is not None
        apply, level = self.distance.apply, self.distance.level

        def extract(images: Images) -> Array:
            return apply(params, shrink(crop_face(images) if self.crop else images), (level,))[level]

        return lengths(space, lambda a, b: jnp.sum((extract(a) - extract(b)) ** 2, axis=1), *at)
