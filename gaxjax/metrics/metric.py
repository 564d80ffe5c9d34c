"""What a metric is: what it keeps of the examples that it is shown, and how it makes numbers of that."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gaxjax.metrics.samples import OF_CLIPS, Need, Samples, Value

UNITS = {1: "points", 3: "images", 4: "clips"}
"""What examples are, by the number of their axes."""


@dataclass(frozen=True)
class Metric:
    """How to get from images to numbers."""

    compute: Callable[[Samples], dict[str, Value]]
    values: tuple[str, ...]
    """the numbers that it gives"""
    fake: tuple[Need, ...]
    """what it keeps of the images that are measured"""
    real: tuple[Need, ...] = ()
    """what it keeps of the images that they are compared with"""
    validation: bool = False
    """whether it keeps the same of a validation set"""
    better: Literal["lower", "higher"] = "lower"
    lower: tuple[str, ...] = ()
    """those of its numbers that are better lower, where it is else higher"""
    spread: str = ""
    """what the error of its numbers is"""
    options: str = ""
    """its own numbers, in words"""
    least: int = 2
    """images that it needs of each side"""
    square: int = 0
    """side that its images need at least, if they have to be square"""
    side: int = 1
    """the shorter side that its images need at least"""
    palette: bool = False
    """whether it takes colors for classes, those of the evaluation's palette"""
    bordered: bool = False
    """whether it leaves out the border that the evaluation names"""

    any_length: bool = False
    """whether the clips that are measured may be of another length than those that they are compared with"""

    @property
    def units(self) -> tuple[str, ...]:
        """What it can be of."""
        if "points" in self.fake:
            return ("points",)
        if "frame_colors" in self.fake:
            return ("clips",)
        return ("images", "clips") if {*self.fake, *self.real} <= OF_CLIPS else ("images",)

    def direction(self, value: str) -> str:
        """Which is better of one of its numbers."""
        return "lower" if value in self.lower else self.better
