"""Files that are added to as a run goes, and belong into a bucket, where an object is written as a whole."""

import tempfile
import time
from pathlib import Path

from gaxjax.files import write_bytes
from gaxjax.files.places import is_remote

EVERY = 300.0
"""Seconds between two uploads: what there is goes again each time."""


class Uploads:
    """A folder to write in: the directory itself on a disk, else one of this machine's that is uploaded."""

    def __init__(self, directory: Path):
        # Of this machine's own disk, where a file that is added to at each row costs nothing.
        self._directory, self._last = directory, time.monotonic()
        self._temporary = tempfile.TemporaryDirectory(prefix="upload-") if is_remote(directory) else None
        self.folder = Path(self._temporary.name) if self._temporary else directory
        self.folder.mkdir(parents=True, exist_ok=True)

    def offer(self) -> None:
        """Uploads, if it is time again."""
        if time.monotonic() - self._last > EVERY:
            self._upload()

    def close(self) -> None:
        """Uploads what there is, and removes it here."""
        if self._temporary:
            self._upload()
            self._temporary.cleanup()

    def _upload(self) -> None:
        # First, so that a bucket that is slow is not asked again at once.
        self._last = time.monotonic()
        if self._temporary:
            for file in self.folder.iterdir():
                write_bytes(self._directory / file.name, file.read_bytes())
