"""Which layers are meant: by their numbers, or by how large they are. Karras et al. 2019, section 3.1."""

from collections.abc import Mapping

from gaxjax.errors import InputError
from gaxjax.expressions import parse_numbers
from gaxjax.transforms import layer_index

RANGES = {"coarse": (0, 8), "middle": (9, 32), "fine": (33, 1 << 30)}
"""Sides in pixels, from and to: 4 and 8, 16 and 32, 64 and up."""


def select_layers(text: str, sides: Mapping[str, int]) -> list[str]:
    """The layers of coarse, middle, fine, or of numbers such as 2-5, among those of these sides."""
    sizes = ", ".join(f"{layer_index(layer)}: {side}" for layer, side in sides.items())
    there = f"the layers and their sides in pixels are {sizes}"
    if text in RANGES:
        # By size, not by number: a generator of 64 px has other layers than one of 1024 px, and the same
        # sizes.
        low, high = RANGES[text]
        layers = [layer for layer, side in sides.items() if low <= side <= high]
        if not layers:
            raise InputError(f"--layers {text}: this generator has none (4-8, 16-32, 64 px and up); {there}")
        return layers
    # Said before parsing: a typing error in a name should not read as one in numbers.
    if not text[:1].isdigit():
        raise InputError(f"--layers is coarse, middle, fine or numbers such as 0-3; got {text!r}; {there}")
    indices = set(parse_numbers(text, "--layers"))
    by_index = {layer_index(layer): layer for layer in sides}
    if not indices <= by_index.keys():
        raise InputError(f"--layers {text}: {there}")
    return [layer for index, layer in by_index.items() if index in indices]
