"""DiscoGAN: relations between two domains without pairs. Kim et al. 2017, arXiv 1703.05192."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax.game import Batch, Logs
from gaxjax.gans.two_domains import TwoDomains
from gaxjax.losses import layer_matching
from gaxjax.objectives import features_of


class DiscoGAN(TwoDomains):
    """Generators fool, match features of the discriminators, and reconstruct, in changing shares.

    The authors' code moves the discriminators at every third minibatch and the generators at the two between:
    two updates of the generator in a step.
    """

    matching: float = 0.9
    """share of matched features in the adversarial part (the code); 0: none (the paper)"""
    reconstruction: float = 0.5
    """r: share of the reconstructions in the loss"""
    first_reconstruction: float = 0.01
    """r in the first steps, in which domains are to be found before what lies in them (the code)"""
    first_steps: int = 3_333
    """how many these are (the code: 10,000 minibatches, of which a step takes three)"""

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        a, b = batch["a"], batch["b"]
        fake_a, fake_b = self.generator_ba(b), self.generator_ab(a)
        fooling_a, matching_a = self.fool_and_match(self.discriminator_a, a, fake_a, step)
        fooling_b, matching_b = self.fool_and_match(self.discriminator_b, b, fake_b, step)
        fooling, matching = fooling_a + fooling_b, matching_a + matching_b
        errors = self.generator_ba(fake_b) - a, self.generator_ab(fake_a) - b
        # Of pixels in [0, 1], as the authors have them: half of the differences here.
        reconstruction = jnp.mean((errors[0] / 2) ** 2) + jnp.mean((errors[1] / 2) ** 2)
        # By the step and not by a schedule of the recipe: it is a share of the loss, and no rate.
        r = jnp.where(step < self.first_steps, self.first_reconstruction, self.reconstruction)
        adversarial = (1 - self.matching) * fooling + self.matching * matching
        logs = {"fooling": fooling, "matching": matching, "reconstruction": reconstruction, "r": r}
        return (1 - r) * adversarial + r * reconstruction, logs

    def fool_and_match(
        self, discriminator: nn.Module, real: Array, fake: Array, step: Array
    ) -> tuple[Array, Array]:
        """Two losses of one domain's fakes: the adversary's, and that of the discriminator's features."""
        # The fakes' features are in the outputs already; those of real images are not.
        fooling, _, outputs = self.adversary.generator_loss(discriminator, real, fake, step)
        if not self.matching:
            return fooling, jnp.zeros(())
        of_real = self.adversary(discriminator, real, step)
        return fooling, layer_matching(*(features_of(x, "DiscoGAN") for x in (of_real, outputs.fake)))
