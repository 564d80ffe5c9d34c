"""Labels on part of the data: which examples, where they come in a batch, and what else is withheld."""

from dataclasses import replace
from fractions import Fraction

import jax
import numpy as np
import pytest

from gaxjax.data import Data, Loader, Source, open_source, spec_of
from gaxjax.data.labeled import Labeled, choose_members
from gaxjax.data.source import Batch, shuffle_positions
from gaxjax.errors import InputError
from gaxjax.game import select_condition

DATA = Data("digits", (8, 8, 1), labeled=30)


class Numbered(Source):
    """Images that say which example they are; every third of class 0, the rest of 1; factors beside."""

    classes: int | None = 2
    class_names = ("few", "many")

    def __init__(self, count: int = 60, labels: bool = True) -> None:
        self.count = count
        self.spec = {
            "image": jax.ShapeDtypeStruct((1, 1, 1), np.uint8),
            "factors": jax.ShapeDtypeStruct((2,), np.float32),
            **({"label": jax.ShapeDtypeStruct((), np.int32)} if labels else {}),
        }
        self.streams = dict.fromkeys(self.spec, 0)
        self.classes = 2 if labels else None

    def __len__(self) -> int:
        return self.count

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        numbers = shuffle_positions(positions, self.count, seed)
        batch = {
            "image": numbers.astype(np.uint8).reshape(-1, 1, 1, 1),
            "factors": np.stack([numbers, -numbers], axis=1).astype(np.float32) + 0.5,
            "label": np.minimum(numbers % 3, 1).astype(np.int32),
        }
        return {name: batch[name] for name in self.spec}


def test_which_examples_are_labeled_is_a_balanced_function_of_a_seed() -> None:
    digits = open_source(replace(DATA, labeled=None))
    labels = digits.labels
    assert labels is not None
    few, more = (choose_members(digits, count, 0) for count in (30, 100))
    assert np.bincount(labels[few], minlength=10).tolist() == [3] * 10
    assert set(few) < set(more) and len(set(more)) == 100
    np.testing.assert_array_equal(few, choose_members(digits, 30, 0))
    assert set(few) != set(choose_members(digits, 30, 1))
    # What is left over, one each, to classes that differ from seed to seed.
    over = [np.bincount(labels[choose_members(digits, 25, seed)], minlength=10) for seed in range(2)]
    assert all(sorted(each) == [2] * 5 + [3] * 5 for each in over) and over[0].tolist() != over[1].tolist()
    # A set that is read as it is needed, and knows its labels by its records alone, has the same.
    streamed = open_source(replace(DATA, memory=0.0))
    assert isinstance(streamed, Labeled)
    np.testing.assert_array_equal(streamed.members, few)


@pytest.mark.parametrize("labels", [True, False])
def test_what_is_not_labeled_is_withheld(labels: bool) -> None:
    whole = Numbered(labels=labels)
    source = Labeled(whole, 20)
    batch, full = source.take(np.arange(60)), whole.take(np.arange(60))
    assert batch.keys() == source.spec.keys() == {*full, "labeled"} and batch["labeled"].dtype == bool
    assert batch["labeled"].sum() == 20
    given, hidden = batch["labeled"], ~batch["labeled"]
    np.testing.assert_array_equal(batch["image"], full["image"])
    for name, nothing in {"label": -1, "factors": 0}.items() if labels else [("factors", 0)]:
        assert batch[name].dtype == full[name].dtype
        np.testing.assert_array_equal(batch[name][given], full[name][given])
        assert (batch[name][hidden] == nothing).all()
    # As they lie among the others: an epoch has each once, in the order that there is without labels.
    drawn = source.take(np.arange(60), seed=3)
    np.testing.assert_array_equal(drawn["image"], whole.take(np.arange(60), seed=3)["image"])
    assert set(drawn["image"][drawn["labeled"]].ravel()) == set(source.members)


