"""VGAN in PyTorch: `gaxjax.gans.vgan`."""

import torch
from torch import Tensor

from torch_side.adversarial import Adversarial
from torch_side.draws import Draws
from torch_side.game import Batch, Due, Players


class VGAN(Adversarial):
    """Clips of two streams, with masks that are sparse, or of one."""

    def losses(self, players: Players, batch: Batch, draws: Draws, due: Due) -> list[Tensor]:
        real = batch["video"]
        latents = draws.take(len(real), self.gan.latents.size)
        with torch.set_grad_enabled("generator" in players):
            parts = self.networks["generator"](latents)
        # Of one stream there is no mask.
        fake, *masks = parts if isinstance(parts, tuple) else (parts,)
        logits = self.logits(fake, draws)
        sparsity = self.gan.sparsity * sum(mask.mean() for mask in masks)
        losses = {"generator": self.generator_loss(logits) + sparsity}
        # Its own pass over the real ones is the discriminator's alone.
        if "discriminator" in players:
            losses["discriminator"] = self.discriminator_loss(self.logits(real, draws), logits)
        return [losses[player] for player in players]
