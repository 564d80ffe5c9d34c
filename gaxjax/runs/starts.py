"""How each start of a run went: two lines of starts.jsonl, when it began and how it ended, or by what error.

For people, and `gaxjax status`; a run reads none of it, and does not fail where it cannot be written.
"""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from gaxjax.errors import InputError, Interrupted, summarize_error
from gaxjax.runs.holder import this_process
from gaxjax.runs.rows import append_rows, read_rows

FILE = "starts.jsonl"
FINISHED = "finished"


@contextlib.contextmanager
def note_start(workdir: Path) -> Iterator[dict[str, str]]:
    """A line now, and one with the reason of the end, {"why": ...}, an error or what is put there meanwhile.

    A process that is killed leaves the first line alone.
    """
    me = this_process()

    def note(event: str, **more: str) -> None:
        time = datetime.now().astimezone().isoformat(" ", "seconds")
        row = {"event": event, "time": time, "host": me.host, "process": me.process, **more}
        with contextlib.suppress(OSError):
            append_rows(workdir / FILE, [row])

    note("start")
    ending = {"why": FINISHED}
    try:
        yield ending
    except BaseException as error:  # Ctrl-C a second time too
        asked = isinstance(error, Interrupted | KeyboardInterrupt)
        note("end" if asked else "error", why=summarize_error(error))
        raise
    note("end", **ending)


def read_starts(workdir: Path) -> list[dict[str, Any]]:
    """All lines, in order; none where there are none, or none that can be read."""
    with contextlib.suppress(InputError, OSError):
        return read_rows(workdir / FILE, lambda row: {**row, "event": row["event"], "time": row["time"]})
    return []
