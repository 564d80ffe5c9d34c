"""Architectures: Flax linen modules, by the paper or kind that they are of: `networks.dcgan.Generator`."""

from gaxjax.networks import (
    autoencoder,
    conditional,
    dcgan,
    lucic,
    mlp,
    progressive,
    salimans,
    style,
    super_resolution,
    synthesis,
    translation,
    unet,
)

__all__ = [
    "autoencoder",
    "conditional",
    "dcgan",
    "lucic",
    "mlp",
    "progressive",
    "salimans",
    "style",
    "super_resolution",
    "synthesis",
    "translation",
    "unet",
]
