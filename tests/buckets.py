"""A bucket in memory, in place of the one that gs:// addresses name: fsspec's own, under its name."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from gaxjax.runs import bucket


class MemoryBucket(MemoryFileSystem):
    """Objects by name, as long as the process lives."""

    protocol = ("gs", "gcs")
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(str(path).removeprefix("gs://"))

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        """With the time of the last change, as a bucket has it."""
        about = super().info(path, **options)
        return about | {"mtime": about.get("created")}


class MemoryObjects:
    """The same objects as tensorstore shows them: whoever writes says which state of one it has read."""

    def __init__(self, folder: Path):
        self.folder, self.system = folder, MemoryBucket()

    def read(self, name: str) -> Any:
        """An object, and a generation that follows from what is in it."""
        place = str(self.folder / name)
        value = self.system.cat(place) if self.system.exists(place) else None
        generation = b"absent" if value is None else hashlib.md5(value).digest()
        state = "missing" if value is None else "value"
        return answer(SimpleNamespace(state=state, value=value, stamp=SimpleNamespace(generation=generation)))

    def write(self, name: str, value: bytes | None, if_equal: bytes) -> Any:
        """Nothing, and an empty generation, where the object is another by now."""
        if self.read(name).result().stamp.generation != if_equal:
            return answer(SimpleNamespace(generation=b""))
        place = str(self.folder / name)
        self.system.rm(place) if value is None else self.system.pipe(place, value)
        return answer(self.read(name).result().stamp)


def answer(value: Any) -> Any:
    """As a future of tensorstore's gives it."""
    return SimpleNamespace(result=lambda: value)


@pytest.fixture
def memory_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryBucket]:
    """An empty bucket, gs://bucket."""
    for name in MemoryBucket.protocol:
        fsspec.register_implementation(name, MemoryBucket, clobber=True)
    monkeypatch.setattr(bucket, "open_store", MemoryObjects)
    yield MemoryBucket()
    MemoryBucket.store.clear()
    MemoryBucket.pseudo_dirs[:] = [""]
