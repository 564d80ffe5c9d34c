"""Architectures: Flax linen modules, by the paper or kind that they are of: `networks.dcgan.Generator`."""

from gaxjax.networks import (
    autoencoder,
    conditional,
    coupled,
    dcgan,
    discogan,
    lucic,
    mlp,
    multiscale,
    progressive,
    residual,
    salimans,
    stargan,
    style,
    synthesis,
    translation,
    unet,
)

__all__ = [
    "autoencoder",
    "conditional",
    "coupled",
    "dcgan",
    "discogan",
    "lucic",
    "mlp",
    "multiscale",
    "progressive",
    "residual",
    "salimans",
    "stargan",
    "style",
    "synthesis",
    "translation",
    "unet",
]
