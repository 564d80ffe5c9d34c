"""The options that a game's samples can be drawn with."""

import inspect
from typing import Any

from gaxjax import expressions
from gaxjax.errors import InputError
from gaxjax.game import GAN


def sampling_options(gan: GAN, text: str) -> dict[str, Any]:
    """`text`, such as "psi=0.7, cutoff=8", as arguments of the game's `sample`; InputError for others."""
    options = expressions.parse_options(text)
    known = known_options(gan)
    if not set(options) <= set(known):
        takes = f"takes {', '.join(known)}" if known else "takes none"
        raise InputError(f"options of samples {text!r}: {type(gan).__name__} {takes}")
    return options


def known_options(gan: GAN) -> list[str]:
    """The options that a game's `sample` has."""
    # The signature is the list: a game that gets an option has it on the command line too.
    parameters = inspect.signature(type(gan).sample).parameters.values()
    # Those without a default are the game's own business: itself and the batch.
    return [p.name for p in parameters if p.default is not p.empty]


def check_frames(gan: GAN, frames: int) -> None:
    """InputError for a game that does not make clips of a length that is asked for."""
    if frames < 1:
        raise InputError(f"--frames, the length of the clips, must be at least 1; got {frames}")
    if "frames" not in known_options(gan):
        raise InputError(
            f"--frames {frames}: {type(gan).__name__} makes samples of one shape, not clips of any length; "
            "leave it out"
        )
