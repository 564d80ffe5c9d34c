"""A run on disk, and the way back from one."""

from gaxjax.runs.opening import Run, Start, open, open_first_seed, start_from

__all__ = ["Run", "Start", "open", "open_first_seed", "start_from"]
