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
from gaxjax.data.images import DamagedError, fit_pixels, open_picture
from gaxjax.errors import InputError
from gaxjax.features import Features
from gaxjax.game import call_averaged
from gaxjax.generators.edits.edit import Drawing, Edit, image_grid
from gaxjax.generators.edits.projection import Noise, Search, start_search, step_search
from gaxjax.generators.model import TrainedModel

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

    def draw(self, model: TrainedModel) -> Drawing:
        model.need_styles("projecting looks for a w")
        if self.steps < 1 or self.psi != "1" or self.cutoff is not None:
            raise InputError("projecting takes one step or more, and no --psi: w is found wherever it is")
        # Before the samples of w, which take longest: a path that is wrong is said at once.
        target = read_target(self.image, model.shape)
        extractor = features.load_features(self.features, None, model.recipe.data.directory)
        task = Task(model, extractor, target, jnp.asarray(model.latents_of_seeds([self.seed])))
        ws = np.concatenate([w for _, w in model.iterate_latents(SAMPLES)])
        mean = ws.mean(axis=0, keepdims=True)
        # One number, of the distance to the mean, not of each coordinate: as in the authors' code.
        deviation = float(np.sqrt(np.mean(np.sum((ws - mean) ** 2, axis=1))))
        # w+ begins with all rows alike, at the same mean.
        start = np.repeat(mean, len(model.layer_sides) if self.space == "w+" else 1, axis=0)
        first = start_search(jnp.asarray(start), draw_noise(model, self.seed))
        best = minimize(task, first, deviation, self.steps, self.seed)
        # The mean w's image and distance beside the result: what the search has gained.
        show = jax.jit(task.show)  # both by one program, for a distance is of an image
        images, distances = zip(*(jax.device_get(show(model.state, x)) for x in (best, first)), strict=True)
        line = f"mean squared difference ({extractor.name}): {distances[0]:.4g}; "
        line += f"of the mean w's image: {distances[1]:.4g}"
        arrays = {
            "w": np.asarray(best.w),
            "target": target,
            "result": images[0],
            "distance": np.array(distances[0]),
        }
        arrays |= {f"noise/{layer}": np.asarray(x) for layer, x in best.noise.items()}
        return Drawing(image_grid([[target, *images]]), arrays, lines=(line,))


class Task(NamedTuple):
    """What is looked for, and how far something is from it."""

    model: TrainedModel
    extractor: Features
    target: np.ndarray
    """[H, W, C] in [-1, 1]"""
    latents: Array
    """[1, L], for a synthesis that starts from them"""

    def image(self, state: Any, w: Array, noise: Noise) -> Array:
        """Made of w [1, S] or a row for each layer, [1, H, W, C]."""
        # One row serves all layers, by the remainder; of w+ each has its own.
        styles = {layer: w[i % len(w)][None] for i, layer in enumerate(self.model.layer_sides)}
        inputs = (styles, self.latents, self.model.condition, noise or None)
        # The key draws nothing: every layer's noise is given.
        image: Array = call_averaged(self.model.gan, state, jax.random.key(0), "synthesize", *inputs)
        return image

    def distance(self, state: Any, w: Array, noise: Noise) -> Array:
        """The mean squared difference of features."""
        level, images = self.extractor.level, (self.image(state, w, noise), jnp.asarray(self.target)[None])
        fake, target = (self.extractor.apply(self.extractor.params, x, (level,))[level] for x in images)
        return jnp.mean((fake - target) ** 2)

    def show(self, state: Any, search: Search) -> tuple[Array, Array]:
        """The image of where a search is, [H, W, C], and how far it is from the target."""
        return self.image(state, search.w, search.noise)[0], self.distance(state, search.w, search.noise)


def minimize(task: Task, start: Search, deviation: float, steps: int, seed: int) -> Search:
    """All the steps; InputError where there is no slope to go down."""
    from tqdm import tqdm

    @jax.jit
    def move(state: Any, search: Search, t: Array, key: Array) -> tuple[Search, Array, Array]:
        return step_search(search, t, key, deviation, lambda w, noise: task.distance(state, w, noise))

    search, key = start, jax.random.key(seed)
    with tqdm(total=steps, unit="step", mininterval=0.5 if sys.stderr.isatty() else 10.0) as bar:
        for i in range(steps):
            t = jnp.float32(i / steps)
            search, distance, slope = move(task.model.state, search, t, jax.random.fold_in(key, i))
            # Adam would go nowhere for all steps: features of rounded pixels have slope 0 everywhere.
            if i == 0 and float(slope) == 0:
                raise InputError(
                    f"{task.extractor.name} has no slope here (it may see pixels as whole numbers), so there "
                    "is nothing to go down: use --features pixels or classifier(NAME)"
                )
            # Reading a number waits for the device; at every step that would be the time of a step.
            if i % 10 == 0:
                bar.set_postfix(distance=f"{float(distance):.4g}", refresh=False)
            bar.update()
    return search


def draw_noise(model: TrainedModel, seed: int) -> dict[str, Array]:
    """A map for each layer that adds noise, [1, H, W, 1]."""
    if not model.generator.noise:
        return {}
    grids = model.noise_shapes()
    keys = jax.random.split(jax.random.key(seed), len(grids))
    return {
        layer: jax.random.normal(key, (1, *size, 1))
        for (layer, size), key in zip(grids.items(), keys, strict=True)
    }


def read_target(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """An image file as the generator would make it, [H, W, C] in [-1, 1]; InputError if it cannot be read."""
    if not path.is_file():
        raise InputError(f"{path} is not a file: give the path of an image")
    try:
        # As the data are brought to size, or the distance would be of two ways to resize.
        pixels = fit_pixels(open_picture(path, upright=True), shape, "crop", "lanczos")
    except DamagedError as error:
        raise InputError(f"{path} cannot be used: {error}") from error
    return np.asarray(normalize(pixels))
