"""What metrics see of a game behind its images: the spaces of its latents, and paths through them."""

import functools
from collections.abc import Set
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.data import normalize
from gaxjax.errors import InputError
from gaxjax.features import Features
from gaxjax.game import GAN, Batch, State, ask
from gaxjax.generators.truncation import styled
from gaxjax.metrics.path_length import Images, PerPath, Space, face, lengths, lerp, shrunk, slerp

PIXELS = 2**21
"""Of the images that are looked behind at a time, all devices together: 32 of 256 x 256."""


def spaces(gan: GAN, state: State, batch: Batch) -> dict[str, Space]:
    """z, and w of games that map latents to styles, of as many points as the batch has examples.

    The game needs the methods sample_latents(batch) and generate(latents, condition); with
    map_latents(latents, condition), broadcast_styles(w) and synthesize(styles) it has w.

    InputError for a game that has no latents.
    """
    if not hasattr(gan, "sample_latents") or not hasattr(gan, "generate"):
        raise InputError(
            f"{type(gan).__name__} has no latents to look behind: it needs the methods sample_latents(batch) "
            "and generate(latents, condition)"
        )
    condition = gan.condition_of(batch)

    def sample_latents(key: Array) -> Array:
        return ask(gan, state, key, "sample_latents", batch)

    def generate(z: Array, key: Array) -> Array:
        return ask(gan, state, key, "generate", z, condition)

    found = {"z": Space(sample_latents, slerp, generate)}
    if styled(gan):

        def sample_w(key: Array) -> Array:
            return ask(gan, state, key, "map_latents", sample_latents(key), condition)

        def synthesize(w: Array, key: Array) -> Array:
            return ask(gan, state, key, "synthesize", ask(gan, state, key, "broadcast_styles", w))

        found["w"] = Space(sample_w, lerp, synthesize)
    return found


@dataclass(frozen=True, eq=False)
class Behind:
    """What is asked of a game, and the features that its images are seen by."""

    distance: Features | None
    """whose squared distance paths are measured by; None: no paths"""
    classifier: Features | None
    """whose classes are the attributes of points of the spaces; None: no points"""
    crop: bool
    """whether paths are of the part of a face alone"""
    seed: int
    """of the latents"""

    @property
    def params(self) -> dict[str, Any]:
        """Of the features."""
        here = {"distance": self.distance, "classifier": self.classifier}
        return {name: f.params for name, f in here.items() if f}

    def __call__(self, gan: GAN, held: tuple[State, Any], batch: Batch, number: Any) -> dict[str, Array]:
        """Arrays over the examples of a batch, by name, given the state and `params`.

        By the distance: lengths of paths, "ppl_<space>_<full or end>". With the classifier: the same examples
        as points of each space, "<space>", and its logits of their images, "classes".
        """
        state, params = held
        found: dict[str, Array] = {}
        key = jax.random.fold_in(jax.random.key(self.seed), number)
        places = spaces(gan, state, normalize(batch))
        if self.distance:
            for place, (name, space) in enumerate(places.items()):
                measure = functools.partial(self.lengths, space, params["distance"])
                keys = jax.random.split(jax.random.fold_in(key, place))
                # One after the other, as a loop: it is compiled once, and holds the memory of one.
                full, end = jax.lax.map(measure, (keys, jnp.array([True, False])))
                found |= {f"ppl_{name}_full": full, f"ppl_{name}_end": end}
        if self.classifier:
            draw, noise = jax.random.split(jax.random.fold_in(key, len(places)))
            found |= {name: space.draw(draw) for name, space in places.items()}
            name, space = list(places.items())[-1]
            images = space.images(found[name], noise)
            found["classes"] = self.classifier.apply(params["classifier"], images, ("logits",))["logits"]
        return found

    def lengths(self, space: Space, params: Any, at: tuple[Array, Array]) -> PerPath:
        """Of new paths, given a key and whether they are measured anywhere or at their start."""
        assert self.distance is not None
        apply, level = self.distance.apply, self.distance.level

        def seen(images: Images) -> Array:
            return apply(params, shrunk(face(images) if self.crop else images), (level,))[level]

        return lengths(space, lambda a, b: jnp.sum((seen(a) - seen(b)) ** 2, axis=1), *at)

    def kept(self, gan: GAN, state: Any, batch: Any) -> Set[str]:
        """The names of what is found, given shapes alone; InputError for a game that cannot be asked."""
        return set(jax.eval_shape(functools.partial(self, gan), (state, self.params), batch, 0))
