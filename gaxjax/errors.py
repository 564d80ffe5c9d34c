"""The exceptions that are meant for the person at the keyboard: the command line prints their message alone."""


class InputError(ValueError):
    """What was asked for cannot be done; the message says what came, what was expected and what to do.

    Any other exception than those of this file is a defect and keeps its traceback.
    """


class Diverged(RuntimeError):
    """A loss or a parameter is no longer finite; the message names it and the last good checkpoint."""


class Unwritable(RuntimeError):
    """The disk refused in the middle of a run; the message says what failed and which checkpoint is kept."""


class Interrupted(Exception):
    """A run was asked to stop and has saved everything; `signal` is the number of the signal."""

    def __init__(self, message: str, signal: int):
        super().__init__(message)
        self.signal = signal
