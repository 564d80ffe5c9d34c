"""Samples as another run translates them: photographs of label maps, scored by the maps read off them."""

import jax
from jax import Array
from jax.sharding import Mesh

from gaxjax import parallel
from gaxjax.errors import InputError
from gaxjax.game import State, call_averaged
from gaxjax.generators.translator import Translator
from gaxjax.parallel import compiler


class BackTranslation:
    """Images -> images, by a run's last checkpoint, in the first direction that its game has.

    Isola et al. 2017, section 3.4, have a network for it that segments, and was trained on photographs alone.
    """

    def __init__(self, run: str, shape: tuple[int, ...], mesh: Mesh):
        """shape: of the images. InputError for a run that does not translate, or images of another size."""
        translator = Translator(run)
        learned = translator.learned_shape
        if learned != shape:
            raise InputError(f"back={run!r} translates images of shape {learned}; samples have shape {shape}")
        self.gan, self.source = translator.gan, translator.source
        # An argument of the program, not a constant in it: weights would be compiled into it.
        self.state: State = parallel.replicate(translator.state, mesh)
        self.compiled = compiler.jit(self.translate)

    def __call__(self, images: Array) -> Array:
        """Images [B, H, W, C], over all devices, as the run translates them."""
        translated: Array = self.compiled(self.state, images)
        return translated

    def translate(self, state: State, images: Array) -> Array:
        """The same, of any state."""
        # One key for all: who scores is to differ between no two of those that are scored.
        key, batch = jax.random.key(0), {self.source: images}
        translated: Array = call_averaged(self.gan, state, key, "translate", batch, self.source)
        return translated
