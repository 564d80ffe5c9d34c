"""Operations that networks are made of, and wrappers around any network: what is no architecture."""

from gaxjax.layers.conditioning import Concatenated, Head, Projected, RealOrClass
from gaxjax.layers.equalized import Equalized
from gaxjax.layers.norms import BatchNorm
from gaxjax.layers.resampling import pixel_shuffle
from gaxjax.layers.standard import Conv, ConvTranspose, Dense, Dropout, PReLU
from gaxjax.layers.transformed import Transformed, Wrapper
from gaxjax.layers.weight_norm import GaussianNoise, WeightNormDense

__all__ = [
    "BatchNorm",
    "Concatenated",
    "Conv",
    "ConvTranspose",
    "Dense",
    "Dropout",
    "Equalized",
    "GaussianNoise",
    "Head",
    "PReLU",
    "Projected",
    "RealOrClass",
    "Transformed",
    "WeightNormDense",
    "Wrapper",
    "pixel_shuffle",
]
