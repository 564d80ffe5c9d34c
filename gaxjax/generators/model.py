"""A run's checkpoint as functions of latents and styles: what pictures of chosen latents need."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from gaxjax import runs, transforms
from gaxjax.errors import InputError
from gaxjax.files.places import as_path
from gaxjax.game import Tree, call_averaged
from gaxjax.generators.codes import pin_codes
from gaxjax.generators.truncation import Psi, check_psi, describe_game, has_styles
from gaxjax.networks.progressive import count_levels
from gaxjax.networks.synthesis import layer_names
from gaxjax.runs import examples
from gaxjax.runs.inventory import read_inventory

Styles = Mapping[str, np.ndarray]
"""By synthesis layer, [n, S]."""
CHUNK = 50
"""Examples at once, where no picture is made of them."""


def count_classes(game: Any, of_data: int | None) -> int:
    """The classes that a game can be asked for, of data with so many; 0: it is told none."""
    # Of several generators, levels of one image, all are told the same.
    generators = [getattr(game, "generator", None), *getattr(game, "generators", ())]
    classes = max(getattr(generator, "classes", 0) for generator in generators)
    # The game may have room for more than it was shown.
    return classes if of_data is None else min(classes, of_data)


def check_label(label: int, classes: int) -> None:
    """InputError for a label that is none of a game's classes."""
    if not 0 <= label < classes:
        known = f"its classes are 0 to {classes - 1}" if classes else "it is told no classes"
        raise InputError(f"--label {label}: the game cannot be asked for it; {known}")


