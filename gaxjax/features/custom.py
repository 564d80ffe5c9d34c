"""A function of the user's own, from a Python file."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from jax import Array

from gaxjax.errors import InputError
from gaxjax.features.features import Features, file_digest
from gaxjax.transforms import Tree

MODULE = "gaxjax_features_file"
"""The name under which the file is imported."""
LEVEL, LOGITS = "features", "logits"


def custom(target: str) -> Features:
    """The function at `FILE.py:function`, images [N, H, W, C] in [-1, 1] -> [N, D], written in JAX.

    Or of clips [N, T, H, W, C]. Where probabilities of classes are asked for, as by the Inception Score, it
    returns {"logits": [N, K]}, with what it has else as "features".
    """
    file, _, name = target.rpartition(":")
    path = Path(file)
    # Of the whole file: a number by another version of the function is of another measure.
    weights = file_digest(path)[:12]
    spec = importlib.util.spec_from_file_location(MODULE, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Before it runs, as Python's own import does: dataclasses and pickles look their module up there.
    sys.modules[MODULE] = module
    spec.loader.exec_module(module)
    function: Any = getattr(module, name, None)
    if not callable(function):
        raise InputError(f"{file} has no function {name!r}; give FILE.py:function, images -> [N, D]")

    def apply(params: Tree, images: Array, levels: tuple[str, ...]) -> dict[str, Array]:
        outputs = function(images)
        by_level = outputs if isinstance(outputs, dict) else {LEVEL: outputs}
        # While it is traced, so that a wrong function is refused before anything is computed.
        for level in levels:
            if level not in by_level:
                raise InputError(
                    f"{target} makes {', '.join(by_level)}, not {level}: return a dict with both"
                )
            shape = getattr(vectors := by_level[level], "shape", None)
            if shape is None or len(shape) != 2 or shape[0] != images.shape[0]:
                # The type of what has a shape is JAX's own business, while it is traced.
                got = type(vectors).__name__ if shape is None else f"an array of shape {shape}"
                what = "clips" if images.ndim == 5 else "images"
                raise InputError(f"{target} made {got} of {what} {images.shape}; it should make [N, D]")
        return {level: by_level[level] for level in levels}

    # Which it has is known when it is called, and asked of shapes before anything is measured.
    return Features(name, {LEVEL: 0, LOGITS: 0}, LEVEL, "the function's own", weights, {}, apply)
