"""A run's checkpoint as functions of latents and styles: what pictures of chosen latents need."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gaxjax import runs, transforms
from gaxjax.errors import InputError
from gaxjax.game import Tree, ask
from gaxjax.generators.truncation import Psi, check_psi, name_of, styled
from gaxjax.networks.progressive import levels
from gaxjax.networks.synthesis import layers_of
from gaxjax.parallel.seeds import Seeds
from gaxjax.runs import examples

Styles = Mapping[str, np.ndarray]
"""By synthesis layer, [n, S]."""
CHUNK = 50
"""Examples at once, where no picture is made of them."""


class Trained:
    """A game that was trained, asked for what it makes of given latents.

    Pictures are made one at a time by one program, so that a seed's is the same, bit for bit, whatever else
    is asked for; and all with one noise unless told otherwise, so that what differs is due to the latents.
    """

    def __init__(self, run: Path, psi: Psi = 1.0, cutoff: int | None = None, best: bool = False):
        """best: of the checkpoint that was measured as the best, not of the last."""
        self.recipe, self.gan, states = runs.open(run, best)
        _, classes = examples.shapes(run, self.recipe)
        state = Seeds(self.recipe.seed, self.recipe.seeds).one(states)
        self.state = state._replace(optimizers={})
        game: Any = self.gan
        if not hasattr(game, "generate"):
            raise InputError(f"{type(game).__name__} makes nothing of single latents, which this is about")
        self.generator: Any = getattr(game, "generator", None)
        self.latents_of = game.latents
        self.classes = getattr(self.generator, "classes", 0)
        if classes is not None:  # the game may have room for more than it was shown
            self.classes = min(self.classes, classes)
        self.label = jnp.zeros(1, jnp.int32)
        self.psi, self.cutoff = psi, cutoff
        if psi != 1.0 or cutoff is not None:
            check_psi(self.gan, psi, cutoff)
        self._asking: dict[str, Callable[..., Any]] = {}
        self.shape = jax.eval_shape(self._generate, self.state, np.zeros(self.latents_of.size)).shape
        if len(self.shape) != 3:
            raise InputError(f"this is about images; {type(game).__name__} makes examples of {self.shape}")

    def of(self, label: int | None) -> "Trained":
        """The same game, asked for a class; None: the first, where there are any."""
        if label is not None and not 0 <= label < self.classes:
            known = f"its classes are 0 to {self.classes - 1}" if self.classes else "it is told no classes"
            raise InputError(f"--label {label}: the game cannot be asked for it; {known}")
        other = copy.copy(self)
        other.label, other._asking = jnp.array([label or 0], jnp.int32), {}
        return other

    @property
    def condition(self) -> Tree:
        """The game's condition of a single example; None where it has none."""
        return self.gan.condition_of({"n": 1, "label": self.label})

    @property
    def has_styles(self) -> bool:
        """Whether there is a w between latents and images."""
        return styled(self.gan)

    def need_styles(self, what: str) -> None:
        """InputError for a game without a w."""
        if not self.has_styles:
            raise InputError(f"{what}, and {name_of(self.gan)} has none: it maps latents to images at once")

    @property
    def sides(self) -> dict[str, int]:
        """Synthesis layer -> the longer side of what it works on, in pixels."""
        self.need_styles("layers of styles are meant")
        found = {layer: max(shape) for layer, shape in self.grids(every=True).items()}
        return {layer: found[layer] for layer in transforms.in_order(found)}

    def grids(self, every: bool = False) -> dict[str, tuple[int, int]]:
        """(H, W) by layer that adds noise; every: and by those that have a style alone."""
        g = self.generator
        top = levels(g.shape, g.base)
        size = {level: (g.base[0] << level, g.base[1] << level) for level in range(top + 1)}
        found = {x: size[level] for level, names in enumerate(layers_of(g.modulation, top)) for x in names}
        rest = {f"layer_{i}": size[top] for i in range(g.layers)} if every else {}
        return rest | found

    def latents(self, seeds: Sequence[int]) -> np.ndarray:
        """A latent for each seed, a function of that seed alone, [n, L]."""
        draw = self._jitted(
            "latents", lambda state, key: ask(self.gan, state, key, "sample_latents", {"n": 1})[0]
        )
        return np.stack([np.asarray(draw(self.state, jax.random.key(seed))) for seed in seeds])

    def w(self, latents: np.ndarray) -> np.ndarray:
        """w of latents, [n, L] -> [n, S]."""
        self.need_styles("this is about w")
        function = self._jitted(
            "w", lambda state, z: self._ask(state, 0, "map_latents", z[None], self.condition)[0]
        )
        return np.stack([np.asarray(function(self.state, z)) for z in latents])

    def styles(self, w: np.ndarray) -> dict[str, np.ndarray]:
        """Styles of w [n, S] for every layer, towards their average as psi says."""
        styles = self._ask(self.state, 0, "broadcast_styles", jnp.asarray(w))
        if self.psi != 1.0:
            mean = self._ask(self.state, 0, "average_style")
            styles = transforms.truncate(self.psi, mean, self.cutoff)(styles)
        return {layer: np.asarray(style) for layer, style in styles.items()}

    def images(self, latents: np.ndarray) -> np.ndarray:
        """What is made of latents [n, L], [n, H, W, C]."""
        if self.has_styles:
            return self.synthesized(self.styles(self.w(latents)), latents)
        function = self._jitted("images", self._generate)
        return np.stack([np.asarray(function(self.state, z)) for z in latents])

    def synthesized(self, styles: Styles, latents: np.ndarray | None = None, noise: int = 0) -> np.ndarray:
        """Images of styles, [n, H, W, C], all with the noise of that seed.

        latents [n, L]: for a synthesis that starts from them; there, those of seed 0 unless given.
        """
        count = len(next(iter(styles.values())))
        if latents is None:
            latents = self.latents([0]).repeat(count, 0)

        def synthesize(state: Any, styles: Any, z: Any, seed: Any) -> Any:
            whole = {layer: style[None] for layer, style in styles.items()}
            return self._ask(state, seed, "synthesize", whole, z[None], self.condition)[0]

        function = self._jitted("synthesize", synthesize)
        one_by_one = ({layer: style[i] for layer, style in styles.items()} for i in range(count))
        made = [function(self.state, one, latents[i], noise) for i, one in enumerate(one_by_one)]
        return np.stack([np.asarray(image) for image in made])

    def arrays(self, seeds: Sequence[int]) -> dict[str, np.ndarray]:
        """Seeds, their latents, and their w where there is one (before any truncation), to keep in a file."""
        latents = self.latents(seeds)
        w = {"w": self.w(latents)} if self.has_styles else {}
        return {"seeds": np.array(seeds), "latents": latents, **w}

    def drawn(self, n: int, seed: int = 0, images: bool = False) -> Iterator[tuple[np.ndarray, ...]]:
        """`n` of the prior, in chunks: latents [B, L]; w [B, S], or latents where there is none; images.

        For statistics. Untruncated; noise is drawn for each.
        """
        for start in range(0, n, CHUNK):
            count, key = min(CHUNK, n - start), jax.random.fold_in(jax.random.key(seed), start)
            function = self._jitted(f"many {count} {images}", self._many(count, images))
            yield tuple(np.asarray(x) for x in function(self.state, key))

    def _many(self, count: int, images: bool) -> Callable[..., Any]:
        batch = {"n": count, "label": jnp.repeat(self.label, count)}
        condition = self.gan.condition_of(batch)

        def function(state: Any, key: Any) -> Any:
            z = ask(self.gan, state, key, "sample_latents", batch)
            w = ask(self.gan, state, key, "map_latents", z, condition) if self.has_styles else z
            return (z, w, ask(self.gan, state, key, "generate", z, condition)) if images else (z, w)

        return function

    def _generate(self, state: Any, z: Any) -> Any:
        return self._ask(state, 0, "generate", z[None], self.condition)[0]

    def _ask(self, state: Any, seed: Any, method: str, *inputs: Any) -> Any:
        return ask(self.gan, state, jax.random.key(seed), method, *inputs)

    def _jitted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function compiled, once for each name."""
        return self._asking.setdefault(name, jax.jit(function))
