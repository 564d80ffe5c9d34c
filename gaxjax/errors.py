"""The one exception that is meant for the person at the keyboard."""


class InputError(ValueError):
    """What was asked for cannot be done; the message says what came, what was expected and what to do.

    The command line prints the message alone; any other exception is a defect and keeps its traceback.
    """


class Diverged(RuntimeError):
    """A loss or a parameter is no longer finite; the message names it and the last good checkpoint."""


class Interrupted(Exception):
    """A run was asked to stop and has saved everything; `signal` is the number of the signal."""

    def __init__(self, message: str, signal: int):
        super().__init__(message)
        self.signal = signal
