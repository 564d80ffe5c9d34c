"""The game of one generator and one discriminator in PyTorch: `gaxjax.gans.adversarial`."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gaxjax.gans.adversarial import Adversarial as Twin
from gaxjax.networks import dcgan as twin_dcgan
from gaxjax.networks import mlp as twin_mlp
from gaxjax.networks import mocogan as twin_mocogan
from gaxjax.networks import video as twin_video
from gaxjax.objectives import Nonsaturating, Wasserstein
from gaxjax.penalties import GradientPenalty
from torch_side import dcgan, mlp, mocogan, video
from torch_side.draws import Draws
from torch_side.game import Batch, Due, Game, Players

NETWORKS: dict[Any, Any] = {
    twin_mlp.Generator: mlp.Generator,
    twin_mlp.MaxoutDiscriminator: mlp.MaxoutDiscriminator,
    twin_dcgan.Generator: dcgan.Generator,
    twin_dcgan.Discriminator: dcgan.Discriminator,
    twin_mocogan.Discriminator: mocogan.Discriminator,
    twin_video.TwoStreams: video.TwoStreams,
}


class Adversarial(Game):
    """The non-saturating or the Wasserstein objective, with a gradient penalty or without."""

    def __init__(self, gan: Twin, state: Any, layout: torch.memory_format) -> None:
        modules = {name: getattr(gan, name) for name in ("generator", "discriminator")}
        super().__init__(
            gan, {name: NETWORKS[type(m)](m, state.params[name], layout) for name, m in modules.items()}
        )
        self.is_wasserstein = isinstance(gan.adversary.objective, Wasserstein)
        assert self.is_wasserstein or gan.adversary.objective == Nonsaturating()
        assert all(isinstance(penalty, GradientPenalty) for penalty in gan.adversary.penalties)

    def losses(self, players: Players, batch: Batch, draws: Draws, due: Due) -> list[Tensor]:
        real = batch["image"]
        latents = draws.take(len(real), self.gan.latents.size)
        # The discriminator alone needs no graph of the generator, which gaxjax's compiler leaves out by
        # itself.
        with torch.set_grad_enabled("generator" in players):
            fake = self.networks["generator"](latents)
        # Before the real ones: draws (dropout) are taken in gaxjax's order.
        fake_logits = self.logits(fake, draws)
        losses = {}
        if "discriminator" in players:
            loss = self.discriminator_loss(self.logits(real, draws), fake_logits)
            losses["discriminator"] = loss + sum(
                self.penalty(p, real, fake, draws) for p in self.gan.adversary.penalties
            )
        if "generator" in players:
            losses["generator"] = self.generator_loss(fake_logits)
        return [losses[player] for player in players]

    def logits(self, images: Tensor, draws: Draws) -> Tensor:
        """The discriminator's verdict, [B]."""
        discriminator = self.networks["discriminator"]
        if isinstance(discriminator, mlp.MaxoutDiscriminator):
            return discriminator(images, draws)
        return discriminator(images)

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The discriminator's loss."""
        if self.is_wasserstein:
            return fake_logits.mean() - real_logits.mean()
        return functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()

    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        """The generator's loss."""
        if self.is_wasserstein:
            return -fake_logits.mean()
        return functional.softplus(-fake_logits).mean()

    def penalty(self, penalty: GradientPenalty, real: Tensor, fake: Tensor, draws: Draws) -> Tensor:
        """weight * E (|grad f(x')| - target)^2 at one x' between each pair."""
        between = torch.lerp(real, fake, draws.take(len(real), 1, 1, 1)).requires_grad_()
        (slope,) = torch.autograd.grad(self.logits(between, draws).sum(), between, create_graph=True)
        # gaxjax's epsilon: the root's own slope at zero is infinite.
        norms = (slope.square().sum((1, 2, 3)) + 1e-12).sqrt()
        return penalty.weight * (norms - penalty.target).square().mean()
