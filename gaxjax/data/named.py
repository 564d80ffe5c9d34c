"""Sets by name, prepared and read by tensorflow-datasets; reading them does not import TensorFlow."""

import difflib
import importlib.util
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import jax
import numpy as np

from gaxjax.data.config import Data
from gaxjax.data.images import DamagedError, open_picture, pixels_for
from gaxjax.data.moving_digits import SETS as MOVING
from gaxjax.data.pictures import Pictures
from gaxjax.data.shards import Shards
from gaxjax.data.source import Batch
from gaxjax.errors import InputError, summarize_error
from gaxjax.files.places import disk_path


def find_builder(name: str, directory: str) -> Any | None:
    """A prepared set as a read-only builder, None if there is none; looks at local files only."""
    # Imported where it is used, here and below: it takes a second, and folders and points need none of it.
    from tensorflow_datasets.core import naming, read_only_builder, registered

    try:
        parsed, options = naming.parse_builder_name_kwargs(name)
    except ValueError as error:
        raise InputError(
            f"{name!r} is not the name of a set; a name looks like cifar10, lsun/bedroom or mnist:3.0.1"
        ) from error
    if directory:
        options["data_dir"] = str(disk_path(directory, "prepared sets are").expanduser())
    try:
        # From the metadata beside the files: no code of the set's builder is imported, which may want
        # TensorFlow.
        return read_only_builder.builder_from_files(str(parsed), **options)
    except registered.DatasetNotFoundError:
        return None


def base_name(name: str) -> str:
    """The name of the set alone: without configuration and version."""
    return name.split("/")[0].split(":")[0]


def known_names() -> list[str]:
    """The names that tensorflow-datasets can prepare."""
    from tensorflow_datasets.core import registered

    return registered.list_imported_builders()


def unknown_set(name: str) -> InputError:
    """What to say about a name that nobody knows."""
    # Versions and configurations are left out of the comparison: `base_name` of both.
    own_names = ["digits", "shapes", "stacked_mnist", *MOVING, "ring", "grid", "mixture", "folder"]
    names = [*own_names, *known_names()]
    close = difflib.get_close_matches(base_name(name), names, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(close)}?" if close else "tensorflow.org/datasets/catalog lists them."
    own = "For images of your own: name=folder, directory=PATH."
    return InputError(f"no set is called {name!r}; {hint} {own}")


def prepare_command(name: str, directory: str) -> str:
    """The command line that prepares a set."""
    return f"gaxjax prepare {name}" + (f" --directory {shlex.quote(directory)}" if directory else "")


def check_format(name: str, builder: Any) -> None:
    """InputError for a set that is prepared in a format that only TensorFlow reads."""
    formats = [file_format.value for file_format in builder.info.available_file_formats()]
    if "array_record" not in formats:
        raise InputError(
            f"{name} in {builder.data_dir} is prepared as {', '.join(formats)}, which only TensorFlow reads; "
            f"prepare it as array_record, in another directory:\n  {prepare_command(name, 'DIRECTORY')}"
        )


def open_builder(data: Data) -> Any:
    """The prepared set that `data` names; digits are prepared if need be. InputError if there is none."""
    import tensorflow_datasets as tfds

    builder = find_builder(data.name, data.directory)
    # The one set that needs no preparation by hand, so that the first command anybody tries can train.
    if builder is None and base_name(data.name) == "digits":
        from gaxjax.data.digits import default_directory

        where = data.directory or str(default_directory())
        prepare(data.name, where)
        builder = find_builder(data.name, where)
    if builder is None:
        if base_name(data.name) not in known_names():
            raise unknown_set(data.name)
        where = data.directory or tfds.core.constants.DATA_DIR
        raise InputError(
            f"{data.name} is not prepared in {where}; prepare it once with\n"
            f"  {prepare_command(data.name, data.directory)}\n"
            'which needs TensorFlow that one time: pip install "gaxjax[prepare]"'
        )
    return builder


def check_image_feature(name: str, features: Any) -> None:
    """InputError for a set without a feature "image", or with images whose range is not known."""
    import tensorflow_datasets as tfds

    if "image" not in features or not isinstance(features["image"], tfds.features.Image):
        raise InputError(f"{name} has no feature image, only {', '.join(sorted(features))}")
    # Floats of unknown range cannot be brought to 0..255; 16 bits can, by 255 / 65535 (`to_eight_bits`).
    if features["image"].np_dtype not in (np.uint8, np.uint16):
        kind = np.dtype(features["image"].np_dtype).name
        raise InputError(f"{name} has images of {kind}, and only uint8 and uint16 have a known range")


