"""Data: sets by name, folders of images, points; and the loader that feeds a run."""

from gaxjax.data.config import Data
from gaxjax.data.loader import Loader, assembled, normalize
from gaxjax.data.named import prepare
from gaxjax.data.opening import open_source, spec_of
from gaxjax.data.reduced import reduced
from gaxjax.data.source import Source

__all__ = [
    "Data",
    "Loader",
    "Source",
    "assembled",
    "normalize",
    "open_source",
    "prepare",
    "reduced",
    "spec_of",
]
