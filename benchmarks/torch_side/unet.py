"""pix2pix in PyTorch: the U-Net of `gaxjax.networks.unet`, and the game with its pairs."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gaxjax.gans.pix2pix import Pix2Pix as Twin
from gaxjax.objectives import Nonsaturating
from torch_side.draws import Draws
from torch_side.game import Batch, Due, Game, Players
from torch_side.network import Network
from torch_side.translation import PatchDiscriminator


class UNet(Network):
    """Images [B, C, H, W] -> images; H and W are multiples of 2^depth."""

    def forward(self, x: Tensor, draws: Draws) -> Tensor:
        module, encoded, norms = self.module, [], 0
        for level in range(module.depth):
            layer = f"Conv_{level}"
            x = functional.leaky_relu(x, 0.2) if level else x
            # Padding 1 of a window of 4: exactly half the size, as SAME has it.
            x = functional.conv2d(x, self[f"{layer}/kernel"], self.get(f"{layer}/bias"), 2, 1)
            if 0 < level < module.depth - 1:
                x, norms = self.normalize(x, norms), norms + 1
            encoded.append(x)
        for number in range(module.depth - 1):
            x = self.normalize(self.enlarge(x, number), norms + number)
            if number < module.dropout_layers and module.dropout:
                x = draws.dropout(x, module.dropout)
            if module.skips:
                x = torch.cat([x, encoded[-2 - number]], 1)
        return torch.tanh(self.enlarge(x, module.depth - 1))

    def enlarge(self, x: Tensor, number: int) -> Tensor:
        """ReLU and the transposed convolution of that number, from the bottleneck on."""
        layer = f"ConvTranspose_{number}"
        kernel, bias = self[f"{layer}/kernel"], self.get(f"{layer}/bias")
        return functional.conv_transpose2d(functional.relu(x), kernel, bias, 2, 1)


class Pix2Pix(Game):
    """The non-saturating objective on pairs, and the mean absolute difference from the target."""

    def __init__(self, gan: Twin, state: Any, layout: torch.memory_format) -> None:
        kinds = {"generator": UNet, "discriminator": PatchDiscriminator}
        networks = {
            name: kind(getattr(gan, name), state.params[name], layout) for name, kind in kinds.items()
        }
        super().__init__(gan, networks)
        assert gan.adversary.objective == Nonsaturating() and gan.conditional and gan.weight
        assert not gan.adversary.penalties and not gan.latents

    def losses(self, players: Players, batch: Batch, draws: Draws, due: Due) -> list[Tensor]:
        source, target = batch["a"], batch["b"]
        discriminator, moves_generator = self.networks["discriminator"], players == ("generator",)
        with torch.set_grad_enabled(moves_generator):
            fake = self.networks["generator"](source, draws)
        logits = discriminator(torch.cat([source, fake], 1))
        if moves_generator:
            fooling = functional.softplus(-logits).mean()
            return [self.gan.l1 * functional.l1_loss(fake, target) + self.gan.weight * fooling]
        real_logits = discriminator(torch.cat([source, target], 1))
        return [functional.softplus(-real_logits).mean() + functional.softplus(logits).mean()]
