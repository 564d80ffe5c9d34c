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
    from gaxjax import augmentations as augmentations
    from gaxjax import data as data
    from gaxjax import gans as gans
    from gaxjax import latents as latents
    from gaxjax import layers as layers
    from gaxjax import losses as losses
    from gaxjax import metrics as metrics
    from gaxjax import networks as networks
    from gaxjax import objectives as objectives
    from gaxjax import parallel as parallel
    from gaxjax import penalties as penalties
    from gaxjax import solvers as solvers
    from gaxjax import transforms as transforms
    from gaxjax.adversary import Adversary as Adversary
    from gaxjax.data import Data as Data
    from gaxjax.game import GAN as GAN
    from gaxjax.game import State as State
    from gaxjax.game import evaluation_mode as evaluation_mode
    from gaxjax.game import frozen as frozen
    from gaxjax.game import init as init
    from gaxjax.game import objective as objective
    from gaxjax.game import pure as pure
    from gaxjax.game import sample as sample
    from gaxjax.latents import Joint as Joint
    from gaxjax.latents import Latents as Latents
    from gaxjax.recipe import Optimizer as Optimizer
    from gaxjax.recipe import Recipe as Recipe
    from gaxjax.recipe import Stage as Stage
    from gaxjax.runs import open as _open

    load = _open

__version__ = "0.1.0"

NAMES = {
    "augmentations": "gaxjax.augmentations",
    "data": "gaxjax.data",
    "gans": "gaxjax.gans",
    "latents": "gaxjax.latents",
    "layers": "gaxjax.layers",
    "losses": "gaxjax.losses",
    "metrics": "gaxjax.metrics",
    "networks": "gaxjax.networks",
    "objectives": "gaxjax.objectives",
    "parallel": "gaxjax.parallel",
    "penalties": "gaxjax.penalties",
    "solvers": "gaxjax.solvers",
    "transforms": "gaxjax.transforms",
    "Adversary": "gaxjax.adversary:Adversary",
    "Data": "gaxjax.data:Data",
    "GAN": "gaxjax.game:GAN",
    "Joint": "gaxjax.latents:Joint",
    "Latents": "gaxjax.latents:Latents",
    "Optimizer": "gaxjax.recipe:Optimizer",
    "Recipe": "gaxjax.recipe:Recipe",
    "Stage": "gaxjax.recipe:Stage",
    "State": "gaxjax.game:State",
    "evaluation_mode": "gaxjax.game:evaluation_mode",
    "frozen": "gaxjax.game:frozen",
    "init": "gaxjax.game:init",
    "load": "gaxjax.runs:open",
    "objective": "gaxjax.game:objective",
    "pure": "gaxjax.game:pure",
    "sample": "gaxjax.game:sample",
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
