"""A run's checkpoint as a function from images of any size to images of another domain."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

import flax.linen as nn
import jax
import numpy as np
from jax import Array
from PIL import Image

from gaxjax import runs
from gaxjax.data import normalize
from gaxjax.data.images import fit_pixels, with_channels
from gaxjax.errors import InputError
from gaxjax.files.places import as_path
from gaxjax.game import GAN, Batch, call_averaged
from gaxjax.generators.domains import Domain, choose_domains
from gaxjax.layers.modules import submodules
from gaxjax.parallel.seeds import Seeds
from gaxjax.pictures.images import to_uint8
from gaxjax.runs import examples


class Translates(Protocol):
    """What a game has that translates images."""

    directions: ClassVar[dict[str, str]]
    """what it translates -> into what, by names of a batch's images; the first is meant unless told"""

    def translate(self, batch: Batch, source: str = "a") -> Array:
        """Images [B, H, W, C] of `batch[source]`; what is random comes of `make_rng(PLAY)`."""


class Translator:
    """A game that was trained, asked for translations of single images.

    Each is translated alone, by one program for each size: what comes of it depends on no other.
    """

    def __init__(self, run: Path | str, direction: str = "", domains: Sequence[str] = (), best: bool = False):
        """direction: such as "a-to-b". domains: names, numbers or attributes; none: all, where there are any.

        InputError for a game that does not translate so.
        """
        run = as_path(run)
        self.recipe, self.gan, states = runs.open(run, best)
        # Of several seeds the first; only what makes images stays on the device.
        self.state = Seeds(self.recipe.seed, self.recipe.seeds).select(states)._replace(optimizers={})
        self.source, self.target = choose_direction(self.gan, direction)
        spec = examples.read_shapes(run, self.recipe)[0]
        self.trained = spec[self.source].shape
        self.multiple, self.shape = find_sizes(self.gan)
        needs = self.trace_needs(spec)
        self.is_random = "key" in needs
        self.domains = choose_domains(self.gan, run, spec, needs, domains)
        self.program = jax.jit(self.translate_batch)

    def translate_batch(self, state: Any, batch: Any, key: Array) -> Array:
        """Translations of a batch whose images are uint8."""
        images: Array = call_averaged(self.gan, state, key, "translate", normalize(batch), self.source)
        return images

    def trace_needs(self, spec: Any) -> set[str]:
        """What a translation depends on: names of a batch, and "key" where something is random."""
        batch = {name: jax.ShapeDtypeStruct((1, *x.shape), x.dtype) for name, x in spec.items()}
        key = jax.eval_shape(lambda: jax.random.key(0))

        def translate(inputs: Any, state: Any) -> Array:
            batch = {name: x for name, x in inputs.items() if name != "key"}
            return self.translate_batch(state, batch, inputs["key"])

        return examples.needed_names(translate, {**batch, "key": key}, self.state)

    def read(self, picture: Image.Image) -> tuple[np.ndarray, str]:
        """The pixels [H, W, C] that are translated, and what is done to their size; empty: nothing."""
        if self.shape and picture.size != (self.shape[1], self.shape[0]):
            shape = (*self.shape[:2], self.trained[2])
            pixels = fit_pixels(picture, shape, "resize", self.recipe.data.filter)
            return pixels, "resized to {}x{}".format(*reversed(self.shape[:2]))
        pixels = pixels_of_picture(picture, self.trained[2])
        height, width = (side + -side % self.multiple for side in pixels.shape[:2])
        if (height, width) == pixels.shape[:2]:
            return pixels, ""
        return pixels, f"padded to {width}x{height} by reflection and cropped back"

    def describe_direction(self) -> str:
        """From what into what, and at which size it was learned: it may be at any."""
        size = "{}x{}".format(*reversed(self.trained[:2]))
        return f"{self.source} to {self.target}, as learned at {size}"

    def describe_fits(self, count: int) -> list[str]:
        """What was done to so many images, whose sizes the networks do not take; nothing to say of none."""
        if not count:
            return []
        if self.shape:
            size = "{}x{}".format(*reversed(self.shape[:2]))
            return [f"{count} of them resized to {size}, which is all that the networks take"]
        return [f"{count} of them padded by reflection to multiples of {self.multiple}, and cropped back"]

    def __call__(self, pixels: np.ndarray, domain: Domain, seed: int = 0, number: int = 0) -> np.ndarray:
        """A translation, uint8 [H, W, C], of pixels [H, W, C].

        What is random is of the seed and the number: the same for every image, so that outputs compare.
        """
        height, width = pixels.shape[:2]
        added = [(0, -side % self.multiple) for side in (height, width)]
        # By NumPy, which reflects again and again where an image is smaller than what is added.
        padded = np.pad(pixels, [*added, (0, 0)], "reflect")
        key = jax.random.fold_in(jax.random.key(seed), number)
        image = to_uint8(self.program(self.state, {self.source: padded[None], **domain.batch}, key)[0])
        # Networks may enlarge: as many times as they do, what was added is cut off.
        scale = image.shape[0] // padded.shape[0]
        return image[: height * scale, : width * scale]


def choose_direction(gan: GAN, text: str) -> tuple[str, str]:
    """(source, target) of "a-to-b"; empty: the game's first. InputError for one that it has not."""
    if not getattr(gan, "directions", None) or not hasattr(gan, "translate"):
        raise InputError(
            f"{type(gan).__name__} translates no images: this takes a run of a game that does, "
            "such as CycleGAN's"
        )
    directions = {
        f"{source}-to-{target}": (source, target)
        for source, target in cast(Translates, gan).directions.items()
    }
    if text and text not in directions:
        raise InputError(f"--direction {text}: {type(gan).__name__} translates {', '.join(directions)} alone")
    return directions[text or next(iter(directions))]


def find_sizes(gan: GAN) -> tuple[int, tuple[int, ...]]:
    """What sides have to be a multiple of, and the only shape, if there is but one, that networks take."""

    def walk(module: nn.Module) -> Iterator[nn.Module]:
        yield module
        for part in submodules(module).values():
            yield from walk(part)

    networks = submodules(gan)
    # Those that samples are made by; a discriminator's sizes are of no matter here.
    makers = [part for name in gan.averaged or networks for part in walk(networks[name])]
    shapes = [tuple(part.shape) for part in makers if getattr(part, "shape", ())]
    return math.lcm(*(getattr(part, "size_multiple", 1) for part in makers)), shapes[0] if shapes else ()


def pixels_of_picture(picture: Image.Image, channels: int) -> np.ndarray:
    """Pixels as they are, [H, W, C]."""
    return np.asarray(with_channels(picture, channels)).reshape(picture.height, picture.width, channels)
