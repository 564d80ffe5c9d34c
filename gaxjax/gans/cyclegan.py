"""CycleGAN: unpaired translation between two domains. Zhu et al. 2017, arXiv 1703.10593."""

from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.game import Batch, Logs
from gaxjax.gans.two_domains import TwoDomains
from gaxjax.losses import absolute
from gaxjax.objectives import LeastSquares


class CycleGAN(TwoDomains):
    """Each generator fools the discriminator of the domain it makes, and undoes what the other one does."""

    adversary: Adversary = Adversary(LeastSquares())
    """of both domains"""
    pool: int = 50
    """fake images that each discriminator remembers; 0 for none (section 4)"""
    adversarial: float = 1.0
    """weight of what the discriminators say; 0: the cycles alone"""
    forward_cycle: float = 10.0
    """lambda: weight of the way from a to b and back (eq. 2)"""
    backward_cycle: float = 10.0
    """weight of the way from b to a and back"""
    identity: float = 5.0
    """weight of the identity loss (section 5.2; the authors' code: half of lambda)"""

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        a, b = batch["a"], batch["b"]
        fake_a, fake_b = self.generator_ba(b), self.generator_ab(a)
        # Not through the pool: an older image has no gradient to give.
        fooling_a, *_ = self.adversary.generator_loss(self.discriminator_a, a, fake_a, step)
        fooling_b, *_ = self.adversary.generator_loss(self.discriminator_b, b, fake_b, step)
        # Both cycles: with one alone the paper finds training unstable and modes collapsed.
        forward, backward = absolute(self.generator_ba(fake_b), a), absolute(self.generator_ab(fake_a), b)
        logs = {"fooling": fooling_a + fooling_b, "forward_cycle": forward, "backward_cycle": backward}
        loss = self.adversarial * logs["fooling"]
        loss = loss + self.forward_cycle * forward + self.backward_cycle * backward
        # A generator that is given its own target should leave it: colors are kept (section 5.2).
        if self.identity:
            logs["identity"] = absolute(self.generator_ba(a), a) + absolute(self.generator_ab(b), b)
            loss = loss + self.identity * logs["identity"]
        return loss, logs
