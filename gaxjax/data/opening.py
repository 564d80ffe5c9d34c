"""From a description to a source of examples."""

import functools
import typing
from dataclasses import replace

import jax
import numpy as np

from gaxjax.data.attributes import NAME as ATTRIBUTES
from gaxjax.data.config import Data, Filter, Fit, Layout
from gaxjax.data.coupled import CHANGES, couple
from gaxjax.data.domains import Domains
from gaxjax.data.jitter import Jittered, check_jitter, enlarged_shape
from gaxjax.data.labeled import NAME as LABELED
from gaxjax.data.labeled import Labeled
from gaxjax.data.pictures import InMemory, Pictures, Streaming
from gaxjax.data.points import DEFAULTS, Points
from gaxjax.data.shapes import NAME as SHAPES
from gaxjax.data.shapes import Shapes
from gaxjax.data.source import Source, Spec
from gaxjax.data.stacked import NAME as STACKED
from gaxjax.data.stacked import StackedDigits
from gaxjax.data.super_resolution import SuperResolution, spec_of_pairs
from gaxjax.errors import InputError, check_seed
from gaxjax.parallel.counting import nbytes

if typing.TYPE_CHECKING:  # it imports tensorflow-datasets, which folders and points need not wait for
    from gaxjax.data.named import PreparedSet

LASTING = 2**28
"""Bytes of a decoded set up to which it stays in memory between runs: 256 MiB, which holds CIFAR-10."""


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
    if data.swap and (data.name != "folder" or data.layout not in ("halves", "domains")):
        raise InputError("swap exchanges a and b, which layout=halves and layout=domains of a folder have")
    check_attributes(data)
    check_scale(data)
    if data.name in DEFAULTS:
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
    if data.labeled is not None and data.name in (*DEFAULTS, STACKED):
        raise InputError(f"{data.name} makes each example anew, and labeled={data.labeled} is of stored ones")


def check_domain_b(data: Data) -> None:
    """InputError for a second domain that cannot be meant."""
    if not data.domain_b:
        return
    if data.name in (*DEFAULTS, STACKED) or data.layout in ("halves", "domains"):
        what = f"layout={data.layout}" if data.name == "folder" else data.name
        raise InputError(f"domain_b={data.domain_b!r} is beside a set of single images, and {what} is none")
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
    if data.name != "folder" or data.layout in ("halves", "domains"):
        what = f"layout={data.layout}" if data.name == "folder" else f"name={data.name}"
        raise InputError(f"attributes are of single images in a folder (name=folder), and this is {what}")
    if len(set(data.attributes)) < len(data.attributes):
        raise InputError(f"attributes are columns, each once; got {', '.join(data.attributes)}")


