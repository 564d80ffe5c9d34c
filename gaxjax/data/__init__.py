"""Data: sets by name, folders of images and of clips, points; and the loader that feeds a run."""

from gaxjax.data.config import Data
from gaxjax.data.loader import Loader, assemble_batch, normalize
from gaxjax.data.named import prepare
from gaxjax.data.opening import open_source, spec_of
from gaxjax.data.reduced import reduce_images
from gaxjax.data.source import Source

__all__ = [
    "Data",
    "Loader",
    "Source",
    "assemble_batch",
    "normalize",
    "open_source",
    "prepare",
    "reduce_images",
    "spec_of",
]
