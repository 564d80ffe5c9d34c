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

    def __init__(
        self,
        run: Path | str,
        direction: str = "",
        domains: Sequence[str] = (),
        resize: bool = False,
        best: bool = False,
    ):
        """direction: such as "a-to-b". domains: names, numbers or attributes; none: all, where there are any.
        resize: whether images are brought to the size that was learned, as the run's data were.

        InputError for a game that does not translate so.
        """
        run = as_path(run)
        self.recipe, self.gan, self.state = runs.open_first_seed(run, best)
        self.source, self.target = choose_direction(self.gan, direction)
        spec = examples.read_shapes(run, self.recipe)[0]
        self.multiple, self.shape = find_sizes(self.gan)
        # What cannot be padded, since it takes one size alone, is brought to that.
        self.resize = resize or bool(self.shape)
        self.learned_shape = self.shape or spec[self.source].shape
        self.target_shape = spec.get(self.target, spec[self.source]).shape
        # Of shapes alone, so that all that can be refused is refused before anything is compiled.
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

    def read_pixels(self, picture: Image.Image) -> tuple[np.ndarray, str]:
        """The pixels [H, W, C] that are translated, and what is done to their size; empty: nothing."""
        pixels = self.fit(picture, self.learned_shape)
        if self.resize:
            # Pillow has (width, height), and shapes (height, width, channels).
            is_fitting = picture.size == self.learned_shape[1::-1]
            return pixels, "" if is_fitting else f"resized to {describe(self.learned_shape)}"
        height, width = (side + -side % self.multiple for side in pixels.shape[:2])
        if (height, width) == pixels.shape[:2]:
            return pixels, ""
        return pixels, f"padded to {width}x{height} by reflection and cropped back"

    def fit(self, picture: Image.Image, shape: tuple[int, ...]) -> np.ndarray:
        """Pixels [H, W, C]: of the shape, as training's were, or only with as many channels."""
        if self.resize:
            return fit_pixels(picture, shape, self.recipe.data.fit, self.recipe.data.filter)
        return np.asarray(with_channels(picture, shape[2])).reshape(picture.height, picture.width, shape[2])

    def describe_direction(self) -> str:
        """From what into what, and at which size it was learned: it may be at any."""
        return f"{self.source} to {self.target}, as learned at {describe(self.learned_shape)}"

    def describe_fits(self, count: int) -> list[str]:
        """What was done to so many images, whose sizes the networks do not take; nothing to say of none."""
        if not count:
            return []
        if self.resize:
            why = ", which is all that the networks take" if self.shape else ""
            return [f"{count} of them resized to {describe(self.learned_shape)}{why}"]
        return [f"{count} of them padded by reflection to multiples of {self.multiple}, and cropped back"]

    def __call__(self, pixels: np.ndarray, domain: Domain, seed: int = 0, number: int = 0) -> np.ndarray:
        """A translation, uint8 [H, W, C], of pixels [H, W, C].

        What is random is of the seed and the number: the same for every image, so that outputs compare.
        """
        height, width = pixels.shape[:2]
        pads = [(0, -side % self.multiple) for side in (height, width)]
        # By NumPy, which reflects again and again where an image is smaller than what is added.
        padded = np.pad(pixels, [*pads, (0, 0)], "reflect")
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


def describe(shape: Sequence[int]) -> str:
    """Width and height of [H, W, C], for a message."""
    return f"{shape[1]}x{shape[0]}"
