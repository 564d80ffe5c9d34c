"""CycleGAN in PyTorch: the networks of `gaxjax.networks.translation` with instance norm, and the game."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gaxjax.gans.cyclegan import CycleGAN as Twin
from gaxjax.networks.translation import count_halvings
from gaxjax.objectives import LeastSquares
from torch_side.draws import Draws
from torch_side.game import Batch, Due, Game, Players
from torch_side.network import Network, instance_norm


class ResidualGenerator(Network):
    """Images [B, C, H, W] -> images; H and W are multiples of 4."""

    def forward(self, x: Tensor) -> Tensor:
        blocks = self.module.blocks
        x = functional.relu(instance_norm(self.convolve_mirrored(x, 0)))
        for number in (1, 2):
            # A border of one more zero at the end alone, as TensorFlow's SAME has it.
            kernel, bias = self[f"Conv_{number}/kernel"], self.get(f"Conv_{number}/bias")
            x = functional.conv2d(functional.pad(x, (0, 1, 0, 1)), kernel, bias, stride=2)
            x = functional.relu(instance_norm(x))
        for number in range(3, 3 + 2 * blocks, 2):
            y = functional.relu(instance_norm(self.convolve_mirrored(x, number)))
            x = x + instance_norm(self.convolve_mirrored(y, number + 1))
        for number in (0, 1):
            # SAME of a window of 3: PyTorch's has a row and a column more, at the end.
            kernel, bias = self[f"ConvTranspose_{number}/kernel"], self.get(f"ConvTranspose_{number}/bias")
            x = functional.conv_transpose2d(x, kernel, bias, stride=2)[:, :, :-1, :-1]
            x = functional.relu(instance_norm(x))
        return torch.tanh(self.convolve_mirrored(x, 3 + 2 * blocks))

    def convolve_mirrored(self, x: Tensor, number: int) -> Tensor:
        """A convolution of the same size with mirrored borders."""
        kernel = self[f"Conv_{number}/kernel"]
        side = kernel.shape[-1] // 2
        x = functional.pad(x, (side, side, side, side), mode="reflect")
        return functional.conv2d(x, kernel, self.get(f"Conv_{number}/bias"))


class PatchDiscriminator(Network):
    """Images [B, C, H, W] -> logits [B, h, w]."""

    def forward(self, x: Tensor) -> Tensor:
        halvings = count_halvings(self.module.patch)
        for number in range(halvings + 2):
            kernel, bias = self[f"Conv_{number}/kernel"], self.get(f"Conv_{number}/bias")
            if number < halvings:
                x = functional.conv2d(x, kernel, bias, stride=2, padding=1)
            else:
                # A window of 4 at the same size: one zero before, two after.
                x = functional.conv2d(functional.pad(x, (1, 2, 1, 2)), kernel, bias)
            if 0 < number <= halvings:
                x = self.normalize(x, number - 1)
            if number <= halvings:
                x = functional.leaky_relu(x, 0.2)
        return x[:, 0]


class CycleGAN(Game):
    """Least squares, cycle and identity; pools of images that are full from the start."""

    def __init__(self, gan: Twin, state: Any, layout: torch.memory_format) -> None:
        kinds = {"generator": ResidualGenerator, "discriminator": PatchDiscriminator}
        networks = {
            name: kinds[name.split("_")[0]](getattr(gan, name), tree, layout)
            for name, tree in state.params.items()
        }
        super().__init__(gan, networks)
        assert gan.adversary.objective == LeastSquares() and gan.identity
        for domain in "ab":
            stored = state.stats["pool"][f"pool_{domain}"]
            assert stored["count"] == gan.pool
            images = torch.from_numpy(stored["images"].transpose(0, 3, 1, 2).copy())
            self.register_buffer(f"pool_{domain}", images.to(memory_format=layout))

    def losses(self, players: Players, batch: Batch, draws: Draws, due: Due) -> list[Tensor]:
        a, b, networks = batch["a"], batch["b"], self.networks
        moves_generator = players == ("generator",)
        with torch.set_grad_enabled(moves_generator):
            fake_a, fake_b = networks["generator_ba"](b), networks["generator_ab"](a)
        if not moves_generator:
            return [
                self.discriminator_loss("a", a, fake_a, draws)
                + self.discriminator_loss("b", b, fake_b, draws)
            ]
        adversarial = sum(
            (networks[name](fake) - 1).square().mean() / 2
            for name, fake in (("discriminator_a", fake_a), ("discriminator_b", fake_b))
        )
        forward = functional.l1_loss(networks["generator_ba"](fake_b), a)
        backward = functional.l1_loss(networks["generator_ab"](fake_a), b)
        same = functional.l1_loss(networks["generator_ba"](a), a)
        same = same + functional.l1_loss(networks["generator_ab"](b), b)
        cycles = self.gan.forward_cycle * forward + self.gan.backward_cycle * backward
        return [self.gan.adversarial * adversarial + cycles + self.gan.identity * same]

    def discriminator_loss(self, domain: str, real: Tensor, fake: Tensor, draws: Draws) -> Tensor:
        """The loss of one domain's discriminator, on an exchange with its pool."""
        discriminator = self.networks[f"discriminator_{domain}"]
        fake = exchange_with_pool(getattr(self, f"pool_{domain}"), fake, draws)
        return ((discriminator(real) - 1).square().mean() + discriminator(fake).square().mean()) / 2


def exchange_with_pool(pool: Tensor, images: Tensor, draws: Draws) -> Tensor:
    """Each image, or half of the time one of the pool, which then keeps the image in its place."""
    coins, slots = draws.take(len(images)).bool(), draws.take(len(images))
    out = []
    for i in range(len(images)):
        image, slot, coin = images[i : i + 1], slots[i : i + 1], coins[i]
        # One image after another: an image may meet the one that this batch has just put there.
        old = pool.index_select(0, slot)
        out.append(torch.where(coin, old, image))
        pool.index_copy_(0, slot, torch.where(coin, image, old))
    return torch.cat(out)
