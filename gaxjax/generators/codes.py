"""A game's codes: the parts of its latents that have a meaning, one variable at a time. Chen et al. 2016.

They are the parts of the game's field `code`, a `Latents` or a `Joint`, which comes last in its `latents`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from gaxjax.errors import InputError
from gaxjax.game import GAN
from gaxjax.latents import Joint, Latents

DEVIATIONS = 2.0
"""Where a normal code, which has no ends, is taken to have them."""


class Code(NamedTuple):
    """A category, or one continuous variable."""

    name: str
    """its own, or by its position: c1, c2, and so on, as the paper has them"""
    position: int
    """among the game's codes, from 1"""
    prior: Latents
    """of the part that it is in"""
    place: int
    """of its first variable, in the game's `code`"""

    @property
    def width(self) -> int:
        """Variables of the vector that it takes: a category is one-hot."""
        return self.prior.size if self.is_category else 1

    @property
    def is_category(self) -> bool:
        """Whether its values are classes."""
        return self.prior.prior == "categorical"

    @property
    def end(self) -> float:
        """The upper end of a continuous code; the lower one is minus that."""
        return self.prior.bound if self.prior.prior == "uniform" else DEVIATIONS

    @property
    def description(self) -> str:
        """What it is called, and which values it has."""
        position = f"c{self.position}"
        called = self.name if self.name == position else f"{self.name} ({position})"
        if self.is_category:
            return f"{called}: classes 0 to {self.prior.size - 1}"
        # All priors lie around 0.
        return f"{called}: {-self.end:g} to {self.end:g}"

    def values(self, steps: int, reach: float | None = None) -> np.ndarray:
        """Every class; or so many values, evenly from end to end, or from -reach to reach.

        >>> Code("c1", 1, Latents(3, "categorical"), 0).values(5)
        array([0, 1, 2])
        >>> Code("c2", 2, Latents(2, "uniform"), 3).values(5, reach=2)
        array([-2., -1.,  0.,  1.,  2.])
        """
        if self.is_category:
            return np.arange(self.prior.size)
        end = self.end if reach is None else reach
        return np.linspace(-end, end, steps)

    def vector(self, value: float) -> np.ndarray:
        """The variables that say a value, [width]."""
        # A category is one-hot, as its prior draws it.
        numbers = np.eye(self.width)[int(value)] if self.is_category else [value]
        return np.asarray(numbers, np.float32)

    def parse(self, text: str) -> float:
        """The value that is written; InputError for a class outside, and for what is no number."""
        # Beyond the ends is allowed, as in the paper's figure; beyond the classes there is nothing.
        try:
            value = int(text) if self.is_category else float(text)
        except ValueError:
            value = math.nan
        if self.is_category and not 0 <= value < self.prior.size:
            raise InputError(f"--code {self.name}={text}: its classes are 0 to {self.prior.size - 1}")
        # In float32, which latents are; nan is not below either.
        if not abs(value) <= float(np.finfo(np.float32).max):
            raise InputError(f"--code {self.name}={text}: it is a number; its prior is {self.description}")
        return value


@dataclass(frozen=True)
class Pinned:
    """A game's code, of which some variables have a value that is given."""

    code: Any
    """the distribution, a `Latents` or a `Joint`"""
    given: tuple[tuple[int, float], ...]
    """place in the code's vector, and the value that is there"""

    @property
    def size(self) -> int:
        """Of the code."""
        return int(self.code.size)

    @property
    def prior(self) -> str:
        """Of the code, where it is one distribution."""
        return str(self.code.prior)

    @property
    def bound(self) -> float:
        """The same."""
        return float(self.code.bound)

    def draw(self, key: Array, n: int) -> Array:
        """`n` codes, [n, size]: as the distribution draws them but for what is given."""
        # The same draws for all others: samples with a code and without differ by the code alone.
        places, values = zip(*self.given, strict=True)
        drawn: Array = self.code.draw(key, n)
        return drawn.at[:, np.array(places)].set(jnp.asarray(values, drawn.dtype)[None])


def list_codes(gan: GAN, factors: Sequence[str] = ()) -> list[Code]:
    """The codes of a game, in order; InputError where it has none.

    factors: names of the data's, which the codes of a game that learns them have too.
    """
    game: Any = gan
    code, latents = getattr(game, "code", None), getattr(game, "latents", None)
    if code is None:
        raise InputError(
            f"{type(gan).__name__} has no codes: they are the parts of a field `code` of the game, as "
            "InfoGAN's"
        )
    # Edits write into vectors of latents, and have to know where the code lies in them.
    if code != latents and not (isinstance(latents, Joint) and latents.parts[-1] == code):
        raise InputError(f"{type(gan).__name__}.latents does not end in its code: let code be the last part")
    learned = dict(enumerate(factors, 1)) if getattr(game, "learns_factors", False) else {}
    return [
        Code(name or learned.get(i, f"c{i}"), i, part, place)
        for i, (name, part, place) in enumerate(walk_variables(code), 1)
    ]


def walk_variables(part: Any, place: int = 0) -> Iterator[tuple[str, Latents, int]]:
    """(name of its own, distribution, place) of every category and every continuous variable."""
    if isinstance(part, Joint):
        for inner in part.parts:
            yield from walk_variables(inner, place)
            place += inner.size
    elif part.prior == "categorical":
        yield part.name, part, place
    else:
        for i in range(part.size):
            # Several variables of one name are told apart by their number.
            yield f"{part.name}.{i}" if part.name and part.size > 1 else part.name, part, place + i


def find_code(gan: GAN, name: str, factors: Sequence[str] = ()) -> Code:
    """The code of that name or position; InputError, with all that there are, for another."""
    codes = list_codes(gan, factors)
    for code in codes:
        # By position too where it has a name: commands then go for any game.
        if name in (code.name, f"c{code.position}"):
            return code
    known = "; ".join(code.description for code in codes)
    raise InputError(f"--code {name}: {type(gan).__name__} has no code of that name; it has {known}")


def pin_codes(gan: GAN, assignments: Sequence[str], factors: Sequence[str] = ()) -> GAN:
    """The game with codes that have a value: "c1=7", "c2=-0.5"; InputError for what is no code or value."""
    given: dict[int, float] = {}
    for assignment in split_words(assignments):
        name, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"--code is NAME=VALUE, such as c1=7; got {assignment!r}")
        code = find_code(gan, name.strip(), factors)
        if code.place in given:
            raise InputError(f"--code {code.name} has two values: give it one")
        given |= enumerate(code.vector(code.parse(text.strip())).tolist(), code.place)
    # Of the game and not of its samples: all that draws latents, truncates or mixes goes on as it is.
    return gan.clone(code=Pinned(gan.code, tuple(given.items()))) if given else gan


def turn_code(gan: GAN, latents: np.ndarray, code: Code, values: np.ndarray) -> np.ndarray:
    """Latents [n, L] with each value of a code in place of theirs, [n, values, L]."""
    game: Any = gan
    # The code is the end of the latents, which `list_codes` has checked.
    place = game.latents.size - game.code.size + code.place
    turned = np.repeat(latents[:, None], len(values), axis=1)
    turned[:, :, place : place + code.width] = np.stack([code.vector(value) for value in values])
    return turned


def split_words(texts: Sequence[str]) -> list[str]:
    """The words of flags that may be given several times, and of which each may be a list."""
    return [word.strip() for text in texts for word in text.split(",") if word.strip()]
