"""Whether the arrays of a checkpoint are those of the networks that it is to be read into."""

from typing import Any

from gaxjax.errors import InputError
from gaxjax.runs.checksums import display_name, leaves_by_name

Tree = Any
Kind = tuple[str, tuple[int, ...]]
"""Type and shape."""


def array_kinds(tree: Tree) -> dict[str, Kind]:
    """Type and shape of each array by its name."""
    leaves = leaves_by_name(tree).items()
    return {name: (str(x.dtype), tuple(x.shape)) for name, x in leaves if hasattr(x, "shape")}


def check_fit(step: int, like: Tree, stored: dict[str, Kind]) -> None:
    """Shapes and types one by one: orbax itself casts types silently and prints every shape."""
    if not stored:
        raise ValueError("its list of arrays is missing")
    present = array_kinds(like)
    for name, (kind, shape) in present.items():
        if name not in stored:
            raise misfit_error(step, f"it has no {display_name(name)}, shape {shape}")
        if stored[name] != (kind, shape):
            before = "{}{}".format(*stored[name])
            raise misfit_error(step, f"{display_name(name)} is {before} there and {kind}{shape} here")
    for name in sorted(stored.keys() - present.keys()):
        raise misfit_error(step, f"it has {display_name(name)}, shape {stored[name][1]}, which they lack")


def misfit_error(step: int, difference: str) -> InputError:
    """A checkpoint that is whole, but of other networks."""
    return InputError(
        f"checkpoint {step} does not fit the networks: {difference}; "
        "go back to the code that wrote it, or use another --workdir"
    )
