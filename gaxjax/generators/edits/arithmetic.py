"""Calculates with means of latents: a - b + c. Radford et al. 2016 (DCGAN), section 6.3.2 and figure 7."""

import dataclasses
from typing import ClassVar, Literal

import numpy as np

from gaxjax.expressions import parse_numbers
from gaxjax.generators.edits.edit import Drawing, Edit, image_grid
from gaxjax.generators.model import TrainedModel

AROUND = 0.25
"""Of uniform noise that is added to the answer in z for its neighbors; ibid."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arithmetic(Edit):
    """A row for each group, its mean last; below, what a - b + c is, and in z some neighbors of it."""

    plus: str
    """seeds of a, such as 0,1,2"""
    minus: str
    """seeds of b"""
    also: str
    """seeds of c"""
    space: Literal["z", "w"] = "z"
    """what is averaged: latents, or styles"""

    name: ClassVar = "arithmetic"

    def draw(self, model: TrainedModel) -> Drawing:
        if self.space == "w":
            model.need_styles("--space w is about styles")
        groups = {flag: parse_numbers(getattr(self, flag), f"--{flag}") for flag in ("plus", "minus", "also")}
        latents = {flag: model.latents_of_seeds(seeds) for flag, seeds in groups.items()}
        vectors = {flag: model.map_latents(z) if self.space == "w" else z for flag, z in latents.items()}
        # Means of several, since a single latent's arithmetic is unstable (Radford et al., section 6.3.2).
        answer = combine_means(vectors["plus"], vectors["minus"], vectors["also"])
        page: list[list[np.ndarray | None]] = []
        for flag in groups:
            mean = vectors[flag].mean(axis=0, keepdims=True)
            page.append([*model.generate(latents[flag]), model.generate_points(mean, self.space)[0]])
        # Means stand in one column whatever the groups' sizes: white is between.
        width = max(len(row) for row in page)
        page = [[*row[:-1], *[None] * (width - len(row)), row[-1]] for row in page]
        around = np.repeat(answer[None], width, axis=0)
        # As in the paper, which has no w.
        if self.space == "z":
            shift = np.random.default_rng(0).uniform(-AROUND, AROUND, around[1:].shape)
            # The first is the answer itself; NumPy's generator, for it is no draw of the game's.
            around[1:] += shift.astype(around.dtype)
        else:
            around = around[:1]
        page.append([*model.generate_points(around, self.space)])
        arrays = {f"{flag}_{self.space}": vector for flag, vector in vectors.items()}
        arrays |= {f"{flag}_seeds": np.array(seeds) for flag, seeds in groups.items()}
        return Drawing(image_grid(page), {**arrays, "answer": around})


def combine_means(plus: np.ndarray, minus: np.ndarray, also: np.ndarray) -> np.ndarray:
    """Mean plus - mean minus + mean also of groups [n, L], [L].

    >>> combine_means(np.array([[2.0], [4.0]]), np.array([[1.0]]), np.array([[5.0], [7.0]]))
    array([8.])
    """
    return plus.mean(axis=0) - minus.mean(axis=0) + also.mean(axis=0)
