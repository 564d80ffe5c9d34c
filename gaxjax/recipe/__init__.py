"""What to run, as plain data; how it is written, and found by name.

The names of `gaxjax.recipe.recipe` are this package's. They come when they are asked for, so that a list of
recipes need not import JAX.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gaxjax.recipe.recipe import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        # A module of this package is no name of that one: it comes by being imported.
        if name.startswith("_") or find_spec(f"{__name__}.{name}"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from gaxjax.recipe import recipe

        return getattr(recipe, name)
