"""Points from mixtures of Gaussians: games whose answer is known."""

from typing import final

import jax
import numpy as np

from gaxjax.data.config import Data
from gaxjax.data.source import Batch, Source, random_words
from gaxjax.errors import InputError

DEFAULTS = {"ring": (8, 2.0, 0.02), "grid": (25, 2.0, 0.05), "mixture": (5, 2.0, 0.1)}
"""Modes, spread and deviation. Ring: Metz et al. 2017 (unrolled GAN), 8 Gaussians at radius 2. Grid: 5 x 5,
as in Srivastava et al. 2017 (VEEGAN); Gulrajani et al. 2017 divide the same points by 2.828."""

TRAINING, STORED = 2, 3
"""Streams of random words; 0 and 1 are the mirrorings."""


def centers(name: str, modes: int, spread: float) -> np.ndarray:
    """Means of the Gaussians, [modes, 2] for ring and grid, [modes, 1] for mixture; all centered on zero."""
    if name == "ring":
        angles = 2 * np.pi * np.arange(modes) / modes
        return spread * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    if name == "mixture":
        # `spread` apart, and as many to the left of zero as to the right.
        return spread * (np.arange(modes)[:, None] - (modes - 1) / 2)
    side = round(modes**0.5)
    if side * side != modes:
        raise InputError(f"a grid of {modes} modes is not square; use {side**2} or {(side + 1) ** 2}")
    line = spread * (np.arange(side) - (side - 1) / 2)
    return np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)


@final
class Points(Source):
    """A uniform mixture of equal, round Gaussians: {"image": [n, 2] or [n, 1] float32, "label": the mode}.

    Every position is a fresh point, so there is no order to shuffle and nothing repeats after an epoch.
    """

    def __init__(self, data: Data, epoch: int = 10_000):
        modes, spread, deviation = DEFAULTS[data.name]
        modes = modes if data.modes is None else data.modes
        self.spread = spread if data.spread is None else data.spread
        self.deviation = deviation if data.deviation is None else data.deviation
        if modes < 1 or self.deviation < 0:
            got = f"not {modes} and {self.deviation}"
            raise InputError(f"{data.name}: modes is at least 1 and deviation at least 0, {got}")
        self.centers = centers(data.name, modes, self.spread)
        shape = self.centers.shape[1:]
        if data.shape != shape:
            raise InputError(f"{data.name} makes points, not {data.shape}; use shape={shape}")
        self.spec = {
            "image": jax.ShapeDtypeStruct(shape, np.float32),
            "label": jax.ShapeDtypeStruct((), np.int32),
        }
        self.streams = {"image": 0, "label": 0}
        self.classes = modes
        self.epoch = epoch

    def __len__(self) -> int:
        return self.epoch

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        """The points at global positions; no seed: points of their own, that no training run draws."""
        # [n, 4] words: one for the mode, two for the normal. A point is a function of its position alone.
        words = random_words(positions, seed or 0, STORED if seed is None else TRAINING)
        # 2^64 is no multiple of most numbers of modes; the bias is below 1e-17.
        modes = (words[:, 0] % np.uint64(len(self.centers))).astype(np.int32)
        # The upper 53 bits are a float64's mantissa: [0, 1) in steps of 2^-53.
        uniform = (words[:, 1:3] >> np.uint64(11)).astype(np.float64) * 2.0**-53
        # Box and Muller 1958; 1 - u lies in (0, 1], where the logarithm is finite
        radii = np.sqrt(-2 * np.log1p(-uniform[:, 0]))
        angles = 2 * np.pi * uniform[:, 1]
        normal = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
        # Both are drawn for a mixture on a line too, which takes the first: positions need the same words
        # anyway.
        normal = normal[:, : self.centers.shape[1]]
        image = self.centers[modes] + self.deviation * normal
        return {"image": image.astype(np.float32), "label": modes}
