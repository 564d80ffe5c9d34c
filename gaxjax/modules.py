"""Games and networks as plain data: modules among their fields, and fields that are set in all of them."""

import dataclasses
from typing import Any, TypeVar

import flax.linen as nn

M = TypeVar("M", bound=nn.Module)


def inside(module: nn.Module) -> dict[str, nn.Module]:
    """The modules among a module's fields."""
    fields = {f.name: getattr(module, f.name) for f in dataclasses.fields(module) if f.name != "parent"}
    return {name: value for name, value in fields.items() if isinstance(value, nn.Module)}


def setting(module: M, **values: Any) -> M:
    """The module with these fields, set wherever it or a module inside it has them."""
    inner: dict[str, Any] = {name: setting(value, **values) for name, value in inside(module).items()}
    mine = {name: value for name, value in values.items() if hasattr(module, name)}
    return dataclasses.replace(module, **inner, **mine)
