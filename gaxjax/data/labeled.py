"""A source of which part is labeled: a choice of examples whose labels are given, and no others'.

Which these are, and which positions of a batch are theirs, follows from numbers alone: a resumed run, several
processes and any number of devices see the same.
"""

from fractions import Fraction
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np

from gaxjax.data.source import Batch, Source, SourceOf, Tables, permutation, shuffle_positions
from gaxjax.errors import InputError

NAME = "labeled"
"""Of each example, whether it comes with its label, [B] bool."""
CHOICE, ORDER = 4, 5
"""Streams of orders: which examples are labeled, and in which order they come; 0 and 1 are the source's."""
FREE = "labeled=None, labeled_share=0"
"""What gives every label."""


@final
class Labeled(SourceOf):
    """The source's examples with "labeled", bool; of those that are not, labels are -1 and factors are 0.

    share: of each minibatch, the part that is drawn from labeled examples, in an order of their own; the rest
    is drawn from all of them without looking at labels. 0: they come as they lie among the others.
    """

    def __init__(self, source: Source, count: int, seed: int = 0, share: float = 0.0):
        super().__init__(source)
        self.withheld = [name for name, leaf in source.spec.items() if len(leaf.shape) != 3]
        if not self.withheld:
            raise InputError(f"labeled={count}: these data have no labels; use {FREE}")
        # Whatever is not an image is of the image, and follows its order.
        (stream,) = {source.streams[name] for name in self.withheld}
        self.stream, self.streams = stream, {**source.streams, NAME: stream}
        self.spec = {**source.spec, NAME: jax.ShapeDtypeStruct((), np.bool_)}
        self.members = choose_members(source, count, seed)
        self.is_member = np.zeros(len(source), bool)
        self.is_member[self.members] = True
        # Exact: floats would round a position's place in a long run.
        self.share = Fraction(share).limit_denominator(10_000)

    @property
    def tables(self) -> Batch | None:  # type: ignore[override]
        """Those of the source, with every label: they are withheld when examples are gathered."""
        return self.source.tables

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        examples, labeled = self.examples(positions, seed)
        # No seed for the source: these are the examples as they are stored, in an order drawn already.
        return self.withhold({**self.source.take(examples), NAME: labeled})

    def choose(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        examples, labeled = self.examples(positions, seed)
        return {**self.source.choose(examples), NAME: labeled}

    def gather(self, tables: Tables, choice: Tables) -> Tables:
        return self.withhold({**self.source.gather(tables, choice), NAME: choice[NAME]})

    def examples(self, positions: np.ndarray, seed: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Which examples are at global positions [n], by their number as stored; and which are labeled."""
        positions = np.asarray(positions, np.int64)
        # Without a seed, examples as they are stored: a share would show some again and leave others out.
        if not self.share or seed is None:
            examples = shuffle_positions(positions, len(self), seed, self.stream)
            return examples, self.is_member[examples]
        # How many labeled positions come before each, and whether it is one itself: evenly spread, so that
        # each device's rows of a batch have as many as another's.
        numerator, denominator = self.share.numerator, self.share.denominator
        before = positions * numerator // denominator
        labeled = (positions + 1) * numerator // denominator > before
        examples = np.empty_like(positions)
        rank = before[labeled]
        examples[labeled] = self.members[shuffle_positions(rank, len(self.members), seed, ORDER)]
        rest = (positions - before)[~labeled]
        examples[~labeled] = shuffle_positions(rest, len(self), seed, self.stream)
        return examples, labeled

    def withhold(self, batch: Tables) -> Tables:
        """The batch with labels -1, and 0 for other numbers, where examples are not labeled."""

        def hide(values: Any) -> Any:
            labeled = batch[NAME].reshape(*batch[NAME].shape, *(1,) * (values.ndim - batch[NAME].ndim))
            nothing = -1 if np.issubdtype(values.dtype, np.integer) else 0
            # The same function on the host and on the device: np.where would pull a traced array to the host.
            where = np.where if isinstance(values, np.ndarray) else jnp.where
            return where(labeled, values, np.array(nothing, values.dtype))

        return {**batch, **{name: hide(batch[name]) for name in self.withheld}}


def choose_members(source: Source, count: int, seed: int) -> np.ndarray:
    """The examples that are labeled, by their number as stored, sorted: [count] int64.

    A function of the seed and the labels alone, balanced over classes: each has `count // classes`, and what
    is left over goes to classes that the seed picks, one each. Without classes: any examples.
    """
    if not 1 <= count <= len(source):
        raise InputError(f"labeled={count}: of {len(source):,} examples, 1 to {len(source):,} can be labeled")
    order = permutation(len(source), seed, 0, CHOICE)
    if not source.classes:
        return np.sort(order[:count])
    classes, labels = source.classes, labels_of(source)
    if count < classes:
        raise InputError(f"labeled={count}: {classes} classes need one each; use {classes} or more")
    quotas = np.full(classes, count // classes)
    quotas[permutation(classes, seed, 1, CHOICE)[: count % classes]] += 1
    check_quotas(source, count, quotas, np.bincount(labels, minlength=classes))
    # In the order of all examples, the first of each class: more labels are those of fewer, and others.
    ordered = labels[order]
    members = [order[ordered == label][:quota] for label, quota in enumerate(quotas)]
    return np.sort(np.concatenate(members))


def check_quotas(source: Source, count: int, quotas: np.ndarray, there: np.ndarray) -> None:
    """Refuses to label more examples of a class than it has."""
    short = np.flatnonzero(there < quotas)
    if not short.size:
        return
    number = int(short[0])
    name = f"class {source.class_names[number] if source.class_names else number}"
    few = f"labeled={count} over {len(quotas)} classes takes {quotas[number]} of each, and {name} has"
    # A class without examples is a fault of the data, which no number of labels mends.
    if not there.min():
        raise InputError(f"{few} {there[number]}: leave out classes without examples, or use {FREE}")
    raise InputError(f"{few} {there[number]}: labeled is at most {len(quotas) * int(there.min()):,} here")


def labels_of(source: Source) -> np.ndarray:
    """The label of every example as stored, [len] int; read with the images where no other way is known."""
    if source.labels is not None:
        return source.labels
    # Once, at the start: a prepared set that is streamed has its labels in the records of its images.
    blocks = np.array_split(np.arange(len(source)), max(len(source) // 1000, 1))
    return np.concatenate([source.take(block)["label"] for block in blocks])
