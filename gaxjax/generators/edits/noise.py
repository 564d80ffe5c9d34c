"""Changes nothing but the noise: what it varies, and how much. Karras et al. 2019, figure 4."""

import dataclasses
from typing import ClassVar

import numpy as np

from gaxjax.errors import InputError
from gaxjax.generators.edits.edit import Drawing, Edit, grid
from gaxjax.generators.trained import Trained


@dataclasses.dataclass(frozen=True, kw_only=True)
class Noise(Edit):
    """One latent with several noises; last, the standard deviation of each pixel, the largest one white."""

    seed: int = 0
    """of the latent"""
    count: int = 100
    """noises that the deviation is over"""
    shown: int = 5
    """noises that are shown"""

    name: ClassVar = "noise"

    def draw(self, trained: Trained) -> Drawing:
        trained.need_styles("noise is added to layers of styles")
        if not trained.generator.noise:
            raise InputError("this generator adds no noise: it was trained with generator.noise False")
        if not 1 <= self.shown <= self.count or self.count < 2:
            raise InputError(f"--count is 2 or more, and --shown no more than that; got {self}")
        latents = trained.latents([self.seed])
        styles = trained.styles(trained.w(latents))
        images = np.concatenate([trained.synthesized(styles, latents, noise) for noise in range(self.count)])
        deviation = spread(images)
        largest = float(deviation.max())
        bright = np.broadcast_to((deviation / (largest or 1))[..., None] * 2 - 1, images.shape[1:])
        said = f"standard deviation over {self.count} noises, in 0..255: mean {deviation.mean():.3g}, "
        arrays = {**trained.arrays([self.seed]), "deviation": deviation}
        return Drawing(
            grid([[*images[: self.shown], bright]]), arrays, lines=(said + f"largest {largest:.3g}",)
        )


def spread(images: np.ndarray) -> np.ndarray:
    """The standard deviation of each pixel, in 0..255, channels averaged: [n, H, W, C] -> [H, W]."""
    return np.mean(np.std(images * 127.5, axis=0, dtype=np.float64), axis=-1)
