"""Which checkpoints of a run stay: the newest, and besides them one for each period of images or of hours."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gaxjax.recipe import Recipe
from gaxjax.recipe.stages import images_at_step

if TYPE_CHECKING:
    from orbax.checkpoint.checkpoint_managers import PolicyCheckpointInfo, PreservationPolicy


@dataclass(frozen=True)
class Retention:
    """What Orbax calls preservation policies: a checkpoint stays where any of them wants it."""

    newest: int = 2
    """so many; two at least, for the newest may turn out to be the one that is damaged"""
    images: int = 0
    """length of a period, whose first checkpoint stays; 0: none does"""
    hours: float = 0.0
    """between two that stay, at least, as their files have it; 0: none does"""
    images_at: Callable[[int], int] = int
    """step -> real images seen"""

    def policy(self) -> "PreservationPolicy":
        """As Orbax asks for it after each save."""
        from orbax.checkpoint import checkpoint_managers as managers

        # Each says which it wants; what none of them wants goes.
        policies: list[PreservationPolicy] = [managers.LatestN(max(self.newest, 2))]
        if self.images:
            policies.append(FirstOfPeriods(lambda step: self.images_at(step) // self.images))
        if self.hours:
            # By the times in their files, so that a run of many starts counts as one.
            policies.append(managers.EveryNSeconds(round(3600 * self.hours)))
        return managers.AnyPreservationPolicy(policies)

    def largest_count(self, images: int) -> int:
        """How many there are at most by so many images, one being written; those by hours do not count."""
        return max(self.newest, 2) + 1 + (images // self.images if self.images else 0)


@dataclass(frozen=True)
class FirstOfPeriods:
    """Keeps the first checkpoint of each period but that of the beginning.

    Orbax's `EveryNSteps` counts in steps, of which stages make other numbers of images.
    """

    period: Callable[[int], int]
    """step -> number of its period"""

    def should_preserve(
        self, checkpoints: Sequence["PolicyCheckpointInfo"], *, context: Any = None
    ) -> list[bool]:
        """Of each checkpoint, the oldest first."""
        # What stays is among those that are there, and so comes out the same at each later save.
        periods = [0, *(self.period(checkpoint.step) for checkpoint in checkpoints)]
        return [periods[i + 1] > periods[i] for i in range(len(checkpoints))]


def retention_of(recipe: Recipe) -> Retention:
    """That of a recipe; what its sentinel may go back to is among the newest."""
    return Retention(
        newest=recipe.sentinel.checkpoints_to_keep(recipe.keep),
        images=max(1, round(1000 * recipe.keep_kimg)) if recipe.keep_kimg else 0,
        hours=recipe.keep_hours,
        images_at=functools.partial(images_at_step, recipe.all_stages),
    )
