"""From a description to a source of examples."""

import functools
import typing
from dataclasses import replace

import jax
import numpy as np

from gaxjax.data.attributes import NAME as ATTRIBUTES
from gaxjax.data.checking import check_data
from gaxjax.data.config import Data, has_clips, has_two_images, with_all_labels
from gaxjax.data.coupled import CHANGES, couple
from gaxjax.data.domains import Domains
from gaxjax.data.jitter import Jittered, enlarged_shape
from gaxjax.data.labeled import NAME as LABELED
from gaxjax.data.labeled import Labeled
from gaxjax.data.moving_digits import SETS as MOVING
from gaxjax.data.moving_digits import MovingDigits, digits_of, spec_of_digits
from gaxjax.data.pictures import InMemory, Pictures, Streaming
from gaxjax.data.points import DEFAULTS, Points
from gaxjax.data.shapes import NAME as SHAPES
from gaxjax.data.shapes import Shapes
from gaxjax.data.source import Source, Spec
from gaxjax.data.stacked import NAME as STACKED
from gaxjax.data.stacked import StackedDigits
from gaxjax.data.super_resolution import SuperResolution, spec_of_pairs
from gaxjax.parallel.counting import nbytes

if typing.TYPE_CHECKING:  # it imports tensorflow-datasets, which folders and points need not wait for
    from gaxjax.data.named import PreparedSet

LASTING = 2**28
"""Bytes of a decoded set up to which it stays in memory between runs: 256 MiB, which holds CIFAR-10."""


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
    if data.name in MOVING:
        return spec_of_digits(data)
    image = jax.ShapeDtypeStruct(data.shape, np.uint8)
    if has_two_images(data):
        return {"a": image, "b": image}
    if data.attributes:  # each yes or no, for all that is known
        given[ATTRIBUTES] = jax.ShapeDtypeStruct((len(data.attributes),), np.float32)
    # Opening it could take minutes, or be impossible here: `show` counts parameters where there are no data.
    label = jax.ShapeDtypeStruct((), np.int32)
    if has_clips(data):
        return {"video": image, "label": label}
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
    source = open_whole(with_all_labels(data))
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
    if data.name in MOVING:
        return MovingDigits(open_whole(digits_of(data)), data)
    if has_clips(data):
        from gaxjax.data.clip_sources import open_clips

        return open_clips(data)
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
