"""Folders of tiny images, as people have them."""

from pathlib import Path

import numpy as np
from PIL import Image


def save(path: Path, value: int | tuple[int, int, int] = 100, side: int = 8) -> Path:
    """An image of one color, or gray, in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(value, int) else "RGB", (side, side), value).save(path)
    return path


def truncate(path: Path, side: int = 16) -> Path:
    """A JPEG of noise without its end: its header is whole."""
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:-100])
    return path