def check_scale(data: Data) -> None:
    """InputError for a reduction that cannot be meant."""
    if data.scale == 1:
        return
    if data.scale < 1:
        raise InputError(f"scale is how many times a is smaller than b, 1 or more, not {data.scale}")
    if data.name in (*DEFAULTS, SHAPES, STACKED) or data.layout in ("halves", "domains"):
        what = f"layout={data.layout}" if data.name == "folder" else data.name
        raise InputError(
            f"scale={data.scale} makes pairs of single photographs, which {what} has not: use a folder of "
            "them, or a set by name"
        )
    rest = [side % data.scale for side in data.shape[:2]]
    if any(rest):
        fits = tuple(max(side // data.scale, 1) * data.scale for side in data.shape[:2])
        raise InputError(
            f"scale={data.scale} does not divide the sides of shape={data.shape}: use multiples of it, such "
            f"as {(*fits, *data.shape[2:])}"
        )


def spec_of(data: Data) -> Spec:
    """Shapes and types of examples as the description has them, whether the data are there or not.

    With labels, which the data may turn out to lack.
    """
    check_data(data)
    if data.name in DEFAULTS:
        return Points(data).spec
    given: Spec = {} if data.labeled is None else {LABELED: jax.ShapeDtypeStruct((), np.bool_)}
    if data.name == SHAPES:
        return {**Shapes(data).spec, **given}
    if data.scale > 1:
        return spec_of_pairs(data)
    image = jax.ShapeDtypeStruct(data.shape, np.uint8)
    if data.name == "folder" and data.layout in ("halves", "domains"):
        return {"a": image, "b": image}
    if data.attributes:  # each yes or no, for all that is known
        given[ATTRIBUTES] = jax.ShapeDtypeStruct((len(data.attributes),), np.float32)
    # Opening it could take minutes, or be impossible here: `show` counts parameters where there are no data.
    label = jax.ShapeDtypeStruct((), np.int32)
    if data.domain_b:
        return {"a": image, "b": image, "label": label, "label_b": label}
    return {"image": image, "label": label, **given}


def open_source(data: Data) -> Source:
    """The examples that `data` describes; InputError if they cannot be had."""
    check_data(data)
    if data.jitter:
        return Jittered(open_source(replace(data, shape=enlarged_shape(data), jitter=0)), data.shape)
    if data.labeled is None:
        return open_whole(data)
    # One decoded set serves all choices of labels, of which a table has dozens.
    source = open_whole(replace(data, labeled=None, labeled_seed=0, labeled_share=0.0))
    return Labeled(source, data.labeled, data.labeled_seed, data.labeled_share)


def open_whole(data: Data) -> Source:
    """The examples, with every label that there is."""
    if data.domain_b:
        source = open_whole(replace(data, domain_b=""))
        other = None if data.domain_b in CHANGES else open_whole(domain_of(data))
        return couple(source, other, data.domain_b, data.paired)
    if data.name in DEFAULTS:
        return Points(data)
    if data.name == SHAPES:
        return Shapes(data)
    if data.name == STACKED:
        # One channel of the digits is decoded, and three are stacked: 60,000 digits in memory, and none of
        # their triples.
        return StackedDigits(open_whole(replace(data, name="mnist", shape=(*data.shape[:2], 1))))
    parts: list[Pictures]
    if data.name == "folder":
        from gaxjax.data.folder import Folder
        from gaxjax.data.pairs import Pairs

        if data.layout == "domains":
            parts = [Pairs(data)] if data.paired else [Folder(data, side) for side in "ab"]
        else:
            parts = [Folder(data)]
    else:
        from gaxjax.data.named import PreparedSet

        parts = [prepared := PreparedSet(data)]
    if data.scale > 1:  # of photographs of any size, which no table holds
        return SuperResolution(Streaming(parts[0], data.workers, data.strict), data)
    # Decoded, at the size of the networks: what lies on the disk says nothing of it. Of both domains
    # together.
    size = sum(nbytes(pictures.spec) * len(pictures) for pictures in parts)
    if data.name != "folder" and size <= min(data.memory * 2**30, LASTING):
        source = decode_once(prepared)
        if len(source) < len(prepared):  # what is left out is told again the next time
            decode_once.cache_clear()
        return source
    kind = InMemory if size <= data.memory * 2**30 else Streaming
    sources = [kind(pictures, data.workers, data.strict) for pictures in parts]
    return Domains(*sources) if len(sources) > 1 else sources[0]


def domain_of(data: Data) -> Data:
    """Domain b, where it is a set of its own."""
    # The built-in set is nobody's: it does not go where others are kept.
    directory = "" if data.domain_b == "digits" else data.directory
    return replace(data, name=data.domain_b, domain_b="", directory=directory)


@functools.lru_cache(maxsize=2)
def decode_once(prepared: "PreparedSet") -> InMemory:
    """A prepared set in memory, which stays there for the next run on the same files: a table has dozens."""
    source = InMemory(prepared, prepared.data.workers, prepared.data.strict)
    for array in source.tables.values():
        array.flags.writeable = False  # it is everybody's
    return source
