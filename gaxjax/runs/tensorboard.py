"""TensorBoard as a tracker of a run: files of events, made without TensorFlow."""

import io
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from gaxjax.files import name_file_in_error
from gaxjax.runs.uploads import Uploads


class TensorBoard:
    """A file of events for each start, not written in a thread, so that what fails is known at once."""

    def __init__(self, directory: Path, begin: int):
        self._directory, self._begin = directory, begin
        self._writer: Any = None

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Of `Tracker`."""
        from tensorboardX.proto.summary_pb2 import Summary

        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._write(step, Summary(value=scalars))

    def log_image(self, step: int, name: str, path: Path) -> None:
        """Of `Tracker`."""
        from tensorboardX.proto.summary_pb2 import Summary

        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as picture:
            width, height, channels = *picture.size, len(picture.getbands())
        # The file as it is, which TensorBoard shows as well as one that is encoded anew.
        image = Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=content)
        self._write(step, Summary(value=[Summary.Value(tag=name, image=image)]))

    def finish(self) -> None:
        """Of `Tracker`."""
        if self._writer:
            with name_file_in_error(self._directory):
                self._writer.close()
            self._uploads.close()

    def _open(self) -> None:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import SessionLog

        self._uploads = Uploads(self._directory)
        with name_file_in_error(self._directory):
            self._writer = EventsWriter(str(self._uploads.folder / "events"), f".{os.getpid()}")
        # TensorBoard hides what an earlier start wrote at this step and after.
        self._add(step=self._begin + 1, session_log=SessionLog(status=SessionLog.START))

    def _write(self, step: int, summary: Any) -> None:
        if self._writer is None:
            # Now, and not before: a start that stops before its first row leaves no file without events.
            self._open()
        self._add(step=step, summary=summary)
        with name_file_in_error(self._directory):
            self._writer.flush()
        self._uploads.offer()

    def _add(self, **event: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event

        with name_file_in_error(self._directory):
            self._writer.write_event(Event(wall_time=time.time(), **event))
