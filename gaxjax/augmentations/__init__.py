"""Changes of what a discriminator sees, real and fake, so that it does not learn few images by heart."""

from gaxjax.augmentations.augment import Augment
from gaxjax.augmentations.augmentation import Augmentation, ImageAugmentation, Noise
from gaxjax.augmentations.colors import Brightness, ColorAugmentation, Contrast, Hue, Luma, Saturation
from gaxjax.augmentations.differentiable import Color, Cutout, Translation
from gaxjax.augmentations.geometry import (
    Flip,
    FractionalShift,
    GeometricAugmentation,
    Rotate90,
    Rotation,
    Scale,
    Shift,
    Stretch,
)

__all__ = [
    "ADAPTIVE",
    "DIFFERENTIABLE",
    "Augment",
    "Augmentation",
    "Brightness",
    "Color",
    "ColorAugmentation",
    "Contrast",
    "Cutout",
    "Flip",
    "FractionalShift",
    "GeometricAugmentation",
    "Hue",
    "ImageAugmentation",
    "Luma",
    "Noise",
    "Rotate90",
    "Rotation",
    "Saturation",
    "Scale",
    "Shift",
    "Stretch",
    "Translation",
]

DIFFERENTIABLE: tuple[Augmentation, ...] = (Color(), Translation(), Cutout())
"""DiffAugment's strongest policy. Zhao et al. 2020."""
ADAPTIVE: tuple[Augmentation, ...] = (
    Flip(),
    Rotate90(),
    Shift(),
    Scale(),
    Rotation(among=2),
    Stretch(),
    Rotation(among=2),
    FractionalShift(),
    Brightness(),
    Contrast(),
    Luma(),
    Hue(),
    Saturation(),
)
"""ADA's default, "bgc": pixel blits, geometry, color; for square images. Karras et al. 2020, appendix B."""