@pytest.mark.parametrize("share", [0.5, 0.3, 1 / 3, 1.0])
def test_a_share_of_each_minibatch_is_labeled(share: float) -> None:
    source, exact = Labeled(Numbered(), 20, share=share), Fraction(share).limit_denominator(100)
    positions = np.arange(10**12, 10**12 + 600)  # far into a run, where a float has no place for a half
    batch = source.take(positions, seed=1)
    for rows in np.split(batch["labeled"], 20):
        assert abs(rows.sum() - exact * 30) < 1
    if share == 0.5:  # any device's part
        assert (batch["labeled"].reshape(-1, 2).sum(axis=1) == 1).all()
    labeled, others = (batch["image"][rows].ravel() for rows in (batch["labeled"], ~batch["labeled"]))
    assert set(labeled) == set(source.members)
    if share < 1:
        assert len(set(others)) == 60  # all of them, the labeled ones too
    # An order of their own: each once before any comes again.
    start = source.take(np.arange(round(20 / share)), seed=1)
    assert sorted(start["image"][start["labeled"]].ravel()) == source.members.tolist()
    # A function of the position: a run that goes on, and a process of two, see the same.
    scattered = np.array([599, 0, 7, 300])
    again = source.take(positions[scattered], seed=1)
    for name, values in again.items():
        np.testing.assert_array_equal(values, batch[name][scattered])


def test_a_loader_gives_labeled_batches() -> None:
    source = open_source(replace(DATA, labeled_share=0.25))
    assert source.spec == spec_of(replace(DATA, labeled_share=0.25))
    with Loader(source, 8, 2, seed=2, flip=True, choose=source.has_tables) as chooser:
        chosen = next(chooser)
    batch = source.gather(source.tables, chosen)
    assert batch["image"].shape == (2, 8, 8, 8, 1) and batch["labeled"].sum(axis=1).tolist() == [2, 2]
    assert ((batch["label"] >= 0) == batch["labeled"]).all()


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (0, "labeled=0: of 60 examples, 1 to 60 can be labeled"),
        (61, "labeled=61: of 60 examples, 1 to 60"),
        (1, "labeled=1: 2 classes need one each; use 2 or more"),
        (50, "labeled=50 over 2 classes takes 25 of each, and class few has 20: labeled is at most 40 here"),
    ],
)
def test_more_than_there_is_is_refused(count: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Labeled(Numbered(), count)


def test_what_cannot_be_labeled_is_refused() -> None:
    with pytest.raises(InputError, match="takes 1 of each, and class many has 0: leave out classes without"):
        choose_members(empty_class(), 2, 0)
    for data, message in {
        replace(DATA, labeled_share=1.5): "labeled_share is a part of each minibatch, 0, 1 or from 0.0001",
        replace(DATA, labeled_share=1e-5): "to 0.9999, not 1e-05",
        replace(DATA, labeled=None, labeled_share=0.5): "labeled_share=0.5 needs labeled",
        replace(DATA, labeled_seed=-1): "labeled_seed is at least 0",
        Data("ring", (2,), labeled=8): "ring makes each example anew",
        Data("stacked_mnist", (28, 28, 3), labeled=8): "stacked_mnist makes each example anew",
    }.items():
        with pytest.raises(InputError, match=message):
            open_source(data)
    images = Numbered(labels=False)
    images.spec = {"image": images.spec["image"]}
    with pytest.raises(InputError, match="labeled=5: these data have no labels"):
        Labeled(images, 5)
    # A game that is told a class of every example.
    with pytest.raises(InputError, match="labeled=N withholds: use labeled=None"):
        select_condition(Labeled(Numbered(), 20).take(np.arange(4)), "label")


def empty_class() -> Source:
    """Examples of class 0 alone, of two."""
    source = Numbered()
    take = source.take
    source.take = lambda *arguments: {**take(*arguments), "label": np.zeros(60, np.int32)}  # type: ignore[method-assign]
    return source