class TrainedModel:
    """A game that was trained, asked for images of given latents.

    Images are generated one at a time by one program, so that a seed's is the same, bit for bit, whatever
    else is asked for; and all with one noise unless told otherwise, so that what differs is due to the
    latents.
    """

    def __init__(self, run: Path | str, psi: Psi = 1.0, cutoff: int | None = None, best: bool = False):
        """best: of the checkpoint that was measured as the best, not of the last."""
        run = as_path(run)
        self.recipe, self.gan, self.state = runs.open_first_seed(run, best)
        game: Any = self.gan
        if not hasattr(game, "generate"):
            raise InputError(
                f"{type(game).__name__} makes nothing of single latents, which edits and --seeds are about: "
                "it has no generate(latents). gaxjax sample DIR --n 16 draws what it makes"
            )
        # Games name their networks as they like; what is asked of the generator below has a default without.
        self.generator: Any = getattr(game, "generator", None)
        self.distribution = game.latents
        self.factors: Sequence[str] = read_inventory(run).get("factors", ())
        self.classes = count_classes(self.gan, examples.read_shapes(run, self.recipe)[1])
        self.label = jnp.zeros(1, jnp.int32)
        self.psi, self.cutoff = psi, cutoff
        if psi != 1.0 or cutoff is not None:
            check_psi(self.gan, psi, cutoff)
        self._programs: dict[str, Callable[..., Any]] = {}
        # Traced here, so that a game of points is refused before anything is compiled.
        self.shape = jax.eval_shape(self._generate, self.state, np.zeros(self.distribution.size)).shape
        if len(self.shape) != 3:
            raise InputError(f"this is about images; {type(game).__name__} makes examples of {self.shape}")

    def with_label(self, label: int | None) -> "TrainedModel":
        """The same game, asked for a class; None: the first, where there are any."""
        if label is not None:
            check_label(label, self.classes)
        # Compiled programs close over the label, so the copy begins without any; the state is shared.
        other = copy.copy(self)
        other.label, other._programs = jnp.array([label or 0], jnp.int32), {}
        return other

    def with_codes(self, assignments: Sequence[str]) -> "TrainedModel":
        """The same game, whose latents have codes of these values: "c1=7"."""
        other = copy.copy(self)
        other.gan, other._programs = pin_codes(self.gan, assignments, self.factors), {}
        return other

    @property
    def condition(self) -> Tree:
        """The game's condition of a single example; None where it has none."""
        # Any batch: a game without classes takes no label from it.
        return self.gan.condition_of({"n": 1, "label": self.label})

    @property
    def has_styles(self) -> bool:
        """Whether there is a w between latents and images."""
        return has_styles(self.gan)

    def need_styles(self, what: str) -> None:
        """InputError for a game without a w."""
        if not self.has_styles:
            raise InputError(
                f"{what}, and {describe_game(self.gan)} has none: it maps latents to images at once"
            )

    @property
    def layer_sides(self) -> dict[str, int]:
        """Synthesis layer -> the longer side of what it works on, in pixels."""
        self.need_styles("layers of styles are meant")
        sizes = {layer: max(shape) for layer, shape in self.noise_shapes(every=True).items()}
        # From the latents to the image, which is the order in which --layers and --psi number them.
        return {layer: sizes[layer] for layer in transforms.sort_layers(sizes)}

    def noise_shapes(self, every: bool = False) -> dict[str, tuple[int, int]]:
        """(H, W) by layer that adds noise; every: and by those that have a style alone."""
        g = self.generator
        # base is the size of level 0, 4 x 4 for squares: each level doubles it.
        top = count_levels(g.shape, g.base)
        size = {level: (g.base[0] << level, g.base[1] << level) for level in range(top + 1)}
        sizes = {x: size[level] for level, names in enumerate(layer_names(g.modulation, top)) for x in names}
        # With modulated kernels the last style is the colors': it adds no noise, and works at the full size.
        rest = {f"layer_{i}": size[top] for i in range(g.layers)} if every else {}
        return rest | sizes

    def latents_of_seeds(self, seeds: Sequence[int]) -> np.ndarray:
        """A latent for each seed, a function of that seed alone, [n, L]."""
        draw = self._compile(
            "latents", lambda state, key: call_averaged(self.gan, state, key, "sample_latents", {"n": 1})[0]
        )
        # One key for each seed, never one for the list: seed 5 is the same latent alone and among a hundred.
        return np.stack([np.asarray(draw(self.state, jax.random.key(seed))) for seed in seeds])

    def map_latents(self, latents: np.ndarray) -> np.ndarray:
        """w of latents, [n, L] -> [n, S]."""
        self.need_styles("this is about w")
        function = self._compile(
            "w", lambda state, z: self._ask(state, 0, "map_latents", z[None], self.condition)[0]
        )
        return np.stack([np.asarray(function(self.state, z)) for z in latents])

    def broadcast_styles(self, w: np.ndarray) -> dict[str, np.ndarray]:
        """Styles of w [n, S] for every layer, towards their average as psi says."""
        styles = self._ask(self.state, 0, "broadcast_styles", jnp.asarray(w))
        if self.psi != 1.0:
            # The average of w over training, which the game keeps; psi = 0 is the image of that.
            mean = self._ask(self.state, 0, "average_style")
            styles = transforms.truncate(self.psi, mean, self.cutoff)(styles)
        return {layer: np.asarray(style) for layer, style in styles.items()}

    def generate(self, latents: np.ndarray) -> np.ndarray:
        """Images of latents [n, L], [n, H, W, C]."""
        if self.has_styles:
            return self.synthesize(self.broadcast_styles(self.map_latents(latents)), latents)
        # One at a time, as with styles: a batch's convolutions may round differently with its size.
        function = self._compile("images", self._generate)
        return np.stack([np.asarray(function(self.state, z)) for z in latents])

    def synthesize(self, styles: Styles, latents: np.ndarray | None = None, noise: int = 0) -> np.ndarray:
        """Images of styles, [n, H, W, C], all with the noise of that seed.

        latents [n, L]: for a synthesis that starts from them; there, those of seed 0 unless given.
        """
        count = len(next(iter(styles.values())))
        if latents is None:
            # ProGAN-like inputs (configs A to C) start from latents besides styles; w alone does not say
            # which.
            latents = self.latents_of_seeds([0]).repeat(count, 0)

        def synthesize(state: Any, styles: Any, z: Any, seed: Any) -> Any:
            # A batch of one, [1, S] by layer, for the game's own method.
            whole = {layer: style[None] for layer, style in styles.items()}
            return self._ask(state, seed, "synthesize", whole, z[None], self.condition)[0]

        function = self._compile("synthesize", synthesize)
        one_by_one = ({layer: style[i] for layer, style in styles.items()} for i in range(count))
        images = [function(self.state, single, latents[i], noise) for i, single in enumerate(one_by_one)]
        return np.stack([np.asarray(image) for image in images])

    def generate_points(self, points: np.ndarray, space: Literal["z", "w"]) -> np.ndarray:
        """Images [n, H, W, C] of points of a space: latents [n, L], or w [n, S] with one noise for all."""
        if space == "z":
            return self.generate(points)
        return self.synthesize(self.broadcast_styles(points))

    def seed_arrays(self, seeds: Sequence[int]) -> dict[str, np.ndarray]:
        """Seeds, their latents, and their w where there is one (before any truncation), to keep in a file."""
        latents = self.latents_of_seeds(seeds)
        w = {"w": self.map_latents(latents)} if self.has_styles else {}
        return {"seeds": np.array(seeds), "latents": latents, **w}

    def iterate_latents(
        self, n: int, seed: int = 0, images: bool = False
    ) -> Iterator[tuple[np.ndarray, ...]]:
        """`n` of the prior, in chunks: latents [B, L]; w [B, S], or latents where there is none; images.

        For statistics. Untruncated; noise is drawn for each.
        """
        for start in range(0, n, CHUNK):
            # A chunk's key is its position's: full chunks are the same whatever n is.
            count, key = min(CHUNK, n - start), jax.random.fold_in(jax.random.key(seed), start)
            function = self._compile(f"many {count} {images}", self.chunk_sampler(count, images))
            yield tuple(np.asarray(x) for x in function(self.state, key))

    def chunk_sampler(self, count: int, images: bool) -> Callable[..., Any]:
        batch = {"n": count, "label": jnp.repeat(self.label, count)}
        # One class for all where one was asked for: statistics are then of that class.
        condition = self.gan.condition_of(batch)

        def function(state: Any, key: Any) -> Any:
            z = call_averaged(self.gan, state, key, "sample_latents", batch)
            # The same key throughout: the image is that of this z and w, with noise of its own.
            w = call_averaged(self.gan, state, key, "map_latents", z, condition) if self.has_styles else z
            return (z, w, call_averaged(self.gan, state, key, "generate", z, condition)) if images else (z, w)

        return function

    def _generate(self, state: Any, z: Any) -> Any:
        return self._ask(state, 0, "generate", z[None], self.condition)[0]

    def _ask(self, state: Any, seed: Any, method: str, *inputs: Any) -> Any:
        return call_averaged(self.gan, state, jax.random.key(seed), method, *inputs)

    def _compile(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function compiled, once for each name."""
        # By name: `function` is another object at every call, so JAX would trace it anew.
        return self._programs.setdefault(name, jax.jit(function))
