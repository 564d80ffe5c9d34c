"""What of a description of data cannot be meant, whether the data are there or not."""

import typing

from gaxjax.data.config import Data, Filter, Fit, Layout, has_clips, has_two_images
from gaxjax.data.coupled import CHANGES
from gaxjax.data.jitter import check_jitter
from gaxjax.data.moving_digits import SETS as MOVING
from gaxjax.data.points import DEFAULTS
from gaxjax.data.shapes import NAME as SHAPES
from gaxjax.data.stacked import NAME as STACKED
from gaxjax.errors import InputError, check_seed

UNSTORED = (*DEFAULTS, STACKED, *MOVING)
"""Sets whose examples are made anew at each position: there is no list of them to choose from."""


def check_data(data: Data) -> None:
    """InputError for a description that cannot be meant, before anything slow."""
    for field, kind in (("layout", Layout), ("fit", Fit), ("filter", Filter)):
        value, choices = getattr(data, field), typing.get_args(kind)
        if value not in choices:
            raise InputError(f"{field} is one of {', '.join(choices)}, not {value!r}")
    for field in ("workers", "memory", "resident"):
        if getattr(data, field) < 0:
            raise InputError(f"{field} is at least 0, not {getattr(data, field)}")
    check_labeled(data)
    check_domain_b(data)
    if data.swap and not has_two_images(data):
        raise InputError("swap exchanges a and b, which layout=halves and layout=domains of a folder have")
    check_attributes(data)
    check_scale(data)
    check_clips(data)
    # What follows is of images, and these are points.
    if data.name in DEFAULTS or has_clips(data):
        return
    if len(data.shape) != 3 or min(data.shape) < 1 or data.shape[2] not in (1, 3, 4):
        raise InputError(f"shape is (height, width, channels) with 1, 3 or 4 channels, not {data.shape}")
    check_jitter(data)
    if data.name == STACKED and data.shape[2] != 3:
        # What was meant but for the channels, so that the message can be copied.
        shape = (*data.shape[:2], 3)
        raise InputError(f"{STACKED} has a digit in each of 3 channels: use shape={shape}, not {data.shape}")


def check_labeled(data: Data) -> None:
    """InputError for labels on a part of the data that cannot be meant."""
    check_seed(data.labeled_seed, "labeled_seed")
    # Exact to four places: what is nearer to 0 or 1 would become it.
    if data.labeled_share not in (0, 1) and not 1e-4 <= data.labeled_share <= 1 - 1e-4:
        raise InputError(
            "labeled_share is a part of each minibatch, 0, 1 or from 0.0001 to 0.9999, not "
            f"{data.labeled_share}"
        )
    if data.labeled is None and data.labeled_share:
        raise InputError(f"labeled_share={data.labeled_share} needs labeled, the number of labeled examples")
    if data.labeled is not None and data.name in UNSTORED:
        raise InputError(f"{data.name} makes each example anew, and labeled={data.labeled} is of stored ones")


def check_domain_b(data: Data) -> None:
    """InputError for a second domain that cannot be meant."""
    if not data.domain_b:
        return
    if data.name in UNSTORED or has_two_images(data):
        raise InputError(
            f"domain_b={data.domain_b!r} is beside a set of single images, and {describe_kind(data)} is none"
        )
    if data.labeled is not None:
        raise InputError(
            "with domain_b, labels of a are all given and those of b are none's: use labeled=None"
        )
    if data.domain_b not in CHANGES and data.paired:
        raise InputError(
            f"domain_b={data.domain_b!r} is a set of its own, without pairs: use paired=False "
            f"(--data.no-paired); of the images themselves there are {' and '.join(CHANGES)}"
        )


def check_attributes(data: Data) -> None:
    """InputError for attributes that are asked of data that have none, or twice."""
    if not data.attributes:
        return
    if data.name != "folder" or has_two_images(data):
        raise InputError(
            f"attributes are of single images in a folder (name=folder), and this is {describe_kind(data)}"
        )
    if len(set(data.attributes)) < len(data.attributes):
        raise InputError(f"attributes are columns, each once; got {', '.join(data.attributes)}")


def check_scale(data: Data) -> None:
    """InputError for a reduction that cannot be meant."""
    if data.scale == 1:
        return
    if data.scale < 1:
        raise InputError(f"scale is how many times a is smaller than b, 1 or more, not {data.scale}")
    # Shapes are rendered at the size that is asked for: there is nothing to cut out of them.
    if data.name in (*UNSTORED, SHAPES) or has_two_images(data):
        raise InputError(
            f"scale={data.scale} makes pairs of single photographs, which {describe_kind(data)} has not: "
            "use a folder of them, or a set by name"
        )
    if data.jitter:
        raise InputError(f"scale={data.scale} cuts crops out of images as they are stored: use jitter=0")
    if any(side % data.scale for side in data.shape[:2]):
        # The next smaller sides that it divides, so that the message can be copied.
        fits = tuple(max(side // data.scale, 1) * data.scale for side in data.shape[:2])
        raise InputError(
            f"scale={data.scale} does not divide the sides of shape={data.shape}: use multiples of it, such "
            f"as {(*fits, *data.shape[2:])}"
        )


def check_clips(data: Data) -> None:
    """InputError for clips that cannot be meant, and for what is of clips where there are images."""
    if data.stride < 1 or data.digits < 1:
        raise InputError(f"stride and digits are at least 1, not {data.stride} and {data.digits}")
    if not has_clips(data):
        for field, value in (("stride", data.stride > 1), ("first_frames", data.first_frames)):
            if value:
                raise InputError(f"{field} is of clips, of shape (frames, height, width, channels)")
        if data.name in MOVING or (data.name == "folder" and data.layout in ("frames", "strips")):
            shape = (16, *data.shape) if len(data.shape) == 3 else (16, 64, 64, 1)
            raise InputError(
                f"{describe_kind(data)} makes clips: shape is (frames, height, width, channels), such as "
                f"{shape}, not {data.shape}"
            )
        return
    if data.name != "folder" and data.name not in MOVING:
        raise InputError(
            f"shape={data.shape} is of clips, which a folder has (name=folder), and {' and '.join(MOVING)}; "
            f"{data.name} has none"
        )
    if min(data.shape) < 1 or data.shape[3] not in (1, 3, 4):
        raise InputError(
            f"shape is (frames, height, width, channels) with 1, 3 or 4 channels, not {data.shape}"
        )
    # What is done to images alone, in the words of flags.
    changed = {
        "layout": has_two_images(data),
        "scale": data.scale > 1,
        "jitter": data.jitter,
        "labeled": data.labeled is not None,
        "attributes": data.attributes,
        "domain_b": data.domain_b,
    }
    if of_images := [f"{field}={getattr(data, field)!r}" for field, given in changed.items() if given]:
        raise InputError(f"{' and '.join(of_images)} is of images, and shape={data.shape} is of clips")


def describe_kind(data: Data) -> str:
    """What the examples are read as, in the words of flags."""
    return f"layout={data.layout}" if data.name == "folder" else f"name={data.name}"
