"""Which layers are meant: by their numbers, or by how large they are. Karras et al. 2019, section 3.1."""

from collections.abc import Mapping

from gaxjax.errors import InputError
from gaxjax.expressions import numbers
from gaxjax.transforms import layer_index

RANGES = {"coarse": (0, 8), "middle": (9, 32), "fine": (33, 1 << 30)}
"""Sides in pixels, from and to: 4 and 8, 16 and 32, 64 and up."""


def chosen(text: str, sides: Mapping[str, int]) -> list[str]:
    """The layers of coarse, middle, fine, or of numbers such as 2-5, among those of these sides."""
    sizes = ", ".join(f"{layer_index(layer)}: {side}" for layer, side in sides.items())
    there = f"the layers and their sides in pixels are {sizes}"
    if text in RANGES:
        low, high = RANGES[text]
        found = [layer for layer, side in sides.items() if low <= side <= high]
        if not found:
            raise InputError(f"--layers {text}: this generator has none (4-8, 16-32, 64 px and up); {there}")
        return found
    if not text[:1].isdigit():
        raise InputError(f"--layers is coarse, middle, fine or numbers such as 0-3; got {text!r}; {there}")
    indices = set(numbers(text, "--layers"))
    known = {layer_index(layer): layer for layer in sides}
    if not indices <= known.keys():
        raise InputError(f"--layers {text}: {there}")
    return [layer for index, layer in known.items() if index in indices]
