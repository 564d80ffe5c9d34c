"""Projects an image: finds the w and the noise that make it best. Karras et al. 2020, appendix D."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from jax import Array

from gaxjax import features
from gaxjax.data import normalize
from gaxjax.data.images import DamagedError, fitted, open_picture
from gaxjax.errors import InputError
from gaxjax.features import Features
from gaxjax.game import ask
from gaxjax.generators.edits.edit import Drawing, Edit, grid
from gaxjax.generators.edits.projection import Noise, Search, begin, step
from gaxjax.generators.trained import Trained

SAMPLES = 10_000
"""Of w, for its mean and deviation."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Project(Edit):
    """The target, what was found, and the image of the mean w, side by side.

    The distance is a mean of squared differences, of pixels or of other features; the paper's is LPIPS.
    """

    image: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="IMAGE")]
    """the target: cropped and resized to what the generator makes"""
    steps: int = 1000
    """of Adam"""
    space: Literal["w", "w+"] = "w"
    """w: one for all layers; w+: each layer its own (Abdal et al. 2019)"""
    features: str = "pixels"
    """what is compared: pixels, classifier(NAME), FILE.py:function"""
    seed: int = 0
    """of the noises"""

    name: ClassVar = "project"

    def draw(self, trained: Trained) -> Drawing:
        trained.need_styles("projecting looks for a w")
        if self.steps < 1 or self.psi != "1" or self.cutoff is not None:
            raise InputError("projecting takes one step or more, and no --psi: w is found wherever it is")
        target = read(self.image, trained.shape)
        seen = features.named(self.features, None, trained.recipe.data.directory)
        task = Task(trained, seen, target, jnp.asarray(trained.latents([self.seed])))
        ws = np.concatenate([w for _, w in trained.drawn(SAMPLES)])
        mean = ws.mean(axis=0, keepdims=True)
        deviation = float(np.sqrt(np.mean(np.sum((ws - mean) ** 2, axis=1))))
        start = np.repeat(mean, len(trained.sides) if self.space == "w+" else 1, axis=0)
        first = begin(jnp.asarray(start), noises(trained, self.seed))
        found = search(task, first, deviation, self.steps, self.seed)
        made = [np.asarray(jax.jit(task.image)(trained.state, x.w, x.noise)[0]) for x in (found, first)]
        apart = [float(jax.jit(task.distance)(trained.state, x.w, x.noise)) for x in (found, first)]
        said = f"mean squared difference ({seen.name}): {apart[0]:.4g}; of the mean w's image: {apart[1]:.4g}"
        arrays = {
            "w": np.asarray(found.w),
            "target": target,
            "result": made[0],
            "distance": np.array(apart[0]),
        }
        arrays |= {f"noise/{layer}": np.asarray(x) for layer, x in found.noise.items()}
        return Drawing(grid([[target, *made]]), arrays, lines=(said,))


class Task(NamedTuple):
    """What is looked for, and how far something is from it."""

    trained: Trained
    seen: Features
    target: np.ndarray
    """[H, W, C] in [-1, 1]"""
    latents: Array
    """[1, L], for a synthesis that starts from them"""

    def image(self, state: Any, w: Array, noise: Noise) -> Array:
        """Made of w [1, S] or a row for each layer, [1, H, W, C]."""
        styles = {layer: w[i % len(w)][None] for i, layer in enumerate(self.trained.sides)}
        inputs = (styles, self.latents, self.trained.condition, noise or None)
        made: Array = ask(self.trained.gan, state, jax.random.key(0), "synthesize", *inputs)
        return made

    def distance(self, state: Any, w: Array, noise: Noise) -> Array:
        """The mean squared difference of features."""
        level, images = self.seen.level, (self.image(state, w, noise), jnp.asarray(self.target)[None])
        made, wanted = (self.seen.apply(self.seen.params, x, (level,))[level] for x in images)
        return jnp.mean((made - wanted) ** 2)


def search(task: Task, start: Search, deviation: float, steps: int, seed: int) -> Search:
    """All the steps; InputError where there is no slope to go down."""
    from tqdm import tqdm

    @jax.jit
    def move(state: Any, search: Search, t: Array, key: Array) -> tuple[Search, Array, Array]:
        return step(search, t, key, deviation, lambda w, noise: task.distance(state, w, noise))

    found, key = start, jax.random.key(seed)
    with tqdm(total=steps, unit="step", mininterval=0.5 if sys.stderr.isatty() else 10.0) as bar:
        for i in range(steps):
            t = jnp.float32(i / steps)
            found, distance, slope = move(task.trained.state, found, t, jax.random.fold_in(key, i))
            if i == 0 and float(slope) == 0:
                raise InputError(
                    f"{task.seen.name} has no slope here (it may see pixels as whole numbers), so there is "
                    "nothing to go down: use --features pixels or classifier(NAME)"
                )
            if i % 10 == 0:
                bar.set_postfix(distance=f"{float(distance):.4g}", refresh=False)
            bar.update()
    return found


def noises(trained: Trained, seed: int) -> dict[str, Array]:
    """A map for each layer that adds noise, [1, H, W, 1]."""
    if not trained.generator.noise:
        return {}
    grids = trained.grids()
    keys = jax.random.split(jax.random.key(seed), len(grids))
    return {
        layer: jax.random.normal(key, (1, *size, 1))
        for (layer, size), key in zip(grids.items(), keys, strict=True)
    }


def read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """An image file as the generator would make it, [H, W, C] in [-1, 1]; InputError if it cannot be read."""
    if not path.is_file():
        raise InputError(f"{path} is not a file: give the path of an image")
    try:
        pixels = fitted(open_picture(path, upright=True), shape, "crop", "lanczos")
    except DamagedError as error:
        raise InputError(f"{path} cannot be used: {error}") from error
    return np.asarray(normalize(pixels))
