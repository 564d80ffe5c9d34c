"""Which games have styles, and how their truncation is written. Karras et al. 2019, appendix B."""

from typing import Any

from gaxjax.errors import InputError
from gaxjax.game import GAN

Psi = float | tuple[float, ...]
"""For every layer, or one for each."""


def has_styles(gan: GAN) -> bool:
    """Whether a game has a w between latents and images."""
    game: Any = gan
    # One class, StyleGAN, plays ProGAN too: its methods are there, but w would be the latents themselves.
    without = getattr(getattr(game, "generator", None), "modulation", "") == "none"  # ProGAN
    return hasattr(game, "map_latents") and not without


def describe_game(gan: GAN) -> str:
    """How a message names a game: one class plays several."""
    game: Any = gan
    progressive = hasattr(game, "map_latents") and not has_styles(gan)
    return "a ProGAN (modulation none)" if progressive else type(gan).__name__


def check_psi(gan: GAN, psi: Psi, cutoff: int | None) -> None:
    """InputError for a truncation that cannot be."""
    if not has_styles(gan):
        raise InputError(
            f"--psi is about styles, and {describe_game(gan)} has none: leave --psi and --cutoff out"
        )
    game: Any = gan
    # One number pulls all layers; several are meant for one each, and a short list would shift silently.
    if isinstance(psi, tuple) and len(psi) != game.generator.layers:
        layers = game.generator.layers
        raise InputError(f"--psi has {len(psi)} numbers, but there are {layers} layers: give one, or as many")
    # With psi = 1 a cutoff changes nothing: more likely the psi was forgotten.
    if cutoff is not None and (psi == 1.0 or cutoff < 0):
        raise InputError(f"--cutoff {cutoff} is how many layers --psi is for: 0 or more, with a --psi")


def parse_psi(text: str) -> Psi:
    """A number, or one for each layer.

    >>> parse_psi("0.7"), parse_psi("1,0.5")
    (0.7, (1.0, 0.5))
    """
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--psi is a number, or one for each layer: 1,0.8,0.5; got {text!r}") from error
    return numbers if len(numbers) > 1 else numbers[0]
