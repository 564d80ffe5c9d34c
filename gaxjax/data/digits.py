"""The built-in set: 1,797 handwritten digits, 8 x 8 pixels, as a tensorflow-datasets set.

Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits, UCI machine learning repository; the copy
that scikit-learn carries. It needs no network and no TensorFlow, so that everything can be tried at once.
"""

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from gaxjax.errors import InputError
from gaxjax.parallel.cache import cache_path, try_to_write


# skip_registration: the catalog of tensorflow-datasets would else hold a name that only this process knows.
class Digits(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Images uint8 [8, 8, 1], 17 gray levels scaled to 0..255, and labels 0 to 9; one split, "train"."""

    VERSION = tfds.core.Version("1.0.0")
    name = "digits"

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "image": tfds.features.Image(shape=(8, 8, 1), encoding_format="png"),
            "label": tfds.features.ClassLabel(num_classes=10),
        }
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, manager: Any) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        return {"train": self._generate_examples()}

    def _generate_examples(self) -> Iterator[tuple[int, dict[str, Any]]]:
        from sklearn.datasets import load_digits

        digits = load_digits()
        # Levels are 0 to 16; PNG has 256. Rounding keeps 17 different levels, with 0 black and 255 white.
        pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
        for number, (image, label) in enumerate(zip(pixels, digits.target, strict=True)):
            yield number, {"image": Image.fromarray(image), "label": int(label)}


def prepare_digits(directory: str = "") -> Path:
    """Write the digits where tensorflow-datasets looks for them; several processes at once all succeed."""
    root = Path(directory or tfds.core.constants.DATA_DIR).expanduser()
    try:
        root.mkdir(parents=True, exist_ok=True)
        # prepared aside, then moved in one step: nobody ever reads half a set
        with tempfile.TemporaryDirectory(prefix=".digits-", dir=root) as scratch:
            prepared = build_digits(scratch)
            target = root / prepared.relative_to(scratch)
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError):
                # Fails where another process was first, whose set is as good.
                os.rename(prepared, target)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"digits cannot be written to {root} ({reason}); use another directory") from error
    if not (target / "dataset_info.json").is_file():
        raise InputError(f"{target} exists and is not a prepared set; remove it or use another directory")
    return target


def default_directory() -> Path:
    """Where tensorflow-datasets keeps its sets, or, where that cannot be written, with what gaxjax keeps."""
    folder = os.path.expanduser(tfds.core.constants.DATA_DIR)
    try:
        # Writing is tried, not asked about: permissions do not show a read-only mount or a full quota.
        try_to_write(folder)
    except OSError:
        return cache_path("datasets")
    return Path(folder)


def build_digits(directory: str) -> Path:
    """Let tensorflow-datasets write the set, in silence: its announcements would outlast the work."""
    builder = Digits(data_dir=directory, file_format="array_record")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        builder.download_and_prepare()
    return Path(builder.data_dir)
