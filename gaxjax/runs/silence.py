"""What orbax has other packages log, and says nothing to the person at the keyboard; all else is kept."""

import contextlib
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def silence_orbax() -> Iterator[None]:
    """Leaves out what orbax logs by absl, here and in its threads: ten lines a save."""
    # A filter and not a level, which would silence what others log by absl too.
    logger = logging.getLogger("absl")
    logger.addFilter(is_of_others)
    try:
        yield
    finally:
        logger.removeFilter(is_of_others)


def silence_failed_saves() -> None:
    """Leaves out what asyncio logs of failed saves, for as long as the process lives.

    It logs errors that nobody waits for when they are garbage: after the run, maybe.
    """
    logging.getLogger("asyncio").addFilter(is_of_others)


def is_of_others(record: logging.LogRecord) -> bool:
    """Whether neither a record nor an error that it is about comes from orbax or tensorstore."""
    files = [record.pathname]
    if record.exc_info and record.exc_info[1]:
        if "tensorstore" in str(record.exc_info[1]):  # raised outside of Python
            return False
        files += [frame.filename for frame in traceback.extract_tb(record.exc_info[2])]
    return not any("orbax" in Path(file).parts for file in files)
