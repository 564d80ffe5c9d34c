"""Changes nothing but the noise: what it varies, and how much. Karras et al. 2019, figure 4."""

import dataclasses
from typing import ClassVar

import numpy as np

from gaxjax.errors import InputError
from gaxjax.generators.edits.edit import Drawing, Edit, image_grid
from gaxjax.generators.model import TrainedModel


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

    def draw(self, model: TrainedModel) -> Drawing:
        model.need_styles("noise is added to layers of styles")
        if not model.generator.noise:
            raise InputError("this generator adds no noise: it was trained with generator.noise False")
        if not 1 <= self.shown <= self.count or self.count < 2:
            raise InputError(f"--count is 2 or more, and --shown no more than that; got {self}")
        latents = model.latents_of_seeds([self.seed])
        styles = model.broadcast_styles(model.map_latents(latents))
        # One program for all: the noise's seed is an argument, not a constant.
        images = np.concatenate([model.synthesize(styles, latents, noise) for noise in range(self.count)])
        deviation = pixel_deviation(images)
        # 0 where noise has no weight yet, as at the start of training: then all black, not nan.
        largest = float(deviation.max())
        # [H, W] to the images' channels, in [-1, 1] as they are.
        bright = np.broadcast_to((deviation / (largest or 1))[..., None] * 2 - 1, images.shape[1:])
        line = f"standard deviation over {self.count} noises, in 0..255: mean {deviation.mean():.3g}, "
        arrays = {**model.seed_arrays([self.seed]), "deviation": deviation}
        return Drawing(
            image_grid([[*images[: self.shown], bright]]), arrays, lines=(line + f"largest {largest:.3g}",)
        )


def pixel_deviation(images: np.ndarray) -> np.ndarray:
    """The standard deviation of each pixel, in 0..255, channels averaged: [n, H, W, C] -> [H, W]."""
    return np.mean(np.std(images * 127.5, axis=0, dtype=np.float64), axis=-1)
