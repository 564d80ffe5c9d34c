"""Reads the tensors of a PyTorch file without PyTorch, and runs nothing that is in it.

A .pth file is a pickle, which may name any function to call. This reader knows the few names that a state
dict needs, each with a harmless meaning of its own, and refuses all others. Both formats are read: the zip
archive of PyTorch 1.6 and later, and the stream of pickles before it.
"""

import collections
import io
import math
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gaxjax.errors import InputError

MAGIC = 0x1950A86A20F9469CFC6C
"""What the older format begins with."""
DTYPES: dict[str, np.dtype] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass
class Storage:
    """Numbers that tensors share, read after the tensors in the older format."""

    dtype: np.dtype
    count: int
    content: bytes = b""


@dataclass
class Tensor:
    """Where a tensor is in a storage; offset and strides in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> np.ndarray:
        """A copy of the numbers; InputError where they are not all in the storage (NumPy misses some)."""
        # All that a damaged or made-up file can say is checked first: `np.ndarray` would read beyond the
        # buffer.
        content, count, size = self.storage.content, self.storage.count, self.storage.dtype.itemsize
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        positive = min((self.offset, *self.shape, *self.strides)) >= 0
        if not positive or last >= count or math.prod(self.shape) > count or len(content) != count * size:
            raise InputError("a tensor is not within its storage, or that is cut off")
        strides = [stride * size for stride in self.strides]
        # A view with PyTorch's strides, transposed or shared as it may be, copied so that it owns its
        # numbers.
        return np.ndarray(self.shape, self.storage.dtype, content, self.offset * size, strides).copy()


def rebuild_tensor(storage: Storage, offset: int, shape: Any, strides: Any, *rest: Any) -> Tensor:
    """In the place of the functions of PyTorch, older and newer, that a file names for each tensor."""
    return Tensor(storage, offset, tuple(shape), tuple(strides))


KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
    ("torch._utils", "_rebuild_tensor"): rebuild_tensor,  # up to PyTorch 0.3, as in the oldest of torchvision
    **{("torch", name): dtype for name, dtype in DTYPES.items()},
}


class Reader(pickle.Unpickler):
    """An unpickler with a closed list of names."""

    def __init__(self, file: BinaryIO, storages: dict[str, Storage]):
        super().__init__(file, encoding="utf-8")
        self.storages = storages

    def find_class(self, module: str, name: str) -> Any:
        # A pickle calls what it names: this closed list is what makes opening a file from elsewhere harmless.
        if (module, name) not in KNOWN:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which a file of weights does not need")
        return KNOWN[module, name]

    def persistent_load(self, identity: Any) -> Storage:
        # ("storage", dtype, key, device, elements), as PyTorch pickles a reference to numbers that lie
        # elsewhere.
        _, dtype, key, _, count, *view = identity
        if view and view[0] is not None:
            raise pickle.UnpicklingError("it has views of storages, as PyTorch wrote them before 0.4")
        # One object for each key: tensors that share a storage find their numbers once these are read.
        return self.storages.setdefault(key, Storage(dtype, count))


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """The state dict in a file, by name; InputError for a file that is damaged or something else."""
    try:
        with open(path, "rb") as file:
            state = read_zip(file) if zipfile.is_zipfile(file) else read_stream(file)
        if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
            raise InputError("it holds something other than named tensors")
        return {str(name): tensor.array() for name, tensor in state.items()}
    # a damaged pickle can raise nearly anything
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise InputError(f"{path} is no PyTorch file of weights, or is damaged: {reason}") from error


def read_zip(file: BinaryIO) -> Any:
    """The newer format: a pickle, and a member for each storage; the archive has checksums."""
    with zipfile.ZipFile(file) as archive:
        # The archive's folder is named by whoever saved it, and its one pickle is data.pkl.
        (name,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        storages: dict[str, Storage] = {}
        state = Reader(io.BytesIO(archive.read(name)), storages).load()
        for key, storage in storages.items():
            storage.content = archive.read(name.removesuffix("data.pkl") + f"data/{key}")
    return state


def read_stream(file: BinaryIO) -> Any:
    """The older format: pickles of a magic number, version, machine, tensors, keys; then the storages."""
    file.seek(0)
    storages: dict[str, Storage] = {}
    if Reader(file, storages).load() != MAGIC:
        raise InputError("it does not begin as one")
    for _ in ("version", "machine"):
        Reader(file, storages).load()
    state = Reader(file, storages).load()
    for key in Reader(file, storages).load():
        # A storage that no tensor refers to counts as empty, and is refused if there is anything in it.
        storage = storages.setdefault(key, Storage(DTYPES["FloatStorage"], 0))
        count = int.from_bytes(file.read(8), "little")
        if count != storage.count:
            raise InputError(f"storage {key} has {count} numbers where {storage.count} are announced")
        storage.content = file.read(count * storage.dtype.itemsize)
    return state
