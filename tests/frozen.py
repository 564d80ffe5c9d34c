"""Small files of frozen networks: their first layers, random."""

from pathlib import Path

import numpy as np

from gaxjax.features.content import INCEPTION_LAYERS


def write_inception(path: Path, level: str = "64") -> Path:
    """Inception's layers up to a level, as NumPy's arrays."""
    random, arrays = np.random.default_rng(0), {}
    for name, (side, inputs, outputs) in INCEPTION_LAYERS[level].items():
        deviation = np.float32((2 / (side**2 * inputs)) ** 0.5)
        kernel = random.standard_normal((side, side, inputs, outputs), np.float32)
        arrays[f"{name}/kernel"] = deviation * kernel
        arrays[f"{name}/bias"] = 0.1 * random.standard_normal(outputs, np.float32)
    np.savez(path, **arrays)
    return path
