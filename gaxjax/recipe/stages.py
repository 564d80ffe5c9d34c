"""Parts of a run, each with a game, a batch size and a compiled program of its own; growing as such parts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import jax

from gaxjax import solvers
from gaxjax.errors import InputError
from gaxjax.game import GAN, Batch
from gaxjax.recipe.optimizers import Optimizer

BySide = tuple[tuple[int, float], ...]
"""(side, value): from images of that side on."""


@dataclass(frozen=True)
class Stage:
    """A part of a run with one game, one batch size and one compiled program."""

    gan: GAN
    """what is played"""
    batch_size: int
    """examples of a minibatch, over all devices"""
    kimg: float
    """length, in thousands of real images that the first player sees"""
    optimizers: dict[str, Optimizer]
    """player -> how it moves"""
    shape: tuple[int, ...] = ()
    """of the images that are played with, means of squares of the data's pixels; empty: as the data are"""

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size must be at least 1; got {self.batch_size}")
        if not 0 < self.kimg < math.inf:
            raise InputError(f"kimg, the length in thousands of images, must be positive; got {self.kimg}")
        solvers.check_players(self.gan, self.optimizers)

    @property
    def updates(self) -> dict[str, int]:
        """Player -> its moves in a step, in order of play."""
        return {player: self.optimizers[player].updates for player in self.gan.players}

    @property
    def images_per_step(self) -> int:
        """Real images that a step counts."""
        return solvers.examples_per_step(self.gan, self.updates, self.batch_size)

    @property
    def steps(self) -> int:
        """Length in steps."""
        # Rounded up: at least as many images as were asked for.
        return math.ceil(self.kimg * 1000 / self.images_per_step)

    def spec(self, data: Batch) -> Batch:
        """Shapes and types of one example as it is played with, for data of such examples."""
        if not self.shape:
            return data
        return {
            name: jax.ShapeDtypeStruct(self.shape, x.dtype) if len(x.shape) == 3 else x
            for name, x in data.items()
        }


def images_at_step(stages: Sequence[Stage], step: int) -> int:
    """Real images that the first player has seen by a step of the run.

    Counted here, and not by the devices: their 32 bits end at 2,147,484 kimg.
    """
    images = first = 0
    for stage in stages:
        # Of this stage all steps, none, or those that lie before `step`.
        images += min(max(step - first, 0), stage.steps) * stage.images_per_step
        first += stage.steps
    return images


def step_at_images(stages: Sequence[Stage], images: int) -> int:
    """The first step of the run by which so many images were seen; its last one, if it never sees them."""
    first = 0
    for stage in stages:
        if images <= stage.steps * stage.images_per_step:
            # Rounded up: the first step by which all of them were seen.
            return first - (-max(images, 0) // stage.images_per_step)
        first, images = first + stage.steps, images - stage.steps * stage.images_per_step
    return first


@dataclass(frozen=True)
class Growth:
    """Progressive growing: each stage's images are twice as large as the last. Karras et al. 2018, section 2.

    Networks are as large as the data's images in the end, whatever their own shape says. At the first size
    there is no fading; at every other the newest level fades in, then trains as it is, and the last size goes
    on to the end of the run. Optimizers begin afresh at each.
    """

    first: int = 0
    """shorter side of the first images; the data's or more: no growing; 0: networks as they are"""
    fade_kimg: float = 600
    """length of a fade"""
    stable_kimg: float = 600
    """length without one, at each size"""
    batch_sizes: tuple[tuple[int, int], ...] = ()
    """(side, batch size) from images of that side on; empty: the run's"""
    learning_rates: tuple[tuple[int, float], ...] = ()
    """(side, learning rate) of all players, from images of that side on; empty: their own"""

    def __post_init__(self) -> None:
        if self.first < 0 or self.fade_kimg <= 0 or self.stable_kimg <= 0:
            raise InputError(f"growth needs lengths above 0 and a side of at least 0; got {self}")

    def shapes(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Of each stage's images, the smallest first."""
        side, shapes = min(shape[:2]), [tuple(shape)]
        while side > self.first:
            height, width, channels = shapes[0]
            # Each level is a mean of 2 x 2 pixels of the one above it.
            if height % 2 or width % 2:
                raise InputError(
                    f"images of {shape[0]} x {shape[1]} pixels cannot be halved down to {self.first}: their "
                    f"sides must be that, doubled some times"
                )
            shapes.insert(0, (height // 2, width // 2, channels))
            side //= 2
        return shapes

    def stages(
        self,
        gan: GAN,
        optimizers: dict[str, Optimizer],
        shape: tuple[int, ...],
        batch_size: int,
        kimg: float,
    ) -> tuple[Stage, ...]:
        """A run's stages, for data of this shape, `kimg` in all."""
        shapes, stages, begin, remaining = self.shapes(shape), [], 0, kimg
        for number, stage_shape in enumerate(shapes):
            side, fading = min(stage_shape[:2]), number > 0
            length = self.stable_kimg + self.fade_kimg * fading
            # The last size goes on to the end; a run too short for all sizes ends within one.
            if number == len(shapes) - 1 or length > remaining:
                length = remaining
            batch = int(value_at(side, self.batch_sizes, batch_size))
            rate = value_at(side, self.learning_rates, 0)
            # 0 is no rate of its own, for all of these are positive.
            rules = {p: replace(o, learning_rate=rate) if rate else o for p, o in optimizers.items()}
            stage = Stage(gan, batch, length, rules, stage_shape)
            # In steps of the run, which a game is told at each: the share that its newest level has follows
            # from them.
            fade = (begin, begin + max(1, round(self.fade_kimg * 1000 / stage.images_per_step)))
            # A second time, for how many steps the fade takes depends on the images that a step of this stage
            # counts.
            stage = replace(stage, gan=grow_game(gan, stage_shape, fade if fading else (0, 0)))
            stages.append(stage)
            begin, remaining = begin + stage.steps, remaining - length
            if remaining <= 0:
                break
        return tuple(stages)


def grow_game(gan: GAN, shape: tuple[int, ...], fade: tuple[int, int]) -> GAN:
    """The game with networks for images of this shape, whose newest level fades in between these steps."""
    game: Any = gan
    if not hasattr(game, "fade"):
        raise InputError(
            f"{type(gan).__name__} cannot grow: use a game of levels, StyleGAN, or growth.first 0"
        )
    fading = fade[1] > fade[0]
    networks = {
        name: replace(getattr(game, name), shape=tuple(shape), fading=fading)
        for name in ("generator", "discriminator")
    }
    return cast(GAN, replace(game, fade=fade, **networks))


def value_at(side: int, values: BySide, otherwise: float) -> float:
    """The value of the largest side that is not above this one.

    >>> value_at(32, ((8, 256), (16, 128), (64, 32)), 0)
    128
    """
    below = [value for least, value in sorted(values) if least <= side]
    return below[-1] if below else otherwise
