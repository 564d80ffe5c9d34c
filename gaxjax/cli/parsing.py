"""How every verb reads its flags: the fields of a dataclass, or the arguments of a function, through tyro."""

from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any, TypeVar

import tyro

from gaxjax.errors import InputError
from gaxjax.expressions import REGISTRY
from gaxjax.files.places import as_path
from gaxjax.recipe.catalog import locate

Options = TypeVar("Options")


@REGISTRY.primitive_rule
def path_flag(info: Any) -> Any:
    """A path on a disk, or an address of a bucket, of which pathlib would make another path."""
    if info.type is not Path:
        return None
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="PATH",
        instance_from_str=lambda words: as_path(words[0]),
        is_instance=lambda value: isinstance(value, PurePath),
        str_from_instance=lambda path: [str(path)],
    )


def parse(
    kind: Callable[..., Options],
    flags: list[str],
    program: str,
    description: str | None = None,
    default: Options | None = None,
) -> Options:
    """What `kind`, a dataclass or a function, makes of the flags; `default` has what they leave out.

    Help, and flags that are not understood, leave by SystemExit with 0 and 2. An InputError of a field's own
    check stays one.
    """
    config = (tyro.conf.AvoidSubcommands,)  # a field of several possible types has its default's
    # Only a default that is given: None would be one, of no fields.
    defaults: dict[str, Any] = {} if default is None else {"default": default}
    # `prog` has what was read before the flags, so that the usage shows how the command is written.
    return tyro.cli(
        kind,
        args=flags,
        prog=f"gaxjax {program}",
        description=description,
        config=config,
        registry=REGISTRY,
        **defaults,
    )


def recipe_argument(arguments: list[str], usage: str) -> tuple[str, list[str]]:
    """The recipe that a command begins with, and the flags after it; InputError if there is no such file."""
    target, flags = first_argument(arguments, usage)
    locate(target)  # a slip is told at once, not after the seconds that JAX takes to be imported
    return target, flags


def first_argument(arguments: list[str], usage: str) -> tuple[str, list[str]]:
    """What a command begins with, which decides what flags there are, and the flags after it."""
    if not arguments or arguments[0].startswith("-"):
        raise InputError(f"usage: gaxjax {usage}")
    return arguments[0], arguments[1:]
