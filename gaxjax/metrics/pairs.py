"""From the statistics of images that belong together, one by one, to the numbers of each metric of pairs."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gaxjax.errors import InputError
from gaxjax.metrics import label_maps, similarity
from gaxjax.metrics.computing import mean_value
from gaxjax.metrics.samples import Samples, Value


def pixel_accuracy(samples: Samples) -> dict[str, Value]:
    """Of label maps, with the true ones that they belong to; needs images and a palette."""
    assert samples.palette is not None
    fake, real = samples.fake.arrays["images"], samples.real.arrays["images"]
    agreement = label_maps.compare_label_maps(fake, real, samples.palette)
    by_class = ", ".join(
        f"{bytes(color).hex()} {iou:.3f}"
        for color, iou in zip(samples.palette, agreement.iou_by_class, strict=True)
    )
    return {
        "pixel_accuracy": mean_value(agreement.by_image),
        # Of pixels of all images together: single images have no such number to take an error of.
        "per_class_accuracy": Value(agreement.per_class),
        "class_iou": Value(agreement.iou, None, by_class),
    }


def compare_pairs(name: str) -> Callable[[Samples], dict[str, Value]]:
    """PSNR or SSIM of fakes with the images that they belong to; needs images."""

    def compute(samples: Samples) -> dict[str, Value]:
        real, fake = samples.real.arrays["images"], samples.fake.arrays["images"]
        # Image i of one set belongs to image i of the other.
        if real.shape != fake.shape:
            raise InputError(f"{name} compares pairs; got images of shapes {real.shape} and {fake.shape}")
        # [N], of images as bytes, whose peak is 255.
        return {name: mean_value(getattr(similarity, name)(fake, real, 255.0))}

    return compute


def compare_luma(name: str) -> Callable[[Samples], dict[str, Value]]:
    """The same of their luma, without the border that the samples name; needs images."""

    def compute(samples: Samples) -> dict[str, Value]:
        # Both sides become luma alone, and are compared as any images are.
        sides = [
            replace(side, arrays={"images": similarity.luma(side.arrays["images"], samples.border)})
            for side in (samples.real, samples.fake)
        ]
        values = compare_pairs(name)(samples._replace(real=sides[0], fake=sides[1]))
        return {f"{name}_y": values[name]}

    return compute


def compare_vectors(samples: Samples) -> dict[str, Value]:
    """The squared distance of features of images that belong together, LPIPS by LPIPS's; needs vectors."""
    real, fake = samples.real.arrays["vectors"], samples.fake.arrays["vectors"]
    if real.shape != fake.shape:
        raise InputError(f"perceptual compares pairs; got features of shapes {real.shape} and {fake.shape}")
    squares = np.square(fake.astype(np.float64) - real)
    return {"perceptual": mean_value(np.sum(squares, axis=1))}