@final
class PreparedSet(Pictures):
    """The images, and labels if there are any, of one split of a prepared set."""

    def __init__(self, data: Data):
        import tensorflow_datasets as tfds

        builder = open_builder(data)
        features = builder.info.features
        check_image_feature(data.name, features)
        check_format(data.name, builder)
        try:
            # Raw bytes: the image is decoded by Pillow here, whose decoding is the same for sets and folders,
            # and what is not asked for is not decoded at all.
            records = builder.as_data_source(
                split=data.split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
            )
            self.records = Shards(records, builder.info.splits[data.split].file_instructions)
        except ValueError as error:
            raise InputError(
                f"{data.name} has no split {data.split!r} with examples in it; its splits are "
                f"{', '.join(builder.info.splits)}, and parts of them are written as train[:90%]"
            ) from error
        self.remedy = (
            f"Remove {builder.data_dir} and prepare it again: {prepare_command(data.name, data.directory)}"
        )
        self.records.check(self.remedy)
        self.full_name = builder.info.full_name
        # Of the set's features only these: others (boxes, captions) would be parsed for every example and
        # dropped.
        selection = {"image": features["image"]}
        self.spec = {"image": jax.ShapeDtypeStruct(data.shape, np.uint8)}
        if "label" in features and isinstance(features["label"], tfds.features.ClassLabel):
            selection["label"] = features["label"]
            self.spec["label"] = jax.ShapeDtypeStruct((), np.int32)
            self.classes, self.class_names = features["label"].num_classes, features["label"].names
        # An image and its label are one example: one stream, one order.
        self.streams = dict.fromkeys(self.spec, 0)
        self.features = tfds.features.FeaturesDict(selection)
        self.decoders = {"image": tfds.decode.SkipDecoding()}
        self.data = data
        stats = [(file, os.stat(file)) for file in self.records.files]
        self.stamp = data, tuple((file, stat.st_size, stat.st_mtime_ns) for file, stat in stats)

    def __len__(self) -> int:
        return len(self.records)

    def __eq__(self, other: object) -> bool:
        """Whether it is the same part of the same files, which nobody has written to in between."""
        return isinstance(other, PreparedSet) and self.stamp == other.stamp

    def __hash__(self) -> int:
        return hash(self.stamp)

    def name(self, index: int) -> str:
        file, number = self.records.locate(index)
        return f"{self.data.name} {self.data.split}, number {index}, record {number} of {file}"

    def identity(self, index: int) -> tuple[str, int]:
        file, number = self.records.locate(index)
        # With the version in it, as in mnist/3.0.1: the same split of another version is other data.
        return f"{self.full_name} {file.name}", number

    def fetch(self, indices: Sequence[int]) -> Sequence[bytes | DamagedError]:
        return self.records.fetch(indices)

    def check(self, index: int) -> None:
        """Nothing: tensorflow-datasets has decoded each image once, to write it."""

    def decode(self, fetched: bytes | DamagedError) -> Batch:
        # Handed on by `fetch`, which reads many at once and so has no example of its own to raise it for.
        if isinstance(fetched, DamagedError):
            raise fetched
        try:
            example = self.features.deserialize_example_np(fetched, decoders=self.decoders)
        except Exception as error:  # protobuf's, or of a record without the features
            raise DamagedError(
                f"its record is not an example of the set ({summarize_error(error)})"
            ) from error
        picture = open_picture(example["image"])
        batch: Batch = {"image": pixels_for(picture, self.data)}
        if "label" in self.spec:
            batch["label"] = np.array(example["label"], np.int32)
        return batch


def prepare(name: str, directory: str = "") -> Path:
    """Download a set once and write it where training reads it; returns its folder.

    "digits" is built in. Sets of tensorflow-datasets need TensorFlow, this once, and the network; builders of
    one's own, in an imported module, need what they import.
    """
    if name in ("ring", "grid", "mixture", "shapes", "folder", "moving_digits"):
        raise InputError(f"{name} needs no preparation")
    if name in ("stacked_mnist", "moving_mnist"):
        raise InputError(f"{name} is made of mnist: prepare that")
    builder = find_builder(name, directory)
    if builder is not None:
        check_format(name, builder)
        return Path(builder.data_dir)
    if base_name(name) == "digits":
        from gaxjax.data.digits import prepare_digits

        return prepare_digits(directory)
    if base_name(name) not in known_names():
        raise unknown_set(name)
    # Found out before the download, which would end in an ImportError of TensorFlow's after it.
    if is_stock(base_name(name)) and importlib.util.find_spec("tensorflow") is None:
        raise InputError(
            f"preparing {name} needs TensorFlow, this one time (training does not): "
            'pip install "gaxjax[prepare]"'
        )
    return download(name, directory)


def is_stock(name: str) -> bool:
    """Whether a known set is one of tensorflow-datasets' own."""
    from tensorflow_datasets.core import registered

    try:
        return registered.imported_builder_cls(name).__module__.startswith("tensorflow_datasets.")
    except ImportError:
        # a module that does not even import without TensorFlow
        return True


def download(name: str, directory: str) -> Path:
    """What tensorflow-datasets does to prepare a set; its failures as InputErrors."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download import download_manager, util

    where = str(disk_path(directory, "prepared sets are").expanduser()) if directory else None
    changed = download_manager.NonMatchingChecksumError
    try:
        builder = tfds.builder(name, data_dir=where, file_format="array_record")
        builder.download_and_prepare()
    # AssertionError: files that must be fetched by hand, with instructions; or a version that does not exist
    except (OSError, AssertionError, ValueError, util.DownloadError, changed) as error:
        raise InputError(f"{name} could not be prepared: {error}") from error
    return Path(builder.data_dir)
