"""A run on disk, and the way back from one."""

from gaxjax.runs.opening import Run, Start, open, start_from

__all__ = ["Run", "Start", "open", "start_from"]
