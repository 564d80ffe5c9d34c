"""Writes PyTorch's files of weights, without PyTorch."""

import collections
import io
import pickle
import sys
import types
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np


def _rebuild_tensor_v2(*arguments: Any) -> None:
    """Named in a file, never called."""


class FloatStorage:
    """Named in a file, never made."""


for named, module in ((_rebuild_tensor_v2, "torch._utils"), (FloatStorage, "torch")):
    named.__module__ = module


class Numbers:
    """A storage, which the pickle only names."""

    def __init__(self, key: str, count: int):
        self.identity = ("storage", FloatStorage, key, "cpu", count)


class Tensor:
    """What the pickle says of an array."""

    def __init__(self, key: str, array: np.ndarray):
        steps = tuple(step // array.itemsize for step in array.strides)
        self.arguments = (Numbers(key, array.size), 0, array.shape, steps, False, collections.OrderedDict())

    def __reduce__(self) -> Any:
        return _rebuild_tensor_v2, self.arguments


class Writer(pickle._Pickler):
    """A pickler that gives storages by name."""

    def persistent_id(self, value: Any) -> Any:
        return value.identity if isinstance(value, Numbers) else None


def write(path: Path, state: Mapping[str, np.ndarray]) -> Path:
    """A state dict, in the format of PyTorch 1.6 and later."""
    arrays = {name: np.ascontiguousarray(array, "<f4") for name, array in state.items()}
    tensors = {name: Tensor(str(i), array) for i, (name, array) in enumerate(arrays.items())}
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    setattr(torch, "FloatStorage", FloatStorage)  # noqa: B010
    setattr(utils, "_rebuild_tensor_v2", _rebuild_tensor_v2)  # noqa: B010
    content = io.BytesIO()
    with patch.dict(sys.modules, {"torch": torch, "torch._utils": utils}):
        Writer(content, protocol=2).dump(collections.OrderedDict(tensors))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/data.pkl", content.getvalue())
        for i, array in enumerate(arrays.values()):
            archive.writestr(f"weights/data/{i}", array.tobytes())
    return path
