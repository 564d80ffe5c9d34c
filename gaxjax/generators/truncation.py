"""Which games have styles, and how their truncation is written. Karras et al. 2019, appendix B."""

from typing import Any

from gaxjax.errors import InputError
from gaxjax.game import GAN

Psi = float | tuple[float, ...]
"""For every layer, or one for each."""


def styled(gan: GAN) -> bool:
    """Whether a game has a w between latents and images."""
    game: Any = gan
    without = getattr(getattr(game, "generator", None), "modulation", "") == "none"  # ProGAN
    return hasattr(game, "map_latents") and not without


def name_of(gan: GAN) -> str:
    """How a message names a game: one class plays several."""
    game: Any = gan
    progressive = hasattr(game, "map_latents") and not styled(gan)
    return "a ProGAN (modulation none)" if progressive else type(gan).__name__


def check_psi(gan: GAN, psi: Psi, cutoff: int | None) -> None:
    """InputError for a truncation that cannot be."""
    if not styled(gan):
        raise InputError(f"--psi is about styles, and {name_of(gan)} has none: leave --psi and --cutoff out")
    game: Any = gan
    if isinstance(psi, tuple) and len(psi) != game.generator.layers:
        layers = game.generator.layers
        raise InputError(f"--psi has {len(psi)} numbers, but there are {layers} layers: give one, or as many")
    if cutoff is not None and (psi == 1.0 or cutoff < 0):
        raise InputError(f"--cutoff {cutoff} is how many layers --psi is for: 0 or more, with a --psi")


def psi_of(text: str) -> Psi:
    """A number, or one for each layer.

    >>> psi_of("0.7"), psi_of("1,0.5")
    (0.7, (1.0, 0.5))
    """
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--psi is a number, or one for each layer: 1,0.8,0.5; got {text!r}") from error
    return found if len(found) > 1 else found[0]
