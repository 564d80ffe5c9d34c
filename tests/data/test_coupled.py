"""Two domains made of sets of one: what b is made of, which examples each has, and in which order."""

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax.data import Data, open_source, spec_of
from gaxjax.data.coupled import couple, find_edges, invert
from gaxjax.errors import InputError

SINGLE = Data("digits", (8, 8, 1), split="train[:41]")
NEGATIVES = replace(SINGLE, domain_b="negatives", paired=False)
POSITIONS = np.arange(60)


def rows(images: np.ndarray) -> set[bytes]:
    return {image.tobytes() for image in images}


def test_edges_by_hand() -> None:
    image = np.zeros((1, 4, 5, 1), np.uint8)
    image[0, 1, 1], image[0, 1, 2], image[0, 3, 4] = 200, 100, 7
    edges = np.array(
        [[200, 200, 200, 100, 0], [200, 0, 100, 100, 0], [200, 200, 200, 100, 7], [0, 0, 0, 7, 0]]
    )
    np.testing.assert_array_equal(find_edges(image)[0, ..., 0], edges)
    np.testing.assert_array_equal(find_edges(jnp.asarray(image))[0, ..., 0], edges)
    np.testing.assert_array_equal(invert(image), 255 - image)


@pytest.mark.parametrize("memory", [2.0, 0.0])
def test_halves_have_nothing_in_common(memory: float) -> None:
    single = open_source(SINGLE).take(np.arange(41))
    source = open_source(replace(NEGATIVES, memory=memory))
    assert (len(source), source.count("a"), source.count("b"), source.classes) == (21, 21, 20, 10)
    assert source.spec == spec_of(NEGATIVES) and set(source.streams.values()) == {0, 1}
    stored = source.take(np.arange(20))
    np.testing.assert_array_equal(stored["a"], single["image"][0:40:2])
    np.testing.assert_array_equal(stored["b"], 255 - single["image"][1:40:2])
    np.testing.assert_array_equal(stored["label"], single["label"][0:40:2])
    np.testing.assert_array_equal(stored["label_b"], single["label"][1:40:2])
    # An epoch has each of its half once, in orders of their own, which other seeds and epochs change.
    drawn = source.take(POSITIONS, seed=3)
    assert rows(drawn["a"][:21]) == rows(single["image"][::2]) == rows(drawn["a"][21:42])
    assert rows(drawn["b"][:20]) == rows(255 - single["image"][1::2])
    assert np.any(drawn["label"][:20] - drawn["label"][21:41]) and np.any(drawn["label"] != drawn["label_b"])
    number = {image.tobytes(): label for image, label in zip(single["image"], single["label"], strict=True)}
    assert [number[(255 - image).tobytes()] for image in drawn["b"]] == drawn["label_b"].tolist()
    if memory:
        assert source.tables is not None
        gathered = source.gather(source.tables, source.choose(POSITIONS, seed=3))
        assert {name: x.tolist() for name, x in gathered.items()} == {n: x.tolist() for n, x in drawn.items()}
    else:
        assert source.tables is None and not source.has_tables


def test_pairs_stay_together() -> None:
    source = open_source(replace(NEGATIVES, paired=True))
    drawn = source.take(POSITIONS, seed=1)
    assert len(source) == 41 and rows(drawn["a"][:41]) == rows(source.take(np.arange(41))["a"])
    np.testing.assert_array_equal(drawn["b"], 255 - drawn["a"])
    np.testing.assert_array_equal(drawn["label"], drawn["label_b"])


def test_another_set_is_of_its_own_size() -> None:
    source, other = open_source(SINGLE), open_source(replace(SINGLE, split="train[100:110]"))
    both = couple(source, other, "digits", paired=False)
    assert (len(both), both.count("a"), both.count("b")) == (41, 41, 10)
    drawn = both.take(POSITIONS, seed=0)
    assert rows(drawn["b"][:10]) == rows(drawn["b"][10:20]) == rows(other.take(np.arange(10))["image"])
    # A layout is of folders, and says nothing of a set by name.
    named = open_source(replace(SINGLE, domain_b="digits", paired=False, layout="halves"))
    assert rows(named.take(np.arange(41))["b"]) == rows(source.take(np.arange(41))["image"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"name": "ring", "shape": (2,)},
            "domain_b='negatives' is beside a set of single images, and name=ring",
        ),
        ({"name": "folder", "layout": "halves"}, "single images, and layout=halves is none"),
        ({"labeled": 10}, "labels of a are all given and those of b are none's: use labeled=None"),
        (
            {"domain_b": "mnist", "paired": True},
            "'mnist' is a set of its own, without pairs: use paired=False",
        ),
        ({"domain_b": "edge"}, "no set is called 'edge'"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_source(replace(NEGATIVES, **fields))
