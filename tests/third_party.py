"""Modules of other packages to compare with, of which some parts need what is not installed."""

import importlib.util
import sys
import warnings
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock, patch

import pytest


def module(package: str, name: str, *absent: str) -> Any:
    """`package.name`, with empty modules for those `absent` that it imports; skips without the package."""
    pytest.importorskip("torch")
    found = importlib.util.find_spec(package)
    if found is None or found.submodule_search_locations is None:
        pytest.skip(f"could not import {package!r}")
    parent = ModuleType(package)
    parent.__path__ = list(found.submodule_search_locations)
    modules = {package: parent}
    for path in absent:
        modules[path] = ModuleType(path)
        modules[path].__getattr__ = MagicMock()  # type: ignore[method-assign]
    with patch.dict(sys.modules, modules), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"{package}.{name}")


def torch_fidelity(name: str) -> Any:
    return module("torch_fidelity", name, "torch_fidelity.utils")
