"""Games and networks as plain data: modules among their fields, and what these say of themselves."""

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import flax.linen as nn

from gaxjax.errors import InputError

M = TypeVar("M", bound=nn.Module)


class Mixing(NamedTuple):
    """How a module makes of an example what depends on others of its minibatch: its `mixes_examples`.

    A module without that attribute, or with None, takes each example by itself (`mixing_of`).
    """

    layer: str
    """what it is, such as batch norm"""
    instead: str
    """what to use where examples must not mix"""


def mixing_of(module: nn.Module) -> Mixing | None:
    """How a module mixes examples, by what it says itself; flax's batch norm says nothing and is known."""
    if isinstance(module, nn.BatchNorm):
        # With its running statistics it takes each example by itself.
        instead = "another norm, or its field use_running_average=True"
        return None if module.use_running_average else Mixing("flax.linen.BatchNorm", instead)
    return getattr(module, "mixes_examples", None)


def submodules(module: nn.Module) -> dict[str, nn.Module]:
    """The modules among a module's fields by the names that linen gives them: "generators_0" of a tuple."""
    modules: dict[str, nn.Module] = {}
    for field in dataclasses.fields(module):
        # linen's `parent` points upwards: following it, the game would be inside of its networks.
        value = getattr(module, field.name) if field.name != "parent" else None
        if isinstance(value, nn.Module):
            modules[field.name] = value
        elif isinstance(value, tuple):
            parts = enumerate(value)
            modules |= {f"{field.name}_{i}": part for i, part in parts if isinstance(part, nn.Module)}
    return modules


def describe_shared(modules: dict[str, nn.Module]) -> str:
    """The end of a message: those that are one instance with another, if any."""
    ids = [id(module) for module in modules.values()]
    names = [name for name, module in modules.items() if ids.count(id(module)) > 1]
    one = "are one instance, which is one network; give each its own"
    return f": {' and '.join(names)} {one}" if names else ""


def check_bound(network: nn.Module) -> None:
    """Refuses a network that has no parameters, of which linen says other things."""
    if network.scope is None:
        raise InputError(
            f"{type(network).__name__} has no parameters here: pure and frozen are for a game's networks "
            "inside of a loss; elsewhere use network.apply(variables, x), with jax.lax.stop_gradient of these"
        )


def call_network(network: Callable[..., Any], x: Any, condition: Any = None) -> Any:
    """A network, or a function like one, of x and its condition; without one, of x alone."""
    try:
        return network(x) if condition is None else network(x, condition)
    except TypeError as error:
        # Python's own words are of positional arguments, which nobody has written.
        if reason := explain_arguments(network, error, condition is not None):
            raise InputError(reason) from error
        raise


def explain_arguments(network: Callable[..., Any], error: TypeError, conditioned: bool) -> str:
    """What it means that a network, or one in it, does not take its arguments; "" for any other error."""
    inside = [network]
    for function in inside:  # wrappers hand on what they are given
        inside += submodules(function).values() if isinstance(function, nn.Module) else ()
    calls = [type(f).__call__ if isinstance(f, nn.Module) else f for f in inside]
    refusal = re.match(r"(\S+)\(\) (takes|missing) ", str(error))
    if not refusal or refusal[1] not in [getattr(call, "__qualname__", "") for call in calls]:
        return ""
    name = refusal[1].removesuffix(".__call__").rpartition(".")[2]
    if conditioned and refusal[2] == "takes":
        wrap = "Concatenated(network, classes) or Projected(network, classes)"
        return f"{name} takes no condition, but is given one: use {wrap}, or leave the game's condition out"
    if not conditioned and refusal[2] == "missing":
        return f'{name} needs a condition, and is given none: set the game\'s, such as condition="label"'
    return ""


def replace_modules(module: M, change: Callable[[str, nn.Module], nn.Module]) -> M:
    """The module with others in place of those of `submodules`: change(name, module inside) -> module."""
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(module):
        value = getattr(module, field.name) if field.name != "parent" else None
        if isinstance(value, nn.Module):
            fields[field.name] = change(field.name, value)
        elif isinstance(value, tuple) and any(isinstance(part, nn.Module) for part in value):
            fields[field.name] = tuple(
                change(f"{field.name}_{i}", part) if isinstance(part, nn.Module) else part
                for i, part in enumerate(value)
            )
    return dataclasses.replace(module, **fields)


def set_fields(module: M, **values: Any) -> M:
    """The module with these fields, set wherever it or a module inside it has them."""
    # From the inside out, as dataclasses.replace makes a new module of what is inside by then.
    own = {name: value for name, value in values.items() if hasattr(module, name)}
    return dataclasses.replace(replace_modules(module, lambda _, inner: set_fields(inner, **values)), **own)


@contextlib.contextmanager
def visit_modules(visit: Callable[[nn.Module], None]) -> Iterator[None]:
    """Shows each module that is called meanwhile, those that others make inside too, before it is called."""

    asking = False

    def intercept(
        method: Callable[..., Any], arguments: Any, options: Any, context: nn.module.InterceptorContext
    ) -> Any:
        nonlocal asking
        # An unbound module computes nothing: it is asked about its fields. So may the visitor ask.
        if context.module.scope is not None and not asking:
            asking = True
            try:
                visit(context.module)
            finally:
                asking = False
        return method(*arguments, **options)

    # linen's own hook: what a compact method makes is in no field, and is only seen when it is called.
    with nn.intercept_methods(intercept):
        yield
