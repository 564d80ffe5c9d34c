"""A functional toolkit for generative adversarial networks in JAX and Flax.

The public names are attributes of this package. Each is imported when it is first asked for, so that
`import gaxjax` is quick and takes no JAX along.

>>> import gaxjax
>>> gaxjax.GAN.__module__
'gaxjax.game'
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what checkers and editors see; `NAMES` says the same at run time
    from gaxjax import data as data
    from gaxjax import gans as gans
    from gaxjax import losses as losses
    from gaxjax import metrics as metrics
    from gaxjax import networks as networks
    from gaxjax import penalties as penalties
    from gaxjax import solvers as solvers
    from gaxjax import transforms as transforms
    from gaxjax.game import GAN as GAN
    from gaxjax.game import State as State
    from gaxjax.game import init as init
    from gaxjax.game import objective as objective
    from gaxjax.game import pure as pure
    from gaxjax.game import sample as sample
    from gaxjax.recipe import Recipe as Recipe
    from gaxjax.recipe import Stage as Stage
    from gaxjax.runs import open as _open

    load = _open

__version__ = "0.1.0"

NAMES = {
    "data": "gaxjax.data",
    "gans": "gaxjax.gans",
    "losses": "gaxjax.losses",
    "metrics": "gaxjax.metrics",
    "networks": "gaxjax.networks",
    "penalties": "gaxjax.penalties",
    "solvers": "gaxjax.solvers",
    "transforms": "gaxjax.transforms",
    "GAN": "gaxjax.game:GAN",
    "State": "gaxjax.game:State",
    "init": "gaxjax.game:init",
    "objective": "gaxjax.game:objective",
    "pure": "gaxjax.game:pure",
    "sample": "gaxjax.game:sample",
    "Recipe": "gaxjax.recipe:Recipe",
    "Stage": "gaxjax.recipe:Stage",
    "load": "gaxjax.runs:open",
}
"""Public name -> the module that it is, or that it is in, and its name there."""
__all__ = list(NAMES)


if not TYPE_CHECKING:  # for checkers it would mean that there is every name

    def __getattr__(name: str) -> Any:
        """A public name, whenever it is asked for. PEP 562."""
        if name not in NAMES:  # also where `from gaxjax import files` looks before it imports the module
            raise AttributeError(f"module 'gaxjax' has no attribute {name!r}")
        module, _, attribute = NAMES[name].partition(":")
        value = importlib.import_module(module)
        return getattr(value, attribute) if attribute else value


def __dir__() -> list[str]:
    return sorted({*globals(), *NAMES})
