"""Devices and processes: what maps a step over them, and what they are told before they are touched.

The names of `gaxjax.parallel.devices` and `.agreement` are this package's. They come when they are asked
for, so that what only looks at processes, as a command's help does, need not import JAX.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gaxjax.parallel.agreement import *  # noqa: F403
    from gaxjax.parallel.devices import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        # A module of this package is no name of that one: it comes by being imported.
        if name.startswith("_") or find_spec(f"{__name__}.{name}"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from gaxjax.parallel import agreement, devices

        return getattr(agreement if hasattr(agreement, name) else devices, name)
